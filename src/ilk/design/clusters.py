"""Clusters named beside a formula: `groups=` and its like as parts of the specification.

Models that have no random effects still have clusters.  These are written into the specification as
random intercepts are, so that the design has their codes and treats their missing values as those
of any other column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ilk.errors import DataError, ModelError
from ilk.formula.spec import FormulaSpec, PredictorSpec, RandomSpec, Sum, Term
from ilk.frame import unknown_column

__all__ = ["ONE", "cluster_columns", "name_list", "single_cluster", "with_intercepts"]

ONE = Sum((Term(),))
"""The intercept alone."""


def name_list(given: Any, argument: str, advice: str, *, several: bool = True) -> list[str]:
    """Names of columns, given as one name or several.

    Parameters
    ----------
    given : str or sequence of str
        What the user wrote.
    argument : str
        Where, for messages.
    advice : str
        What to write, for messages.
    several : bool
        Whether there may be more than one.
    """
    names = [given] if isinstance(given, str) else given
    sound = isinstance(names, (list, tuple)) and all(isinstance(n, str) and n for n in names)
    if sound and names and (several or isinstance(given, str)):
        return list(names)
    simple = given is None or isinstance(given, (str, int, float, list, tuple, dict))
    shown = f"{given!r:.60}" if simple else f"<{type(given).__name__}>"
    raise ModelError(f"{argument}={shown}: {advice}", code=argument)


def cluster_columns(name: str, argument: str, names: Sequence[str]) -> tuple[str, ...]:
    """Columns whose combinations are the clusters.

    Parameters
    ----------
    name : str
        A column, or several with ``:`` between them.
    argument : str
        Where it was given, for messages.
    names : sequence of str
        Columns of the data.

    Raises
    ------
    DataError
        There is no such column.
    """
    columns = (name,) if name in names else tuple(part.strip() for part in name.split(":"))
    for column in columns:
        if column not in names:
            raise unknown_column(column, names, f"{argument}=")
    return columns


def with_intercepts(
    spec: FormulaSpec, factors: Sequence[tuple[str, ...]], *, intercept: bool = False
) -> FormulaSpec:
    """Put a random intercept for each factor in the place of the random terms of the mean.

    Parameters
    ----------
    spec : FormulaSpec
        The formula.
    factors : sequence of tuple of str
        Columns whose combinations are the levels, by factor.
    intercept : bool
        Whether the mean gets an intercept even if the formula has none.

    Returns
    -------
    FormulaSpec
    """
    mean = spec.predictors[0]
    random = tuple(
        RandomSpec(ONE, columns, "us", f"1 | {':'.join(columns)}") for columns in factors
    )
    fixed = mean.fixed
    if intercept and not fixed.has_intercept:
        fixed = Sum((Term(), *fixed.terms))
    part = PredictorSpec(mean.name, mean.text, fixed, random, mean.offsets)
    return replace(spec, predictors=(part, *spec.predictors[1:]))


def single_cluster(error: DataError, advice: str) -> DataError:
    """Say of clusters what the design says of a grouping factor with a single level.

    Parameters
    ----------
    error : DataError
        Any error of the design; others than that one are given back as they are.
    advice : str
        Why several are needed, and what to do.
    """
    if error.code != "single-level":
        return error
    return DataError(f"{error.message.split(';')[0]}: {advice}", code=error.code)
