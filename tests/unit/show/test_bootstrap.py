"""The answer of a bootstrap: columns, notes, intervals of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import fit_of

from ilk.errors import ModelError


def ratio(fit):
    return {"per sigma": fit.params["Days"] / fit.sigma}


@pytest.fixture(scope="module")
def answer():
    return fit_of("sleepstudy").bootstrap(draws=199, seed=1, level=0.9)


def test_the_frame_has_the_rows_of_the_parameters(answer):
    fit, frame = fit_of("sleepstudy"), answer.frame
    assert list(frame.term) == list(fit.tidy().term)
    np.testing.assert_allclose(frame.estimate, fit.tidy().estimate)
    assert list(frame)[-2:] == ["draws", "estimand"]
    np.testing.assert_array_equal(frame.std_error, answer.std_errors)
    np.testing.assert_allclose(answer.bias, answer.draws.mean(axis=0) - frame.estimate)
    np.testing.assert_allclose(answer.std_errors, answer.draws.std(axis=0, ddof=1))
    assert set(frame.draws) == {199}


def test_intervals_of_every_kind(answer):
    tables = {m: answer.conf_int(0.8, m) for m in ("percentile", "basic", "normal", "bca")}
    for method, table in tables.items():
        assert set(table.method) == {f"bootstrap (parametric, {method})"}
        assert np.all(table.conf_low < table.conf_high)
    p, b = tables["percentile"], tables["basic"]
    np.testing.assert_allclose(b.conf_low[:2], 2 * p.estimate[:2] - p.conf_high[:2])
    np.testing.assert_array_equal(answer.conf_int().conf_low, answer.frame.conf_low)
    with pytest.raises(ModelError, match="needs at least 1999 draws"):
        answer.conf_int(0.999)


def test_the_text_says_how_it_was_made(answer):
    text = answer.text
    assert text == repr(answer)
    for words in ("90% interval", "Intervals: percentile", "199 refits", "new random", "seed 1"):
        assert words in " ".join(text.split())
    assert "<table" in answer.html


def test_failures_and_missing_numbers_are_said():
    turn = iter(range(300))

    def statistic(fit):
        k = next(turn)
        if k % 10 == 9:
            raise ZeroDivisionError("no spread")
        return [fit.loglik, np.nan if k % 2 else 1.0]

    found = fit_of("cbpp").bootstrap(statistic, draws=60, seed=1, kind="cluster")
    text = " ".join(found.text.split())
    assert "6 more refits failed and are left out (6: no spread)" in text
    assert "levels of herd, drawn with replacement" in text
    assert "A number that a refit does not have" in text
    assert list(found.frame.draws) == [54, 30]
    assert dict(found.failures) == {"no spread": 6}


def test_few_draws_give_normal_intervals_that_say_so():
    found = fit_of("sleepstudy").bootstrap(ratio, draws=9, seed=1, estimand="conditional")
    assert "Intervals: normal" in found.text
    assert "the estimated random effects" in " ".join(found.text.split())
    assert list(found.frame.term) == ["per sigma"]
    assert found.seed == 1


def test_bca_of_crossed_factors_is_refused():
    found = fit_of("penicillin").bootstrap(draws=40, seed=1)
    assert np.isfinite(found.conf_int().conf_low).all()
    with pytest.raises(ModelError, match="'plate' and 'sample' cross"):
        found.conf_int(method="bca")


def test_runaway_refits_are_said():
    """Clusters of cbpp without events in the last period separate it in some samples."""
    found = fit_of("cbpp").bootstrap(draws=200, seed=3, kind="cluster")
    text = " ".join(found.text.split())
    assert "refits period[T.4] ran away (as under separation)" in text
    assert "stands for infinity" not in text
    found = fit_of("salamanders").bootstrap(draws=100, seed=1)
    text = " ".join(found.text.split())
    assert "the interval of zero_inflation: mined[T.no] is among them" in text
    assert "ran away" not in fit_of("sleepstudy").bootstrap(draws=200, seed=3).text
