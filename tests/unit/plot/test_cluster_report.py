"""The picture of standard errors by method."""

from __future__ import annotations

import numpy as np
import pytest

import ilk


def test_a_row_per_coefficient_and_a_mark_per_method():
    marks = ilk.datasets.load("essay_marks")
    fit = ilk.fit(
        "points ~ prompt + (1 | essay) + (1 | rater)", marks, family="binomial", trials="items"
    )
    report = fit.cluster_report()
    axis = report.plot()
    assert [text.get_text() for text in axis.get_yticklabels()] == [
        "Intercept",
        "prompt[T.describe]",
    ]
    labels = axis.get_legend_handles_labels()[1]
    assert labels == ["ignoring clusters", "cluster-robust", "robust, all factors", "GEE"]
    assert axis.get_xlabel() == "standard error over that of the mixed model (population)"
    frame = report.frame
    for marks_of, method in zip(axis.collections[1:], labels, strict=True):
        ratio = frame[frame.method == method].ratio
        np.testing.assert_allclose(marks_of.get_offsets()[:, 0], ratio)
    low, high = axis.get_xlim()
    assert low < frame.ratio.min() < frame.ratio.max() < high


def test_on_given_axes_without_what_was_left_out():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    rng = np.random.default_rng(1)
    data = {"g": np.repeat(np.arange(20), 5), "x": rng.normal(size=100)}
    data["b"] = rng.normal(size=100) + data["x"] > 0
    fit = ilk.fit("b ~ x + (1 | g)", data, family="binomial", penalty="firth")
    axis = pyplot.figure().subplots()
    assert fit.cluster_report().plot(axis) is axis
    assert axis.get_legend_handles_labels()[1] == ["ignoring clusters"]
