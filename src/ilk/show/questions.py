"""Parts of the sentences that say which question a table answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ilk.inference.clusters import outermost_groupings
from ilk.prediction.rates import is_rate
from ilk.show.numbers import plain
from ilk.show.rates import unit_words

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.frame import Label

__all__ = ["estimand_phrase", "listed", "mean_phrase", "unit_names"]


def estimand_phrase(fitted: Fitted, estimand: str) -> str:
    """Say for whom a mean is, as a part of a sentence.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    estimand : {"population", "conditional", "typical"}
        The question.
    """
    units = unit_names(fitted)
    if units is None:
        return "in a model without random effects"
    return {
        "population": f"over the population of {units} (the distribution of random effects)",
        "conditional": f"for these very {units}, with their own estimated effects",
        "typical": f"for {units} whose random effects are all zero",
    }[estimand]


def unit_names(fitted: Fitted) -> str | None:
    """Name the clusters, as ``"levels of hospital"``; None without random effects.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    names = [plain(grouping.name) for grouping in outermost_groupings(fitted.design)]
    if not names:
        return None
    return " and ".join(f"levels of {name}" for name in names)


def mean_phrase(fitted: Fitted, per: float | None) -> str:
    """Say what means are of: a probability, a rate, a mean.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    per : float or None
        Units of exposure that rates are for; None without an exposure.
    """
    response = fitted.design.response
    if response.event is not None:
        return f"probability of {plain(response.name)} = {plain(response.event)}"
    name = plain(response.name)
    own = fitted.family.phrase(name)
    if own is not None and per is None:
        return own
    if fitted.family.takes_trials:
        return f"probability of {name}"
    if per is None:
        return f"mean of {name}"
    if not is_rate(fitted.design, fitted.family):
        exposure = plain(fitted.design.exposure_name or "exposure")
        return f"mean of {name} where {exposure} is {per:g}"
    return f"rate of {name} per {unit_words(fitted.design.exposure_name, per)}"


def listed(labels: Sequence[Label], last: str = "or") -> str:
    """Levels as a part of a sentence, the first four.

    Parameters
    ----------
    labels : sequence of Label
        Levels.
    last : str
        Word before the last one.
    """
    texts = [plain(label) for label in labels[:4]] + (["..."] if len(labels) > 4 else [])
    if len(texts) < 2:
        return "".join(texts)
    if len(labels) > 4:
        return ", ".join(texts)
    return f"{', '.join(texts[:-1])} {last} {texts[-1]}"
