"""Power in words."""

from __future__ import annotations

import pytest
from tests.fits import fit_of

import ilk


def test_text():
    answer = fit_of("cbpp").power({"period[T.2]": -1.0}, [15], draws=20, seed=2)
    text = " ".join(answer.text.split())
    assert "drawn from the fit with the coefficient set to the effect" in text
    assert "z test" in text
    assert "seed 2" in text
    assert answer.frame.effect.tolist() == [-1.0]
    assert "<td" in answer.html


def test_levels_that_are_kept_are_named():
    answer = fit_of("penicillin").power({"Intercept": 23.0}, 4, cluster="plate", draws=4, seed=1)
    assert any("levels of sample are those of the fit" in note for note in answer.notes)
    assert answer.frame.term.tolist() == ["Intercept"]


def test_a_fit_without_random_terms_speaks_of_rows():
    scores = ilk.datasets.load("classroom_scores")
    fit = ilk.fit("score ~ method + prior", scores)
    found = fit.power({"method[T.usual]": -1.0}, [100, 200], draws=10, seed=1)
    assert "cluster" not in found.text.lower()
    assert "random effects" not in found.text
    assert "draws rows of the fit with replacement, with their covariates and new" in found.text
    assert "Rows are drawn within the values of method[T.usual]" in found.text
    assert found.frame.n_clusters.tolist() == found.frame.rows.tolist() == [100, 200]
    with pytest.raises(ilk.FitError, match=r"to studies of 2 rows failed.*Ask for more rows"):
        fit.power({"prior": 0.5}, 2, draws=4, seed=1)
