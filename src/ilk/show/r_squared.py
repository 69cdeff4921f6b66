"""Shares of explained variance as an answer: the question, the table, the parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ilk.show.answer import Answer
from ilk.show.icc import scale_phrase, share_notes
from ilk.show.numbers import plain, significant
from ilk.show.summary import Table
from ilk.variance.r_squared import r_squared

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["r_squared_answer"]


def r_squared_answer(fitted: Fitted, **options: Any) -> Answer:
    """Compute marginal and conditional R squared, and put them into words.

    Columns: ``measure, estimate, std_error, conf_low, conf_high, scale, estimand``.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    **options
        As `r_squared` takes them.

    Returns
    -------
    Answer
    """
    found = r_squared(fitted, **options)
    shares = found.shares
    response = plain(fitted.design.response.name)
    total = sum(found.parts.values())
    where = scale_phrase(fitted, found.scale)
    return Answer(
        title=f"How much of the variance is explained? R squared of {response}",
        question=(
            f"Which share of the variance of {response}{where} is explained by the covariates "
            "(marginal), and by covariates and clusters together (conditional)?"
        ),
        columns={
            "measure": list(found.measures),
            "estimate": shares.estimate,
            "std_error": shares.std_error,
            "conf_low": shares.conf_low,
            "conf_high": shares.conf_high,
            "scale": [found.scale] * len(found.measures),
            "estimand": ["population"] * len(found.measures),
        },
        flavor=fitted.design.flavor,
        words=("measure",),
        hidden=("scale", "estimand"),
        notes=tuple(plain(note, 2000) for note in (*found.notes, *share_notes(fitted, shares))),
        level=found.level,
        tables=(
            Table(
                "Variance of each part",
                ("", "variance", "share"),
                tuple(
                    (plain(name), significant(value), significant(value / total, 3))
                    for name, value in found.parts.items()
                ),
            ),
        ),
    )
