"""Spaces of the columns of terms."""

import numpy as np
import pandas as pd

import ilk
from ilk.inference.hypotheses.term_spaces import (
    annihilator,
    independent_rows,
    reduced_rows,
    term_spaces,
    whole_basis,
)


def _data():
    rng = np.random.default_rng(23)
    data = pd.DataFrame(
        {"a": rng.choice(["a1", "a2", "a3"], 90), "b": rng.choice(["b1", "b2"], 90)}
    )
    data["x"] = rng.normal(size=90)
    data["g"] = rng.integers(0, 8, 90)
    data["y"] = data.x + rng.normal(size=8)[data.g] + rng.normal(size=90)
    return data


def _spaces(formula):
    design = ilk.fit(formula, _data()).fitted.design
    return design.fixed[0], term_spaces(design, design.fixed[0])


def test_treatment_coding_is_the_matrix_of_the_fit():
    part, spaces = _spaces("y ~ a * b + x * a + (1 | g)")
    np.testing.assert_allclose(spaces.basis @ whole_basis(spaces), part.X, atol=1e-10)


def test_sum_coding_has_columns_that_sum_to_zero_over_levels():
    _, spaces = _spaces("y ~ a + (1 | g)")
    columns = spaces.basis @ spaces.coordinates(spaces.terms, "sum")[1]
    means = pd.DataFrame(columns).groupby(_data().a.to_numpy()).mean()
    np.testing.assert_allclose(means.sum(), 0.0, atol=1e-10)


def test_no_basis_where_cells_are_empty():
    data = _data().query("not (a == 'a3' and b == 'b2')")
    fitted = ilk.fit("y ~ a * b + (1 | g)", data).fitted
    assert whole_basis(term_spaces(fitted.design, fitted.design.fixed[0])) is None


def test_annihilator_keeps_the_smaller_model():
    part, spaces = _spaces("y ~ 0 + a + b + (1 | g)")
    L = annihilator(spaces, spaces.terms[1:])  # y ~ 0 + b has two columns
    assert len(L) == 2
    beta = np.linalg.svd(L)[2][len(L) :].T  # what satisfies the restrictions
    B = pd.get_dummies(_data().b).to_numpy(float)
    eta = part.X @ beta
    np.testing.assert_allclose(B @ np.linalg.lstsq(B, eta, rcond=None)[0], eta, atol=1e-8)


def test_reduced_rows_of_dependent_rows():
    rows = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(reduced_rows(rows), [[1, 2, 0], [0, 0, 1]])


def test_independent_rows_of_nothing():
    assert independent_rows(np.zeros((0, 3)), 1.0).shape == (0, 3)
    assert independent_rows(np.zeros((2, 3)), 1.0).shape == (0, 3)
