"""The table of clusters: raw rates beside shrunken ones, with intervals and ranks.

For counts, the *expected* number of a cluster is what a typical cluster would have seen with the
same exposure and the same covariates. Observed over expected, times the rate of reference, is the
raw rate at the reference; the conditional prediction there is the shrunken one, with its interval.
So the two differ by shrinkage alone and not by case mix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ilk.plot.asked import coded_columns, column, columns_of
from ilk.plot.effects import reference_row
from ilk.plot.shrinkage import Shrinkage, shrinkage_table
from ilk.report.asked import Reportable
from ilk.report.numbers import decimals
from ilk.report.unit import Unit
from ilk.typing import FloatArray, IntArray

__all__ = ["League", "league"]

League = tuple[Shrinkage, dict[str, Any]]


def league(fit: Reportable, data: Any, unit: Unit, at: Mapping[str, Any]) -> League | None:
    """Compare the levels of the grouping factor of a model for counts.

    Parameters
    ----------
    fit : Fit
        The fit.
    data : data frame
        Its data.
    unit : Unit
        Unit of the rates.
    at : mapping of str to object
        Values at which covariates are held for the comparison.

    Returns
    -------
    (Shrinkage, dict) or None
        Table of the picture and table of the report; None unless the model is one for counts with a
        log link, an intercept and one grouping factor that is a column of the data.
    """
    fitted = fit.fitted
    design = fitted.design
    groups = {term.grouping.name for term in design.terms}
    columns = columns_of(data)
    suitable = (
        fitted.family.link.name == "log"
        and design.response.trials is None
        and len(groups) == 1
        and design.terms[0].has_intercept
        and design.terms[0].grouping.name in columns
        and bool(np.all((design.response.y >= 0) & (design.response.y % 1 == 0)))
    )
    if not suitable:
        return None
    grouping = design.terms[0].grouping
    levels, codes = grouping.levels, grouping.codes
    count = len(levels)
    held = {**reference_row(data, coded_columns(fit.formula)), **at}
    frame: dict[str, Any] = {
        name: np.full(count, value, dtype=object if isinstance(value, str) else None)
        for name, value in held.items()
    }
    frame[grouping.name] = np.asarray(levels, dtype=columns[grouping.name].dtype)
    answer = columns_of(fit.predict(frame, estimand="conditional", interval="confidence"))
    typical = columns_of(fit.predict(estimand="typical"))
    one = {name: values[:1] for name, values in frame.items()}
    reference = float(column(columns_of(fit.predict(one, estimand="typical")), "estimate")[0])
    observed = _by_level(codes, design.response.y, count)
    expected = _by_level(codes, column(typical, "estimate"), count)
    exposure = np.ones(len(codes)) if design.exposure is None else design.exposure
    size = _by_level(codes, exposure, count)
    picture = shrinkage_table(
        grouping.name,
        levels,
        total=observed,
        weight=expected / reference,
        shrunken=column(answer, "estimate"),
        low=column(answer, "conf_low"),
        high=column(answer, "conf_high"),
        quantity=unit.label,
        per=unit.per,
    )
    at_level = {str(level): place for place, level in enumerate(levels)}
    order = [at_level[level] for level in picture.levels]
    exposed = design.exposure_name or "rows"
    rate = {"kind": "number", "decimals": decimals(picture.center)}
    table = {
        "columns": [
            {"label": grouping.name, "kind": "text"},
            {"label": str(exposed).replace("_", " "), "kind": "integer"},
            {"label": design.response.name, "kind": "integer"},
            {"label": "expected", "kind": "number", "decimals": 1},
            {"label": "raw rate", **rate},
            {"label": "raw rank", "kind": "integer"},
            {"label": "shrunken rate", **rate},
            {"label": "95% from", **rate},
            {"label": "to", **rate},
            {"label": "rank", "kind": "integer"},
        ],
        "rows": [
            [
                picture.levels[row],
                float(size[place]),
                float(observed[place]),
                float(expected[place]),
                float(picture.raw[row]),
                float(picture.raw_rank[row]),
                float(picture.shrunken[row]),
                float(picture.low[row]),
                float(picture.high[row]),
                float(picture.rank[row]),
            ]
            for row, place in enumerate(order)
        ],
        "note": (
            f"Rates are {unit.label}, for the same case mix. Expected: what a typical "
            f"{grouping.name} would have seen under the same conditions. Rank 1 is the lowest "
            "rate; ties share their mean rank."
        ),
    }
    return picture, table


def _by_level(codes: IntArray, values: FloatArray, count: int) -> FloatArray:
    """Sum of the values of each level."""
    return np.bincount(codes, weights=values, minlength=count).astype(np.float64)
