r"""Can the data tell the sources apart? How alike their covariance matrices are to the likelihood.

With :math:`V = R + \sum_t v_t K_t` the covariance matrix of the response (of the working response
at the estimates, where it is not Gaussian) and :math:`P = V^{-1} - V^{-1} X (X' V^{-1} X)^{-1} X'
V^{-1}`, the restricted likelihood has the expected information

.. math:: I_{st} = \tfrac12 \operatorname{tr}(P K_s P K_t)

on the variances.  Three things follow.

* **alike**: :math:`I_{st} / \sqrt{I_{ss} I_{tt}}`, the cosine of the angle between two structures
  as the likelihood sees them.  At one, only the sum of their variances can be known.
* **kept**: :math:`1 / (I_{ss} (I^{-1})_{ss})`, the part of the information on a variance that is
  left when all others have to be estimated too.
* **split**: the share :math:`\pi = v_s / (v_s + v_t)` of what two sources explain together, with
  the standard error that :math:`I^{-1}` gives it, on the boundary too.

Up to some thousand rows the traces are exact.  Beyond, they are means over random draws
:math:`f_s \sim N(0, K_s)`, :math:`\operatorname{tr}(P K_s P K_t) = E (f_s' P f_t)^2` over
independent draws, with an error from the jackknife; no n x n matrix is made.  Parameters of
structures, such as the range of a field, are held at their estimates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.formula.spec import MEAN
from ilk.inference.comparison.nesting import columns_of
from ilk.num import jets
from ilk.num.triangular import covariance_root
from ilk.variance.levels_of_variance import is_additive
from ilk.variance.partition_sources import RowForms, sources_of

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.model.dependence import Dependence
    from ilk.typing import FloatArray, IntArray

__all__ = ["Alike", "Split", "alike", "split_of", "working_draws"]

EXACT = 2000
"""Rows up to which the traces are exact."""

_FLOOR = 1e-8
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Alike:
    """How alike k sources are: the random terms, and the residual if there is one.

    Parameters
    ----------
    names : tuple of k str
        The sources.
    variances : (k,) array
        Their variances.
    information : (k, k) array
        Expected information on the variances.
    alike, alike_error : (k, k) arrays
        Cosines between the sources, and their Monte Carlo errors; zero where they are exact.
    kept, kept_error : (k,) arrays
        Part of the information on each that is left.
    draws : int
        Random draws of each source; 0 if the traces are exact.
    """

    names: tuple[str, ...]
    variances: FloatArray
    information: FloatArray
    alike: FloatArray
    alike_error: FloatArray
    kept: FloatArray
    kept_error: FloatArray
    draws: int

    @property
    def covariance(self) -> FloatArray:
        """Covariance matrix (k, k) of the estimated variances; infinite where they are one."""
        scale = np.sqrt(np.diag(self.information))
        scale = np.where(scale > 0.0, scale, 1.0)
        correlation = self.information / np.outer(scale, scale)
        if np.linalg.eigvalsh(correlation)[0] < _FLOOR:
            return np.full(correlation.shape, math.inf)
        return np.asarray(np.linalg.inv(correlation) / np.outer(scale, scale))


@dataclass(frozen=True, slots=True)
class Split:
    """How well what two sources explain together is divided between them.

    Parameters
    ----------
    first, second : str
        The sources.
    alike : float
        Cosine between them.
    share, low, high : float
        Share of the first, and an interval of 95 %.
    verdict : {"apart", "roughly", "not", "no information", "nothing"}
        Whether the data tell them apart; ``"not"`` if they are alike, ``"no information"`` if there
        are too few data.
    """

    first: str
    second: str
    alike: float
    share: float
    low: float
    high: float
    verdict: str


def alike(fitted: Fitted, draws: int = 100, seed: int | None = 0, exact: int = EXACT) -> Alike:
    """Compute how alike the sources of variation are.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    draws : int
        Random draws of each source where there are many rows.
    seed : int or None
        Makes them repeatable.
    exact : int
        Rows up to which the traces are exact.

    Returns
    -------
    Alike

    Raises
    ------
    ModelError
        Rows stand for several (frequency weights), or there are predictors beside the mean's with
        random effects.
    """
    weights = fitted.design.frequency_weights
    if weights is not None and np.any(weights != 1.0):
        raise ModelError(
            "How alike sources are is not computed for rows with frequency weights: repeat the "
            "rows instead.",
            code="frequency-weights",
        )
    units = _units(fitted)
    names = [source.name for source in sources_of(fitted)]
    variances = RowForms(fitted).population(fitted.estimates.psi).tolist()
    noise = _noise(fitted)
    residual = is_additive(fitted)
    if residual:
        names.append("residual")
        variances.append(float(noise.mean()))
    if fitted.model.rows <= exact:
        found = _exact(fitted, units, noise, residual=residual)
        error = np.zeros_like(found)
        none = np.zeros(len(found))
        return Alike(
            tuple(names), np.array(variances), found, _cosines(found), error, _kept(found), none, 0
        )
    return _drawn(fitted, tuple(names), np.array(variances), units, noise, draws, seed)


def split_of(found: Alike, first: int, second: int) -> Split:
    """Say how well two sources are told apart.

    Parameters
    ----------
    found : Alike
        How alike all sources are.
    first, second : int
        Positions of the two.

    Returns
    -------
    Split
    """
    a, b = float(found.variances[first]), float(found.variances[second])
    cosine = float(found.alike[first, second])
    names = found.names[first], found.names[second]
    whole = a + b
    if not whole > 0.0:
        return Split(*names, cosine, math.nan, 0.0, 1.0, "nothing")
    C = found.covariance
    variance = math.inf
    if np.all(np.isfinite(C)):
        i, j = first, second
        variance = float(b * b * C[i, i] + a * a * C[j, j] - 2.0 * a * b * C[i, j]) / whole**4
    share, half = a / whole, _Z * math.sqrt(max(variance, 0.0))
    low, high = max(0.0, share - half), min(1.0, share + half)
    width = high - low
    verdict = "apart"
    if width > 0.8:
        verdict = "not" if cosine > 0.5 else "no information"
    elif width > 0.5:
        verdict = "roughly"
    return Split(*names, cosine, share, low, high, verdict)


def working_draws(fitted: Fitted, draws: int, rng: np.random.Generator) -> FloatArray:
    """Draws (n, m) of ``P y`` with working responses y of the covariance matrix V.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    draws : int
        Number m of draws.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    (n, m) array
        Scores of the rows, such as the model would give.
    """
    noise = _noise(fitted)
    y = np.sqrt(noise)[:, None] * rng.standard_normal((len(noise), draws))
    for t, G in enumerate(fitted.estimates.covariances):
        y += _field(fitted, t, G, rng, draws)
    return _projection(fitted, noise)(y)


def _units(fitted: Fitted) -> list[FloatArray]:
    """Covariance matrix (q, q) of each term as it is estimated, scaled to a variance of one."""
    out = []
    for term, G in zip(fitted.design.terms, fitted.estimates.covariances, strict=True):
        z = columns_of(term)
        shape = G if np.trace(G) > 0.0 else np.eye(len(G))
        size = float(np.mean(np.sum((z @ shape) * z, axis=1)))
        out.append(shape / (size if size > 0.0 else 1.0))
    return out


def _noise(fitted: Fitted) -> FloatArray:
    """Variance (n,) of the working response given the random effects."""
    if fitted.model.linear:
        precision = fitted.design.precision_weights
        ones = np.ones(fitted.model.rows)
        return fitted.estimates.sigma2 * (ones if precision is None else 1.0 / precision)
    response = fitted.design.response
    place = list(fitted.family.parameters).index(MEAN)
    jet = fitted.family.log_density(
        response.y, response.second, jets.variables(fitted.predictors, 2)
    )
    curvature = -jet.second[jets.pair(place, place)]
    return np.asarray(1.0 / np.maximum(curvature, _FLOOR * np.abs(curvature).max()))


def _mean_columns(fitted: Fitted) -> FloatArray:
    return fitted.model.parts[MEAN].X


def _exact(
    fitted: Fitted, units: Sequence[FloatArray], noise: FloatArray, *, residual: bool
) -> FloatArray:
    """Information (k, k), with n x n matrices."""
    over, terms = fitted.dependences, fitted.design.terms
    parts = []
    V = np.diag(noise)
    variances = RowForms(fitted).population(fitted.estimates.psi)
    for t, (term, unit, dependence) in enumerate(zip(terms, units, over, strict=True)):
        z, codes = columns_of(term), term.grouping.codes
        if dependence is None:
            C = (codes[:, None] == codes[None, :]).astype(np.float64)
        else:
            C = _among(dependence, codes)
        parts.append(C * (z @ unit @ z.T))
        V += variances[t] * parts[t]
    if residual:
        parts.append(np.diag(noise / noise.mean()))
    X = _mean_columns(fitted)
    root = np.linalg.cholesky(V)
    inverse = np.linalg.inv(root)
    P = inverse.T @ inverse
    Q = np.linalg.qr(inverse @ X)[0]
    half = inverse.T @ Q
    P -= half @ half.T
    turned = [P @ K for K in parts]
    return np.array([[0.5 * float(np.sum(a * b.T)) for b in turned] for a in turned])


def _among(dependence: Dependence, codes: IntArray) -> FloatArray:
    """Covariance matrix (n, n) of the levels of the rows."""
    seen, place = np.unique(codes, return_inverse=True)
    place = place.ravel()
    return np.asarray(dependence.covariance_among(seen)[np.ix_(place, place)])


def _cosines(information: FloatArray) -> FloatArray:
    scale = np.sqrt(np.maximum(np.diag(information), 0.0))
    scale = np.where(scale > 0.0, scale, math.inf)
    return np.asarray(information / np.outer(scale, scale))


def _kept(information: FloatArray) -> FloatArray:
    """Part of the information on each variance that is left with all others unknown."""
    cosines = _cosines(information)
    values, vectors = np.linalg.eigh(cosines)
    if values[0] < _FLOOR:
        weak = np.abs(vectors[:, values < _FLOOR]).max(axis=1) > 1e-6
        sound = np.maximum(values, _FLOOR)
        inverse = np.sum(vectors**2 / sound, axis=1)
        return np.where(weak, 0.0, 1.0 / inverse)
    return np.asarray(1.0 / np.sum(vectors**2 / values, axis=1))


def _drawn(
    fitted: Fitted,
    names: tuple[str, ...],
    variances: FloatArray,
    units: Sequence[FloatArray],
    noise: FloatArray,
    draws: int,
    seed: int | None,
) -> Alike:
    """Traces by random draws, with errors from the jackknife."""
    rng = np.random.default_rng(seed)
    fields = [_field(fitted, t, unit, rng, draws) for t, unit in enumerate(units)]
    if len(names) > len(fields):
        root = np.sqrt(noise / noise.mean())
        fields.append(root[:, None] * rng.standard_normal((len(noise), draws)))
    project = _projection(fitted, noise)
    turned = [project(F) for F in fields]
    k = len(fields)
    squares = np.zeros((k, k, draws, draws))
    for s in range(k):
        for t in range(s, k):
            product = (fields[s].T @ turned[t]) ** 2
            if s == t:
                np.fill_diagonal(product, 0.0)
            squares[s, t], squares[t, s] = product, product.T
    whole = squares.sum(axis=(2, 3))
    cross = squares.sum(axis=3) + squares.sum(axis=2) - np.einsum("stdd->std", squares)

    def information(total: FloatArray, count: int) -> FloatArray:
        pairs = np.full((k, k), float(count * count))
        np.fill_diagonal(pairs, count * (count - 1.0))
        return np.asarray(0.5 * total / pairs)

    found = information(whole, draws)
    left = [information(whole - cross[:, :, d], draws - 1) for d in range(draws)]
    return Alike(
        names=names,
        variances=variances,
        information=found,
        alike=_cosines(found),
        alike_error=_jackknife([_cosines(one) for one in left]),
        kept=_kept(found),
        kept_error=_jackknife([_kept(one) for one in left]),
        draws=draws,
    )


def _jackknife(values: Sequence[FloatArray]) -> FloatArray:
    found = np.array(values)
    return np.asarray(np.sqrt((len(found) - 1) * found.var(axis=0)))


def _field(
    fitted: Fitted, t: int, unit: FloatArray, rng: np.random.Generator, draws: int
) -> FloatArray:
    """Draws (n, m) of the random part of a term at variance one."""
    term, dependence = fitted.design.terms[t], fitted.dependences[t]
    z, codes, count = columns_of(term), term.grouping.codes, len(term.grouping.levels)
    turn = z @ covariance_root(unit)
    out = np.zeros((len(codes), draws))
    for column in turn.T:
        if dependence is None:
            b = rng.standard_normal((draws, count))
        else:
            b = dependence.levels.draw(dependence.theta, rng, draws)
        out += column[:, None] * b.T[codes]
    return out


def _projection(fitted: Fitted, noise: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """P, by way of the conditional covariance of the random effects."""
    precision = 1.0 / noise
    terms = fitted.design.terms

    def solved(x: FloatArray) -> FloatArray:
        weighted = precision[:, None] * x
        right = [
            np.stack(
                [_sums(term.grouping.codes, len(term.grouping.levels), z[:, None] * weighted)
                 for z in columns_of(term).T],
                axis=1,
            ).reshape(-1, x.shape[1])
            for term in terms
        ]  # fmt: skip
        if not terms:
            return np.asarray(weighted)
        b = fitted.conditional_solve(np.vstack(right))
        out, start = np.zeros_like(x), 0
        for term in terms:
            z, count = columns_of(term), len(term.grouping.levels)
            stop = start + count * z.shape[1]
            own = b[start:stop].reshape(count, z.shape[1], -1)
            for j, column in enumerate(z.T):
                out += column[:, None] * own[term.grouping.codes, j]
            start = stop
        return np.asarray(weighted - precision[:, None] * out)

    X = _mean_columns(fitted)
    turned = solved(X)
    middle = X.T @ turned

    def projected(x: FloatArray) -> FloatArray:
        y = solved(x)
        return np.asarray(y - turned @ np.linalg.solve(middle, X.T @ y))

    return projected


def _sums(codes: IntArray, count: int, values: FloatArray) -> FloatArray:
    """Sums (L, m) of rows by level."""
    from scipy import sparse

    n = len(codes)
    member = sparse.csr_matrix((np.ones(n), (codes, np.arange(n))), shape=(count, n))
    return np.asarray(member @ values)
