"""A sentence for each coefficient."""

from __future__ import annotations

import numpy as np
import pandas as pd

import ilk


def test_sentences_follow_the_numbers() -> None:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(40), 8)
    t = np.tile(np.linspace(-1, 1, 8), 40)
    y = rng.normal(size=40)[g] + 2.0 * rng.normal(size=40)[g] * t + rng.normal(size=320)
    data = pd.DataFrame({"g": g, "t": t, "y": y, "mix": t + rng.normal(size=40)[g]})

    def sentence(formula: str, term: str) -> str:
        report = ilk.fit(formula, data).cluster_report()
        return next(note for note in report.notes if note.startswith(term))

    assert "too small" in sentence("y ~ t + (t | g)", "t ")
    assert "its effect differs between clusters, so that" in sentence("y ~ t + (t | g)", "t ")
    data["y"] = 2.0 * rng.normal(size=40)[g] + rng.normal(size=320)
    mix = sentence("y ~ mix + (1 | g)", "mix ")
    assert "% of its variance is between)" in mix
    assert "part of it compares clusters" in mix
    data["x"], data["y"] = rng.normal(size=320), rng.normal(size=320) + 0.02 * (g % 9)
    assert sentence("y ~ x + (1 | g)", "Intercept").startswith("Intercept: ignoring clusters")
