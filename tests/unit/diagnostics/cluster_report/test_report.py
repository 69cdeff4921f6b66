"""What the report says of each coefficient, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.cluster_report import cluster_report
from ilk.errors import ModelError


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


def test_the_default_is_the_outermost_or_the_costliest() -> None:
    rng = np.random.default_rng(6)
    a, b = np.repeat(np.arange(30), 10), np.tile(np.arange(10), 30)
    y = 0.2 * rng.normal(size=30)[a] + 2.0 * rng.normal(size=10)[b] + rng.normal(size=300)
    data = pd.DataFrame({"a": a, "b": b, "y": y})
    fit = ilk.fit("y ~ 1 + (1 | a) + (1 | b)", data)
    found = cluster_report(fit.fitted)
    assert found.group == "b"
    assert found.effects is not None
    assert found.effects.groups == ("a", "b", "all")
    assert found.effects.design_effect[1] > found.effects.design_effect[0]


def test_effects_elsewhere_than_in_the_mean_leave_correlations_out() -> None:
    fit = ilk.fit("y ~ t + (1 | g)", balanced(), dispersion="~ (1 | g)")
    found = cluster_report(fit.fitted)
    assert found.effects is None
    assert found.correlations == ()
    assert any("dispersion has random effects" in note for note in found.notes)
    assert np.all(np.isnan(found.places.expected))


def test_bad_options() -> None:
    fit = ilk.fit("y ~ t + (1 | g)", balanced()).fitted
    with pytest.raises(ModelError, match="not robust to clusters"):
        cluster_report(fit, cov="model")
    for simulate in (-1, 1, 2.5, True, "many"):
        with pytest.raises(ModelError, match="whole number of draws"):
            cluster_report(fit, simulate=simulate)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="give a number of draws too"):
        cluster_report(fit, terms="t")
    with pytest.raises(ModelError, match=r"'tt' is no coefficient of the mean.*Did you mean"):
        cluster_report(fit, simulate=2, terms="tt")
    with pytest.raises(ModelError, match="alpha=2"):
        cluster_report(fit, simulate=2, alpha=2)
    with pytest.raises(ModelError, match="no coefficient but the intercept"):
        cluster_report(ilk.fit("y ~ 1 + (1 | g)", balanced()).fitted, simulate=2)


@pytest.mark.parametrize("family", ["multinomial", "cumulative"])
def test_categories_are_refused(family: str) -> None:
    data = balanced().assign(k=lambda d: np.digitize(d.y, [-0.7, 0.7]))
    fit = ilk.fit("k ~ t + (1 | g)", data, family).fitted
    for group in (None, data["g"]):
        with pytest.raises(ModelError, match="is a category and has none"):
            cluster_report(fit, group)


def test_separated_fits_are_refused() -> None:
    data = balanced().assign(b=lambda d: d.t > 0)
    with pytest.warns(ilk.IlkWarning):
        fit = ilk.fit("b ~ t + (1 | g)", data, family="binomial")
    with pytest.raises(ModelError, match="penalty='firth'"):
        cluster_report(fit.fitted)
