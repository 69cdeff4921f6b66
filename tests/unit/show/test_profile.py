"""The answer of `Fit.profile`: frames, text, notes, pictures."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import ModelError


def test_frame_has_a_row_for_each_constrained_maximum():
    fit = fit_of("salamanders")
    found = fit.profile(["mined[T.no]", "sd(Intercept)"], level=0.9)
    frame = found.frame
    assert list(frame.columns[:5]) == ["parameter", "value", "zeta", "loglik", "estimand"]
    labels = ["mined[T.no]", "zero_inflation: mined[T.no]", "sd(Intercept)"]
    assert list(dict.fromkeys(frame.parameter)) == labels
    for label in labels:
        rows = frame[frame.parameter == label]
        np.testing.assert_allclose(rows[label], rows.value, rtol=1e-9)
        assert rows.loglik.max() == pytest.approx(fit.loglik, abs=1e-6)
    assert frame.estimand[frame.parameter == "sd(Intercept)"].isna().all()
    assert set(frame.estimand[frame.parameter == "mined[T.no]"]) == {"conditional"}
    assert len(frame.columns) == 5 + 6


def test_intervals_of_the_curves():
    fit = fit_of("cbpp")
    profile = fit.profile()
    ours, direct = profile.conf_int(0.95), fit.conf_int(method="profile")
    assert list(ours.columns) == list(direct.columns)
    assert list(ours.term) == list(direct.term) == list(fit.conf_int().term)
    np.testing.assert_allclose(ours.conf_low, direct.conf_low, atol=1e-4)
    assert profile.conf_int(0.8).conf_low[0] > ours.conf_low[0]
    with pytest.raises(ModelError, match="level"):
        profile.conf_int(0.999)


def test_text_and_html():
    profile = fit_of("dyestuff2").profile(level=0.95)
    assert profile.text.startswith("Profile likelihood")
    assert "0.000 to 2.084" in profile.text
    assert "no variance at all" in " ".join(profile.text.split())
    assert "no variance at all" in profile.html
    assert profile.notes[0] == "Profiled is the likelihood (ML)."
    assert repr(profile) == profile.text


def test_other_frames():
    polars = pytest.importorskip("polars")
    data = polars.from_pandas(data_of("binary"))
    fit = ilk.fit("y ~ x + (1 | g)", data, family="binomial")
    assert isinstance(fit.profile("x").frame, polars.DataFrame)
    assert isinstance(fit.conf_int(method="profile", parameters="x"), polars.DataFrame)


def test_options_belong_to_methods():
    fit = fit_of("cbpp")
    with pytest.raises(ModelError, match="n_jobs= is not an option of method='wald'"):
        fit.conf_int(n_jobs=2)
    with pytest.raises(ModelError, match="Did you mean 'parameters'"):
        fit.conf_int(method="profile", parameter="x")
    with pytest.raises(ModelError, match="'profil' is not known"):
        fit.conf_int(method="profil")
