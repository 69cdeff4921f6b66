r"""Covariance matrices of the coefficients that hold if the random part of the model is wrong.

The model-based matrix is right if the variances and correlations of the model are.  The sandwich
[LiangZeger1986] needs less: independent clusters and a right mean.  With scores :math:`s_g` of m
clusters and the information A of all parameters, or of the coefficients in linear models,

.. math:: A^{-1}\Big(\sum_g C_g s_g s_g' C_g'\Big)A^{-1}, \qquad
   C_g = I,\ \sqrt{m / (m - 1)}\,I,\ (I - A_gA^{-1})^{-1/2},\ (I - A_gA^{-1})^{-1}

for CR0, CR1, CR2 and CR3; CR2 of linear mixed models is that of Pustejovsky and Tipton (2018).  If
the clusters of several factors cross, the linear model has the sum over the factors less those over
their intersections [CameronGelbachMiller2011].  Derivation: docs/derivations/robust.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from ilk.errors import FitError, ModelError, did_you_mean
from ilk.fitted import Status
from ilk.frame import quote
from ilk.inference.robust.cr2 import bias_reduced
from ilk.inference.robust.df import satterthwaite
from ilk.inference.robust.general import general_sums
from ilk.inference.robust.leverage import corrected, uncorrected
from ilk.inference.robust.linear import linear_rows, linear_sums, sums_by
from ilk.inference.robust.sole import sole_sources
from ilk.inference.robust.units import ROW, independent_units, meet
from ilk.inference.wald import CoefficientCovariance, coefficient_covariance
from ilk.model.dependence import refuse_dependent

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.inference.robust.df import ClusterSums, Contributions
    from ilk.inference.robust.units import Unit
    from ilk.typing import BoolArray, FloatArray

__all__ = ["CovarianceKind", "check_covariance_kind", "robust_covariance"]

CovarianceKind: TypeAlias = Literal["model", "CR0", "CR1", "CR2", "CR3", "conditional"]
"""Kinds of covariance matrices."""

_WORDS = {
    "CR0": "CR0, cluster-robust",
    "CR1": "CR1, cluster-robust times m / (m - 1)",
    "CR2": "CR2, cluster-robust with bias-reduced linearization",
    "CR3": "CR3, cluster-robust, close to the jackknife",
}

_POWERS = {"CR2": -0.5, "CR3": -1.0}


def check_covariance_kind(kind: Any) -> CovarianceKind:
    """Check the name of a kind of covariance matrix."""
    known = get_args(CovarianceKind)
    if not isinstance(kind, str) or kind not in known:
        raise ModelError(
            f"cov={kind!r:.80} is not known; choose one of {', '.join(map(repr, known))}."
            + did_you_mean(str(kind), known),
            code="cov",
        )
    return kind  # type: ignore[return-value]


def robust_covariance(
    fitted: Fitted, kind: CovarianceKind = "CR2", cluster: Any = None
) -> CoefficientCovariance:
    """Covariance matrix of the coefficients, of a chosen kind, with its degrees of freedom.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    kind : {"model", "CR0", "CR1", "CR2", "CR3", "conditional"}
        ``"model"`` is that of the fit; ``"conditional"`` holds the variance parameters at their
        estimates and is too small; the others are robust.
    cluster : str, array or sequence of them, optional
        Clusters that are independent: a grouping factor or column in which every grouping factor is
        nested, or a label for each row; several of these if they cross.  The outermost grouping
        factors by default, rows of a model without random terms.

    Returns
    -------
    CoefficientCovariance

    Raises
    ------
    ModelError
        There is no such kind or column, or the clusters are not independent in the model.
    FitError
        There are too few clusters, or the fit is no optimum.
    """
    kind = check_covariance_kind(kind)
    if kind in ("model", "conditional"):
        if cluster is not None:
            raise ModelError(
                f"cluster= goes with 'CR0' to 'CR3'; the kind {kind!r} has no clusters.",
                code="cluster",
            )
        return coefficient_covariance(fitted) if kind == "model" else _conditional(fitted)
    _refuse_unsound(fitted)
    refuse_dependent(
        fitted.design,
        "A cluster-robust covariance matrix",
        "Use 'model', or a parametric bootstrap.",
    )
    units = independent_units(fitted.design, cluster)
    for unit in units:
        _refuse_few(unit, len(fitted.coef))
    alone = np.logical_or.reduce([sole_sources(fitted, unit.codes) for unit in units])
    if alone.all():
        raise FitError(
            "Every coefficient is determined by one cluster alone, so that nothing shows how they "
            "vary from cluster to cluster. Use 'model', or name larger or other clusters.",
            code="leverage",
        )
    several = len(units) > 1
    found = _multiway(fitted, kind, units) if several else _one_way(fitted, kind, units[0])
    return _without(found, alone)


def _conditional(fitted: Fitted) -> CoefficientCovariance:
    """Variance parameters held: inverse of the coefficients' block of the information."""
    base = coefficient_covariance(fitted)
    if fitted.model.linear or not fitted.design.terms:
        # expected information has no block between coefficients and variances
        words = "variance parameters held at their estimates; as model-based in linear models"
        if not fitted.model.linear:
            words = "inverse information; there are no variance parameters to hold"
        return CoefficientCovariance(base.matrix, base.names, words, base.df, base.df_kind)
    joint, P = fitted.psi_covariance(), len(fitted.coef)
    known = np.isfinite(np.diag(joint))
    beta, rest = np.flatnonzero(known[:P]), P + np.flatnonzero(known[P:])
    matrix = np.full((P, P), np.nan)
    across = joint[np.ix_(beta, rest)]
    explained = across @ np.linalg.solve(joint[np.ix_(rest, rest)], across.T)
    matrix[np.ix_(beta, beta)] = joint[np.ix_(beta, beta)] - explained
    words = "variance parameters held at their estimates, their uncertainty left out: too small"
    return CoefficientCovariance(matrix, base.names, words)


