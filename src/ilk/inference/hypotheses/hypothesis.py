r"""Wald and likelihood-ratio tests of linear hypotheses about coefficients.

The hypothesis is :math:`L\beta = r` with q independent rows.  With the covariance matrix
:math:`\Phi` of the coefficients the Wald statistic is

.. math:: F = \lambda\, (L\hat\beta - r)' (L\Phi L')^{-1} (L\hat\beta - r) / q,

referred to F with q and :math:`\nu` degrees of freedom, or q F to chi-square where there are no
degrees of freedom.  For Kenward-Roger, :math:`\nu` and the scale :math:`\lambda` are theirs; for
all others :math:`\lambda = 1` and :math:`\nu` follows from those of the q uncorrelated contrasts
that :math:`L\Phi L'` has for eigenvectors (Fai and Cornelius 1996):

.. math:: \nu = \frac{2 E}{E - q}, \qquad E = \sum_m \frac{\nu_m}{\nu_m - 2} .

The likelihood-ratio test fits the model again under the hypothesis, by maximum likelihood; its
reference distribution is chi-square, or drawn (`ilk.inference.bootstrap.tests`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from ilk.errors import ModelError, did_you_mean
from ilk.inference.bootstrap.tests import bootstrap_test
from ilk.inference.chosen import chosen_covariance
from ilk.inference.hypotheses.equations import read_hypothesis
from ilk.inference.hypotheses.restricted import eliminate, maximum_likelihood, restricted
from ilk.inference.infinite import has_supremum, stands
from ilk.inference.wald import check_level, p_values, part_names, two_sided
from ilk.num.stable import special

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ilk.fitted import Fitted
    from ilk.inference.chosen import Cov, DegreesOfFreedom
    from ilk.inference.hypotheses.equations import Equations
    from ilk.inference.wald import CoefficientCovariance
    from ilk.typing import FloatArray

__all__ = [
    "NO_WALD",
    "Hypotheses",
    "JointTest",
    "TestMethod",
    "likelihood_ratio_test",
    "linear_hypothesis",
    "wald_test",
]

TestMethod: TypeAlias = Literal["wald", "likelihood_ratio", "bootstrap", "bartlett"]
"""Kinds of tests."""

_LOST = 1e-3
"""A loss of log-likelihood larger than this, under fewer restrictions, is a failed search."""


@dataclass(frozen=True, slots=True)
class JointTest:
    """Test of several restrictions together.

    Parameters
    ----------
    test : str
        ``"F"``, ``"chi-square"``, ``"likelihood ratio"``, ``"bootstrap"`` or ``"Bartlett"``.
    statistic : float
        The statistic.
    df_num : int
        Number of restrictions.
    df : float
        Degrees of freedom of the denominator; infinite for chi-square statistics.
    p_value : float
        The p-value.
    """

    test: str
    statistic: float
    df_num: int
    df: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """Tests of linear hypotheses, each by itself and all together.

    Arrays are (r,), with one element for each restriction.

    Parameters
    ----------
    labels : tuple of str
        The restrictions in words.
    estimate, std_error, conf_low, conf_high : (r,) arrays
        Of the left sides.
    value : (r,) array
        Right sides.
    tests : tuple of JointTest
        Test of each restriction.
    joint : JointTest
        Test of all.
    method : str
        A `TestMethod`.
    covariance : CoefficientCovariance
        What standard errors and limits are from.
    notes : tuple of str
        What a reader should know.
    """

    labels: tuple[str, ...]
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    value: FloatArray
    tests: tuple[JointTest, ...]
    joint: JointTest
    method: str
    covariance: CoefficientCovariance
    notes: tuple[str, ...]


def linear_hypothesis(
    fitted: Fitted,
    hypothesis: Any,
    rhs: Any = None,
    *,
    df: DegreesOfFreedom | None = None,
    cov: Cov = "model",
    method: TestMethod = "wald",
    level: float = 0.95,
    bootstrap: Mapping[str, Any] | None = None,
) -> Hypotheses:
    """Test linear hypotheses about the coefficients.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    hypothesis, rhs
        As `ilk.inference.hypotheses.equations.read_hypothesis` takes them.
    df, cov
        As `ilk.inference.chosen.chosen_covariance` takes them.
    method : {"wald", "likelihood_ratio", "bootstrap", "bartlett"}
        Kind of test.
    level : float
        Coverage of the intervals of the left sides.
    bootstrap : mapping, optional
        Options of `ilk.inference.bootstrap.tests.bootstrap_test`.

    Returns
    -------
    Hypotheses

    Raises
    ------
    ModelError
        A name is not known, restrictions contradict each other, or options do not go together.
    """
    check_level(level)
    _check_method(method, df, cov, bootstrap or {})
    asked = read_hypothesis(hypothesis, fitted.names, part_names(fitted.model.fitted_parts), rhs)
    used, notes = _independent(asked)
    covariance = chosen_covariance(fitted, cov, df)
    L, right = asked.L, asked.rhs
    estimate = L @ fitted.coef
    with np.errstate(invalid="ignore"):
        error = np.sqrt(np.einsum("ri,ij,rj->r", L, covariance.matrix, L))
    finite = stands(fitted, L)
    error[~finite] = np.nan
    own = np.array([math.inf if covariance.df is None else covariance.df(row) for row in L])
    half = np.array([two_sided(level, float(v)) for v in own]) * error
    if method == "wald":
        tests = _single_tests(estimate - right, error, own)
        joint = wald_test(fitted.coef, L[used], right[used], covariance)
        if not finite.all():
            joint = replace(joint, statistic=math.nan, p_value=math.nan)
            notes.append(NO_WALD)
    else:
        full = maximum_likelihood(fitted)
        ratio: Callable[..., JointTest] = likelihood_ratio_test
        if method != "likelihood_ratio":
            ratio = _Drawn(method, dict(bootstrap or {}), notes)
        tests = tuple(ratio(full, L[[i]], right[[i]]) for i in range(len(L)))
        joint = tests[0] if len(L) == 1 else ratio(full, L[used], right[used])
        if fitted.model.reml:
            notes.append("The likelihoods compared are of fits by maximum likelihood, not REML.")
    return Hypotheses(
        labels=asked.labels,
        estimate=estimate,
        std_error=error,
        conf_low=estimate - half,
        conf_high=estimate + half,
        value=right,
        tests=tests,
        joint=joint,
        method=method,
        covariance=covariance,
        notes=tuple(notes),
    )


def _check_method(method: Any, df: Any, cov: Any, bootstrap: Mapping[str, Any]) -> None:
    known = get_args(TestMethod)
    if method not in known:
        raise ModelError(
            f"method={method!r:.80}: choose one of {', '.join(map(repr, known))}.", code="method"
        )
    for name in bootstrap:
        if name not in _OPTIONS:
            raise ModelError(
                f"{name}= is no option of a test; method='bootstrap' and 'bartlett' take "
                f"{', '.join(_OPTIONS)}." + did_you_mean(name, _OPTIONS),
                code="option",
            )
    if bootstrap and method not in _DRAWN:
        raise ModelError(
            f"{next(iter(bootstrap))}= is for method='bootstrap' and 'bartlett', which draw "
            f"responses; leave it out of method={method!r}.",
            code="method",
        )
    if method == "wald":
        return
    if df is not None or not isinstance(cov, str):
        raise ModelError(
            f"method={method!r} compares two fits and has no degrees of freedom of a "
            "denominator; leave df= and cov= out.",
            code="method",
        )
    if cov != "model":
        raise ModelError(
            f"method={method!r} compares two fits and cannot use cov={cov!r}; leave it out, or "
            "take method='wald'.",
            code="method",
        )


NO_WALD = (
    "Coefficients that run to infinity (see the verdict) have no Wald test; a likelihood ratio "
    "compares finite log-likelihoods."
)
"""Why a test is missing after separation."""

_DRAWN = {"bootstrap": "bootstrap", "bartlett": "Bartlett"}
"""Methods with a drawn reference distribution, and what their tests are called."""


_OPTIONS = ("draws", "seed", "n_jobs", "path")
"""What those methods take."""


class _Drawn:
    """Likelihood-ratio tests with a drawn reference distribution, which say how it was drawn."""

    def __init__(self, method: str, options: dict[str, Any], notes: list[str]) -> None:
        self._method, self._options, self._notes = method, options, notes
        self._path, self._count = options.pop("path", None), 0

    def __call__(self, full: Fitted, L: FloatArray, rhs: FloatArray) -> JointTest:
        """Draw under ``L coef = rhs``; every test of a call has a directory of its own."""
        self._count += 1
        path = None if self._path is None else Path(self._path) / f"test-{self._count}"
        found = bootstrap_test(full, L, rhs, path=path, **self._options)
        if self._count == 1:
            self._options["seed"] = found.seed
            self._notes.append(
                f"Likelihood ratios, each with {len(found.draws)} drawn under its hypothesis; "
                f"seed {found.seed}."
            )
        if found.failures:
            self._notes.append(f"{len(found.failures)} more draws failed and are left out.")
        bartlett = self._method == "bartlett"
        return JointTest(
            _DRAWN[self._method],
            found.corrected if bartlett else found.statistic,
            len(L),
            math.inf,
            found.p_bartlett if bartlett else found.p_value,
        )


def _independent(asked: Equations) -> tuple[list[int], list[str]]:
    """Rows that do not follow from those before, and a note on those that do."""
    found = eliminate(asked.L, asked.rhs)
    if found.contradicted:
        raise ModelError(
            f"{asked.labels[found.contradicted[0]]!r} contradicts the equations before it: no "
            "coefficients satisfy all of them.",
            code="contradiction",
        )
    follow = [label for i, label in enumerate(asked.labels) if i not in found.used]
    notes = []
    if follow:
        some = ", ".join(map(repr, follow[:3])) + (", ..." if len(follow) > 3 else "")
        verb = "follows" if len(follow) == 1 else "follow"
        notes.append(f"{some} {verb} from the other equations and adds nothing to the joint test.")
    return list(found.used), notes


def _single_tests(
    difference: FloatArray, error: FloatArray, df: FloatArray
) -> tuple[JointTest, ...]:
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = difference / error
    p = p_values(statistic, df)
    return tuple(
        JointTest("z" if math.isinf(v) else "t", float(t), 1, float(v), float(each))
        for t, v, each in zip(statistic, df, p, strict=True)
    )


def wald_test(
    coef: FloatArray, L: FloatArray, rhs: FloatArray, covariance: CoefficientCovariance
) -> JointTest:
    """Test ``L coef = rhs`` by the distance of the estimates.

    Parameters
    ----------
    coef : (P,) array
        Estimates.
    L : (q, P) array
        Independent restrictions.
    rhs : (q,) array
        Right sides.
    covariance : CoefficientCovariance
        Covariance matrix and degrees of freedom.

    Returns
    -------
    JointTest
        An F test, or a chi-square test where there are no degrees of freedom.
    """
    q = len(L)
    spread = L @ covariance.matrix @ L.T
    if not np.isfinite(spread).all():
        kind = "chi-square" if covariance.df is None else "F"
        return JointTest(kind, math.nan, q, math.nan, math.nan)
    scale = np.sqrt(np.maximum(np.diag(spread), np.finfo(float).tiny))
    distance = (L @ coef - rhs) / scale
    if np.linalg.cond(spread / np.outer(scale, scale)) > 1e12:
        raise ModelError(
            f"The covariance matrix of these {q} restrictions is singular, so they cannot be "
            "tested together (robust covariance matrices have at most as many independent rows as "
            "there are clusters); test fewer at once.",
            code="singular",
        )
    square = float(distance @ np.linalg.solve(spread / np.outer(scale, scale), distance))
    if covariance.df is None:
        return JointTest(
            "chi-square", square, q, math.inf, float(special().chdtrc(q, max(square, 0.0)))
        )
    df, factor = _denominator(L, spread, covariance)
    statistic = factor * square / q
    return JointTest("F", statistic, q, df, _upper_f(q, df, statistic))


def _denominator(
    L: FloatArray, spread: FloatArray, covariance: CoefficientCovariance
) -> tuple[float, float]:
    """Degrees of freedom and scale of an F statistic."""
    if covariance.joint is not None:
        return covariance.joint(L)
    assert covariance.df is not None
    vectors = np.linalg.eigh(spread)[1]
    own = np.array([covariance.df(row) for row in vectors.T @ L])
    if np.ptp(own) <= 1e-8 * own.max() or np.isinf(own).all():
        return float(own.mean()), 1.0
    if not np.all(own > 2.0):
        return 2.0, 1.0
    with np.errstate(invalid="ignore"):
        total = float(np.where(np.isinf(own), 1.0, own / (own - 2.0)).sum())
    return 2.0 * total / (total - len(L)), 1.0


def _upper_f(q: int, df: float, statistic: float) -> float:
    if not (statistic >= 0.0 and df > 0.0):
        return math.nan
    if math.isinf(df):
        return float(special().chdtrc(q, q * statistic))
    return float(special().fdtrc(q, df, statistic))


def likelihood_ratio_test(
    fitted: Fitted, L: FloatArray, rhs: FloatArray, null: Fitted | None = None
) -> JointTest:
    """Test ``L coef = rhs`` by the loss of log-likelihood.

    Parameters
    ----------
    fitted : Fitted
        A fit by maximum likelihood.
    L : (q, P) array
        Independent restrictions.
    rhs : (q,) array
        Right sides.
    null : Fitted, optional
        The fit under the restrictions, if there is one already.

    Returns
    -------
    JointTest
        nan where the fit under the restrictions is no optimum.
    """
    small = restricted(fitted, L, rhs) if null is None else null
    statistic = 2.0 * (fitted.loglik - small.loglik)
    if not statistic > -_LOST or not has_supremum(small):
        return JointTest("likelihood ratio", math.nan, len(L), math.inf, math.nan)
    statistic = max(statistic, 0.0)
    p = float(special().chdtrc(len(L), statistic))
    return JointTest("likelihood ratio", statistic, len(L), math.inf, p)
