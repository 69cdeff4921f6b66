"""Which clusters a report is about, and which fits it sets side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.cluster_report.clusters import cluster_groupings, outermost, two_fits
from ilk.errors import DataError, ModelError


def data(clusters: int = 20, rows: int = 5, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(clusters), rows)
    x = rng.normal(size=len(g))
    y = 1.0 + 0.5 * x + rng.normal(size=clusters)[g] + rng.normal(size=len(g))
    return pd.DataFrame(
        {"g": g, "big": g // 4, "item": np.tile(np.arange(rows), clusters), "x": x, "y": y}
    )


def test_a_plain_fit_is_set_beside_the_mixed_model_with_these_clusters() -> None:
    frame = data()
    two = two_fits(ilk.fit("y ~ x", frame).fitted, frame["g"])
    mixed = ilk.fit("y ~ x + (1 | g)", frame)
    assert two.added
    assert two.mixed.model.reml
    np.testing.assert_allclose(two.mixed.coef, mixed.fitted.coef, rtol=1e-8)
    assert two.mixed.loglik == pytest.approx(mixed.loglik)
    assert two.mixed.formula.text == "y ~ 1 + x + (1 | g)"


def test_the_plain_model_is_that_of_the_same_formula() -> None:
    frame = data()
    two = two_fits(ilk.fit("y ~ x + (1 + x | g)", frame).fitted)
    plain = ilk.fit("y ~ x", frame)
    np.testing.assert_allclose(two.plain.coef, plain.fitted.coef)
    np.testing.assert_allclose(two.plain.vcov, plain.fitted.vcov)
    assert not two.added


def test_labels_follow_the_rows_that_were_used() -> None:
    frame = data()
    frame.loc[[0, 7], "x"] = np.nan
    fit = ilk.fit("y ~ x", frame).fitted
    whole, used = two_fits(fit, frame["g"]), two_fits(fit, frame["g"].drop([0, 7]).to_numpy())
    assert whole.given is not None
    assert used.given is not None
    np.testing.assert_array_equal(whole.given.codes, used.given.codes)
    assert (whole.given.name, used.given.name) == ("g", "cluster")


def test_kept_columns_and_their_combinations_are_clusters() -> None:
    frame = data()
    fit = ilk.fit("y ~ x + between(x, big) + C(item)", frame).fitted
    assert two_fits(fit, "big").given.name == "big"  # type: ignore[union-attr]
    both = two_fits(fit, "big:item").given
    assert both is not None
    assert len(both.levels) == 5 * 5


def test_a_row_effect_is_no_cluster() -> None:
    frame = data().assign(n=lambda d: np.random.default_rng(2).poisson(np.exp(0.3 * d.x)))
    frame["row"] = np.arange(len(frame))
    for term in ("olre()", "(1 | row)"):
        fit = ilk.fit(f"n ~ x + (1 | g) + {term}", frame, family="poisson").fitted
        assert [g.name for g in cluster_groupings(fit)] == ["g"]
    fit = ilk.fit("n ~ x + olre()", frame, family="poisson").fitted
    two = two_fits(fit, frame["g"])
    assert two.added
    assert [t.grouping.name for t in two.mixed.design.terms] == ["olre()", "g"]


def test_outermost() -> None:
    fit = ilk.fit("y ~ x + (1 | big/g) + (1 | item)", data()).fitted
    assert [g.name for g in outermost(cluster_groupings(fit))] == ["big", "item"]


def test_bad_clusters() -> None:
    frame = data()
    plain, mixed = ilk.fit("y ~ x", frame), ilk.fit("y ~ x + (1 | g)", frame)
    with pytest.raises(ModelError, match=r"which rows belong together, group=data"):
        two_fits(plain.fitted)
    with pytest.raises(ModelError, match=r"group='big' .* \(there are none\).*data\['big'\]"):
        two_fits(plain.fitted, "big")
    with pytest.raises(ModelError, match=r"\(there are 'g'\)"):
        two_fits(mixed.fitted, "G")
    with pytest.raises(DataError, match="each of the 100 rows of the data, not 3 labels"):
        two_fits(plain.fitted, [1, 2, 3])
    with pytest.raises(DataError, match="not 5"):
        two_fits(plain.fitted, 5)
    lacking = frame["g"].astype(object)
    lacking[3] = None
    with pytest.raises(DataError, match="no label in row 3"):
        two_fits(plain.fitted, lacking)
    with pytest.raises(DataError, match="single level"):
        two_fits(plain.fitted, np.zeros(100))


def test_levels_of_one_row_are_no_clusters() -> None:
    frame = data().assign(n=lambda d: np.arange(len(d)) % 4, row=lambda d: np.arange(len(d)))
    fit = ilk.fit("n ~ x + (1 | row)", frame, "poisson").fitted
    with pytest.raises(ModelError, match="Each level of 'row' has one row"):
        two_fits(fit)
    spread = ilk.fit("y ~ x", data(), dispersion="~ 1 + (1 | g)").fitted
    with pytest.raises(ModelError, match="has no random effects of clusters in the mean"):
        two_fits(spread)
