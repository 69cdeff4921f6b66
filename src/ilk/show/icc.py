"""Intraclass correlations as an answer: the question in words, the table, the notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.show.answer import Answer
from ilk.show.numbers import plain
from ilk.variance.icc import icc

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["icc_answer", "scale_phrase", "share_notes"]

_FREE = ("group", "measure", "estimate", "std_error", "conf_low", "conf_high", "scale", "estimand")


def icc_answer(fitted: Fitted, by: Any = None, at: Any = None, **options: Any) -> Answer:
    """Compute intraclass correlations, and put them into words.

    Columns: those of subgroups and settings, ``group, measure, estimate, std_error, conf_low,
    conf_high, scale, estimand``.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    by, at, **options
        As `icc` takes them.

    Returns
    -------
    Answer
    """
    found = icc(fitted, by, at, **options)
    settings = {
        f"{name} (set)" if name in _FREE else name: list(values)
        for name, values in found.settings.items()
    }
    shares, rows = found.shares, len(found.groups)
    response = plain(fitted.design.response.name)
    where = scale_phrase(fitted, found.scale)
    return Answer(
        title=f"How alike are rows of the same cluster? Intraclass correlations of {response}",
        question=(
            f"Which share of the variance of {response}{where} lies between the levels of each "
            "grouping factor? Adjusted: covariates held (the correlation of two rows that share a "
            "level and have the same covariates); unadjusted: the variance that covariates explain "
            "counted in."
        ),
        columns={
            **settings,
            "group": list(found.groups),
            "measure": list(found.measures),
            "estimate": shares.estimate,
            "std_error": shares.std_error,
            "conf_low": shares.conf_low,
            "conf_high": shares.conf_high,
            "scale": [found.scale] * rows,
            "estimand": ["population"] * rows,
        },
        flavor=fitted.design.flavor,
        words=(*settings, "group", "measure"),
        hidden=("scale", "estimand"),
        notes=tuple(plain(note, 2000) for note in (*found.notes, *share_notes(fitted, shares))),
        level=found.level,
    )


def scale_phrase(fitted: Fitted, scale: str) -> str:
    """Say on which scale variances are, where there are two.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    scale : {"latent", "response"}
        The scale.
    """
    same = fitted.family.name == "gaussian" and fitted.family.link.name == "identity"
    return "" if same or scale == "response" else ", on the scale of the linear predictor,"


def share_notes(fitted: Fitted, shares: Any) -> list[str]:
    """Say where standard errors and intervals come from, and where there are none.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    shares : Shares
        The numbers.
    """
    notes = [shares.origin]
    if np.any(np.isnan(shares.conf_low)):
        notes.append(
            "A share at the end of its range (a variance of zero, or nothing explained) has no "
            "interval of this kind."
        )
    if not fitted.verdict.converged:
        notes.append(
            f"The fit is {fitted.verdict.status.value}: see verdict before these numbers are used."
        )
    return notes
