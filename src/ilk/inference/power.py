r"""Power: how often a study of another size would find an effect of a given size.

A study is drawn from the fit: clusters of the outermost grouping factor with replacement, each with
the covariates of its rows and what is nested in it; new random effects; new responses from the
family, with the coefficient of interest set to the effect and all other parameters as estimated.
The model is fitted to it and the effect tested, and the power is the share of studies that reject.
Where the effect is that of a column that is constant within clusters and has few values (an arm of
a trial), clusters are drawn within its values, whose shares are kept.

With m of B studies rejecting, the Monte Carlo interval is Wilson's,

.. math:: \frac{\hat p + z^2 / 2B \pm z \sqrt{\hat p (1 - \hat p) / B + z^2 / 4B^2}}{1 + z^2 / B}.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.errors import FitError, ModelError, did_you_mean
from ilk.formula.spec import MEAN
from ilk.inference.bootstrap.attempts import Outcome
from ilk.inference.bootstrap.engine import check_draws, check_seed
from ilk.inference.parallel import check_jobs, in_chunks
from ilk.inference.progress import Progress
from ilk.inference.robust.units import ROW
from ilk.inference.studies import Studies, drawn_unit, strata_of
from ilk.inference.wald import default_df, two_sided
from ilk.prediction.levels import check_choice
from ilk.simulate import generator_of

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["Power", "PowerTest", "power", "wilson"]

PowerTest: TypeAlias = Literal["wald", "likelihood_ratio"]
"""How each study is tested."""

_LEAST = 0.5
"""Share of the refits that must succeed."""


@dataclass(frozen=True, slots=True)
class Power:
    """Power by number of clusters and effect, one element of each array for both.

    Parameters
    ----------
    terms : tuple of str
        Coefficients whose effects are tested.
    effect : (k,) array
        Their assumed values.
    clusters : (k,) array of int
        Number of clusters.
    rows : (k,) array
        Average number of rows of the studies.
    power, conf_low, conf_high : (k,) arrays
        Share of studies that reject, and its Monte Carlo interval.
    studies, failed : (k,) arrays of int
        Number of studies counted, and of those whose fit failed.
    unit : str
        What a cluster is: name of a factor, or ``"row"``.
    fixed : tuple of str
        Grouping factors that keep their levels.
    kept : tuple of str
        Effects within whose values clusters were drawn.
    test, tested_by : str
        The test, and in words.
    alpha : float
        Level of the test.
    seed : int
        Seed of the draws.
    reasons : tuple of str
        Most frequent reasons of failures.
    """

    terms: tuple[str, ...]
    effect: FloatArray
    clusters: IntArray
    rows: FloatArray
    power: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    studies: IntArray
    failed: IntArray
    unit: str
    fixed: tuple[str, ...]
    kept: tuple[str, ...]
    test: str
    tested_by: str
    alpha: float
    seed: int
    reasons: tuple[str, ...]


def power(
    fitted: Fitted,
    effect: Any,
    n_clusters: Any,
    *,
    rows_per_cluster: Any = None,
    cluster: str | None = None,
    alpha: float = 0.05,
    draws: Any = 500,
    seed: Any = None,
    n_jobs: Any = 1,
    test: PowerTest = "wald",
    level: float = 0.95,
) -> Power:
    """Compute the power of studies like the one of a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit; it supplies covariates, other coefficients and variances.
    effect : mapping of str to float
        Coefficients of the mean and the values that they are assumed to have.
    n_clusters : int or sequence of int
        Numbers of clusters; of rows for a fit without random terms, whose rows are independent.
    rows_per_cluster : int, optional
        Rows of each cluster, drawn from its own (with replacement where it has fewer); as many as
        it has by default.
    cluster : str, optional
        Grouping factor whose levels are drawn; the outermost by default.  Factors that are nested
        in it are drawn along, all others keep their levels.
    alpha : float
        Level of the two-sided test.
    draws : int
        Studies for each number of clusters.
    seed : int, optional
        Makes the draws repeatable.
    n_jobs : int or None
        Fits at one time.
    test : {"wald", "likelihood_ratio"}
        Wald's test with the degrees of freedom that tables have by default, or the likelihood
        ratio of two fits by maximum likelihood.
    level : float
        Coverage of the Monte Carlo interval.

    Returns
    -------
    Power

    Raises
    ------
    ModelError
        An argument is wrong, factors cross, or rows have frequency weights.
    FitError
        More than half of the fits failed.
    """
    check_choice("test", test, PowerTest)
    places, values = _effects(fitted, effect)
    sizes = _sizes(n_clusters)
    alpha, z = _check_alpha(alpha), two_sided(level)
    per = None if rows_per_cluster is None else _whole("rows_per_cluster", rows_per_cluster, 1)
    count, jobs = check_draws(draws), check_jobs(n_jobs)
    check_seed(seed)
    _check_fit(fitted)
    unit, codes, fixed = drawn_unit(fitted, cluster)
    root = np.random.SeedSequence(seed)
    entropy = root.entropy if seed is not None else int(root.generate_state(1)[0])
    sources = np.random.SeedSequence(entropy).spawn(len(sizes))
    strata, kept = strata_of(fitted, places, codes)
    drawn = "rows" if unit == ROW else "clusters"
    if min(sizes) < len(strata):
        raise ModelError(
            f"n_clusters={min(sizes)}: the {drawn} have {len(strata)} values of "
            f"{' and '.join(kept)}; a study needs at least one of each.",
            code="n-clusters",
        )
    found, reasons = [], []
    with Progress("power", count * len(sizes)) as progress:
        for size, source in zip(sizes, sources, strict=True):
            work = Studies(fitted, tuple(places), values, strata, size, per, test, fixed)
            chunks = in_chunks(work, partial(generator_of, source), range(count), jobs)
            outcomes: list[Outcome] = []
            with closing(chunks):
                for numbers, results in chunks:
                    outcomes += results
                    progress.add(len(numbers))
            lost = [outcome for outcome in outcomes if isinstance(outcome, str)]
            reasons += lost
            _check_enough(lost, count, f"{size} {drawn}")
            found.append(np.array([o for o in outcomes if not isinstance(o, str)]))
    k = len(places)
    rejected = np.array([np.sum(part[:, :k] < alpha, axis=0) for part in found]).ravel()
    studies = np.repeat([len(part) for part in found], k)
    low, high = wilson(rejected, studies, z)
    return Power(
        terms=tuple(fitted.names[place][1] for _ in sizes for place in places),
        effect=np.tile(values, len(sizes)),
        clusters=np.repeat(np.array(sizes, dtype=np.int64), k),
        rows=np.repeat([float(part[:, k].mean()) for part in found], k),
        power=rejected / studies,
        conf_low=low,
        conf_high=high,
        studies=studies.astype(np.int64),
        failed=count - studies.astype(np.int64),
        unit=unit,
        fixed=tuple(sorted(fixed)),
        kept=kept,
        test=test,
        tested_by=_words(fitted, test),
        alpha=alpha,
        seed=int(entropy),  # type: ignore[arg-type]
        reasons=tuple(dict.fromkeys(reasons))[:3],
    )


def wilson(successes: Any, trials: Any, z: float) -> tuple[FloatArray, FloatArray]:
    """Wilson's interval of a probability.

    Parameters
    ----------
    successes, trials : (k,) arrays
        Counts.
    z : float
        Quantile of the normal distribution.

    Returns
    -------
    low, high : (k,) arrays

    Examples
    --------
    >>> low, high = wilson([8], [10], 1.959964)
    >>> low.round(4), high.round(4)
    (array([0.4902]), array([0.9433]))
    """
    n = np.asarray(trials, dtype=np.float64)
    p = np.asarray(successes, dtype=np.float64) / n
    center = p + z * z / (2.0 * n)
    reach = z * np.sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n))
    whole = 1.0 + z * z / n
    return np.maximum((center - reach) / whole, 0.0), np.minimum((center + reach) / whole, 1.0)


def _effects(fitted: Fitted, effect: Any) -> tuple[list[int], FloatArray]:
    """Places of the coefficients, and their assumed values."""
    names = {name: i for i, (part, name) in enumerate(fitted.names) if part == MEAN}
    if MEAN not in fitted.family.parameters:
        raise ModelError(
            f"power() is about coefficients of one mean, and family {fitted.family.name!r} has a "
            "predictor of each category: simulate() and refit() answer it for these.",
            code="no-predictor",
        )
    if not isinstance(effect, Mapping) or not effect:
        raise ModelError(
            f"effect={effect!r:.60}: give a dictionary of coefficients and the values they are "
            "assumed to have, such as {'policy': -0.4}.",
            code="effect",
        )
    for name, value in effect.items():
        if name not in names:
            known = ", ".join(map(repr, list(names)[:8])) + (", ..." if len(names) > 8 else "")
            raise ModelError(
                f"effect: {name!r:.80} is no coefficient of the mean; there are {known}."
                f"{did_you_mean(str(name), names)}",
                code="unknown-coefficient",
            )
        number = isinstance(value, (int, float, np.integer, np.floating))
        if not number or isinstance(value, bool) or not math.isfinite(value):
            raise ModelError(f"effect: {name!r} is {value!r:.60}; give a number.", code="effect")
    return [names[name] for name in effect], np.array(list(effect.values()), dtype=np.float64)


def _sizes(n_clusters: Any) -> list[int]:
    listed: Sequence[Any] = (
        list(n_clusters)
        if hasattr(n_clusters, "__iter__") and not isinstance(n_clusters, str)
        else [n_clusters]
    )
    if not listed:
        raise ModelError("n_clusters= is empty; give at least one number.", code="n-clusters")
    return [_whole("n_clusters", size, 2) for size in listed]


def _whole(argument: str, value: Any, least: int) -> int:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if whole and value >= least:
        return int(value)
    raise ModelError(f"{argument}={value!r:.60}: give a whole number from {least}.", code=argument)


def _check_alpha(alpha: Any) -> float:
    if isinstance(alpha, (int, float, np.floating)) and 0.0 < alpha < 1.0:
        return float(alpha)
    raise ModelError(f"alpha={alpha!r:.60}: give a number between 0 and 1.", code="alpha")


def _check_fit(fitted: Fitted) -> None:
    weights = fitted.design.frequency_weights
    if weights is not None and np.any(weights != 1.0):
        raise ModelError(
            "power draws one response for a row, but frequency weights say that rows stand for "
            "several; give the rows one by one.",
            code="frequency-weights",
        )
    if not fitted.verdict.converged:
        raise ModelError(
            f"The fit is {fitted.verdict.status.value}, so that there is no model to draw studies "
            "from; see verdict.",
            code="verdict",
        )


def _check_enough(lost: list[str], count: int, size: str) -> None:
    if count - len(lost) >= max(1, _LEAST * count):
        return
    raise FitError(
        f"{len(lost)} of {count} fits to studies of {size} failed, the first because: "
        f"{lost[0]}. Ask for more {size.split()[1]}, or simplify the model.",
        code="power",
    )


def _words(fitted: Fitted, test: str) -> str:
    if test == "likelihood_ratio":
        return "likelihood-ratio test (maximum likelihood, chi-square with one degree of freedom)"
    kinds = {"satterthwaite": "Satterthwaite's", "residual": "residual"}
    words = kinds.get(default_df(fitted))
    return f"t test with {words} degrees of freedom" if words else "z test"
