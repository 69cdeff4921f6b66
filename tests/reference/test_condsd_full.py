"""Standard deviations of random effects that count the parameters' uncertainty, against glmmTMB."""

from __future__ import annotations

import pandas as pd
import pytest

from .data import cases, table
from .observe import fit_case
from .translate import same_group, same_level, same_name

pytestmark = pytest.mark.reference

CASES = {
    found["id"]: found
    for found in cases()
    if any("condsd_full" in block for block in found["results"].get("ranef") or ())
}

LOOSE = {"fam-beta-gasoline": 6e-3}
"""glmmTMB differentiates numerically; its information matrix is poorly conditioned here."""


@pytest.mark.parametrize("identifier", CASES)
def test_condsd_full(identifier):
    found = CASES[identifier]
    assert len(table(found)) == found["n_rows"]
    rows = pd.DataFrame(fit_case(found).random_effects(uncertainty="full"))
    for block in found["results"]["ranef"]:
        mine = {
            (same_level(row["group"], str(row["level"])), same_name(row["term"])): row["std_error"]
            for row in rows.to_dict("records")
            if same_group(row["group"]) == same_group(block["group"])
        }
        for level, expected in zip(block["levels"], block["condsd_full"], strict=True):
            for term, value in zip(block["terms"], expected, strict=True):
                key = same_level(block["group"], level), same_name(term)
                if value is not None:
                    assert mine[key] == pytest.approx(value, rel=LOOSE.get(identifier, 1e-4))
