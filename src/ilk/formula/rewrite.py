"""Formulas with other random terms, as text."""

from __future__ import annotations

from collections.abc import Sequence

from ilk.covariance.registry import POSITIONAL
from ilk.formula.language import Expression, Name, quoted
from ilk.formula.spec import MEAN, OLRE, FormulaSpec, RandomSpec, Sum

__all__ = ["formula_text", "term_text"]


def formula_text(spec: FormulaSpec, predictor: str, terms: Sequence[str]) -> str:
    """Write the formula of a predictor with other random terms.

    Parameters
    ----------
    spec : FormulaSpec
        The formulas.
    predictor : str
        ``"mean"``, ``"dispersion"`` or ``"zero_inflation"``.
    terms : sequence of str
        Random terms, as `term_text` writes them.

    Returns
    -------
    str
        As the formula of the mean, or as the argument of another predictor.
    """
    part = spec.predictor(predictor)
    if part is None:
        raise ValueError(f"{predictor!r} has no formula")
    fixed = _sum_text(part.fixed).removeprefix("1 + ")
    offsets = (f"offset({_factor_text(one.text, one.expression)})" for one in part.offsets)
    words = [fixed, *offsets, *terms]
    right = " + ".join(words)
    if predictor == MEAN:
        return f"{spec.response.text} ~ {right}"
    return f"{predictor}='~ {right}'"


def term_text(
    random: RandomSpec, effects: Sum | None = None, *, independent: bool | None = None
) -> str:
    """Write a random term, perhaps with other effects or with independent ones.

    Parameters
    ----------
    random : RandomSpec
        The term.
    effects : Sum, optional
        Its effects; by default those that it has.
    independent : bool, optional
        Whether the effects are independent; by default as they are.

    Returns
    -------
    str
    """
    if random.grouping == (OLRE,):
        return OLRE
    kept = random.effects if effects is None else effects
    one = len(kept.terms) == 1
    structure = random.structure
    if independent:
        structure = "diag"
    bar = "||" if structure == "diag" and not one else random.bar
    left = _sum_text(kept) if one else _sum_text(kept).removeprefix("1 + ")
    factor = ":".join(map(quoted, random.grouping))
    if random.membership is not None:
        factor = random.membership.text
    inner = f"{left} {bar} {factor}"
    plain = structure in ("us", "diag") or one
    said = "".join(f", {key}={value:g}" for key, value in random.settings)
    if random.structure in POSITIONAL and structure == random.structure:
        inner = inner.removeprefix("0 + ").removeprefix("1 + ")
        return f"{structure}({inner}{said})"
    return f"({inner})" if plain else f"{structure}({inner}{said})"


def _sum_text(terms: Sum) -> str:
    """A sum as it can be read again: names that are no identifiers in backticks."""
    texts = [
        ":".join(_factor_text(factor.text, factor.expression) for factor in term.factors) or "1"
        for term in terms.terms
    ]
    return " + ".join(texts if terms.has_intercept else ["0", *texts])


def _factor_text(text: str, expression: Expression) -> str:
    return quoted(expression.column) if isinstance(expression, Name) else text
