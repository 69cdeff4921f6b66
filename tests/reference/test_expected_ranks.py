"""Expected ranks against merTools, which takes the levels as independent and normal."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

import ilk
from ilk.ranking import expected_ranks

from ..fits import fit_of
from .data import HERE

pytestmark = pytest.mark.reference

CASES = json.loads((HERE / "expected_ranks.json").read_text(encoding="utf-8"))["cases"]
NAMES = [f"{found['id']}-{found['group']}-{found['term']}" for found in CASES]


@cache
def _fit(identifier):
    if identifier != "hospitals":
        return fit_of(identifier)
    return ilk.fit(
        "infections ~ policy + severity + (1 | hospital)",
        ilk.datasets.load("hospital_infections"),
        family="poisson",
        exposure="patient_days",
    )


def _order(table, found):
    place = {str(level): i for i, level in enumerate(table.levels)}
    return [place[level] for level in found["level"]]


@pytest.mark.parametrize("found", CASES, ids=NAMES)
def test_closed_form(found):
    ranks = expected_ranks(found["estimate"], found["variance"])
    assert ranks == pytest.approx(found["expected_rank"], abs=1e-9)
    percentile = 100.0 * (ranks - 0.5) / len(ranks)
    assert np.round(percentile) == pytest.approx(found["percentile"], abs=1.0)


@pytest.mark.parametrize("found", CASES, ids=NAMES)
def test_same_fit_same_ranks(found):
    """The comparable quantity of an ilk fit: modes and their conditional variances."""
    rows = _fit(found["id"]).random_effects(found["group"])
    rows = rows[rows["term"] == found["term"]].set_index("level")
    rows = rows.loc[[type(rows.index[0])(level) for level in found["level"]]]
    ranks = expected_ranks(rows["estimate"], rows["std_error"] ** 2)
    assert ranks == pytest.approx(found["expected_rank"], abs=2e-3 * len(ranks))


@pytest.mark.parametrize("found", CASES, ids=NAMES)
def test_joint_ranks_are_near(found):
    """Correlation, skewness and the uncertainty of the parameters move ranks by little here."""
    table = _fit(found["id"]).league_table(found["group"], term=found["term"]).table
    ranks = table.expected_rank[_order(table, found)]
    count = len(ranks)
    assert np.abs(ranks - np.array(found["expected_rank"])).max() < 0.06 * count
    assert np.corrcoef(ranks, found["expected_rank"])[0, 1] > 0.995
