"""Marginal means, contrasts and slopes against emmeans."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import numpy as np
import pytest

import ilk
from ilk.effects.contrasts import contrasts
from ilk.effects.means import marginal_means
from ilk.effects.slopes import marginal_slopes

from .data import HERE, Case, table
from .translate import FAMILIES, python_formula

pytestmark = pytest.mark.reference

CASES = {
    found["id"]: found for found in json.loads((HERE / "emmeans.json").read_text(encoding="utf-8"))
}

MEANS, CONTRASTS, SLOPES = marginal_means, contrasts, marginal_slopes

P_VALUE = 2e-3
"""Absolute; emmeans integrates the multivariate t to 1e-3."""

KRAMER = {("emm-cbpp-response", "pairs_odds_ratio"): 1e-2}
"""Tables that emmeans adjusts by Tukey and Kramer, which is conservative for unequal precision."""

QUESTIONS: dict[tuple[str, str], tuple[Any, dict[str, Any]]] = {
    ("emm-cake-kr", "emmeans"): (MEANS, {"variables": "recipe"}),
    ("emm-cake-kr", "pairs_unadjusted"): (CONTRASTS, {"variables": "recipe", "adjust": "none"}),
    ("emm-cake-kr", "pairs_tukey"): (CONTRASTS, {"variables": "recipe"}),
    ("emm-cbpp-response", "emmeans_link"): (MEANS, {"variables": "period", "scale": "link"}),
    ("emm-cbpp-response", "emmeans_response"): (MEANS, {"variables": "period"}),
    ("emm-cbpp-response", "pairs_odds_ratio"): (CONTRASTS, {"variables": "period"}),
    ("emm-cake-interaction", "means"): (MEANS, {"variables": "recipe", "by": "temperature"}),
    ("emm-cake-interaction", "pairs"): (
        CONTRASTS,
        {"variables": "recipe", "by": "temperature", "adjust": "none"},
    ),
    ("emm-cake-interaction", "temperature"): (MEANS, {"variables": "temperature"}),
    **{
        ("emm-cake-interaction", name): (
            CONTRASTS,
            {"variables": "temperature", "kind": kind, "adjust": adjust},
        )
        for name, kind, adjust in (
            ("polynomial", "polynomial", "none"),
            ("sequential", "sequential", "none"),
            ("effect", "effect", "none"),
            ("reference", "reference", "mvt"),
            ("tukey", "pairwise", "mvt"),
            ("holm", "pairwise", "holm"),
            ("bh", "pairwise", "bh"),
            ("bonferroni", "pairwise", "bonferroni"),
            ("scheffe", "pairwise", "scheffe"),
        )
    },
    **{
        ("emm-contraception", weights): (
            MEANS,
            {"variables": "livch", "weights": weights, "scale": "link"},
        )
        for weights in ("equal", "proportional", "cells")
    },
    ("emm-contraception", "response"): (MEANS, {"variables": "livch", "weights": "proportional"}),
    ("emm-contraception", "average_mean"): (MEANS, {"variables": "livch", "average": "mean"}),
    ("emm-contraception", "average_mean_pairs"): (
        CONTRASTS,
        {"variables": "livch", "average": "mean", "measure": "difference", "adjust": "none"},
    ),
    ("emm-contraception", "difference"): (
        CONTRASTS,
        {"variables": "livch", "measure": "difference", "adjust": "none"},
    ),
    ("emm-contraception", "odds_ratio"): (CONTRASTS, {"variables": "livch", "by": "urban"}),
    ("emm-contraception", "reference"): (CONTRASTS, {"variables": "livch", "kind": "reference"}),
    ("emm-contraception", "at"): (
        MEANS,
        {"variables": "livch", "at": {"age": [-5, 10]}, "scale": "link"},
    ),
    ("emm-contraception", "at_by"): (
        MEANS,
        {"variables": "age", "by": "urban", "at": {"age": [-5, 10]}, "scale": "link"},
    ),
    ("emm-contraception", "slopes"): (
        SLOPES,
        {"variable": "age", "by": "urban", "at": {"age": 4}, "scale": "link"},
    ),
    ("emm-owls-offset", "means"): (MEANS, {"variables": "FoodTreatment", "by": "SexParent"}),
    ("emm-owls-offset", "rate"): (
        MEANS,
        {"variables": "FoodTreatment", "at": {"logBroodSize": 0.0}},
    ),
    ("emm-owls-offset", "ratio"): (
        CONTRASTS,
        {"variables": "FoodTreatment", "by": "SexParent", "adjust": "none"},
    ),
    ("emm-owls-offset", "all"): (CONTRASTS, {"variables": ["SexParent", "FoodTreatment"]}),
    ("emm-dietox-slopes", "slopes"): (
        SLOPES,
        {"variable": "Time", "by": "Cu", "at": {"Time": 3}},
    ),
    ("emm-dietox-slopes", "slopes_at"): (
        SLOPES,
        {"variable": "Time", "by": "Cu", "at": {"Time": [2, 10]}},
    ),
    ("emm-dietox-slopes", "slope_pairs"): (
        CONTRASTS,
        {"variables": "Cu", "slope": "Time", "at": {"Time": 3}},
    ),
    ("emm-dietox-slopes", "means"): (MEANS, {"variables": "Cu", "at": {"Time": 6}}),
    ("emm-dietox-slopes", "means_at_mean"): (MEANS, {"variables": "Evit"}),
    ("emm-empty-cell", "urban"): (MEANS, {"variables": "urban"}),
    ("emm-empty-cell", "livch"): (MEANS, {"variables": "livch"}),
    ("emm-empty-cell", "cells"): (MEANS, {"variables": "urban", "weights": "cells"}),
    ("emm-empty-cell", "flat"): (MEANS, {"variables": "urban", "weights": "flat"}),
    ("emm-empty-cell", "pairs"): (
        CONTRASTS,
        {"variables": "livch", "by": "urban", "adjust": "none"},
    ),
}
"""What ilk is asked for each table of emmeans."""


@cache
def _fit(identifier: str) -> Any:
    found = CASES[identifier]
    model = found["model"]
    data = table(found)
    if identifier == "emm-empty-cell":
        data = data[data["livch"].notna() & ~_left_out_cell(data)]
    keywords: dict[str, Any] = {"family": FAMILIES.get(model["family"], model["family"])}
    if model["family"] == "gaussian":
        keywords["reml"] = model["REML"]
    return ilk.fit(python_formula(model["formula"]), data, **keywords)


def _left_out_cell(data: Any) -> Any:
    return (data["urban"].astype(str) == "Y") & (data["livch"].astype(str) == "3+")


def _rows(found: Case, name: str) -> list[dict[str, Any]]:
    tables: dict[str, list[dict[str, Any]]] = found["results"]["emmeans"]
    return tables[name]


def _value(row: dict[str, Any], names: tuple[str, ...]) -> float:
    key = next(name for name in row if name in names or name.endswith(".trend"))
    return _number(row[key])


def _number(value: Any) -> float:
    return np.nan if value is None or value == "nonEst" else float(value)


_VALUES = ("emmean", "prob", "response", "estimate", "odds.ratio", "ratio")


def test_every_table_is_asked_for() -> None:
    tables = {(i, name) for i, found in CASES.items() for name in found["results"]["emmeans"]}
    assert tables == set(QUESTIONS)


@pytest.mark.parametrize("identifier", CASES)
def test_the_model_is_the_same(identifier: str) -> None:
    reference = CASES[identifier]["results"]["logLik"]
    assert _fit(identifier).loglik == pytest.approx(reference, rel=1e-6)


@pytest.mark.parametrize(("identifier", "name"), list(QUESTIONS))
def test_table(identifier: str, name: str) -> None:
    question, keywords = QUESTIONS[identifier, name]
    df = "kenward_roger" if identifier == "emm-cake-kr" else "normal"
    found = question(_fit(identifier).fitted, **keywords, df=df)
    rows = _rows(CASES[identifier], name)
    assert len(rows) == len(found.estimate)
    if question is CONTRASTS:
        _compare_contrasts(found, rows, KRAMER.get((identifier, name)))
        return
    mine = {cell: i for i, cell in enumerate(found.grid.cells)}
    for row in rows:
        i = mine[tuple(_label(row[focal]) for focal in found.grid.focal)]
        _close(found.estimate[i], _value(row, _VALUES), 1e-4)
        _close(found.std_error[i], _number(row["SE"]), 2e-3)
        if name != "average_mean":  # whose limits are not on the logit
            low, high = _ends(row)
            _close(found.df[i], _degrees(row), 1e-3)
            _close(found.conf_low[i], low, 1e-3)
            _close(found.conf_high[i], high, 1e-3)


def _ends(row: dict[str, Any]) -> tuple[float, float]:
    low, high = ("asymp.LCL", "asymp.UCL") if "asymp.LCL" in row else ("lower.CL", "upper.CL")
    return _number(row[low]), _number(row[high])


def _degrees(row: dict[str, Any]) -> float:
    lost = next((row[name] for name in _VALUES if name in row), 0.0) in (None, "nonEst")
    return np.nan if lost else np.inf if row.get("df") is None else float(row["df"])


def _label(value: Any) -> Any:
    return value if isinstance(value, str) else float(value)


def _close(mine: float, reference: float, tolerance: float) -> None:
    if np.isnan(reference):
        assert np.isnan(mine)
        return
    assert mine == pytest.approx(reference, rel=tolerance, abs=tolerance)


def _compare_contrasts(found: Any, rows: list[dict[str, Any]], conservative: float | None) -> None:
    mine = {}
    for k, name in enumerate(found.names):
        mine[(name, found.references[k], found.groups[k])] = k
    for row in rows:
        by = tuple(row[name] for name in found.by)
        first, second = _sides(row["contrast"], found)
        turned = (second, first, by) in mine
        k = mine[second, first, by] if turned else mine[first, second, by]
        ratio = found.measure != "difference"
        estimate, error = found.estimate[k], found.std_error[k]
        if turned and ratio:
            estimate, error = 1.0 / estimate, error / estimate**2
        elif turned:
            estimate = -estimate
        _close(estimate, _value(row, _VALUES), 1e-3)
        _close(error, _number(row["SE"]), 2e-3)
        _close(found.df[k], _degrees(row), 1e-3)
        ratio_name = "t.ratio" if "t.ratio" in row else "z.ratio"
        _close(abs(found.statistic[k]), abs(_number(row[ratio_name])), 2e-3)
        reference = _number(row["p.value"])
        if conservative is not None:
            assert reference - conservative < found.p_value[k] < reference
            continue
        assert found.p_value[k] == pytest.approx(reference, abs=P_VALUE, nan_ok=True)
        if "asymp.LCL" in row or "lower.CL" in row:
            ends = [found.conf_low[k], found.conf_high[k]]
            if turned:
                ends = [1.0 / x if ratio else -x for x in ends[::-1]]
            size = 1e-3 * _number(row["SE"])
            for mine_end, reference in zip(ends, _ends(row), strict=True):
                assert mine_end == pytest.approx(reference, rel=2e-3, abs=size, nan_ok=True)


_DEGREES = {"degree 5": "quintic"}


def _sides(text: str, found: Any) -> tuple[Any, Any]:
    """Sides of a contrast of emmeans in ilk's words."""
    if text.endswith(" effect"):
        return _bare(text.removesuffix(" effect"), found), "average"
    parts = re.split(r" [-/] ", text)
    if len(parts) == 1:
        return _DEGREES.get(text, text), None
    return _bare(parts[0], found), _bare(parts[1], found)


def _bare(text: str, found: Any) -> str:
    text = text.strip("()")
    if text in found.names or text in found.references:
        return text
    if len(found.variables) > 1:
        return ", ".join(reversed(text.split(" ")))
    return re.sub(f"^{found.variables[0]}", "", text)
