"""The check of leverage."""

from __future__ import annotations

import numpy as np
import pandas as pd

import ilk


def data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(20), 5)
    x = rng.normal(size=100)
    return pd.DataFrame({"g": g, "x": x, "y": x + rng.normal(size=20)[g] + rng.normal(size=100)})


def test_a_row_far_from_all_others() -> None:
    frame = data()
    (fine,) = ilk.fit("y ~ x + (1 | g)", frame).check("leverage")["leverage"]
    assert fine.verdict == "ok"
    assert fine.expected == 0.02
    frame.loc[33, "x"] = 60.0
    (found,) = ilk.fit("y ~ x + (1 | g)", frame).check("leverage")["leverage"]
    assert found.verdict == "note"
    assert found.sentence == "Row 33 decides more than half of what is fitted to it."


def test_rows_with_effects_of_their_own_are_fine() -> None:
    frame = data().assign(n=lambda d: np.random.default_rng(2).poisson(np.exp(0.3 * d.x + 1.0)))
    fit = ilk.fit("n ~ x + (1 | g) + olre()", frame, "poisson")
    (found,) = fit.check("leverage")["leverage"]
    assert found.verdict == "ok"


def test_models_without_coefficients() -> None:
    (found,) = ilk.fit("y ~ 0 + (1 | g)", data()).check("leverage")["leverage"]
    assert found.verdict == "skipped"
