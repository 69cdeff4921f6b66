"""Explained variance in words."""

from __future__ import annotations

from tests.fits import fit_of


def test_table_of_parts_adds_up():
    answer = fit_of("penicillin").r_squared()
    assert answer.frame.measure.tolist() == ["marginal", "conditional"]
    (parts,) = answer.tables
    assert [row[0] for row in parts.rows] == ["fixed part", "plate", "sample", "residual"]
    assert abs(sum(float(row[2]) for row in parts.rows) - 1.0) < 2e-3


def test_factors_interact_on_the_scale_of_the_response():
    parts = fit_of("ticks").r_squared(scale="response").tables[0]
    names = [row[0] for row in parts.rows]
    assert "factors together, beyond each" in names
    assert "factors together, beyond each" not in [
        row[0] for row in fit_of("ticks").r_squared().tables[0].rows
    ]


def test_what_is_left_out_is_said():
    notes = fit_of("salamanders").r_squared().notes
    assert any("excess zeros" in note for note in notes)