def _one_way(fitted: Fitted, kind: str, unit: Unit) -> CoefficientCovariance:
    weights = fitted.design.frequency_weights
    repeated = unit.name == ROW and weights is not None
    copies = weights if repeated and weights is not None else np.ones(unit.count)
    if fitted.model.linear:
        rows = linear_rows(fitted)
        if kind == "CR2" and fitted.design.terms:
            return _answer(fitted, kind, unit, bias_reduced(rows, unit))
        sums = linear_sums(rows, unit.codes, unit.count, copies)
    else:
        sums = general_sums(fitted, unit.codes, unit.count, copies)
    return _answer(fitted, kind, unit, _contributions(sums, kind, unit))


def _contributions(sums: ClusterSums, kind: str, unit: Unit) -> Contributions:
    if kind in _POWERS:
        return corrected(sums, _POWERS[kind], unit.labels, unit.name, kind)
    return uncorrected(sums)


def _answer(
    fitted: Fitted, kind: str, unit: Unit, contributions: Contributions
) -> CoefficientCovariance:
    count = float(contributions.copies.sum())
    matrix = contributions.covariance() * (count / (count - 1.0) if kind == "CR1" else 1.0)
    clusters = "rows" if unit.name == ROW else f"clusters of {unit.name!r}"
    fallback = count - 1.0

    def df(contrast: FloatArray) -> float:
        value = satterthwaite(contributions, contrast)
        return value if math.isfinite(value) else fallback

    return CoefficientCovariance(
        matrix=matrix,
        names=fitted.names,
        kind=f"{_WORDS[kind]}; {count:,.0f} {clusters}",
        df=df,
        df_kind="Satterthwaite, of the robust variance",
    )


