"""One formula for several predictors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ilk.formula.spec import MEAN, FormulaSpec, PredictorSpec

__all__ = ["own_formulas", "spread"]


def spread(spec: FormulaSpec, names: Sequence[str]) -> FormulaSpec:
    """Give the formula of the mean to each of several predictors in its place.

    Parameters
    ----------
    spec : FormulaSpec
        The formulas.
    names : sequence of str
        The predictors; those with a formula of their own keep it.

    Returns
    -------
    FormulaSpec
        The same if the mean is the only one of them.

    Examples
    --------
    >>> from ilk.formula import parse
    >>> spec = spread(parse("y ~ x", train="~ x + z"), ["bus", "train"])
    >>> [(part.name, part.fixed.text) for part in spec.predictors]
    [('bus', '1 + x'), ('train', '1 + x + z')]
    """
    if tuple(names) == (MEAN,):
        return spec
    mean, *others = spec.predictors
    own = {part.name: part for part in others}
    parts = {name: own[name] if name in own else replace(mean, name=name) for name in names}
    return replace(spec, predictors=tuple({**parts, **own}.values()))


def own_formulas(spec: FormulaSpec) -> tuple[PredictorSpec, ...]:
    """Predictors whose formula is another than that of the response.

    Parameters
    ----------
    spec : FormulaSpec
        The formulas.
    """
    return tuple(part for part in spec.predictors if part.name != MEAN and part.text != spec.text)
