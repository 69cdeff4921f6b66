"""Units whose residuals are compared with those of their neighbors."""

from __future__ import annotations

import numpy as np
from tests.fits import fit_of

from ilk.diagnostics.checks.context import make_context
from ilk.diagnostics.checks.units import scores_of, units_of, views_of


def test_units_are_sorted_by_key() -> None:
    found = units_of(np.array([[1.0, 2.0], [0.0, 5.0], [1.0, 1.0], [0.0, 5.0]]))
    assert found.count == 3
    assert found.codes.tolist() == [2, 0, 1, 0]
    assert found.first.tolist() == [1, 2, 0]


def test_scores_of_rows_and_of_totals() -> None:
    context = make_context(fit_of("binary").fitted, draws=30)
    codes = context.fitted.design.terms[0].grouping.codes
    rows = units_of(np.arange(len(codes), dtype=float)[:, None])
    levels = units_of(codes[:, None].astype(float))
    assert scores_of(context, rows, "conditional").shape == (240, 31)
    totals = scores_of(context, levels, "population")
    assert totals.shape == (40, 31)
    observed = np.bincount(codes, weights=context.fitted.design.response.y)
    assert np.corrcoef(totals[:, 0], observed)[0, 1] > 0.8
    assert views_of(context, levels) == ("population",)
    assert views_of(context, rows) == ("conditional", "population")
