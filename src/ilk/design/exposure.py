r"""Exposure in a formula: ``offset(log(x))`` is exposure x.

With the link log, :math:`\log E y = \log x + \eta` is :math:`E y = x e^\eta`: a rate
:math:`e^\eta` per unit of x.  Whether that is written as ``exposure="x"`` or as ``offset(log(x))``
makes no difference to any answer, so it is made one thing where the design begins.  Any other
offset, and one under another link, is a known term and no more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ilk.errors import ModelError
from ilk.formula.language import Call, Name
from ilk.formula.spec import MEAN, Factor, FormulaSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["exposure_argument", "logged_column", "without_exposure"]


def logged_column(factor: Factor) -> str | None:
    """Name the column whose logarithm a factor is, exactly.

    Parameters
    ----------
    factor : Factor
        A factor, or what stands in an offset.

    Returns
    -------
    str or None
        None if it is anything else than ``log(x)``.
    """
    found = factor.expression
    if not isinstance(found, Call) or found.function != "log" or found.keywords:
        return None
    (argument, *others) = found.arguments
    return argument.column if isinstance(argument, Name) and not others else None


def exposure_argument(spec: FormulaSpec, exposure: Any, link: str) -> Any:
    """Give the exposure of a model: that of the argument, or of an offset in the formula.

    Parameters
    ----------
    spec : FormulaSpec
        The formulas.
    exposure : str, array or None
        Argument of the caller's.
    link : str
        Name of the link of the mean.

    Returns
    -------
    str, array or None
        Of several logarithms among the offsets none is the exposure.

    Raises
    ------
    ModelError
        Argument and offset are the same column.
    """
    offsets = spec.predictors[0].offsets
    if not offsets:
        return exposure
    logged = [name for name in map(logged_column, offsets) if name is not None]
    if exposure is None:
        return logged[0] if link == "log" and len(logged) == 1 else None
    if isinstance(exposure, str) and exposure in logged:
        raise ModelError(
            f"exposure={exposure!r} and offset(log({exposure})) in the formula say the same; "
            f"together they would make the mean proportional to the square of {exposure!r}. Give "
            "one of them.",
            code="exposure-twice",
        )
    return exposure


def without_exposure(spec: FormulaSpec, arguments: Mapping[str, str | None]) -> FormulaSpec:
    """Take the offset out of the formula that is an argument of the design already.

    Parameters
    ----------
    spec : FormulaSpec
        The formulas.
    arguments : mapping
        Column of each row-wise argument, as in `Design.arguments`.

    Returns
    -------
    FormulaSpec
        The same if there is no such offset.
    """
    column, mean = arguments.get("exposure"), spec.predictor(MEAN)
    if column is None or mean is None or not mean.offsets:
        return spec
    rest = tuple(factor for factor in mean.offsets if logged_column(factor) != column)
    if len(rest) == len(mean.offsets):
        return spec
    predictors = (replace(part, offsets=rest) if part is mean else part for part in spec.predictors)
    return replace(spec, predictors=tuple(predictors))
