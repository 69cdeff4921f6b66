"""`ilk.load`: a file in, the fit that was saved out, of whatever kind it is."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from ilk.fit import Fit
from ilk.fixed_fit import ConditionalFit, FixedFit
from ilk.gee_fit import GeeFit

if TYPE_CHECKING:
    from ilk.family.base import AbstractFamily
    from ilk.family.link import AbstractLink

__all__ = ["load"]


def load(
    path: str | PathLike[str],
    *,
    family: AbstractFamily | None = None,
    link: AbstractLink | None = None,
) -> Fit | FixedFit | ConditionalFit | GeeFit:
    """Read a fit that its `save` wrote.

    The model is set up again, its likelihood is computed at the stored estimates (or the estimates
    are computed again, where that is as quick), and both must agree.  A file is data only: reading
    one cannot run code.

    Parameters
    ----------
    path : str or path
        File to read.
    family : AbstractFamily, optional
        The family of the fit, where it is one of your own, of which a file holds the name only.
    link : AbstractLink, optional
        The link of the fit, where it is one of your own.

    Returns
    -------
    Fit, FixedFit, ConditionalFit or GeeFit
        It can do all that the fit that was saved can.

    Raises
    ------
    DataError
        The file is not one of a fit, or is damaged; or the family or the link has to be given
        again.
    """
    from ilk.fixed_effects import ConditionalFitted, FixedFitted
    from ilk.gee.fitted import GeeFitted
    from ilk.io.own import check_own
    from ilk.io.record import load_record

    fitted = load_record(path, check_own(family, link))
    if isinstance(fitted, FixedFitted):
        return FixedFit(fitted)
    if isinstance(fitted, GeeFitted):
        return GeeFit(fitted)
    return ConditionalFit(fitted) if isinstance(fitted, ConditionalFitted) else Fit(fitted)
