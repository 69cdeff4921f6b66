"""Formulas with other random terms, as text."""

from __future__ import annotations

from collections.abc import Sequence

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
    fixed = part.fixed.text.removeprefix("1 + ")
    words = [fixed, *(f"offset({factor.text})" for factor in part.offsets), *terms]
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
    bar = "||" if structure == "diag" and not one else "|"
    left = kept.text if one else kept.text.removeprefix("1 + ")
    inner = f"{left} {bar} {':'.join(random.grouping)}"
    plain = structure in ("us", "diag") or one
    return f"({inner})" if plain else f"{structure}({inner})"
