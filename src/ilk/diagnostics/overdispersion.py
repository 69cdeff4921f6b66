r"""Whether counts vary more than their family says, and which of the usual answers fits best.

The same formula is fitted with each of the answers to overdispersion: for counts

.. math:: \mathrm{Var} = \mu, \quad (1 + \phi)\,\mu, \quad \mu + \phi\mu^2, \quad
   \mu + (e^{\sigma^2} - 1)\,\mu^2,

(Poisson, negative binomial 1 and 2, an effect of each row, of which the last has its mean
:math:`\mu = e^{\eta + \sigma^2 / 2}` with a log link), and Poisson or negative binomial with
excess zeros; for counts among trials binomial, beta-binomial and an effect of each row.  All other
predictors than the mean are constant.

Likelihoods compare if they are integrated alike.  The Laplace approximation is at its worst with an
effect of each row, which is therefore integrated by quadrature wherever it is separable; and where
all factors can be, so are all of them, in every model.  Each answer says how it was integrated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.design.fixed import constant, make_fixed
from ilk.design.random import make_random
from ilk.design.scope import Scope
from ilk.diagnostics.checks.context import make_context
from ilk.diagnostics.checks.registry import run_checks
from ilk.errors import IlkError, ModelError
from ilk.estimation.run import run
from ilk.estimation.twofold import twofold_profile
from ilk.family.inflation import ZeroInflated
from ilk.family.registry import make_family
from ilk.formula.bars import observation_level
from ilk.formula.spec import MEAN, OLRE
from ilk.inference.comparison.boundary import chi_bar
from ilk.inference.criteria import aic
from ilk.likelihood.base import Search
from ilk.model.model import Model
from ilk.model.nodes import plan_nodes
from ilk.model.quadrature import by_factor, is_laplace, same_accuracy, shares
from ilk.model.structures import over_levels, structures_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.diagnostics.checks.record import Check
    from ilk.estimation.twofold import TwofoldProfile
    from ilk.family.base import AbstractFamily
    from ilk.fitted import Fitted
    from ilk.kernels.contract import Nodes
    from ilk.typing import FloatArray

__all__ = ["Alternative", "Overdispersion", "Ratio", "overdispersion"]

_COUNTS = (
    ("Poisson", "poisson", False, False),
    ("negative binomial 1", "negative_binomial_1", False, False),
    ("negative binomial 2", "negative_binomial_2", False, False),
    ("Poisson + olre()", "poisson", False, True),
    ("zero-inflated Poisson", "poisson", True, False),
    ("zero-inflated negative binomial 1", "negative_binomial_1", True, False),
    ("zero-inflated negative binomial 2", "negative_binomial_2", True, False),
)
"""Name, family, excess zeros and effect of each row of the answers for counts."""

_TRIALS = (
    ("binomial", "binomial", False, False),
    ("beta-binomial", "beta_binomial", False, False),
    ("binomial + olre()", "binomial", False, True),
)
"""The same for counts among trials."""

_NODES, _ROW_NODES = 11, 25
"""Quadrature nodes of the effects of factors, and of those of rows."""

_WORK = 2_000_000
"""Most rows times combinations of nodes of models in which all factors are integrated."""

_NOISE = 1e-5
"""Twice a difference of log-likelihoods that is no more than where the searches stopped."""

_CHECKS = ("pearson", "dispersion", "zeros")


@dataclass(frozen=True, slots=True)
class Alternative:
    """One answer to overdispersion, fitted.

    Parameters
    ----------
    name : str
        What it is called.
    fitted : Fitted or None
        The fit; None if there is none.
    why : str
        Why there is no fit, or what is wrong with it; empty if nothing is.
    """

    name: str
    fitted: Fitted | None
    why: str

    @property
    def sound(self) -> bool:
        """Whether its numbers may be compared."""
        return self.fitted is not None and not self.why

    @property
    def integration(self) -> str:
        """How random effects were integrated; empty where there are none."""
        if self.fitted is None or not self.fitted.design.terms:
            return ""
        model = self.fitted.model
        return "Laplace" if is_laplace(model.nodes) else str(shares(model))


@dataclass(frozen=True, slots=True)
class Ratio:
    """Likelihood ratio of an answer to the model without what it adds, at the edge of its range.

    Parameters
    ----------
    smaller, larger : str
        Names of the two.
    statistic : float
        Twice the gain in log-likelihood.
    p_value : float
        By the mixture of chi-square distributions with none and one degree of freedom: what is
        added cannot be negative (Self and Liang 1987).
    """

    smaller: str
    larger: str
    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Overdispersion:
    """What the data say of their variance.

    Parameters
    ----------
    fitted : Fitted
        The fit that was asked.
    checks : tuple of Check
        Pearson ratio, simulation test of the variance, and of the zeros.
    alternatives : tuple of Alternative
        The same formula with each answer to overdispersion.
    profile : TwofoldProfile or None
        Of a fit with a dispersion and an effect of each row: the profile of the two.
    """

    fitted: Fitted
    checks: tuple[Check, ...]
    alternatives: tuple[Alternative, ...]
    profile: TwofoldProfile | None = None

    @property
    def alike(self) -> bool:
        """Whether no two answers integrate a factor that they share, or rows, differently."""
        models = [a.fitted.model for a in self.alternatives if a.sound and a.fitted]
        kinds = {is_laplace(model.nodes) for model in models if model.design.terms}
        return len(kinds) < 2 and all(
            same_accuracy(a, b) for a in models for b in models if a.design.terms and b.design.terms
        )

    @property
    def aic(self) -> FloatArray:
        """AIC of each answer, nan where there is none."""
        return np.array(
            [aic(a.fitted) if a.sound and a.fitted else np.nan for a in self.alternatives]
        )

    @property
    def ratios(self) -> tuple[Ratio, ...]:
        """Each answer against its limit, where both are integrated alike."""
        first = self.alternatives[0]
        out = []
        for one in self.alternatives[1:]:
            inner = one.name.removeprefix("zero-inflated ")
            small = next((a for a in self.alternatives if a.name == inner != one.name), first)
            if small.fitted is None or one.fitted is None or not (small.sound and one.sound):
                continue
            a, b = small.fitted.model, one.fitted.model
            if a.design.terms and not same_accuracy(a, b):
                continue
            statistic = max(2.0 * (one.fitted.loglik - small.fitted.loglik), 0.0)
            statistic = statistic if statistic > _NOISE else 0.0
            p = chi_bar(0).p_value(statistic)
            out.append(Ratio(small.name, one.name, statistic, p))
        return tuple(out)

    @property
    def best(self) -> Alternative | None:
        """The answer with the smallest AIC."""
        values = self.aic
        return None if np.all(np.isnan(values)) else self.alternatives[int(np.nanargmin(values))]


def overdispersion(fitted: Fitted, draws: int = 250, seed: int = 0) -> Overdispersion:
    """Look for overdispersion, and fit the usual answers to it.

    Parameters
    ----------
    fitted : Fitted
        A fit of counts, or of counts among trials.
    draws : int
        Simulated data sets of the tests.
    seed : int
        Makes them repeatable.

    Returns
    -------
    Overdispersion

    Raises
    ------
    ModelError
        The response is no count, or single 0/1 outcomes.
    """
    answers = _answers(fitted)
    context = make_context(fitted, draws=draws, seed=seed)
    checks = run_checks(list(_CHECKS), context)
    found = tuple(_fit(fitted, *one) for one in answers)
    return Overdispersion(fitted, tuple(checks), found, twofold_profile(fitted))


def _answers(fitted: Fitted) -> Sequence[tuple[str, str, bool, bool]]:
    family, response = fitted.family, fitted.design.response
    if family.takes_trials:
        if response.trials is None or np.all(response.trials == 1.0):
            raise ModelError(
                "overdispersion() of single 0/1 outcomes: they have no variance beyond that of "
                "their mean; sum them over rows that are alike, or see check().",
                code="overdispersion",
            )
        return _TRIALS
    if not family.discrete or family.categorical:
        raise ModelError(
            f"overdispersion() is for counts, and family {family.name!r} is none of them; "
            "check() compares the variance with that of the model.",
            code="overdispersion",
        )
    around = _around(family)
    return [
        (f"{around} {name}".strip(), f"{around}_{kind}" if around else kind, inflated, olre)
        for name, kind, inflated, olre in _COUNTS
        if not (around and inflated)
    ]


def _around(family: AbstractFamily) -> str:
    """What keeps zeros out of the counts, as names of families say it; empty if nothing does."""
    if isinstance(family, ZeroInflated) and family.hurdle:
        return "hurdle"
    return "" if family.has_zero else "truncated"


def _fit(fitted: Fitted, name: str, family: str, inflated: bool, olre: bool) -> Alternative:
    """Fit one answer."""
    try:
        made = make_family(family, fitted.family.link.name, zero_inflated=inflated)
        response = fitted.design.response
        made.check(response.y, response.trials, response.name, fitted.design.rows.kept)
        found = run(_model(fitted, made, olre), Search(), warn=False)
    except (IlkError, np.linalg.LinAlgError) as error:
        return Alternative(name, None, str(error))
    bad = "" if found.verdict.converged else found.verdict.status.value
    return Alternative(name, found, bad)


def _model(fitted: Fitted, family: AbstractFamily, olre: bool) -> Model:
    """The model of the same mean with another family, and an effect of each row or not."""
    design = fitted.design
    spec = design.spec
    scope = Scope(design.data, functions=spec.functions, memory=dict(design.memory), learning=False)
    scope.weights = design.frequency_weights
    terms = [t for t in design.terms if t.predictor == MEAN and t.grouping.name != OLRE]
    mean = spec.predictors[0]
    random = tuple(one for one in mean.random if one.grouping != (OLRE,))
    if olre:
        random = (*random, observation_level())
        terms.append(make_random(random[-1], MEAN, scope, {}))
    others = [constant(name) for name in family.parameters[1:]]
    fixed = (design.fixed[0], *(make_fixed(other, scope) for other in others))
    text = mean.text
    if olre and random[-1] not in mean.random:
        text = f"{mean.text} + {OLRE}"
    predictors = (replace(mean, random=random, text=text), *others)
    design = replace(
        design,
        spec=replace(spec, predictors=predictors, text=text),
        fixed=fixed,
        terms=tuple(terms),
    )
    model = Model(design, family, structures_of(terms, over_levels(fitted.model)))
    return replace(model, nodes=_nodes(fitted, model, olre))


def _nodes(fitted: Fitted, model: Model, olre: bool) -> Nodes:
    """Quadrature over all effects where that is possible, else over those of rows."""
    terms = model.design.terms
    names = list(dict.fromkeys(term.grouping.name for term in terms))
    known = by_factor(fitted.model)
    least = {name: _ROW_NODES if name == OLRE else _NODES for name in names}
    every = {name: max(k, known.get(name, 1)) for name, k in least.items()}
    width = sum(len(term.column_names) for term in terms) - olre
    work = model.rows * float(_NODES) ** width * _ROW_NODES  # as with effects of rows
    plans = [every] if work <= _WORK else []
    kept = {name: k for name, k in known.items() if name in names and k > 1}
    plans += [{**kept, OLRE: _ROW_NODES}] if olre else [kept]
    for plan in plans:
        try:
            return plan_nodes(model.design, plan) if plan else 1
        except ModelError:
            continue
    return 1
