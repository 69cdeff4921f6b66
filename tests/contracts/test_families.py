"""A family of the registry is met by all tests of families, or the reason is said in a sentence."""

from __future__ import annotations

import pytest
from mpmath import mp
from validation.recovery import TRUTHS

from ilk.family import FAMILIES
from tests.densities import log_density
from tests.families import Case, family_of, row_of
from tests.tables import FAMILIES as TABLE


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_its_rows(name: str) -> None:
    row = row_of(name)
    assert row.edges, f"family {name!r} has no edges in tests/families.py: add some"
    case = Case(family_of(name))
    y, aux = case.responses[0]
    log_density(case.family, y, aux, [mp.mpf(e) for e in case.points[0]])
    assert name in TRUTHS, (
        f"family {name!r} is not simulated: add to TRUTHS of validation/recovery.py what its data "
        "are drawn with, and run python -m validation.recovery --only " + name
    )
    met = {case.keywords["family"] for case in TABLE}
    assert FAMILIES[name].categorical or name in met, (
        f"family {name!r} has no row in tests/tables.py: add a FamilyCase with its response "
        "column, so that relations, predictions and checks are tried with it"
    )
