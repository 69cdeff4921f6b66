"""The league table as frame, text, HTML and picture."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import ilk
from ilk.errors import ModelError

from ...fits import data_of, fit_of


def _league(**options):
    return fit_of("cbpp").league_table("herd", **{"draws": 200, **options})


def test_frame_is_in_order_of_rank() -> None:
    found = _league()
    frame = found.frame
    assert isinstance(frame, pd.DataFrame)
    assert frame["expected_rank"].is_monotonic_increasing
    assert list(frame.columns[:9]) == [
        *("group", "term", "level", "n", "exposure", "observed", "expected", "ratio"),
        "ratio_low",
    ]
    assert set(frame["estimand"]) == {"conditional"}
    assert set(frame["expected_estimand"]) == {"population"}
    assert "p_above" not in frame
    assert "p_above" in _league(threshold=0.1).frame
    place = list(found.table.levels).index(frame["level"][0])
    assert frame["rate"][0] == found.table.rate[place]


def test_differences_and_slopes_have_columns_of_their_own() -> None:
    fit = fit_of("sleepstudy")
    frame = fit.league_table("Subject", draws=200).frame
    assert {"difference", "difference_low", "difference_high"} <= set(frame.columns)
    assert "ratio" not in frame
    slopes = fit.league_table("Subject", term="Days").frame
    assert not {"observed", "ratio", "raw_rank", "expected_estimand"} & set(slopes.columns)
    assert set(slopes["term"]) == {"Days"}


@pytest.mark.parametrize("flavor", ["polars", "pyarrow", "dict"])
def test_frame_is_of_the_kind_of_the_data(flavor) -> None:
    data = data_of("cbpp").astype({"herd": str, "period": str})
    given = {
        "polars": lambda: pl.from_pandas(data),
        "pyarrow": lambda: pa.Table.from_pandas(data),
        "dict": lambda: {name: data[name].to_numpy() for name in data},
    }[flavor]()
    fit = ilk.fit("incidence / size ~ period + (1 | herd)", given, family="binomial")
    frame = fit.league_table("herd", draws=200).frame
    kind = {"polars": pl.DataFrame, "pyarrow": pa.Table, "dict": pd.DataFrame}[flavor]
    assert isinstance(frame, kind)


def test_text_says_what_is_what() -> None:
    text = _league(best=3, threshold=0.2, per=1).text
    assert "League table of herd: incidence / size per trial" in text
    assert "Rank 1 of 15 is the lowest proportion, taken as best (order='low')." in text
    words = " ".join(text.split())
    assert "Rankability 0.68, moderate" in words
    assert "above 0.2" in words
    assert "estimand: conditional" in words
    assert "expected of an average level of the population" in words
    assert all(len(line) <= 100 for line in text.splitlines())
    head = text.splitlines()[4]
    for column in ("obs", "exp", "O/E", "raw rank", "proportion", "P best", "P above"):
        assert column in head
    assert "P worst" not in text
    highest = _league(order="high", expected="typical").text
    assert "highest proportion" in highest
    assert "a typical level" in highest


def test_long_tables_show_both_ends() -> None:
    found = fit_of("ticks").league_table("BROOD", draws=200)
    text = found.text
    frame = found.frame
    assert "94 more levels, in the middle, are in .frame." in text
    assert f"\n  {frame['level'].iloc[0]}" in text
    assert f"\n  {frame['level'].iloc[-1]}" in text
    assert f"\n  {frame['level'].iloc[59]} " not in text
    assert "\n  ...\n" in text
    assert len(frame) == 118


def test_ties_are_said_plainly() -> None:
    found = fit_of("dyestuff2").league_table("Batch")
    assert "any order of them would be an order of luck" in " ".join(found.text.split())
    assert len(found.notes) >= 1
    assert "Rankability" not in found.text


def test_html_is_escaped() -> None:
    data = data_of("cbpp").assign(herd=lambda d: "<b>" + d["herd"].astype(str))
    fit = ilk.fit("incidence / size ~ period + (1 | herd)", data, family="binomial")
    html = fit.league_table("herd", draws=200).html
    assert "&lt;b&gt;" in html
    assert "<b>1" not in html
    assert html.startswith('<div class="ilk-summary">')


def test_repr_is_the_text() -> None:
    found = _league()
    assert repr(found) == found.text
    assert found._repr_html_() == found.html


@pytest.mark.parametrize("kind", ["ranks", "caterpillar", "shrinkage", "funnel"])
def test_pictures(kind) -> None:
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    axis = _league().plot(kind=kind)
    assert axis.has_data()
    plt.close("all")


def test_unknown_pictures_are_refused() -> None:
    with pytest.raises(ModelError, match="Did you mean 'ranks'"):
        _league().plot(kind="rank")


def test_long_labels_are_cut_to_the_width() -> None:
    data = data_of("cbpp").assign(
        herd=lambda d: "the herd of the farmer number " + d["herd"].astype(str)
    )
    fit = ilk.fit("incidence / size ~ period + (1 | herd)", data, family="binomial")
    text = fit.league_table("herd", draws=200).text
    assert all(len(line) <= 100 for line in text.splitlines())
    lines = [line for line in text.splitlines() if "…" in line]
    assert len(lines) == 15
    assert len({line[: line.index("…") + 4] for line in lines}) == 15  # told apart by their ends
