"""Arguments of a fit that speak of what only some families have."""

from __future__ import annotations

from typing import Any

from ilk.errors import ModelError
from ilk.family.base import AbstractFamily

__all__ = ["refuse_foreign_arguments"]


def refuse_foreign_arguments(
    family: AbstractFamily, *, trials: Any = None, dispersion: str | None = None
) -> None:
    """Refuse arguments that speak of what the family does not have.

    Parameters
    ----------
    family : AbstractFamily
        The family.
    trials : str, array or None
        Number of trials of a count of successes.
    dispersion : str or None
        Formula of the log dispersion.

    Raises
    ------
    ModelError
        There are trials, or a formula of the dispersion, but the family has none.
    """
    if trials is not None and not family.takes_trials:
        raise ModelError(
            "trials= is for counts of successes (family 'binomial' or 'beta_binomial'), not for "
            f"family {family.name!r}; exposure= is what makes a count a rate.",
            code="trials-not-for-family",
        )
    if dispersion is not None and not family.has_dispersion:
        raise ModelError(
            f"dispersion= has a formula, but the family {family.name!r} has no dispersion: its "
            "variance follows from its mean. Counts that vary more are for "
            "'negative_binomial_2', proportions for 'beta_binomial'.",
            code="no-dispersion",
        )
