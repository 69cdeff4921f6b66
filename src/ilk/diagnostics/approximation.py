r"""How far a better approximation of the likelihood moves the parameters of a fit.

The likelihood of a generalized linear mixed model is an integral over the random effects.  It is
computed again by enough quadrature nodes, or by importance sampling, and maximized from where the
fit ended; the moves are told in standard errors of the better fit,

.. math:: (\hat\psi_{\text{better}} - \hat\psi) / \mathrm{se}(\hat\psi_{\text{better}}).

Importance sampling is repeated with other draws at the end: a Newton step with the gradient of
each set says how far its maximum lies from there, so that their spread is the Monte Carlo error.
Mathematics: docs/derivations/approximation.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.diagnostics.importance import work_of
from ilk.diagnostics.sampled_engine import ENOUGH, newton_by_draws
from ilk.errors import ModelError
from ilk.estimation.nodes import SMALL_GAIN, SMALL_SHIFT, errors_of, ladder
from ilk.estimation.run import marginal_likelihood, refit_by
from ilk.kernels.reference.rows import row_design
from ilk.model.dependence import refuse_dependent
from ilk.model.nodes import plan_nodes
from ilk.model.quadrature import most_nodes, shares
from ilk.num.differences import jacobian
from ilk.variance.components import component_values, variance_components

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.model.model import Model
    from ilk.typing import FloatArray
    from ilk.variance.components import VarianceComponent

__all__ = ["Approximation", "Method", "ParameterShift", "approximation"]

Method: TypeAlias = Literal["auto", "quadrature", "importance"]
"""How the integral is computed again."""

_METHODS = ("auto", "quadrature", "importance")

_DRAWS_ONE, _DRAWS_SEVERAL = 1000, 100
"""Draws in a set where all effects share one grouping factor, and elsewhere."""

_START_NODES = 9
"""Quadrature nodes of the fit that importance sampling starts from."""

_MOST_WORK = 15_000_000
"""Evaluations of the density in one pass beyond which quadrature over one factor is preferred."""

_MOST_ENTRIES = 20_000_000
"""Most levels of the leading factor times effects beside it; their coupling is dense."""

_MOST_BESIDE = 2_000
"""Most effects beside those of the leading factor; their Hessian is dense."""


@dataclass(frozen=True, slots=True)
class ParameterShift:
    """One parameter by two approximations.

    Parameters
    ----------
    component : str
        Predictor.
    group : str or None
        Grouping factor of a variance component; None for coefficients.
    term : str
        Name of the coefficient, ``"sd(...)"`` or ``"correlation(...)"``.
    estimate : float
        By the approximation of the fit.
    better : float
        By the better one.
    std_error : float
        By the better one.
    sampling_error : float
        Monte Carlo error of ``better``; zero by quadrature.
    """

    component: str
    group: str | None
    term: str
    estimate: float
    better: float
    std_error: float
    sampling_error: float = 0.0

    @property
    def difference(self) -> float:
        """Better estimate minus that of the fit."""
        return self.better - self.estimate

    @property
    def shift(self) -> float:
        """The difference in standard errors; not a number where there is no standard error."""
        if self.difference == 0.0:
            return 0.0
        return self.difference / self.std_error if self.std_error > 0.0 else np.nan

    @property
    def sampling(self) -> float:
        """Monte Carlo error of the shift, in standard errors."""
        return self.sampling_error / self.std_error if self.std_error > 0.0 else np.nan


@dataclass(frozen=True, slots=True)
class Approximation:
    """A fit beside the same fit by a better approximation of its likelihood.

    Parameters
    ----------
    method : str
        ``"exact"``, ``"quadrature"`` or ``"importance"``.
    fit_by, better_by : str
        The two approximations in words.
    parameters : tuple of ParameterShift
        Coefficients, then variance components.
    loglik, better_loglik : float
        Maximized log-likelihoods.
    loglik_error : float
        Monte Carlo error of the second.
    settled : bool
        Whether more nodes would change nothing.
    left : tuple of str
        Grouping factors that are left to the Laplace approximation by both.
    integrable : tuple of str
        Grouping factors that a fit by quadrature would integrate.
    effective : float
        Smallest effective number of draws; nan by quadrature.
    draws : int
        Number of draws in a set; 0 by quadrature.
    """

    method: str
    fit_by: str
    better_by: str
    parameters: tuple[ParameterShift, ...]
    loglik: float
    better_loglik: float
    loglik_error: float
    settled: bool
    left: tuple[str, ...]
    integrable: tuple[str, ...]
    effective: float
    draws: int

    @property
    def worst(self) -> ParameterShift | None:
        """The parameter that moves farthest in standard errors; None if none can be told."""
        known = [row for row in self.parameters if np.isfinite(row.shift)]
        return max(known, key=lambda row: abs(row.shift)) if known else None


def approximation(
    fitted: Fitted,
    nodes: int | None = None,
    method: Method = "auto",
    *,
    draws: int | None = None,
    seed: int = 0,
) -> Approximation:
    """Compute the likelihood of a fit by a better approximation, and maximize it.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    nodes : int, optional
        Quadrature nodes per dimension; as many as it takes by default.
    method : {"auto", "quadrature", "importance"}
        Quadrature, importance sampling, or the former where all random effects can be integrated
        by it and the latter elsewhere.
    draws : int, optional
        Number of draws in each of the five sets of importance sampling; by default 1000 where all
        effects share one grouping factor, else 100, each with an integral over the levels of the
        largest factor.
    seed : int
        Seed of the first set; the others take the next.

    Returns
    -------
    Approximation

    Raises
    ------
    ModelError
        The fit is no optimum, the design does not allow the method, or the draws say too little.
    """
    _check(nodes, method, draws, seed)
    if fitted.model.linear or not fitted.design.terms:
        return _exact(fitted)
    refuse_dependent(
        fitted.design,
        "approximation()",
        "How far the estimates are off shows in fits to responses drawn from the fit, "
        "bootstrap(kind='parametric'): their bias.",
    )
    if fitted.model.reml:
        raise ModelError(
            "approximation() compares approximations of the likelihood, and this fit maximizes the "
            "restricted one: fit with reml=False.",
            code="reml",
        )
    if not fitted.verdict.converged:
        raise ModelError(
            f"approximation() compares optima, and the fit is {fitted.verdict.status.value}: see "
            "fit.verdict.",
            code="no-optimum",
        )
    if method == "importance":
        return _by_importance(fitted, draws, seed)
    if method == "quadrature" or nodes is not None or _integrates_all(fitted.model):
        return _by_quadrature(fitted, nodes)
    return _by_either(fitted, draws, seed)


def _by_either(fitted: Fitted, draws: int | None, seed: int) -> Approximation:
    """Importance sampling, or quadrature over one factor where it says nothing or takes long."""
    rows = row_design(fitted.marginal.scaled.data)
    long = work_of(rows, draws or _draws_of(fitted)) > _MOST_WORK
    try:
        if not long:
            return _by_importance(fitted, draws, seed)
    except ModelError as refusal:
        try:
            return _by_quadrature(fitted, None)
        except ModelError:
            raise refusal from None
    try:
        return _by_quadrature(fitted, None)
    except ModelError:
        return _by_importance(fitted, draws, seed)


def _check(nodes: Any, method: str, draws: Any, seed: Any) -> None:
    if method not in _METHODS:
        raise ModelError(
            f"method={method!r}: 'auto', 'quadrature' and 'importance' are offered.",
            code="unknown-method",
        )
    if nodes is not None and method == "importance":
        raise ModelError(
            "nodes= is for quadrature; method='importance' takes draws=.", code="approximation"
        )
    if draws is not None and (not _is_whole(draws) or draws < 100):
        raise ModelError(f"draws={draws!r}: give a whole number from 100.", code="draws")
    if not _is_whole(seed) or seed < 0:
        raise ModelError(f"seed={seed!r}: give a whole number from 0.", code="seed")


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _exact(fitted: Fitted) -> Approximation:
    """There is nothing to approximate."""
    words = "exact" if fitted.design.terms else "exact: there are no random effects"
    return Approximation(
        method="exact",
        fit_by=words,
        better_by=words,
        parameters=_parameters(fitted, fitted),
        loglik=fitted.loglik,
        better_loglik=fitted.loglik,
        loglik_error=0.0,
        settled=True,
        left=(),
        integrable=(),
        effective=np.nan,
        draws=0,
    )


def _integrates_all(model: Model) -> bool:
    """Whether quadrature can integrate all random effects."""
    try:
        nodes = next(ladder(model))
    except ModelError:
        return False
    return not shares(replace(model, nodes=nodes)).laplace


def _by_quadrature(fitted: Fitted, nodes: int | None) -> Approximation:
    """Climb until nothing moves, or use the number given."""
    model = fitted.model
    if nodes is not None:
        steps = [plan_nodes(model.design, nodes)]
    else:
        steps = [k for k in ladder(model) if most_nodes(k) > most_nodes(model.nodes)]
    if not steps:
        raise ModelError(
            f"The fit has {most_nodes(model.nodes)} nodes already, and no larger rule is tried on "
            "its own: give nodes=.",
            code="quadrature",
        )
    last, moved, settled, errors = fitted, fitted, False, np.zeros(0)
    for step in steps:
        last = moved
        marginal = marginal_likelihood(replace(model, nodes=step))
        moved = refit_by(last, marginal)
        if not len(errors):
            errors = errors_of(moved.psi_covariance())
        if _still(last, moved, errors):
            settled = True
            break
    return Approximation(
        method="quadrature",
        fit_by=_words(fitted),
        better_by=_words(moved),
        parameters=_parameters(fitted, moved),
        loglik=fitted.loglik,
        better_loglik=moved.loglik,
        loglik_error=0.0,
        settled=settled,
        left=shares(moved.model).laplace,
        integrable=_integrated(moved),
        effective=np.nan,
        draws=0,
    )


def _still(before: Fitted, after: Fitted, errors: FloatArray) -> bool:
    """Whether more nodes have changed nothing of interest."""
    moves = np.abs(after.estimates.psi - before.estimates.psi)
    known = np.isfinite(errors) & (errors > 0.0)
    gain = abs(after.loglik - before.loglik)
    small = moves < SMALL_SHIFT * np.where(known, errors, 1.0)
    return bool(gain < SMALL_GAIN and np.all(small))


def _integrated(fitted: Fitted) -> tuple[str, ...]:
    """Grouping factors that are integrated by quadrature."""
    return tuple(name for name, _ in shares(fitted.model).quadrature)


def _words(fitted: Fitted) -> str:
    nodes = fitted.model.nodes
    return "Laplace" if most_nodes(nodes) == 1 else f"quadrature with {shares(fitted.model)}"


def _by_importance(fitted: Fitted, draws: int | None, seed: int) -> Approximation:
    """Maximize the sum over draws by Newton's method, from the nearest fit that is to be had."""
    _check_size(fitted)
    start = _nearest(fitted)
    if draws is None:
        draws = _draws_of(fitted)
    found = newton_by_draws(start, draws, seed)
    if not found.effective >= ENOUGH:
        shown = f"{found.effective:.0f}" if np.isfinite(found.effective) else "no"
        raise ModelError(
            f"approximation() cannot tell: of {draws} draws the weights leave {shown} effective "
            f"ones, and at least {ENOUGH:.0f} are needed. The fit's approximation is far from the "
            "likelihood there; give more draws=, or simplify the random part.",
            code="effective-sample-size",
        )
    values = np.array([_values(fitted, psi) for psi in found.psi])
    middle = found.psi.mean(axis=0)
    slopes = jacobian(lambda psi: _values(fitted, psi), middle, 1e-4 * np.maximum(1.0, abs(middle)))
    errors = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", slopes, found.covariance, slopes), 0.0))
    spread = np.std(values, axis=0, ddof=1) / np.sqrt(len(values))
    rows = zip(_labels(fitted), _values(fitted, fitted.estimates.psi), strict=True)
    return Approximation(
        method="importance",
        fit_by=_words(fitted),
        better_by=f"importance sampling, {len(values)} sets of {draws} draws",
        parameters=tuple(
            ParameterShift(
                *label,
                estimate=float(value),
                better=float(values[:, i].mean()),
                std_error=float(errors[i]),
                sampling_error=float(spread[i]),
            )
            for i, (label, value) in enumerate(rows)
        ),
        loglik=fitted.loglik,
        better_loglik=float(found.loglik.mean()),
        loglik_error=float(np.std(found.loglik, ddof=1) / np.sqrt(len(values))),
        settled=True,
        left=(),
        integrable=_integrated(start),
        effective=found.effective,
        draws=draws,
    )


