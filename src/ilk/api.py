"""`ilk.fit`: a formula, data and a family in, a fit out.

The whole flow in five lines: parse the formula, build the design, pair it with a family and
covariance structures, estimate, wrap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from ilk.design.over_levels import own_structures, with_structures
from ilk.errors import ModelError
from ilk.estimation.run import run, run_auto
from ilk.family import AbstractFamily
from ilk.fit import Fit
from ilk.fitted import Lazy
from ilk.late import Late
from ilk.likelihood.base import Search
from ilk.model import Model
from ilk.model.nodes import plan_nodes
from ilk.model.setup import name_formulas, plan, set_up
from ilk.model.structures import structures_of
from ilk.penalties import AbstractPenalty, make_penalty

if TYPE_CHECKING:
    from ilk.lint import registry
    from ilk.lint import run as rules
    from ilk.typing import FloatArray
else:  # no fit needs them
    registry = Late("ilk.lint.registry")
    rules = Late("ilk.lint.run")


def fit(
    formula: str,
    data: Any,
    family: str | AbstractFamily = "gaussian",
    link: str | None = None,
    *,
    dispersion: str | None = None,
    shape: str | None = None,
    zero_inflation: str | None = None,
    parameters: Mapping[str, str] | None = None,
    covariance: Mapping[str, Any] | None = None,
    trials: Any = None,
    exposure: Any = None,
    offset: Any = None,
    frequency_weights: Any = None,
    precision_weights: Any = None,
    sampling_weights: Any = None,
    reml: bool | None = None,
    quadrature: int | Mapping[str, int] | Literal["auto"] = 1,
    penalty: str | AbstractPenalty | None = None,
    missing: Literal["drop", "error"] = "drop",
    functions: Mapping[str, Callable[..., Any]] | None = None,
    silence: Sequence[str] = (),
    start: Fit | None = None,
    search: Search | None = None,
) -> Fit:
    """Fit a generalized linear mixed model.

    Parameters
    ----------
    formula : str
        Model of the mean, such as ``"infections ~ policy + (1 + month | hospital)"``.
    data : data frame or dict of columns
        pandas, polars, a pyarrow table, or a dict of arrays.
    family : str or AbstractFamily, default "gaussian"
        Distribution of the response; see `ilk.families`.
    link : str, optional
        Link of the mean; by default the family's usual one.
    dispersion : str, optional
        Formula of the log dispersion, such as ``"~ age"`` or ``"~ age + (1 | hospital)"``.
    shape : str, optional
        Formula of the shape of families that have one (tails, skewness, power), on the scale that
        `ilk.families` says.
    zero_inflation : str, optional
        Formula of the logit of the probability of an excess zero; makes a count family
        zero-inflated.
    parameters : mapping of str to str, optional
        Formulas of parameters that have no argument of their own, by the names in the family's
        ``parameters``.
    covariance : mapping, optional
        Structures by name: over the levels of a grouping factor (`ilk.covariance.tree`,
        ``pedigree``, ``kinship``, ``spatial``, ``neighbors``, ``known``, ``precision``), which all
        terms of that factor have except ``iid(... | g)``; or your own within a level
        (`ilk.covariance.custom`), which the formula calls by that name, ``mine(... | g)``.
    trials : str or array, optional
        Number of trials of a binomial count.
    exposure : str or array, optional
        Enters as the offset ``log(exposure)``.
    offset : str or array, optional
        Term of the linear predictor with coefficient one.
    frequency_weights : str or array, optional
        A row stands for this many identical rows.
    precision_weights : str or array, optional
        The dispersion of a row is divided by this, and so is its variance where the two are
        proportional; families without a dispersion take none.  Of binomial proportions, their
        numbers of trials.
    sampling_weights : str or array, optional
        Survey weights.
    reml : bool, optional
        Restricted likelihood: the coefficients of the mean are integrated out with a flat prior,
        which takes the downward bias out of variances where clusters are few.  By default for the
        Gaussian identity mixed model only, where it is exact; for all others by the Laplace
        approximation.
    quadrature : int, mapping or "auto", default 1
        1 is the Laplace approximation; k > 1 is adaptive Gauss-Hermite quadrature with k nodes
        per random effect, for grouping factors that are nested in each other; of factors that
        cross, the one with most levels is integrated and the others are left to Laplace.
        ``{"hospital": 11}`` names the factor (and what is nested in it); ``"auto"`` raises k
        until nothing changes.
    penalty : {"firth", "log_f"} or AbstractPenalty, optional
        Added to the log-likelihood, to keep coefficients finite where the data are separated:
        Firth's penalty, or independent priors on the coefficients other than intercepts (log-F,
        `ilk.LogF`; normal, `ilk.Normal`).
    missing : {"drop", "error"}
        What to do with rows that lack a value; what was dropped is always reported.
    functions : mapping, optional
        Functions, by name, that the formulas may call beside the built-in ones.
    silence : sequence of str
        Identifiers of findings that are not wanted (see `lint`), such as ``("few-levels",)``.
    start : Fit, optional
        A fit of the same model (perhaps to other data) to start from.
    search : Search, optional
        Settings of the search.

    Returns
    -------
    Fit

    Raises
    ------
    FormulaError, DataError, ModelError, FitError
        All are `IlkError`; the message names the culprit and says what to do.

    Examples
    --------
    >>> import ilk
    >>> scores = ilk.datasets.load("classroom_scores")
    >>> fit = ilk.fit("score ~ method + prior + (1 | school/classroom)", scores)
    >>> fit.verdict.converged
    True
    """
    _not_offered(sampling_weights)
    silenced = registry.check_silence(silence) if silence else ()
    own, over_levels = own_structures(covariance)
    asked = plan(
        formula,
        data,
        family,
        link,
        formulas=name_formulas(
            parameters, dispersion=dispersion, shape=shape, zero_inflation=zero_inflation
        ),
        trials=trials,
        functions=functions,
        structures=own,
    )
    design = set_up(
        asked,
        trials=trials,
        exposure=exposure,
        offset=offset,
        frequency_weights=frequency_weights,
        precision_weights=precision_weights,
        missing=missing,
    )
    distribution = asked.family
    design, over = with_structures(design, over_levels, asked.frame)
    model = Model(design, distribution, structures_of(design.terms, over))
    automatic = isinstance(quadrature, str) and quadrature == "auto"
    model = _with_options(
        model, reml, 1 if automatic and (model.linear or not reml) else quadrature
    )
    model = replace(model, penalty=make_penalty(penalty))
    estimate = run_auto if automatic else run
    begin = None if start is None else _start(start, model)
    fitted = estimate(model, search or Search(), begin)
    # the caller's data are looked at when findings are first asked for, and then let go
    found = Lazy(lambda: rules.findings(design, distribution, asked.frame, silenced))
    return Fit(replace(fitted, findings=found))


def _not_offered(sampling_weights: Any) -> None:
    """Refuse settled arguments that this version does not have yet."""
    if sampling_weights is not None:
        raise ModelError(
            "sampling_weights=: survey weights are not available in this version; rows that "
            "stand for several identical ones are frequency_weights=, known relative precision "
            "is precision_weights=.",
            code="not-available",
        )


def _with_options(model: Model, reml: bool | None, nodes: Any) -> Model:
    """The model with its estimator chosen, after checking that it can be had."""
    if model.linear:
        if nodes != 1:
            raise ModelError(
                "quadrature=: the likelihood of a linear mixed model is exact; leave it out.",
                code="quadrature",
            )
        restricted = bool(model.design.terms) if reml is None else bool(reml)
        return Model(model.design, model.family, model.covariances, reml=restricted)
    if reml:
        if nodes != 1:
            raise ModelError(
                "reml=True with quadrature=: the restricted likelihood integrates the coefficients "
                "of the mean with the random effects by the Laplace approximation; leave one out.",
                code="reml",
            )
        return replace(model, reml=True)
    nodes = plan_nodes(model.design, nodes)
    return model if nodes == model.nodes else replace(model, nodes=nodes)


def _start(start: Fit, model: Model) -> FloatArray:
    """Parameters of another fit, if it is one of the same model."""
    if not isinstance(start, Fit):
        raise ModelError(
            f"start= takes a fit of the same model, not {type(start).__name__}.", code="start"
        )
    other = start.fitted
    labels = [term.label for term in model.design.terms]
    if other.names != model.names or labels != [t.label for t in other.design.terms]:
        raise ModelError(
            "start=: that fit has other coefficients or random terms than this model.",
            code="start",
        )
    return other.estimates.psi
