"""Arguments of a fit that speak of what only some families have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ilk.errors import ModelError
from ilk.family.base import AbstractFamily

__all__ = ["refuse_foreign_arguments"]

_MEAN = "mean"
"""The parameter whose formula is the first argument of a fit."""

_ADVICE = {
    "dispersion": " Counts that vary more than their mean says are for 'negative_binomial_2', "
    "proportions for 'beta_binomial'.",
    "shape": " Heavier tails than the normal distribution's are for 'student'.",
}
"""What to do instead, for parameters that users ask for most."""


def refuse_foreign_arguments(
    family: AbstractFamily, *, trials: Any = None, formulas: Mapping[str, str] | None = None
) -> None:
    """Refuse arguments that speak of what the family does not have.

    Parameters
    ----------
    family : AbstractFamily
        The family.
    trials : str, array or None
        Number of trials of a count of successes.
    formulas : mapping of str to str, optional
        Formulas of parameters other than the mean, by their names.

    Raises
    ------
    ModelError
        There are trials, or a formula of a parameter, but the family has none.
    """
    if trials is not None and not family.takes_trials:
        raise ModelError(
            "trials= is for counts of successes (family 'binomial' or 'beta_binomial'), not for "
            f"family {family.name!r}; exposure= is what makes a count a rate.",
            code="trials-not-for-family",
        )
    for name in formulas or ():
        if name not in family.parameters or name == _MEAN:
            raise ModelError(_foreign(family, name), code=f"no-{name.replace('_', '-')}")


def _foreign(family: AbstractFamily, name: str) -> str:
    """Say that a family lacks a parameter that has a formula, and what it has."""
    own = [word.replace("_", " ") for word in family.parameters]
    has = f"its only parameter is the {own[0]}"
    if len(own) > 1:
        has = f"its parameters are {', '.join(own[:-1])} and {own[-1]}"
    return (
        f"{name}= has a formula, but the family {family.name!r} has no {name.replace('_', ' ')}: "
        f"{has}.{_ADVICE.get(name, '')}"
    )
