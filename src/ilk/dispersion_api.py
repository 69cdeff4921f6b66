"""`ilk.overdispersion`: a fit of counts in, the usual answers side by side out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ilk.errors import ModelError
from ilk.fit import Fit

if TYPE_CHECKING:
    from ilk.show.overdispersion import OverdispersionAnswer

__all__ = ["overdispersion"]


def overdispersion(fit: Fit, draws: int = 250, seed: int = 0) -> OverdispersionAnswer:
    """Ask whether counts vary more than their family says, and which answer describes it best.

    Parameters
    ----------
    fit : Fit
        A fit of counts, or of counts among trials.
    draws, seed
        As `Fit.overdispersion` takes them.

    Returns
    -------
    OverdispersionAnswer

    Examples
    --------
    >>> import ilk
    >>> newts = ilk.datasets.load("pond_newts")
    >>> fit = ilk.fit("newts ~ fish + (1 | pond)", newts, "poisson")
    >>> len(ilk.overdispersion(fit, draws=50).frame)
    7
    """
    if not isinstance(fit, Fit):
        raise ModelError(
            f"overdispersion takes a fit of ilk.fit, not {type(fit).__name__}.", code="not-a-fit"
        )
    return fit.overdispersion(draws=draws, seed=seed)
