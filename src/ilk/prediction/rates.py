r"""Rates: means for so many units of exposure.

A fit with an exposure has :math:`\log E y = \log x + \eta`; its mean for `per` units is
:math:`\mathrm{per}\, e^\eta`, whatever the exposure of the row.  The exposure that a mean is for is
an array here and a column of every answer, so that nobody has to remember it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import ModelError
from ilk.frame import columns

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.family.base import AbstractFamily
    from ilk.typing import FloatArray

__all__ = ["asked_exposure", "at_exposure", "check_per", "is_rate"]


def is_rate(design: Design, family: AbstractFamily) -> bool:
    """Whether means per unit of exposure are rates: proportional to the exposure.

    Parameters
    ----------
    design : Design
        The design.
    family : AbstractFamily
        Distribution and link.
    """
    return design.exposure is not None and family.link.name == "log"


def check_per(per: Any, *, exposed: bool, exposure: Any = None) -> None:
    """Refuse a unit of exposure that is none, or without an exposure.

    Parameters
    ----------
    per : float
        Units of exposure that rates are for.
    exposed : bool
        Whether the fit has an exposure.
    exposure : object
        Exposure that was given too, or None.
    """
    if not exposed:
        raise ModelError(
            f"per={per!r:.60} asks for a rate, and the fit has no exposure, so that its means are "
            "per row: give exposure= to the fit, or offset(log(x)) in its formula (another offset "
            "is no exposure that could be replaced).",
            code="per",
        )
    if exposure is not None:
        raise ModelError(
            "per= and exposure= both say the exposure of the rows; give one of them.", code="per"
        )
    number = isinstance(per, (int, float, np.number)) and not isinstance(per, (bool, np.bool_))
    if not (number and 0.0 < float(per) < np.inf):
        raise ModelError(f"per={per!r:.60}: give a positive number, such as 1000.", code="per")


def asked_exposure(
    design: Design,
    family: AbstractFamily,
    data: Any,
    exposure: Any = None,
    per: float | None = None,
) -> Any:
    """Exposure of new rows: as asked for, their own, or one unit where they do not say.

    Parameters
    ----------
    design, family : Design, AbstractFamily
        Of the fit.
    data : frame
        New rows.
    exposure : str, array or None
        In place of the column that the fit used.
    per : float, optional
        Units that rates are for.

    Returns
    -------
    (m,) array, str or None
        None for the column that the fit used.
    """
    if per is not None:
        check_per(per, exposed=design.exposure is not None, exposure=exposure)
        return np.full(columns(data).rows, float(per))
    if exposure is not None or not is_rate(design, family):
        return exposure
    frame = columns(data)
    known = (design.arguments["exposure"], design.argument_columns["exposure"])
    return None if any(name in frame for name in known) else np.ones(frame.rows)


def at_exposure(
    design: Design, offset: FloatArray | None, per: float | None
) -> tuple[FloatArray | None, FloatArray | None]:
    """Offset of the rows of a fit at so many units of exposure, and the exposure.

    Parameters
    ----------
    design : Design
        Of the fit.
    offset : (n,) array or None
        Offset of the mean.
    per : float, optional
        Units that rates are for; each row's own exposure by default.

    Returns
    -------
    offset, exposure : (n,) array or None
    """
    if per is None:
        return offset, design.exposure
    check_per(per, exposed=design.exposure is not None)
    assert design.exposure is not None
    assert offset is not None
    changed = offset - np.log(design.exposure) + np.log(per)
    return changed, np.full(len(changed), float(per))
