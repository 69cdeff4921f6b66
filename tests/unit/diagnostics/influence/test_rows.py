"""Data of an engine for some of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

import ilk
from ilk.diagnostics.influence.rows import gaussian_data, square_weights, take_rows


def data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"g": np.repeat(np.arange(8), 5), "x": rng.normal(size=40)})
    frame["y"] = frame.x + rng.normal(size=40)
    return frame.assign(w=rng.uniform(0.5, 2.0, 40), f=rng.integers(1, 4, 40))


def test_rows_are_cut_with_their_levels() -> None:
    marginal = ilk.fit("y ~ x + (x | g)", data(), frequency_weights="f").fitted.marginal
    cut = take_rows(marginal.scaled.data, np.array([1, 2, 36]))
    assert cut.terms[0].codes.tolist() == [0, 0, 1]
    assert cut.terms[0].levels == 2
    np.testing.assert_array_equal(cut.response, marginal.scaled.data.response[[1, 2, 36]])


def test_weights_of_both_kinds_have_their_places() -> None:
    frame = data()
    fitted = ilk.fit("y ~ x", frame, frequency_weights="f", precision_weights="w").fitted
    np.testing.assert_allclose(square_weights(fitted), frame.f * frame.w)
    made = gaussian_data(fitted)
    np.testing.assert_array_equal(made.weights, frame.f)
    np.testing.assert_allclose(made.predictors[1].offset, -np.log(frame.w))
