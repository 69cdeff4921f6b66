"""Penalties: densities, derivatives, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import ilk
from ilk.penalties import AbstractPrior, Firth, LogF, Normal, make_penalty


@pytest.mark.parametrize("penalty", [Normal(0.7), Normal(), LogF(), LogF(2.5)])
def test_derivatives_are_those_of_the_value(penalty: AbstractPrior) -> None:
    coef = np.array([-3.0, -0.2, 0.0, 1.5])
    step = 1e-5
    for j in range(4):
        e = np.zeros(4)
        e[j] = step
        slope = (penalty.value(coef + e) - penalty.value(coef - e)) / (2 * step)
        bend = -(penalty.slope(coef + e) - penalty.slope(coef - e))[j] / (2 * step)
        assert penalty.slope(coef)[j] == pytest.approx(slope, abs=1e-8)
        assert penalty.curvature(coef)[j] == pytest.approx(bend, abs=1e-8)


def test_densities_are_those_of_scipy() -> None:
    """Up to a constant: a normal one, and that of the logarithm of an F(m, m) variable."""
    b = np.array([-1.3, 0.4, 2.0])
    for penalty, density in (
        (Normal(1.7), lambda x: stats.norm(0.0, 1.7).logpdf(x)),
        (LogF(3.0), lambda x: stats.f(3.0, 3.0).logpdf(np.exp(x)) + x),
    ):
        differences = [penalty.value(b[i : i + 1]) - penalty.value(b[:1]) for i in range(3)]
        np.testing.assert_allclose(differences, density(b) - density(b[0]), atol=1e-12)


def test_the_ranges_that_are_documented() -> None:
    """Odds ratios of 1/648 and 1/39 are the 0.025 quantiles of F(1, 1) and F(2, 2)."""
    assert stats.f(1, 1).ppf(0.975) == pytest.approx(648, abs=0.5)
    assert stats.f(2, 2).ppf(0.975) == pytest.approx(39, abs=0.5)


def test_names_and_objects() -> None:
    assert make_penalty(None) is None
    assert make_penalty("firth") == Firth()
    assert make_penalty("log_f") == LogF(1.0)
    assert make_penalty(Normal(2.0)) == Normal(2.0)


@pytest.mark.parametrize(
    ("penalty", "words"),
    [
        ("frith", "Did you mean 'firth'"),
        ("ridge", r"penalty=ilk.Normal\(scale=2.5\)"),
        (2.5, "not float"),
    ],
)
def test_other_penalties_are_refused(penalty: object, words: str) -> None:
    with pytest.raises(ilk.ModelError, match=words):
        make_penalty(penalty)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.inf, np.nan, "wide", True])
def test_widths_are_positive(scale: object) -> None:
    with pytest.raises(ilk.ModelError, match="above 0"):
        Normal(scale)  # type: ignore[arg-type]
