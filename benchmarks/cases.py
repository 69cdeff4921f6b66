"""What is timed: one row per model, with the peers that can fit it.

A peer is left out of a case only where it cannot fit the model (no such family, no crossed
factors, ...) or where one fit takes longer than the cap; `without` says which and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BenchmarkCase:
    """A model, in words that all peers share.

    ``formula`` is in lme4's syntax; ``family`` in ilk's; ``columns`` are those that the model
    uses; ``seconds`` caps one peer's fits in a run.
    """

    name: str
    title: str
    table: str
    formula: str
    family: str = "gaussian"
    reml: bool | None = None
    zero_inflation: str | None = None
    columns: tuple[str, ...] = ()
    repeats: int = 5
    seconds: float = 60.0
    goal: float | None = None
    without: dict[str, str] = field(default_factory=dict)


_NO_ZERO = "no zero inflation in a mixed model"
_ONE_FACTOR = "fits one grouping factor at a time in practice"
_BAYES = "no maximum likelihood for this family"
_NO_REML = "no REML, no correlated slopes"
_SLOW = "one fit takes longer than the cap"

CASES: tuple[BenchmarkCase, ...] = (
    BenchmarkCase(
        "sleepstudy",
        "sleepstudy: linear, correlated slope, n = 180",
        "sleepstudy",
        "Reaction ~ Days + (Days | Subject)",
        reml=True,
        columns=("Reaction", "Days", "Subject"),
        without={"gpboost": _NO_REML},
    ),
    BenchmarkCase(
        "cbpp",
        "cbpp: binomial, n = 56",
        "cbpp",
        "cbind(incidence, failures) ~ period + (1 | herd)",
        "binomial",
        columns=("incidence", "failures", "size", "proportion", "period", "herd"),
        without={"statsmodels": _BAYES},
    ),
    BenchmarkCase(
        "contraception",
        "Contraception: Bernoulli, slope, n = 1,934",
        "Contraception",
        "used ~ age + age2 + urban + livch + (urban | district)",
        "binomial",
        columns=("used", "age", "age2", "urban", "livch", "district"),
        without={"statsmodels": _BAYES, "gpboost": "no correlated slopes"},
    ),
    BenchmarkCase(
        "verbagg",
        "VerbAgg: Bernoulli, crossed, n = 7,584",
        "VerbAgg",
        "agrees ~ Anger + Gender + btype + situ + (1 | id) + (1 | item)",
        "binomial",
        columns=("agrees", "Anger", "Gender", "btype", "situ", "id", "item"),
        goal=5.0,
        without={"statsmodels": _BAYES},
    ),
    BenchmarkCase(
        "grouseticks",
        "grouseticks: Poisson, three factors, n = 403",
        "grouseticks",
        "TICKS ~ YEAR + cHEIGHT + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION)",
        "poisson",
        columns=("TICKS", "YEAR", "cHEIGHT", "BROOD", "INDEX", "LOCATION"),
        goal=5.0,
        without={"statsmodels": _BAYES},
    ),
    BenchmarkCase(
        "chem97",
        "Chem97: linear, nested, n = 31,022",
        "Chem97",
        "score ~ gcsecnt + (1 | school) + (1 | lea)",
        reml=False,
        columns=("score", "gcsecnt", "school", "lea"),
        goal=5.0,
        without={"statsmodels": _ONE_FACTOR},
    ),
    BenchmarkCase(
        "insteval",
        "InstEval: linear, three crossed factors, n = 73,421",
        "InstEval",
        "y ~ service + (1 | s) + (1 | d) + (1 | dept)",
        reml=False,
        columns=("y", "service", "s", "d", "dept"),
        repeats=3,
        goal=5.0,
        without={"statsmodels": _ONE_FACTOR},
    ),
    BenchmarkCase(
        "insteval_binary",
        "InstEval: Bernoulli, three crossed factors, n = 73,421",
        "InstEval",
        "high ~ service + (1 | s) + (1 | d) + (1 | dept)",
        "binomial",
        columns=("high", "service", "s", "d", "dept"),
        repeats=3,
        seconds=45.0,
        without={"statsmodels": _BAYES, "lme4": _SLOW, "mixedlm": _SLOW},
    ),
    BenchmarkCase(
        "salamanders_nb2",
        "Salamanders: negative binomial 2, n = 644",
        "Salamanders",
        "count ~ mined + spp + (1 | site)",
        "negative_binomial_2",
        columns=("count", "mined", "spp", "site"),
        without={"statsmodels": _BAYES},
    ),
    BenchmarkCase(
        "salamanders_zinb2",
        "Salamanders: zero-inflated negative binomial 2, n = 644",
        "Salamanders",
        "count ~ mined + spp + (1 | site)",
        "negative_binomial_2",
        zero_inflation="~ mined",
        columns=("count", "mined", "spp", "site"),
        without={
            "statsmodels": _BAYES,
            "glmm": _NO_ZERO,
            "mixedlm": _NO_ZERO,
            "lme4": _NO_ZERO,
            "gpboost": "zero inflation without covariates only",
        },
    ),
    BenchmarkCase(
        "poisson_large",
        "simulated: Poisson, 20,000 groups, n = 200,000",
        "poisson_large",
        "y ~ x + z + (1 | g)",
        "poisson",
        columns=("y", "x", "z", "g"),
        repeats=3,
        seconds=45.0,
        goal=5.0,
        without={"statsmodels": _BAYES},
    ),
    BenchmarkCase(
        "crossed_large",
        "simulated: linear, three partially crossed factors, n = 300,000",
        "crossed_large",
        "y ~ x + (1 | pupil) + (1 | teacher) + (1 | school)",
        reml=False,
        columns=("y", "x", "pupil", "teacher", "school"),
        repeats=2,
        seconds=60.0,
        goal=5.0,
        without={"statsmodels": _ONE_FACTOR, "lme4": _SLOW, "glmmTMB": _SLOW},
    ),
    BenchmarkCase(
        "bernoulli_large",
        "simulated: Bernoulli, 50,000 groups, n = 1,000,000",
        "bernoulli_large",
        "y ~ x + z + (1 | g)",
        "binomial",
        columns=("y", "x", "z", "g"),
        repeats=2,
        seconds=60.0,
        without={"statsmodels": _BAYES, "lme4": _SLOW, "glmmTMB": _SLOW},
    ),
)


def base(peer: str) -> str:
    """Return the program behind a peer's name: ``glmm`` for ``glmm_se``."""
    return peer.split("_")[0]
