"""Every family and every link once more, from their definitions, in high precision.

Nothing here comes from `ilk.family` but the classes of the wrappers, which are taken apart.  A
density is complete, takes the mean mu (the mean before truncation, inflation or censoring), the
number of trials and the other linear predictors, all as mpmath numbers, and works in whatever
precision is set: differences of it are derivatives (`derivatives`).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mpmath import mp
from scipy import optimize, special

from ilk.family import AbstractFamily
from ilk.family.censored import Censored
from ilk.family.inflation import ZeroInflated
from ilk.family.link import link_kind
from ilk.family.thresholds import structure
from ilk.family.truncated import Truncated
from ilk.num.jets import Jet, pair, triple, variables

__all__ = [
    "DENSITIES",
    "INVERSES",
    "assert_exact",
    "derivatives",
    "log_density",
    "mean_of",
    "probability",
]

Number = Any

INVERSES: dict[str, Callable[[Number], Number]] = {
    "identity": lambda e: e,
    "log": mp.exp,
    "logit": lambda e: 1 / (1 + mp.exp(-e)),
    "probit": lambda e: mp.ncdf(e),
    "cloglog": lambda e: -mp.expm1(-mp.exp(e)),
    "loglog": lambda e: mp.exp(-mp.exp(-e)),
    "cauchit": lambda e: mp.atan2(1, -e) / mp.pi,
    "inverse": lambda e: 1 / e,
    "inverse_squared": lambda e: 1 / mp.sqrt(e),
    "sqrt": lambda e: e**2,
    "softplus": lambda e: mp.log1p(mp.exp(e)),
}
"""Means of linear predictors, by link; powers have their exponent in the name."""


def mean_of(family: AbstractFamily, eta: Number) -> Number:
    """Mean of a linear predictor, in the precision that is set."""
    link: Any = family.link
    if link_kind(link) == "power":
        return eta ** (1 / mp.mpf(link.exponent))
    return INVERSES[link.name](eta)


COMPLEMENTS: dict[str, Callable[[Number], Number]] = {
    "logit": lambda e: 1 / (1 + mp.exp(e)),
    "probit": lambda e: mp.ncdf(-e),
    "cloglog": lambda e: mp.exp(-mp.exp(e)),
    "loglog": lambda e: -mp.expm1(-mp.exp(-e)),
    "cauchit": lambda e: mp.atan2(1, e) / mp.pi,
}
"""One minus the mean, where the difference of the two may take more digits than are set."""


def _complement(family: AbstractFamily, eta: Number) -> Number:
    plain = COMPLEMENTS.get(family.link.name)
    return 1 - mean_of(family, eta) if plain is None else plain(eta)


def _gaussian(y: Number, n: Number, mu: Number, log_phi: Number) -> Number:
    return -((y - mu) ** 2) * mp.exp(-log_phi) / 2 - log_phi / 2 - mp.log(2 * mp.pi) / 2


def _student(y: Number, n: Number, mu: Number, log_phi: Number, shape: Number) -> Number:
    nu, square = 1 + mp.exp(shape), (y - mu) ** 2 * mp.exp(-log_phi)
    peak = mp.loggamma((nu + 1) / 2) - mp.loggamma(nu / 2) - mp.log(nu * mp.pi) / 2
    return peak - log_phi / 2 - (nu + 1) / 2 * mp.log1p(square / nu)


def _skew_normal(y: Number, n: Number, mu: Number, log_phi: Number, alpha: Number) -> Number:
    shift = mp.sqrt(2 / mp.pi) * alpha / mp.sqrt(1 + alpha**2)
    omega = mp.sqrt(mp.exp(log_phi) / (1 - shift**2))
    w = (y - mu) / omega + shift
    return mp.log(2) - mp.log(omega) + mp.log(mp.npdf(w)) + mp.log(mp.ncdf(alpha * w))


def _log_choose(n: Number, y: Number) -> Number:
    return mp.loggamma(n + 1) - mp.loggamma(y + 1) - mp.loggamma(n - y + 1)


def _binomial(y: Number, n: Number, mu: Number, rest: Number) -> Number:
    return _log_choose(n, y) + y * mp.log(mu) + (n - y) * mp.log(rest)


def _poisson(y: Number, n: Number, mu: Number) -> Number:
    return y * mp.log(mu) - mu - mp.loggamma(y + 1)


def _negative_binomial(y: Number, mu: Number, k: Number) -> Number:
    ways = mp.loggamma(k + y) - mp.loggamma(k) - mp.loggamma(y + 1)
    return ways - k * mp.log1p(mu / k) - y * mp.log1p(k / mu)


def _generalized_poisson(y: Number, n: Number, mu: Number, log_phi: Number) -> Number:
    s = mp.exp(-log_phi / 2)
    rate = s * mu + (1 - s) * y
    if rate <= 0:
        return -mp.inf
    return mp.log(s * mu) + (y - 1) * mp.log(rate) - rate - mp.loggamma(y + 1)


@functools.lru_cache(maxsize=64)
def _powers(nu: Number, count: int, digits: int) -> list[Number]:
    """(j!)^-nu for j = 0, ..., count - 1."""
    out, factorial = [mp.mpf(1)], mp.mpf(0)
    for j in range(1, count):
        factorial += mp.log(j)
        out.append(mp.exp(-nu * factorial))
    return out


@functools.lru_cache(maxsize=64)
def _tilt(mu: Number, nu: Number, digits: int) -> tuple[Number, Number]:
    """Logarithm of lambda, and of the sum, at which a Conway-Maxwell-Poisson mean is mu."""
    far = digits * mp.log(10) / nu  # logarithms of the tail, from Bernstein's inequality
    far = min(far / 3 + mp.sqrt(far**2 / 9 + 2 * far * mu), digits * mp.log(10) * (mu + 1))
    j = np.arange(float(mu + far) + 50.0)
    weights = _powers(nu, len(j), digits)
    logs = float(nu) * special.gammaln(j + 1.0)

    def error(a: float) -> float:
        return float(special.softmax(j * a - logs) @ j - float(mu))

    high = float(nu) * math.log(float(mu) + 2.0) + 2.0
    a = mp.mpf(optimize.brentq(error, -2.0 * abs(float(mp.log(mu))) - 50.0, high, xtol=1e-13))
    for _ in range(int(math.log2(digits)) + 1):  # each step doubles the digits
        rate, terms, power = mp.exp(a), [], mp.mpf(1)
        for weight in weights:
            terms.append(weight * power)
            power *= rate
        total = mp.fsum(terms)
        mean = mp.fsum(k * x for k, x in enumerate(terms)) / total
        square = mp.fsum(k * k * x for k, x in enumerate(terms)) / total
        a -= (mean - mu) / (square - mean**2)
    return a, mp.log(mp.fsum(x * mp.exp(a) ** k for k, x in enumerate(weights)))


def _conway_maxwell_poisson(y: Number, n: Number, mu: Number, log_phi: Number) -> Number:
    nu = mp.exp(-log_phi)
    a, log_sum = _tilt(mu, nu, mp.dps)
    return y * a - nu * mp.loggamma(y + 1) - log_sum


def _gamma(y: Number, n: Number, mu: Number, log_phi: Number) -> Number:
    k = mp.exp(-log_phi)
    return k * mp.log(k / mu) - mp.loggamma(k) + (k - 1) * mp.log(y) - k * y / mu


def _inverse_gaussian(y: Number, n: Number, mu: Number, log_phi: Number) -> Number:
    phi = mp.exp(log_phi)
    return -mp.log(2 * mp.pi * phi * y**3) / 2 - (y - mu) ** 2 / (2 * phi * mu**2 * y)


def _lognormal(y: Number, n: Number, mu: Number, log_phi: Number) -> Number:
    center = mp.log(mu) - mp.exp(log_phi) / 2
    return _gaussian(mp.log(y), n, center, log_phi) - mp.log(y)


def _weibull(y: Number, n: Number, mu: Number, log_phi: Number) -> Number:
    k, scale = mp.exp(-log_phi), mu / mp.gamma(1 + mp.exp(log_phi))
    return mp.log(k / scale) + (k - 1) * mp.log(y / scale) - (y / scale) ** k


def _beta(y: Number, n: Number, mu: Number, rest: Number, log_phi: Number) -> Number:
    a, b = mu * mp.exp(-log_phi), rest * mp.exp(-log_phi)
    norm = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)
    return norm + (a - 1) * mp.log(y) + (b - 1) * mp.log1p(-y)


def _beta_binomial(y: Number, n: Number, mu: Number, rest: Number, log_phi: Number) -> Number:
    a, b = mu * mp.exp(-log_phi), rest * mp.exp(-log_phi)
    up = mp.loggamma(a + y) + mp.loggamma(b + n - y) + mp.loggamma(a + b)
    return _log_choose(n, y) + up - mp.loggamma(a) - mp.loggamma(b) - mp.loggamma(a + b + n)


@functools.lru_cache(maxsize=64)
def _log_gammas(alpha: Number, count: int, digits: int) -> list[Number]:
    return [mp.loggamma(j + 1) + mp.loggamma(-j * alpha) for j in range(1, count + 1)]


@functools.lru_cache(maxsize=1024)
def _tweedie_sum(y: Number, phi: Number, p: Number, digits: int) -> Number:
    """Logarithm of W, Dunn and Smyth (2005), Statistics and Computing 15, equations 4 and 6."""
    alpha = (2 - p) / (1 - p)
    log_z = -alpha * mp.log(y) + alpha * mp.log(p - 1) - (1 - alpha) * mp.log(phi) - mp.log(2 - p)
    peak = float(y ** (2 - p) / (phi * (2 - p)))
    count = int(peak + 3.0 * math.sqrt(digits * (peak + 1.0)) + 3.0 * digits / (1.0 - float(alpha)))
    terms = [j * log_z - g for j, g in enumerate(_log_gammas(alpha, count + 20, digits), 1)]
    top = max(terms)
    assert terms[-1] < top - digits * 2.3
    return top + mp.log(mp.fsum(mp.exp(x - top) for x in terms))


def _tweedie(y: Number, n: Number, mu: Number, log_phi: Number, shape: Number) -> Number:
    p, phi = 1 + 1 / (1 + mp.exp(-shape)), mp.exp(log_phi)
    kappa = mu ** (2 - p) / (2 - p)
    if y == 0:
        return -kappa / phi
    theta = mu ** (1 - p) / (1 - p)
    return _tweedie_sum(y, phi, p, mp.dps) - mp.log(y) + (y * theta - kappa) / phi


def _ordered_beta(family: AbstractFamily, y: Number, eta: Sequence[Number]) -> Number:
    first, log_phi, low, high = eta
    if y == 0:
        return mp.log(_complement(family, first - low))
    if y == 1:
        return mp.log(mean_of(family, first - high))
    between = mean_of(family, first - low) - mean_of(family, first - high)
    mu, rest = mean_of(family, first), _complement(family, first)
    return mp.log(between) + _beta(y, mp.one, mu, rest, log_phi)


DENSITIES: dict[str, Callable[..., Number]] = {
    "gaussian": _gaussian,
    "student": _student,
    "skew_normal": _skew_normal,
    "binomial": _binomial,
    "poisson": _poisson,
    "negative_binomial_1": lambda y, n, mu, e: _negative_binomial(y, mu, mu * mp.exp(-e)),
    "negative_binomial_2": lambda y, n, mu, e: _negative_binomial(y, mu, mp.exp(-e)),
    "generalized_poisson": _generalized_poisson,
    "conway_maxwell_poisson": _conway_maxwell_poisson,
    "gamma": _gamma,
    "inverse_gaussian": _inverse_gaussian,
    "lognormal": _lognormal,
    "exponential": lambda y, n, mu: -mp.log(mu) - y / mu,
    "weibull": _weibull,
    "beta": _beta,
    "beta_binomial": _beta_binomial,
    "tweedie": _tweedie,
}
"""Log densities of families with a mean; where that is a probability, its complement follows."""


def probability(family: AbstractFamily, category: int, eta: Sequence[Number]) -> Number:
    """Probability of a category by the definition of its family."""
    if family.name == "multinomial":  # against the first category
        powers = [mp.mpf(1), *map(mp.exp, eta)]
        return powers[category] / sum(powers)
    ordinal: Any = family
    first = 2 if family.has_dispersion else 1
    A = structure(ordinal.thresholds, ordinal.categories)[1]
    cuts = [sum(mp.mpf(a) * e for a, e in zip(row, eta[first:], strict=True)) for row in A]
    scale = mp.exp(-eta[1]) if family.has_dispersion else mp.mpf(1)
    below = [INVERSES[family.link.name]((cut - eta[0]) * scale) for cut in cuts]
    match family.name:
        case "cumulative":
            ends = [mp.mpf(0), *below, mp.mpf(1)]
            return ends[category + 1] - ends[category]
        case "continuation_ratio":
            passed = mp.mpf(1)
            for stop in below[:category]:
                passed *= 1 - stop
            return passed if category == len(below) else passed * below[category]
        case "adjacent_category":
            scores = [mp.mpf(0)]
            for cut in cuts:
                scores.append(scores[-1] + eta[0] - cut)
            return mp.exp(scores[category]) / sum(map(mp.exp, scores))
    raise AssertionError(_missing(family.name))


SURVIVAL: dict[str, Callable[..., Number]] = {
    "gaussian": lambda y, mu, e: mp.ncdf((mu - y) * mp.exp(-e / 2)),
    "lognormal": lambda y, mu, e: mp.ncdf(
        (mp.log(mu) - mp.exp(e) / 2 - mp.log(y)) * mp.exp(-e / 2)
    ),
    "exponential": lambda y, mu: mp.exp(-y / mu),
    "weibull": lambda y, mu, e: mp.exp(-((y * mp.gamma(1 + mp.exp(e)) / mu) ** mp.exp(-e))),
}
"""Probabilities of more than y, of families that may be censored."""


def _censored(family: Censored, y: Number, other: Number, eta: Sequence[Number]) -> Number:
    if y == other:
        return log_density(family.base, y, None, eta)
    low, high = min(y, other), max(y, other)
    at = functools.partial(SURVIVAL[family.base.name])
    rest = (mean_of(family, eta[0]), *eta[1:])
    limit = -mp.inf if family.base.has_zero else 0
    above = mp.mpf(1) if low <= limit else at(low, *rest)
    return mp.log(above - (0 if high == mp.inf else at(high, *rest)))


def log_density(
    family: AbstractFamily, y: Number, aux: Number | None, eta: Sequence[Number]
) -> Number:
    """Complete log density of any family of the registry, and of any wrapped one.

    Parameters
    ----------
    family : AbstractFamily
        Family with its link.
    y : number
        Response, or the code of a category.
    aux : number or None
        Number of trials, or the other end of a censored response.
    eta : sequence of mpf
        Linear predictors.
    """
    if family.categorical:
        return mp.log(probability(family, int(y), eta))
    y = mp.mpf(y)
    match family:
        case ZeroInflated():
            inner = log_density(family.base, y, aux, eta[:-1]) if y or not family.hurdle else None
            if inner is None:
                return -mp.log1p(mp.exp(-eta[-1]))
            kept = inner - mp.log1p(mp.exp(eta[-1]))
            if y:
                return kept
            return mp.log(mp.exp(kept) + 1 / (1 + mp.exp(-eta[-1])))
        case Truncated():
            zero = mp.exp(log_density(family.base, 0, aux, eta))
            return log_density(family.base, y, aux, eta) - mp.log(1 - zero)
        case Censored():
            return _censored(family, y, mp.mpf(aux), eta)
    if family.name == "ordered_beta":
        return _ordered_beta(family, y, eta)
    if family.name not in DENSITIES:
        raise AssertionError(_missing(family.name))
    n = mp.mpf(1 if aux is None else aux)
    mean = (mean_of(family, eta[0]),)
    if family.mean_range.high == 1.0:
        mean = (*mean, _complement(family, eta[0]))
    return DENSITIES[family.name](y, n, *mean, *eta[1:])


def _missing(name: str) -> str:
    return (
        f"family {name!r} has no density in tests/densities.py: add its complete log density to "
        "DENSITIES, or the probability of its categories to probability(), from the definition "
        "and not from src/ilk/family"
    )


def derivatives(
    function: Callable[[Sequence[Number]], Number], at: Sequence[float], order: int, step: Number
) -> dict[tuple[int, ...], Number]:
    """All partial derivatives to an order, by forward differences in the precision that is set.

    The relative error is about the step, and digits are lost ``order`` times over, of which there
    have to be enough.

    Parameters
    ----------
    function : callable
        Takes K numbers.
    at : sequence of K float
        Where; exactly these numbers.
    order : int
        Highest order.
    step : number
        Length of the differences, times the larger of one and the absolute value of each variable.

    Returns
    -------
    dict
        By the variables that are differentiated in, ascending: ``()`` is the value, ``(0, 0, 1)``
        twice in the first and once in the second.
    """
    K = len(at)
    steps = [step * max(1, abs(mp.mpf(x))) for x in at]
    grid: dict[tuple[int, ...], Number] = {}
    for point in itertools.product(range(order + 1), repeat=K):
        if sum(point) <= order:
            moved = [mp.mpf(x) + i * h for x, i, h in zip(at, point, steps, strict=True)]
            grid[point] = function(moved)
    out = {}
    for total in range(order + 1):
        for which in itertools.combinations_with_replacement(range(K), total):
            counts = [which.count(k) for k in range(K)]
            sum_ = mp.mpf(0)
            for taken in itertools.product(*(range(c + 1) for c in counts)):
                ways = mp.mpf((-1) ** (total - sum(taken)))
                for c, i in zip(counts, taken, strict=True):
                    ways *= mp.binomial(c, i)
                sum_ += ways * grid[taken]
            scale = mp.mpf(1)
            for k in which:
                scale *= steps[k]
            out[which] = sum_ / scale
    return out


def assert_exact(
    family: AbstractFamily,
    eta: Sequence[float],
    y: float,
    aux: float | None,
    order: int = 3,
    digits: int = 70,
) -> None:
    """Compare value and all derivatives of a log density with those in high precision.

    The error may be 1e-8 of each, 1e-11 of the largest derivative of its order, and what rounding
    makes of the largest number that the density is a sum of.

    Parameters
    ----------
    family : AbstractFamily
        Family with its link.
    eta : sequence of float
        Linear predictors.
    y : float
        Response.
    aux : float or None
        Number of trials, or the other end of a censored response.
    order : int
        Highest derivatives that are compared.
    digits : int
        Precision; the steps have a quarter of it.
    """
    other = None if aux is None else np.array([aux])
    response = np.array([y])
    with np.errstate(all="ignore"):
        jet = family.log_density(response, other, variables([np.array([e]) for e in eta], 3))
        constant = float(family.constant(response, other)[0])
    with mp.workdps(digits):
        step = mp.mpf(10) ** -(digits // 4)
        exact = {
            which: float(value)
            for which, value in derivatives(
                lambda e: log_density(family, y, aux, e), eta, order, step
            ).items()
        }
    if not math.isfinite(exact[()]):  # impossible, or less probable than a number can say
        assert not math.isfinite(float(jet.value[0])), (family.name, eta, y)
        return
    known = 0.0 if aux is None or not math.isfinite(aux) else abs(aux)
    count = max(abs(y) if math.isfinite(y) else 0.0, known)
    natural = max(1.0, abs(constant), count * (1.0 + max(map(abs, eta))))
    rounding = 64.0 * np.finfo(float).eps * max(natural, *map(abs, exact.values()))
    for which, wanted in exact.items():
        found = _part(jet, which) + (constant if which == () else 0.0)
        largest = max(abs(v) for k, v in exact.items() if len(k) == len(which))
        allowed = 1e-8 * abs(wanted) + 1e-11 * largest + rounding
        assert abs(found - wanted) <= allowed, (
            f"{family.name}:{family.link.name} at {eta}, y = {y}, aux = {aux}: derivative {which} "
            f"is {found!r}, should be {wanted!r}"
        )


def _part(jet: Jet, which: tuple[int, ...]) -> float:
    """Value or a derivative of a jet of one row."""
    match len(which):
        case 0:
            found = jet.value
        case 1:
            found = jet.first[which[0]]
        case 2:
            found = jet.second[pair(*which)]
        case _:
            found = jet.third[triple(*which)]
    return float(found[0])
