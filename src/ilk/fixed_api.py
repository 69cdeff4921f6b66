"""`ilk.fixed` and `ilk.conditional`: a formula, data and clusters in, effects within them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ilk.design.build import build
from ilk.design.clusters import single_cluster
from ilk.design.exposure import exposure_argument
from ilk.errors import DataError
from ilk.family import AbstractFamily, make_family, refuse_foreign_arguments
from ilk.fitted import warn_of
from ilk.fixed_fit import ConditionalFit, FixedFit
from ilk.formula import check_arguments, parse
from ilk.frame import columns
from ilk.late import Late

if TYPE_CHECKING:
    from ilk import fixed_effects
    from ilk.design.build import Design
    from ilk.fixed_effects import StdErrors
else:  # only models of this kind need it
    fixed_effects = Late("ilk.fixed_effects")

__all__ = ["conditional", "fixed"]

_SINGLE = (
    "with one cluster there is nothing to absorb; leave out groups= and use ilk.fit, or give the "
    "column of a finer grouping."
)


def fixed(
    formula: str,
    data: Any,
    groups: str | Sequence[str] | None = None,
    family: str | AbstractFamily = "gaussian",
    link: str | None = None,
    *,
    std_errors: StdErrors = "model",
    trials: Any = None,
    exposure: Any = None,
    offset: Any = None,
    frequency_weights: Any = None,
    precision_weights: Any = None,
    missing: Literal["drop", "error"] = "drop",
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> FixedFit:
    """Fit a model with one parameter for each cluster (fixed effects).

    The dummies of the clusters are absorbed and never formed, so there may be very many; the
    numbers are those of the regression with dummies. Only comparisons within clusters count:
    nothing that is constant in a cluster, measured or not, can bias them, and no effect of such a
    thing can be estimated.

    Parameters
    ----------
    formula : str
        Model of the mean, such as ``"infections ~ policy + age"``.
    data : data frame or dict of columns
        pandas, polars, a pyarrow table, or a dict of arrays.
    groups : str or sequence of str, optional
        Column of the clusters, or several for crossed factors; ``"a:b"`` stands for the
        combinations of two columns. By default the factors of the formula's random intercepts, so
        that the formula of a mixed model can be used as it stands.
    family : str or AbstractFamily, default "gaussian"
        Distribution of the response; all but zero-inflated ones.
    link : str, optional
        Link of the mean; by default the family's usual one.
    std_errors : {"model", "cluster"}
        By the likelihood, or robust to any dependence within the levels of the first factor.
    trials : str or array, optional
        Number of trials of a binomial count.
    exposure : str or array, optional
        Enters as the offset ``log(exposure)``.
    offset : str or array, optional
        Term of the linear predictor with coefficient one.
    frequency_weights : str or array, optional
        A row stands for this many identical rows.
    precision_weights : str or array, optional
        The variance of a row is divided by this.
    missing : {"drop", "error"}
        What to do with rows that lack a value; what was dropped is always reported.
    functions : mapping, optional
        Functions, by name, that the formula may call beside the built-in ones.

    Returns
    -------
    FixedFit

    Raises
    ------
    FormulaError, DataError, ModelError, FitError
        All are `IlkError`; the message names the culprit and says what to do.

    Examples
    --------
    >>> import ilk
    >>> data = ilk.datasets.load("hospital_infections")
    >>> fit = ilk.fixed("infections ~ policy", data, groups="hospital", family="poisson",
    ...                 exposure="patient_days")
    >>> set(fit.tidy().estimand)
    {'conditional'}
    """
    design, distribution = _design(
        formula,
        data,
        groups,
        make_family(family, link),
        several=True,
        functions=functions,
        trials=trials,
        exposure=exposure,
        offset=offset,
        frequency_weights=frequency_weights,
        precision_weights=precision_weights,
        missing=missing,
    )
    fitted = fixed_effects.estimate_fixed(design, distribution, std_errors)
    warn_of(fitted.verdict, stacklevel=2)
    return FixedFit(fitted)


def conditional(
    formula: str,
    data: Any,
    groups: str | None = None,
    family: str | AbstractFamily = "binomial",
    link: str | None = None,
    *,
    std_errors: StdErrors = "model",
    trials: Any = None,
    exposure: Any = None,
    offset: Any = None,
    frequency_weights: Any = None,
    missing: Literal["drop", "error"] = "drop",
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> ConditionalFit:
    """Fit by the likelihood given each cluster's total, in which clusters have no parameters.

    Conditional logistic regression, for matched sets and short clusters of any kind, and its
    counterpart for counts. Without parameters of the clusters there is no bias from estimating
    them, but there are no means either: the fit gives odds ratios or rate ratios.

    Parameters
    ----------
    formula : str
        Model of the mean, such as ``"infected ~ treatment + age"``.
    data : data frame or dict of columns
        pandas, polars, a pyarrow table, or a dict of arrays.
    groups : str, optional
        Column of the clusters (matched sets, strata); ``"a:b"`` stands for the combinations of two
        columns. By default the factor of the formula's random intercept.
    family : str or AbstractFamily, default "binomial"
        ``"binomial"`` with the logit, or ``"poisson"`` with the log link.
    link : str, optional
        Link of the mean; by default the family's usual one.
    std_errors : {"model", "cluster"}
        By the conditional information, or robust to any dependence within clusters.
    trials : str or array, optional
        Number of trials of a binomial count.
    exposure : str or array, optional
        Enters as the offset ``log(exposure)``.
    offset : str or array, optional
        Term of the linear predictor with coefficient one.
    frequency_weights : str or array, optional
        A row stands for this many identical rows.
    missing : {"drop", "error"}
        What to do with rows that lack a value; what was dropped is always reported.
    functions : mapping, optional
        Functions, by name, that the formula may call beside the built-in ones.

    Returns
    -------
    ConditionalFit

    Raises
    ------
    FormulaError, DataError, ModelError, FitError
        All are `IlkError`; the message names the culprit and says what to do.

    Examples
    --------
    >>> import ilk
    >>> data = {"case": [1, 0, 0, 1, 0, 1], "dose": [2.0, 1.0, 3.0, 4.0, 2.0, 1.0],
    ...         "pair": [1, 1, 2, 2, 3, 3]}
    >>> fit = ilk.conditional("case ~ dose", data, groups="pair")
    >>> fit.nobs
    6
    """
    design, distribution = _design(
        formula,
        data,
        groups,
        make_family(family, link),
        several=False,
        functions=functions,
        trials=trials,
        exposure=exposure,
        offset=offset,
        frequency_weights=frequency_weights,
        missing=missing,
    )
    fitted = fixed_effects.estimate_conditional(design, distribution, std_errors)
    warn_of(fitted.verdict, stacklevel=2)
    return ConditionalFit(fitted)


def _design(
    formula: str,
    data: Any,
    groups: Any,
    family: AbstractFamily,
    *,
    several: bool,
    functions: Mapping[str, Callable[..., Any]] | None,
    **arguments: Any,
) -> tuple[Design, AbstractFamily]:
    """Build the design, and check the response against the family."""
    check_arguments(formula, data)
    refuse_foreign_arguments(family, trials=arguments["trials"])
    spec = parse(formula, functions=functions)
    arguments["exposure"] = exposure_argument(spec, arguments["exposure"], family.link.name)
    spec = fixed_effects.with_groups(spec, groups, columns(data).names, several=several)
    try:
        design = build(
            spec,
            data,
            parameters=family.parameters,
            binomial=family.takes_trials,
            **arguments,
        )
    except DataError as error:
        raise single_cluster(error, _SINGLE) from None
    response = design.response
    family.check(response.y, response.trials, response.name, design.rows.kept)
    return design, family
