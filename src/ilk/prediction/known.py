"""Random effects that predictions take as known: modes, their uncertainty and where it comes from.

Those of a fit are `estimated`; `ilk.prediction.update` makes others, of clusters that came later.
Random effects are flat over terms, then levels, then columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["KnownEffects", "estimated", "first_places"]


@dataclass(frozen=True, slots=True)
class KnownEffects:
    """Random effects given data.

    Parameters
    ----------
    modes : tuple of (L_t, q_t) arrays
        Conditional modes of each term's levels.
    covariance : callable
        Gives the conditional covariance of the effects of each level, (L_t, q_t, q_t) by term,
        parameters held fixed.
    sensitivity : callable
        Gives the (U, m) derivative of the modes in psi.
    solve : callable
        Takes (U, k) to the conditional covariance of all effects (U, U), times it.
    """

    modes: tuple[FloatArray, ...]
    covariance: Callable[[], tuple[FloatArray, ...]]
    sensitivity: Callable[[], FloatArray]
    solve: Callable[[FloatArray], FloatArray]


def estimated(fitted: Fitted) -> KnownEffects:
    """Random effects of the levels of a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    return KnownEffects(
        fitted.estimates.modes,
        fitted.mode_covariance,
        fitted.mode_sensitivity,
        fitted.conditional_solve,
    )


def first_places(modes: Sequence[FloatArray]) -> list[tuple[int, int]]:
    """First position and number of columns of each term in the flat vector of random effects."""
    places, start = [], 0
    for effects in modes:
        levels, q = effects.shape
        places.append((start, q))
        start += levels * q
    return places
