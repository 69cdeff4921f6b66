"""Where a fit has its exposure: offset, covariate, or nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.design.exposure import logged_column
from ilk.design.exposure_like import exposure_like, exposure_name
from ilk.errors import ModelError
from ilk.formula.language import Call, Name, column_names
from ilk.formula.spec import MEAN, Factor, Term
from ilk.frame import Column, Kept, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["GIVEN", "Role", "exposure_column", "find_exposure", "is_logarithm", "is_of", "role_of"]

Role: TypeAlias = Literal["offset", "logarithm", "covariate", "both", "unused"]
"""How the fit has the exposure: offset; logarithm or else as a covariate; offset and covariate."""

GIVEN = "(exposure)"
"""Column of an exposure that is given as values."""


def find_exposure(fitted: Fitted) -> str | None:
    """Find the exposure of a fit: its own, or a covariate that looks like one.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    str or None
        Column of the data of the fit; None if there is nothing.
    """
    design = fitted.design
    if "exposure" in design.arguments:
        return design.argument_columns["exposure"]
    part = design.stated.predictor(MEAN)
    assert part is not None
    found: list[tuple[int, str]] = []
    for place, term in enumerate(part.fixed.terms):
        names = {name for factor in term.factors for name in column_names(factor.expression)}
        if len(names) != 1 or not is_of(term, next(iter(names))):
            continue
        (name,) = names
        column = design.data.column(name)
        if not column.numeric:
            continue
        x, y = numbers(column), design.response.y
        logged = is_logarithm(term.factors[0], name)
        if (logged and exposure_like(name, x)) or exposure_like(name, x, y):
            found.append((place - 1000 * (exposure_name(name) == "clear"), name))
    return min(found)[1] if found else None


def exposure_column(fitted: Fitted, given: Any) -> tuple[str, Kept]:
    """Find the column of the exposure that is asked about.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    given : str, array or None
        Column, values, or None for what `find_exposure` finds.

    Returns
    -------
    str, Kept
        Its name, and the data of the fit with it.
    """
    design = fitted.design
    if given is None:
        found = find_exposure(fitted)
        if found is None:
            raise ModelError(
                "The fit has no exposure, and no covariate that looks like one (time at risk, "
                "population, opportunities). Give it: fit.exposure_check(data['days']).",
                code="no-exposure",
            )
        return found, design.data
    own = design.argument_columns.get("exposure")
    if own is not None and not (isinstance(given, str) and given == own):
        label = "values of its own" if own == GIVEN else repr(own)
        raise ModelError(
            f"The fit has an exposure already ({label}); leave exposure= out to ask about it.",
            code="exposure-twice",
        )
    if isinstance(given, str):
        if given not in design.data:
            raise ModelError(
                f"The fit keeps the columns that it uses, and {given!r} is none of them; give the "
                f"values: fit.exposure_check(data[{given!r}]).",
                code="no-exposure",
            )
        if not design.data.column(given).numeric:
            raise ModelError(f"Column {given!r} holds no numbers.", code="exposure-values")
        return given, design.data
    return GIVEN, design.data.with_column(Column(GIVEN, "float", _values(fitted, given)))


def _values(fitted: Fitted, given: Any) -> FloatArray:
    """(n,) values for the rows of the fit, given for these or for all rows of its data."""
    rows = fitted.design.rows
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise ModelError(
            "exposure= takes the name of a column, or numbers.", code="exposure-values"
        ) from None
    if values.shape == (rows.total,):
        return values[rows.kept]
    if values.shape != (len(rows.kept),):
        raise ModelError(
            f"exposure= has shape {values.shape}; give one number for each of the "
            f"{rows.total} rows of the data.",
            code="length",
        )
    return values


def is_of(term: Term, name: str) -> bool:
    """Whether a term is a number made of one column alone: x, log(x), poly(x, 2), ...

    Parameters
    ----------
    term : Term
        Term of a formula.
    name : str
        The column.
    """
    if len(term.factors) != 1:
        return False
    expression = term.factors[0].expression
    coded = isinstance(expression, Call) and expression.function == "C"
    return not coded and set(column_names(expression)) == {name}


def is_logarithm(factor: Factor, name: str) -> bool:
    """Whether a factor is the logarithm of a column, perhaps centered or scaled.

    Parameters
    ----------
    factor : Factor
        The factor.
    name : str
        The column.
    """
    expression = factor.expression
    while isinstance(expression, Call) and expression.function in ("center", "scale", "I"):
        expression = expression.arguments[0]
    logarithm = isinstance(expression, Call) and expression.function in ("log", "log2", "log10")
    return logarithm and expression.arguments[:1] == (Name(name),)  # type: ignore[union-attr]


def role_of(fitted: Fitted, name: str, own: Sequence[Term]) -> Role:
    """Say how a fit has an exposure.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    name : str
        Column of the exposure.
    own : sequence of Term
        Covariates made of it alone.
    """
    part = fitted.formula.predictors[0]
    known = [logged_column(factor) for factor in part.offsets]
    if name in (fitted.design.argument_columns.get("exposure"), *known):
        return "both" if own else "offset"
    if not own:
        return "unused"
    return "logarithm" if all(is_logarithm(t.factors[0], name) for t in own) else "covariate"