def _multiway(fitted: Fitted, kind: str, units: Sequence[Unit]) -> CoefficientCovariance:
    """Sum over the factors less sums over their intersections, and so on."""
    names = " and ".join(repr(unit.name) for unit in units)
    if fitted.design.terms and not fitted.model.linear:
        raise ModelError(
            f"The clusters of {names} cross, and the likelihood of this model is no sum over "
            "either, so that there are no scores by cluster and no robust standard errors. Name a "
            "column that contains both (cluster=), or use a parametric bootstrap.",
            code="crossed",
        )
    if kind in _POWERS:
        raise ModelError(
            f"{kind!r} is not defined where the clusters of {names} cross; use 'CR1', or name a "
            "column that contains all (cluster=).",
            code="crossed",
        )
    if fitted.model.linear:
        rows = linear_rows(fitted)
        effects = (rows.weighted * rows.residual[:, None]) @ rows.root
        root = rows.back @ rows.root
    else:
        every = np.arange(fitted.model.rows)
        sums = general_sums(fitted, every, len(every), np.ones(len(every)))
        effects, root = sums.scores, sums.root
    middle = np.zeros((effects.shape[1], effects.shape[1]))
    for size in range(1, len(units) + 1):
        for some in combinations(units, size):
            codes = meet(some)
            count = int(codes.max()) + 1
            total = sums_by(codes, count, effects)
            factor = count / (count - 1.0) if kind == "CR1" else 1.0
            middle += (-1.0) ** (size - 1) * factor * (total.T @ total)
    if np.linalg.eigvalsh(0.5 * (middle + middle.T))[0] <= 0.0:
        raise FitError(
            f"The multiway estimate over {names} is no covariance matrix: with so few clusters a "
            "variance comes out negative. Use 'model' or a parametric bootstrap, or name a column "
            "that contains all of these (cluster=).",
            code="indefinite",
        )
    fewest = min(unit.count for unit in units)
    counts = " and ".join(f"{unit.count:,} of {unit.name!r}" for unit in units)
    return CoefficientCovariance(
        matrix=root @ middle @ root.T,
        names=fitted.names,
        kind=f"{_WORDS[kind]}, multiway; clusters: {counts}",
        df=_constant(fewest - 1.0),
        df_kind="clusters - 1, of the factor with the fewest",
    )


def _without(found: CoefficientCovariance, alone: BoolArray) -> CoefficientCovariance:
    """Leave out the coefficients that one cluster alone determines."""
    if not alone.any():
        return found
    matrix = found.matrix.copy()
    matrix[alone, :] = matrix[:, alone] = np.nan
    names = ", ".join(quote(found.names[j][1]) for j in np.flatnonzero(alone))

    def df(contrast: FloatArray) -> float:
        touched = np.any(np.asarray(contrast, dtype=np.float64)[alone] != 0.0)
        return math.nan if touched or found.df is None else found.df(contrast)

    kind = f"{found.kind}; none for {names}, determined by one cluster alone"
    return replace(found, matrix=matrix, kind=kind, df=df)


def _constant(value: float) -> Callable[[FloatArray], float]:
    return lambda contrast: value


def _refuse_unsound(fitted: Fitted) -> None:
    if fitted.model.penalty is not None:
        raise ModelError(
            "The estimates are penalized: the clusters' scores do not sum to zero, and what the "
            "penalty does to bias and variance is not in them. Use 'model', or fit without "
            "penalty=.",
            code="penalty",
        )
    if fitted.model.reml and not fitted.model.linear:
        raise ModelError(
            "The estimates are by restricted likelihood, so that the clusters' scores do not sum "
            "to zero: use 'model', or fit with reml=False.",
            code="reml",
        )
    status = fitted.verdict.status
    if status in (Status.SEPARATED, Status.NOT_CONVERGED):
        raise FitError(
            f"The fit is {status.value}, so that the clusters' scores say nothing of the "
            "uncertainty of its estimates: see fit.verdict.",
            code="no-optimum",
        )
    lost = [f"{c}: {n}" for (c, n), v in zip(fitted.names, np.diag(fitted.vcov), strict=True)
            if not math.isfinite(v)]  # fmt: skip
    if lost:
        raise FitError(
            f"The data do not determine {', '.join(lost)}, so that there is no covariance matrix "
            "to make robust: see fit.verdict, and leave the term out.",
            code="not-identified",
        )


def _refuse_few(unit: Unit, coefficients: int) -> None:
    if unit.count < 2:
        raise ModelError(
            f"All rows lie in one cluster of {unit.name!r}: nothing shows how they differ. Name "
            "another column (cluster=), or use 'model'.",
            code="one-cluster",
        )
    if unit.count <= coefficients:
        raise ModelError(
            f"{unit.count} clusters of {unit.name!r} cannot show how {coefficients} coefficients "
            "vary from cluster to cluster; robust standard errors need more clusters than "
            "coefficients. Use 'model', or a simpler formula.",
            code="few-clusters",
        )