def _nearest(fitted: Fitted) -> Fitted:
    """The fit with quadrature over one factor, where the design allows it."""
    if most_nodes(fitted.model.nodes) > 1:
        return fitted
    try:
        nodes = plan_nodes(fitted.design, _START_NODES)
    except ModelError:
        return fitted
    found = refit_by(fitted, marginal_likelihood(replace(fitted.model, nodes=nodes)))
    return found if found.verdict.converged else fitted


def _draws_of(fitted: Fitted) -> int:
    several = len({term.grouping.name for term in fitted.design.terms}) > 1
    return _DRAWS_SEVERAL if several else _DRAWS_ONE


def _check_size(fitted: Fitted) -> None:
    terms = fitted.design.terms
    sizes: dict[str, int] = {}
    for term in terms:
        count = len(term.grouping.levels) * len(term.column_names)
        sizes[term.grouping.name] = sizes.get(term.grouping.name, 0) + count
    leading = max(sizes.values())
    beside = sum(sizes.values()) - leading
    if beside > _MOST_BESIDE or leading * beside > _MOST_ENTRIES:
        raise ModelError(
            f"approximation() cannot tell: {beside} random effects beside the {leading} of the "
            "largest grouping factor are too many for importance sampling.",
            code="approximation",
        )


def _values(fitted: Fitted, psi: FloatArray) -> FloatArray:
    """Coefficients, then standard deviations and correlations, of a flat vector."""
    count = len(fitted.names)
    theta = psi[count : count + len(fitted.point.theta)]
    sigma2 = float(np.exp(psi[-1])) if fitted.model.linear else 1.0
    parts, matrices = variance_components(fitted), fitted.covariances_at(psi)
    return np.append(psi[:count], component_values(parts, fitted.model, matrices, theta, sigma2))


def _labels(fitted: Fitted) -> list[tuple[str, str | None, str]]:
    """Component, group and term of each parameter, as `tidy` has them."""
    out: list[tuple[str, str | None, str]] = [(c, None, name) for c, name in fitted.names]
    parts = variance_components(fitted)
    return out + [(part.component, part.group, part.label) for part in parts]


def _parameters(fitted: Fitted, better: Fitted) -> tuple[ParameterShift, ...]:
    """Pair the parameters of two fits of one model."""
    errors = np.sqrt(np.maximum(np.diagonal(better.vcov), 0.0)).tolist()
    theirs = {_key(part): part for part in variance_components(better)}
    pairs = list(zip(fitted.coef.tolist(), better.coef.tolist(), errors, strict=True))
    for part in variance_components(fitted):
        there = theirs.get(_key(part))
        known = (np.nan, np.nan) if there is None else (there.estimate, there.std_error)
        pairs.append((part.estimate, *known))
    return tuple(
        ParameterShift(*label, *pair) for label, pair in zip(_labels(fitted), pairs, strict=True)
    )


def _key(part: VarianceComponent) -> tuple[str, str, str, str]:
    return part.component, part.group, part.kind, part.term
