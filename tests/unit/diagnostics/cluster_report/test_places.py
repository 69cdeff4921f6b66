"""Where columns vary, and what follows for their standard errors."""

from __future__ import annotations

import numpy as np
import pandas as pd

import ilk
from ilk.diagnostics.cluster_report import cluster_report


def balanced(rows: int = 6, clusters: int = 40, seed: int = 1) -> pd.DataFrame:
    """Balanced: z is constant in clusters, t has the same values in all, s needs a random slope."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(clusters), rows)
    t = np.tile(np.linspace(-1.0, 1.0, rows), clusters)
    z = rng.normal(size=clusters)[g]
    y = 0.5 * t + rng.normal(size=clusters)[g] + rng.normal(size=len(g))
    return pd.DataFrame(
        {"g": g, "t": t, "z": z, "y": y, "s": y + 2.0 * rng.normal(size=clusters)[g] * t}
    )


def test_within_and_between_behave_oppositely() -> None:
    data = balanced()
    fit = ilk.fit("y ~ t + z + (1 | g)", data)
    places = cluster_report(fit.fitted).places
    assert places.terms == ("Intercept", "t", "z")
    np.testing.assert_allclose(places.between, [np.nan, 0.0, 1.0], atol=1e-12)
    assert places.constant_in == ("g", None, "g")
    rho = float(fit.icc().frame.estimate[0])
    np.testing.assert_allclose(places.expected[1:], [1.0 - rho, 1.0 + 5.0 * rho], rtol=1e-8)
    assert places.realized[1] < 1.0 < places.realized[2]
    # the mixed model of balanced data: the same estimates, with these design effects exactly
    plain = np.array([ilk.fit("y ~ t + z", data).std_errors[name] for name in ("t", "z")])
    mixed = np.array([fit.std_errors[name] for name in ("t", "z")])
    np.testing.assert_allclose(places.ratio[1:], plain / mixed, rtol=1e-6)
    assert places.ratio[1] > 1.0 > places.ratio[2]


def test_random_slopes_are_noticed() -> None:
    fit = ilk.fit("s ~ t + z + (t | g)", balanced())
    places = cluster_report(fit.fitted).places
    assert places.slope.tolist() == [False, True, False]
    assert places.realized[1] > 1.5


def test_the_largest_clusters_in_which_a_column_is_constant_are_named() -> None:
    data = balanced().assign(room=lambda d: d.g * 2 + (d.t > 0))
    data["room_size"] = np.random.default_rng(5).normal(size=80)[data.room]
    fit = ilk.fit("y ~ z + room_size + t + (1 | g/room)", data)
    assert cluster_report(fit.fitted).places.constant_in == ("g", "g", "g:room", None)
