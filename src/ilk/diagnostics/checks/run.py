r"""All checks of a fit in one call: which ones, with what, and what many p-values cost.

The check functions are named in :mod:`ilk.diagnostics.checks.registry`.  P-values are corrected
over all checks of a call for the false discovery rate (Benjamini and Hochberg 1995); a departure
that does not survive this is a note where it is large and its own p-value below a fifth of alpha,
and nothing otherwise: about twenty-five things are looked at, and each has its chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.diagnostics.checks.calibrate import calibrated
from ilk.diagnostics.checks.context import Asked, Context, make_context
from ilk.diagnostics.checks.record import Checks
from ilk.diagnostics.checks.registry import CHECKS, run_checks
from ilk.diagnostics.checks.simulated import CELLS
from ilk.errors import ModelError, did_you_mean
from ilk.prediction.quantities import by_codes

if TYPE_CHECKING:
    from ilk.diagnostics.checks.record import Check
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["CHECKS", "Asked", "Context", "check"]

_DRAWS, _FEWEST = 250, 100
"""Simulated data sets, and how few they become for large data."""

_NOTED = 0.2
"""Share of alpha below which a p-value is worth a note though it does not survive correction."""


def check(
    fitted: Fitted,
    *,
    checks: Sequence[str] | str | None = None,
    asked: Asked | None = None,
    draws: int | None = None,
    seed: int = 0,
    alpha: float = 0.05,
    refits: int = 0,
    n_jobs: int | None = 1,
) -> Checks:
    """Check a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    checks : str or sequence of str, optional
        Names of `CHECKS`; all by default.
    asked : Asked, optional
        Factors and columns that were named.
    draws : int, optional
        Simulated data sets: 250, fewer for large data.
    seed : int
        Makes the draws repeatable.
    alpha : float
        Probability of a false alarm.
    refits : int
        Refits to drawn responses that p-values are calibrated by; none for 0.
    n_jobs : int or None
        Refits at one time.

    Returns
    -------
    Checks
    """
    names = _chosen(checks)
    _check_numbers(draws, seed, alpha, refits)
    fitted = by_codes(fitted)
    many = _many(fitted) if draws is None else draws
    context = make_context(fitted, draws=many, seed=seed, alpha=alpha, asked=asked)
    found = run_checks(names, context)
    notes = _notes(context)
    if refits:
        found, note = calibrated(context, names, found, refits, n_jobs)
        notes += note
    drawn = {
        estimand: residuals
        for estimand in ("conditional", "population")
        if (residuals := _drawn(context, estimand)) is not None
    }
    return Checks(
        checks=tuple(_adjusted(found, alpha)),
        rows=context.rows,
        residuals=drawn,
        draws=many,
        seed=seed,
        alpha=alpha,
        notes=notes,
    )


def _chosen(asked: Sequence[str] | str | None) -> list[str]:
    if asked is None:
        return list(CHECKS)
    names = [asked] if isinstance(asked, str) else list(asked)
    for name in names:
        if name not in CHECKS:
            raise ModelError(
                f"checks={name!r:.60}: there are {', '.join(CHECKS)}."
                + did_you_mean(str(name), CHECKS),
                code="unknown-check",
            )
    return list(dict.fromkeys(names))


def _check_numbers(draws: Any, seed: Any, alpha: Any, refits: Any) -> None:
    if draws is not None and (not _whole(draws) or draws < 20):
        raise ModelError(f"draws={draws!r}: give a whole number from 20.", code="draws")
    if not _whole(seed) or seed < 0:
        raise ModelError(f"seed={seed!r}: give a whole number that is not negative.", code="seed")
    if not _whole(refits) or refits < 0:
        raise ModelError(f"refits={refits!r}: give a whole number, 0 for none.", code="refits")
    if not isinstance(alpha, (int, float)) or not 0.0 < alpha < 1.0:
        raise ModelError(f"alpha={alpha!r}: give a number between 0 and 1.", code="alpha")


def _whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _many(fitted: Fitted) -> int:
    """Simulated data sets: fewer for large data, whose residuals have no need of more."""
    return int(min(_DRAWS, max(_FEWEST, CELLS // max(fitted.nobs, 1) - 1)))


def _drawn(context: Context, estimand: str) -> FloatArray | None:
    """Residuals of an estimand that a check has drawn."""
    lazy = context.conditional if estimand == "conditional" else context.population
    if not lazy.known:
        return None
    simulated = lazy()
    exact = context.exact(simulated)
    return simulated.residuals[:, 0].astype(np.float64) if exact is None else exact


def _adjusted(checks: Sequence[Check], alpha: float) -> list[Check]:
    """Correct p-values for the number of checks; what does not survive is a note at most."""
    tested = [i for i, one in enumerate(checks) if np.isfinite(one.p_value)]
    p = false_discovery(np.array([checks[i].p_value for i in tested]))
    out = list(checks)
    for i, adjusted in zip(tested, p, strict=True):
        verdict = out[i].verdict
        if adjusted >= alpha and verdict in ("problem", "note"):
            noted = verdict == "problem" and out[i].p_value < _NOTED * alpha
            verdict = "note" if noted else "ok"
        out[i] = replace(out[i], p_adjusted=float(adjusted), verdict=verdict)
    return [one if one.verdict in ("note", "problem") else replace(one, advice="") for one in out]


def false_discovery(p: FloatArray) -> FloatArray:
    """Adjust p-values for the false discovery rate (Benjamini and Hochberg 1995).

    Parameters
    ----------
    p : (k,) array
        P-values.

    Returns
    -------
    (k,) array

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.diagnostics.checks.run import false_discovery
    >>> false_discovery(np.array([0.01, 0.04, 0.03])).round(3)
    array([0.03, 0.04, 0.04])
    """
    k = len(p)
    order = np.argsort(p)[::-1]
    scaled = p[order] * k / np.arange(k, 0, -1)
    out = np.empty(k)
    out[order] = np.minimum(np.minimum.accumulate(scaled), 1.0) if k else scaled
    return out


def _notes(context: Context) -> tuple[str, ...]:
    notes = []
    other = context.fitted.design.response.other
    if other is not None:
        count = int(np.sum(other != context.fitted.design.response.y))
        notes.append(
            f"{count:,} censored responses are drawn from the model within what they may be, so "
            "that the checks see departures of the others only."
        )
    if context.impossible.known and context.impossible() is not None:
        notes.append(f"Left out, of new clusters: {context.impossible()}")
    total = context.fitted.nobs
    if len(context.rows) < total:
        notes.append(
            f"Residuals are of {len(context.rows):,} observations chosen at random among {total:,}."
        )
    return tuple(notes)
