"""The answer to "is the model right?"."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import fit_of

import ilk


@pytest.fixture(scope="module")
def bad():
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(40), 10)
    mu = np.exp(0.8 + 0.5 * rng.normal(size=40)[g])
    y = rng.negative_binomial(1.5, 1.5 / (1.5 + mu))
    return ilk.fit("y ~ 1 + (1 | g)", {"y": y, "g": g}, family="poisson").check()


def test_text_of_a_bad_model(bad) -> None:
    text = " ".join(bad.text.split())
    assert bad.verdict == "problem"
    assert "Is the model right?" in text
    assert "found a problem" in text
    assert "variance is as the model says" in text
    assert "family='negative_binomial_2'" in text
    assert text.count("So it is with new clusters.") >= 1
    assert "250 data sets drawn from the fitted model" in text
    assert max(map(len, bad.text.splitlines())) <= 110
    assert repr(bad) == bad.text
    assert bad._repr_html_() == bad.html
    assert "<table" in bad.html
    assert all(note in text for note in (" ".join(n.split()) for n in bad.notes))


def test_frame(bad) -> None:
    assert list(bad.frame) == [
        *("verdict", "code", "title", "where", "estimand"),
        *("statistic", "expected", "p_value", "p_adjusted", "sentence", "advice"),
    ]
    wanted = (bad.frame.code == "dispersion") & (bad.frame.estimand == "conditional")
    assert bad.frame.statistic[wanted].item() > 1.5
    tested = bad.frame.dropna(subset=["p_value"])
    assert (tested.p_adjusted >= tested.p_value - 1e-12).all()
    assert set(bad.frame.loc[bad.frame.verdict == "ok", "advice"]) == {""}
    assert (bad.frame.loc[bad.frame.verdict == "problem", "advice"] != "").all()


def test_residuals_and_items(bad) -> None:
    assert list(bad.residuals) == ["row", "conditional", "population"]
    assert len(bad.residuals) == 400
    assert bad["dispersion"][0].code == "dispersion"


def test_a_good_model_is_told_in_one_sentence() -> None:
    found = fit_of("sleepstudy").check()
    assert found.verdict == "ok"
    assert "found anything against the model" in found.text
    assert "Does not apply here (.frame says why)" in found.text
    assert "skipped" in set(found.frame.verdict)


def test_skipped_alone() -> None:
    found = fit_of("gamma").check("zeros")
    assert found.verdict == "skipped"
    assert "No check applies" in found.text
    assert "skipped: As many zeros as expected? The response is no count." in found.text


def test_notes_alone() -> None:
    found = fit_of("cbpp").check("pearson")
    assert found.verdict == "ok"
    ticks = fit_of("ticks").check("pearson")
    assert ticks.verdict == "note"
    assert "none found a problem; 1 note below" in ticks.text
