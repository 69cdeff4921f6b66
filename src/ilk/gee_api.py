"""`ilk.gee`: a formula, data and clusters in, a marginal model out; and its comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import ilk.gee  # noqa: F401  (now: later it would take the place of the function `ilk.gee`)
from ilk.design.build import build
from ilk.design.clusters import single_cluster
from ilk.design.exposure import exposure_argument
from ilk.errors import DataError, ModelError
from ilk.family import AbstractFamily, make_family, refuse_foreign_arguments
from ilk.fitted import warn_of
from ilk.formula import check_arguments, parse
from ilk.frame import columns
from ilk.gee_fit import GeeFit
from ilk.late import Late

if TYPE_CHECKING:
    from ilk.fit import Fit
    from ilk.gee import fitted, run, sandwich, variance
    from ilk.gee import groups as clusters
    from ilk.gee.sandwich import StandardErrors
    from ilk.show import estimands as show
    from ilk.show.answer import Answer
    from ilk.typing import FloatArray
else:  # only models of this kind need them
    clusters = Late("ilk.gee.groups")
    fitted = Late("ilk.gee.fitted")
    run = Late("ilk.gee.run")
    sandwich = Late("ilk.gee.sandwich")
    variance = Late("ilk.gee.variance")
    show = Late("ilk.show.estimands")

__all__ = ["compare_estimands", "gee"]

_SINGLE = (
    "generalized estimating equations learn from differences between clusters, so there must be "
    "several; give the column of a finer grouping as groups= (or subgroups=)."
)


def gee(
    formula: str,
    data: Any,
    groups: str | None = None,
    family: str | AbstractFamily = "gaussian",
    link: str | None = None,
    *,
    covariance: str | Any = "exchangeable",
    order: Any = None,
    lags: int = 1,
    subgroups: str | Sequence[str] | None = None,
    std_errors: StandardErrors = "robust",
    trials: Any = None,
    exposure: Any = None,
    offset: Any = None,
    frequency_weights: Any = None,
    precision_weights: Any = None,
    missing: Literal["drop", "error"] = "drop",
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> GeeFit:
    """Fit a model of the population's mean by generalized estimating equations (GEE).

    Parameters
    ----------
    formula : str
        Model of the mean, such as ``"infections ~ policy + month"``, without random terms.
    data : data frame or dict of columns
        pandas, polars, a pyarrow table, or a dict of arrays.
    groups : str
        Column of the clusters, whose rows need not stand together; ``"a:b"`` stands for the
        combinations of two columns.
    family : str or AbstractFamily, default "gaussian"
        Its variance function and usual link are used, not its distribution.
    link : str, optional
        Link of the mean; by default the family's usual one.
    covariance : str or (T, T) array, default "exchangeable"
        Working correlation within clusters: ``"independence"``, ``"exchangeable"``, ``"ar1"``,
        ``"m_dependent"``, ``"unstructured"``, ``"nested"``, or a known correlation matrix whose
        rows are the values of `order`.
    order : str or array, optional
        Time or wave of a row, for working correlations that depend on it.  By default the rows of
        a cluster are taken in the order of the data, one step apart; rows that are left out keep
        their place.
    lags : int, default 1
        Steps beyond which rows are uncorrelated, for ``"m_dependent"``.
    subgroups : str or sequence of str, optional
        Groups within clusters for ``"nested"``, from the outermost to the innermost.
    std_errors : str, default "robust"
        ``"robust"`` (sandwich), ``"model"``, or corrected for few clusters:
        ``"kauermann_carroll"``, ``"mancl_derouen"``, ``"fay_graubard"``, ``"morel"``.
    trials : str or array, optional
        Number of trials of a binomial count.
    exposure : str or array, optional
        Enters as the offset ``log(exposure)``.
    offset : str or array, optional
        Term of the linear predictor with coefficient one.
    frequency_weights : str or array, optional
        A row stands for this many identical rows of its cluster.
    precision_weights : str or array, optional
        The variance of a row is divided by this.
    missing : {"drop", "error"}
        What to do with rows that lack a value; what was dropped is always reported.
    functions : mapping, optional
        Functions, by name, that the formula may call beside the built-in ones.

    Returns
    -------
    GeeFit

    Raises
    ------
    FormulaError, DataError, ModelError, FitError
        All are `IlkError`; the message names the culprit and says what to do.

    Examples
    --------
    >>> import ilk
    >>> data = ilk.datasets.load("hospital_infections")
    >>> fit = ilk.gee("infections ~ policy", data, groups="hospital", family="poisson",
    ...               exposure="patient_days")
    >>> set(fit.tidy().estimand)
    {'population'}
    """
    check_arguments(formula, data)
    distribution = make_family(family, link)
    variance.marginal_family(distribution)  # refuses those without a marginal mean of this form
    refuse_foreign_arguments(distribution, trials=trials)
    name, correlation = _structure(covariance)
    _check_structure(name, lags, subgroups)
    frame = columns(data)
    nested = subgroups if name == "nested" else None
    spec = clusters.with_clusters(parse(formula, functions=functions), groups, nested, frame.names)
    if name in run.POSITIONED and order is None:
        own, ordered_by = clusters.places_in_data(spec, frame), None
    else:
        own, ordered_by = order, order if isinstance(order, str) else "(order)"
    try:
        design = build(
            spec,
            data,
            parameters=distribution.parameters,
            binomial=distribution.takes_trials,
            trials=trials,
            exposure=exposure_argument(spec, exposure, distribution.link.name),
            offset=offset,
            frequency_weights=frequency_weights,
            precision_weights=precision_weights,
            order=own,
            missing=missing,
        )
    except DataError as error:
        raise single_cluster(error, _SINGLE) from None
    response = design.response
    distribution.check(response.y, response.trials, response.name, design.rows.kept)
    kind = sandwich.check_kind(std_errors)
    settings = fitted.GeeSettings(name, kind, int(lags), correlation, ordered_by)
    found = run.estimate_gee(fitted.GeeModel(design, distribution, settings))
    warn_of(found.verdict, stacklevel=2)
    return GeeFit(found)


def compare_estimands(fit: Fit, gee: GeeFit, level: float = 0.95) -> Answer:
    """Set the coefficients of a mixed model beside those of a marginal model.

    Parameters
    ----------
    fit : Fit
        Mixed model.
    gee : GeeFit
        Marginal model of the same rows, response, link, columns and offset.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Answer
        With ``.frame``: for each coefficient the conditional one of the mixed model, the same
        averaged over its random effects, and that of the marginal model; ``term, model, estimand,
        estimate, std_error, conf_low, conf_high, ratio`` (to the conditional coefficient).

    Raises
    ------
    ModelError
        The models differ in rows, response, link, columns or offset; the message names it.

    Examples
    --------
    >>> import ilk
    >>> data = ilk.datasets.load("eczema_trial")
    >>> fit = ilk.fit("clear ~ treatment * week + (1 | patient)", data, family="binomial")
    >>> gee = ilk.gee("clear ~ treatment * week", data, groups="patient", family="binomial")
    >>> ilk.compare_estimands(fit, gee).frame.estimand.unique().tolist()
    ['conditional', 'population']
    """
    mixed: Any = getattr(fit, "fitted", fit)
    marginal: Any = getattr(gee, "fitted", gee)
    return show.estimands_table(mixed, marginal, level)


def _structure(covariance: Any) -> tuple[str, FloatArray | None]:
    """Name of the working correlation, and its matrix if that is given."""
    if isinstance(covariance, str):
        run.check_covariance(covariance)
        return covariance, None
    try:
        matrix = np.asarray(covariance, dtype=np.float64)
    except (TypeError, ValueError):
        matrix = np.zeros(0)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ModelError(
            f"covariance={covariance!r:.60}: give the name of a working correlation, such as "
            "'exchangeable', or a square correlation matrix.",
            code="covariance",
        )
    return "fixed", matrix


def _check_structure(name: str, lags: Any, subgroups: Any) -> None:
    """Refuse options of another working correlation, and values that they cannot have."""
    if isinstance(lags, bool) or not isinstance(lags, (int, np.integer)) or lags < 1:
        raise ModelError(
            f"lags={lags!r}: give a whole number of steps from 1, beyond which rows are "
            "uncorrelated.",
            code="lags",
        )
    if lags != 1 and name != "m_dependent":
        raise ModelError(
            f"lags= is for covariance='m_dependent', not for {name!r}; leave it out.", code="lags"
        )
    if name == "nested" and subgroups is None:
        raise ModelError(
            "covariance='nested' needs subgroups=, the column of the groups within clusters, such "
            "as subgroups='classroom' with groups='school'.",
            code="subgroups",
        )
    if name != "nested" and subgroups is not None:
        raise ModelError(
            f"subgroups= is for covariance='nested', not for {name!r}; leave it out.",
            code="subgroups",
        )
