"""`ilk.load`: a file in, the fit that was saved out, of whatever kind it is."""

from __future__ import annotations

from os import PathLike

from ilk.fit import Fit
from ilk.fixed_fit import ConditionalFit, FixedFit
from ilk.gee_fit import GeeFit

__all__ = ["load"]


def load(path: str | PathLike[str]) -> Fit | FixedFit | ConditionalFit | GeeFit:
    """Read a fit that its `save` wrote.

    The model is set up again, its likelihood is computed at the stored estimates (or the estimates
    are computed again, where that is as quick), and both must agree.  A file is data only: reading
    one cannot run code.

    Parameters
    ----------
    path : str or path
        File to read.

    Returns
    -------
    Fit, FixedFit, ConditionalFit or GeeFit
        It can do all that the fit that was saved can.

    Raises
    ------
    DataError
        The file is not one of a fit, or is damaged.
    """
    from ilk.fixed_effects import ConditionalFitted, FixedFitted
    from ilk.gee.fitted import GeeFitted
    from ilk.io.record import load_record

    fitted = load_record(path)
    if isinstance(fitted, FixedFitted):
        return FixedFit(fitted)
    if isinstance(fitted, GeeFitted):
        return GeeFit(fitted)
    return ConditionalFit(fitted) if isinstance(fitted, ConditionalFitted) else Fit(fitted)
