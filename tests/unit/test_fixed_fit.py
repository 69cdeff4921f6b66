"""The facades of fits within clusters: tables, words, files, frames."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from tests.within import clustered

import ilk
from ilk.errors import DataError, ModelError

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")


def fits():
    data = clustered()
    return [
        ilk.fixed("spread ~ x + z + c", data, "g", "negative_binomial_2", exposure="time"),
        ilk.fixed("score ~ x + (1 | g) + (1 | h)", data, precision_weights="weight"),
        ilk.fixed("count ~ x", data, "g", "poisson", std_errors="cluster"),
        ilk.conditional("events ~ x + z", data, "g:h", trials="trials"),
        ilk.conditional("count ~ x + c", data, "g", "poisson", offset=data.weight.to_numpy()),
    ]


@pytest.mark.parametrize("k", range(5))
def test_travels_and_is_loaded(k, tmp_path):
    fit = fits()[k]
    fit.save(tmp_path / "fit.ilk")
    for again in (pickle.loads(pickle.dumps(fit)), ilk.load(tmp_path / "fit.ilk")):
        assert type(again) is type(fit)
        assert np.array(again.params) == pytest.approx(np.array(fit.params), rel=1e-12, nan_ok=True)
        assert str(again.summary()) == str(fit.summary())
        assert again.tidy().equals(fit.tidy())
        assert again.glance().equals(fit.glance())
        if isinstance(fit, ilk.FixedFit):
            assert again.effects().equals(fit.effects())
            assert again.predict(interval="prediction").equals(fit.predict(interval="prediction"))


def test_a_changed_file_is_refused(tmp_path):
    content = bytearray(pickle.dumps(0))
    (tmp_path / "bad").write_bytes(bytes(content))
    with pytest.raises(DataError):
        ilk.load(tmp_path / "bad")


@pytest.mark.parametrize("make", [lambda d: d, pl.DataFrame, pa.Table.from_pandas, dict])
def test_answers_come_in_the_callers_frame(make):
    data = clustered()
    given = make({c: data[c].to_list() for c in data} if make is dict else data)
    fit = ilk.fixed("count ~ x", given, "g", "poisson")
    kind = {pl.DataFrame: pl.DataFrame, pa.Table.from_pandas: pa.Table}.get(make, type(data))
    for frame in (fit.tidy(), fit.effects(), fit.augment(), fit.predict(given), fit.ratios()):
        assert isinstance(frame, kind)


@pytest.mark.parametrize("k", range(5))
def test_summaries_say_what_they_are(k):
    fit = fits()[k]
    text, html = str(fit.summary()), fit._repr_html_()
    assert "Conditional effects (within a cluster" in text
    assert "df spent" in text
    assert "df spent" in html
    assert set(fit.tidy().estimand) == {"conditional"}
    assert repr(fit).startswith(f"<ilk.{type(fit).__name__}: ")
    with pytest.raises(dataclasses.FrozenInstanceError):
        fit.fitted = None


def test_intervals_use_the_right_distribution():
    gaussian = fits()[1]
    df = gaussian.nobs - gaussian.df_clusters - 1
    assert set(gaussian.tidy().df) == {float(df)}
    assert f"t with {df} degrees of freedom" in str(gaussian.summary())
    assert np.isinf(fits()[0].tidy().df).all()
    table, wider = gaussian.conf_int(0.9), gaussian.conf_int(0.99)
    assert (wider.conf_low < table.conf_low).all()


def test_groups_of_effects():
    fit = fits()[1]
    assert set(fit.effects("h").group) == {"h"}
    assert len(fit.effects()) == 19
    with pytest.raises(ModelError, match="'k' is no factor"):
        fit.effects("k")


def test_likelihood_and_counts():
    data = clustered()
    a, b = (
        ilk.fixed("count ~ x", data, "g", "poisson"),
        ilk.fit("count ~ x + C(g)", data, "poisson"),
    )
    assert (a.aic, a.bic) == pytest.approx((b.aic, b.bic), rel=1e-9)
    assert (a.df_model, a.df_resid, a.nobs) == (b.df_model, b.df_resid, b.nobs)
    assert a.family.name == "poisson"
    assert a.formula.text == "count ~ x"
    c = ilk.conditional("count ~ x", data, "g", "poisson")
    assert c.aic == pytest.approx(-2.0 * c.loglik + 2.0)
    assert c.df_model == 1


@pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")
def test_all_fits_share_tables_and_words():
    """Intervals say their estimand; the design of the study decides on the last sentence."""
    data = clustered()
    fits = {
        "conditional": [
            ilk.fit("yes ~ x + (1 | g)", data, family="binomial"),
            ilk.fixed("yes ~ x", data, "g", "binomial"),
            ilk.conditional("yes ~ x", data, "g"),
        ],
        "population": [ilk.gee("yes ~ x", data, "g", "binomial")],
    }
    for estimand, of_kind in fits.items():
        for fit in of_kind:
            intervals = fit.conf_int()
            assert intervals.estimand[intervals.component == "mean"].iloc[0] == estimand
            assert "By design the effect" in fit.summary(design="randomized").text
            assert fit.glance().shape[0] == 1
