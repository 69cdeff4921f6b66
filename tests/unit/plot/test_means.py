"""Pictures of means, contrasts and slopes: what they show, and that they draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ilk
from ilk.effects.contrasts import contrasts
from ilk.effects.means import marginal_means
from ilk.effects.slopes import marginal_slopes
from ilk.plot.means import contrasts_picture, draw_forest, means_picture, slopes_picture

plt: Any = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(scope="module")
def fit() -> Any:
    data = ilk.datasets.load("eczema_trial")
    return ilk.fit("clear ~ treatment * week + (1 | patient)", data, family="binomial")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_means_stand_along_the_first_column(fit: Any) -> None:
    found = marginal_means(fit.fitted, "week", by="treatment", at={"week": [0, 4, 8]})
    table = means_picture(found, "probability")
    assert table.ticks is None
    assert table.joined
    assert [series.label for series in table.series] == ["active", "placebo"]
    assert table.series[0].x.tolist() == [0.0, 4.0, 8.0]
    assert np.concatenate([s.estimate for s in table.series]).tolist() == found.estimate.tolist()


def test_one_mean_and_factors(fit: Any) -> None:
    table = means_picture(marginal_means(fit.fitted, "treatment"), "probability")
    assert table.ticks == ("active", "placebo")
    assert not table.joined
    assert len(means_picture(marginal_means(fit.fitted), "probability").series) == 1


def test_labels_of_contrasts_and_slopes(fit: Any) -> None:
    found = contrasts(fit.fitted, "treatment", by="week", at={"week": [0, 4]})
    table = contrasts_picture(found, "probability")
    assert table.labels == ("week 0: placebo / active", "week 4: placebo / active")
    assert table.ratio
    assert table.null == 1.0
    slopes = slopes_picture(marginal_slopes(fit.fitted, "week", by="treatment"), "probability")
    assert slopes.labels == ("treatment active", "treatment placebo")


def test_they_draw(fit: Any) -> None:
    fit.means().plot()
    axis = fit.means("treatment", by="week", at={"week": [0, 4]}, estimand="population").plot()
    assert axis.get_ylabel() == "probability of clear (population)"
    axis = fit.contrasts("treatment", by="week", at={"week": [0, 12]}).plot()
    assert axis.get_xscale() == "log"
    assert all("10^" not in tick.get_text() for tick in axis.get_xticklabels())
    fit.slopes("week").plot(plt.subplots()[1])
    for axis in map(plt.figure, plt.get_fignums()):
        axis.canvas.draw()


def test_what_is_not_estimable_leaves_a_gap() -> None:
    data = ilk.datasets.load("eczema_trial")
    data = data[~((data.treatment == "active") & (data.week == 12))]
    fit = ilk.fit("clear ~ treatment * C(week) + (1 | patient)", data, family="binomial")
    found = contrasts(fit.fitted, "treatment", by="week")
    table = contrasts_picture(found, "probability")
    assert table.drawn.sum() == len(table.labels) - 1
    draw_forest(table)
    fit.means("treatment", by="week").plot()
