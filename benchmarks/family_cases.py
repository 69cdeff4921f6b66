"""What is timed of the families: each on 2,000 rows in 100 groups and on 50,000 in 2,000.

The peers are glmmTMB, and ordinal (`clmm`, Laplace approximation) for ordered categories.
"""

from __future__ import annotations

from .cases import BenchmarkCase
from .family_data import SIZES

_NO_FAMILY = "does not have the family"

# Name of the case, response, family of ilk, zero inflation, peer that has it.
_FAMILIES: tuple[tuple[str, str, str, str | None, str], ...] = (
    ("poisson", "count", "poisson", None, "glmmTMB"),
    ("negative_binomial_1", "clumped", "negative_binomial_1", None, "glmmTMB"),
    ("negative_binomial_2", "overdispersed", "negative_binomial_2", None, "glmmTMB"),
    ("zero_inflated_poisson", "many_zeros", "poisson", "~ 1", "glmmTMB"),
    ("zero_inflated_nb2", "many_zeros", "negative_binomial_2", "~ 1", "glmmTMB"),
    ("truncated_poisson", "positive", "truncated_poisson", None, "glmmTMB"),
    (
        "truncated_nb2",
        "positive_overdispersed",
        "truncated_negative_binomial_2",
        None,
        "glmmTMB",
    ),
    ("hurdle_poisson", "hurdle", "hurdle_poisson", "~ 1", "glmmTMB"),
    ("generalized_poisson", "clumped", "generalized_poisson", None, "glmmTMB"),
    ("conway_maxwell_poisson", "regular", "conway_maxwell_poisson", None, "glmmTMB"),
    ("tweedie", "amount", "tweedie", None, "glmmTMB"),
    ("gamma", "duration", "gamma", None, "glmmTMB"),
    ("inverse_gaussian", "passage", "inverse_gaussian", None, ""),
    ("lognormal", "size", "lognormal", None, ""),
    ("weibull", "lifetime", "weibull", None, ""),
    ("student", "heavy_tailed", "student", None, "glmmTMB"),
    ("skew_normal", "skewed", "skew_normal", None, ""),
    ("beta", "share", "beta", None, "glmmTMB"),
    ("ordered_beta", "score", "ordered_beta", None, "glmmTMB"),
    ("beta_binomial", "cbind(successes, failures)", "beta_binomial", None, "glmmTMB"),
    ("cumulative", "grade", "cumulative", None, "ordinal"),
    ("adjacent_category", "grade", "adjacent_category", None, ""),
    ("continuation_ratio", "grade", "continuation_ratio", None, ""),
    ("multinomial", "kind", "multinomial", None, ""),
)


def _case(
    size: str, name: str, response: str, family: str, inflation: str | None, peer: str
) -> BenchmarkCase:
    n, groups = SIZES[size]
    large = n > 10_000
    words = name.replace("_", " ").replace("nb2", "negative binomial 2")
    responses = ("successes", "failures") if "cbind" in response else (response,)
    return BenchmarkCase(
        f"{name}_{size.rpartition('_')[2]}",
        f"{words}, {groups:,} groups, n = {n:,}",
        size,
        f"{response} ~ x + z + (1 | g)",
        family,
        zero_inflation=inflation,
        columns=(*responses, "x", "z", "g"),
        repeats=2 if large else 3,
        seconds=60.0 if large else 20.0,
        without={p: _NO_FAMILY for p in ("glmmTMB", "ordinal") if p != peer},
    )


FAMILY_CASES = tuple(_case(size, *row) for size in SIZES for row in _FAMILIES)
"""All families in both sizes."""
