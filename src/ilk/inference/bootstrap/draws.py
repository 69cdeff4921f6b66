"""What a bootstrap found: the values of a statistic, sample by sample, and why some are missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import FitError
from ilk.inference.bootstrap.attempts import Outcome

if TYPE_CHECKING:
    from ilk.typing import FloatArray, IntArray

__all__ = ["Draws", "sorted_draws"]

_LEAST = 0.5
"""Share of the refits that must succeed."""


@dataclass(frozen=True, slots=True)
class Draws:
    """A statistic over bootstrap samples.

    Parameters
    ----------
    estimate : (k,) array
        The statistic of the fit itself.
    values : (B, k) array
        Its values in the samples whose refit succeeded; a number that a sample does not have, such
        as a correlation where a variance is zero, is nan.
    index : (B,) array of int
        Number of each of these samples.
    failures : tuple of str
        What happened in each of the others.
    kind : str
        ``"parametric"`` or ``"cluster"``.
    unit : str
        What was drawn: ``"response"``, name of a factor, or ``"row"``.
    units : int
        How many of them there are.
    seed : int
        Seed of the draws.
    """

    estimate: FloatArray
    values: FloatArray
    index: IntArray
    failures: tuple[str, ...]
    kind: str
    unit: str
    units: int
    seed: int

    @property
    def failed(self) -> int:
        """Number of samples whose refit failed."""
        return len(self.failures)

    def complete(self) -> Draws:
        """Count samples in which some number does not exist as failed."""
        whole = np.all(np.isfinite(self.values), axis=1)
        lost = ("the statistic is not finite",) * int(np.sum(~whole))
        return replace(
            self,
            values=self.values[whole],
            index=self.index[whole],
            failures=(*self.failures, *lost),
        )

    @property
    def reasons(self) -> dict[str, int]:
        """How often each reason of a failure occurred, the most frequent first."""
        return dict(Counter(self.failures).most_common())


def sorted_draws(
    estimate: FloatArray, outcomes: Iterable[Outcome], kind: str, unit: str, units: int, seed: int
) -> Draws:
    """Sort outcomes into values and failures.

    Parameters
    ----------
    estimate : (k,) array
        The statistic of the fit.
    outcomes : iterable of array or str
        Values or reasons, in the order of the samples' numbers.
    kind, unit, units, seed
        As in `Draws`.

    Returns
    -------
    Draws

    Raises
    ------
    FitError
        More than half of the refits failed.
    """
    values, index, failures = [], [], []
    for j, outcome in enumerate(outcomes):
        if isinstance(outcome, str):
            failures.append(outcome)
        else:
            values.append(outcome)
            index.append(j)
    total = len(values) + len(failures)
    draws = Draws(
        estimate,
        np.array(values).reshape(len(values), len(estimate)),
        np.array(index, dtype=np.int64),
        tuple(failures),
        kind,
        unit,
        units,
        seed,
    )
    if len(values) < max(2, _LEAST * total):
        reason, count = next(iter(draws.reasons.items()))
        whose = "drawn responses" if kind == "parametric" else f"resampled clusters ({unit})"
        raise FitError(
            f"{len(failures)} of {total} refits to {whose} failed, {count} of them because: "
            f"{reason}. The bootstrap is no way here.",
            code="bootstrap",
        )
    return draws
