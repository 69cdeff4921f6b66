"""What a fit says, in the vocabulary of the cases: the only file here that reads a `Fit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import ilk

from .data import Case, new_rows, table
from .translate import Call, call, same_group, same_level, same_name

ESTIMANDS = {"population": "typical", "known": "conditional"}


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Estimates and standard errors by (unified) name."""

    estimate: dict[str, float]
    std_error: dict[str, float]


def fit_call(arguments: Call, data: pd.DataFrame) -> Any:
    """`ilk.fit` as translated; keywords that stay at their default are left out."""
    keywords = {name: value for name, value in arguments.keywords.items() if value is not None}
    return ilk.fit(arguments.formula, data, **keywords)


def fit_case(found: Case) -> Any:
    """The fit of a case."""
    return fit_call(call(found), table(found))


def coefficients(fit: Any, component: str = "mean") -> Coefficients:
    """The fixed part of one component (``mean``, ``dispersion``, ``zero_inflation``)."""
    rows = pd.DataFrame(fit.tidy())
    rows = rows[(rows["component"] == component) & rows["group"].isna()]
    names = [same_name(term) for term in rows["term"]]
    return Coefficients(
        dict(zip(names, rows["estimate"].astype(float), strict=True)),
        dict(zip(names, rows["std_error"].astype(float), strict=True)),
    )


def components(fit: Any) -> tuple[dict[Any, float], dict[Any, float]]:
    """SDs by (group, term) and correlations by (group, term, term)."""
    rows = pd.DataFrame(fit.variance_components())
    sds: dict[Any, float] = {}
    correlations: dict[Any, float] = {}
    for row in rows.to_dict("records"):
        if pd.isna(row["group"]) or row["group"] in {"", "residual", "Residual"}:
            continue
        group = same_group(row["group"])
        terms = tuple(same_name(t) for t in str(row["term"]).split(" ~ "))
        if len(terms) == 2:
            correlations[(group, frozenset(terms))] = float(row["correlation"])
        else:
            sds[(group, terms[0])] = float(row["sd"])
    return sds, correlations


def random_effects(fit: Any, group: str) -> dict[tuple[str, str], tuple[float, float]]:
    """Mode and conditional SD by (level, term) of one grouping factor."""
    rows = pd.DataFrame(fit.random_effects())
    rows = rows[[same_group(name) == same_group(group) for name in rows["group"]]]
    sd = "std_error" if "std_error" in rows else "sd"
    return {
        (same_level(row["group"], str(row["level"])), same_name(row["term"])): (
            float(row["estimate"]),
            float(row[sd]),
        )
        for row in rows.to_dict("records")
    }


def fitted(fit: Any, count: int) -> np.ndarray:
    """The first fitted means."""
    return np.asarray(fit.fitted_values, dtype=float)[:count]


def prediction(fit: Any, found: Case, scale: str) -> np.ndarray:
    """The case's rows for prediction, each with the estimand that its kind asks for."""
    return _predicted(fit, found, scale, None, "estimate")


def prediction_errors(fit: Any, found: Case, scale: str) -> np.ndarray:
    """Standard errors of the same."""
    return _predicted(fit, found, scale, "confidence", "std_error")


def _predicted(fit: Any, found: Case, scale: str, interval: str | None, column: str) -> np.ndarray:
    wanted = found["results"]["predict"]
    answer = np.full(len(wanted["rows"]), np.nan)
    for position, (row, kind) in enumerate(zip(wanted["rows"], wanted["kind"], strict=True)):
        frame = _filled(new_rows(found, [row]), found, kind)
        values = fit.predict(
            frame,
            estimand=ESTIMANDS.get(kind, "conditional"),
            scale=scale,
            interval=interval,
            new_levels="typical",
        )
        answer[position] = float(values[column].iloc[0])
    return answer


def _filled(frame: pd.DataFrame, found: Case, kind: str) -> pd.DataFrame:
    """A population row has no groups: give it any level, which the estimand must ignore."""
    if kind != "population":
        return frame
    filled = frame.copy()
    for name in frame:
        levels = found["columns"].get(name, {}).get("levels")
        if levels and frame[name].isna().any():
            filled[name] = pd.Categorical([levels[0]], categories=levels)
    return filled
