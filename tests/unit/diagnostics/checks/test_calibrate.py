"""P-values calibrated by refits."""

from __future__ import annotations

import numpy as np
import pytest

import ilk
from ilk.errors import ModelError


def _data(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(15), 6)
    y = rng.gamma(3.0, np.exp(0.5 * rng.normal(size=15)[g]) / 3.0)
    return {"y": y, "g": g}


def test_refits_replace_p_values() -> None:
    fit = ilk.fit("y ~ 1 + (1 | g)", _data(1), family="gamma", link="log")
    plain = fit.check(("uniformity", "groups", "convergence"), draws=60)
    found = fit.check(("uniformity", "groups", "convergence"), draws=60, refits=39)
    assert any("39 refits" in note for note in found.notes)
    p = [one.p_value for one in found.checks.checks if np.isfinite(one.p_value)]
    assert all(round(40 * x) == pytest.approx(40 * x) for x in p)
    assert [one.statistic for one in found["groups"]] == [one.statistic for one in plain["groups"]]
    again = fit.check(("uniformity", "groups"), draws=60, refits=39)
    assert [c.p_value for c in again["groups"]] == [c.p_value for c in found["groups"]]


@pytest.mark.slow
def test_p_values_are_uniform_where_those_without_refits_are_not() -> None:
    mild, exact = [], []
    for seed in range(60):
        fit = ilk.fit("y ~ 1 + (1 | g)", _data(seed), family="gamma", link="log")
        mild.append(fit.check("groups", draws=49)["groups"][0].p_value)
        exact.append(fit.check("groups", draws=49, refits=39)["groups"][0].p_value)
    assert np.mean(np.array(mild) < 0.5) < 0.3
    assert abs(np.mean(np.array(exact) < 0.5) - 0.5) < 4 * np.sqrt(0.25 / 60)


def test_nothing_to_calibrate_and_bad_numbers() -> None:
    fit = ilk.fit("y ~ 1 + (1 | g)", _data(1), family="gamma", link="log")
    assert fit.check("convergence", refits=20).verdict == "ok"
    with pytest.raises(ModelError, match="refits"):
        fit.check("uniformity", refits=-3)
