"""Where the Laplace approximation breaks down: said so, and never mistaken for an optimum."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import ConvergenceWarning
from ilk.estimation.breakdown import find_breakdown, log_concave
from ilk.fitted import Reason, Status
from ilk.likelihood.brute_force import grid_loglik

DATA = Path(__file__).parents[2] / "reference" / "data"


def inflated_counts(seed: int) -> dict[str, np.ndarray]:
    """Twelve clusters of four counts, four in ten of them excess zeros."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(12), 4)
    y = rng.poisson(np.exp(0.3 + 1.2 * rng.standard_normal(12)[g])) * (rng.random(48) < 0.6)
    return {"y": y, "g": g, "x": rng.standard_normal(48)}


def fit_inflated(seed: int) -> ilk.Fit:
    return ilk.fit("y ~ x + (1 | g)", inflated_counts(seed), "poisson", zero_inflation="~ 1")


def breakdown(fit: ilk.Fit) -> Reason | None:
    return next((r for r in fit.verdict.reasons if r.code == "laplace_breakdown"), None)


def exact(fit: ilk.Fit) -> float:
    """Log-likelihood at the estimates by brute force."""
    marginal, point = fit.fitted.marginal, fit.fitted.point
    value = grid_loglik(
        marginal.scaled.data, fit.fitted.family, point.beta, marginal.lam(point.theta)
    )
    return value + marginal.scaled.value_shift


def test_salamanders_whose_inflation_varies_by_site() -> None:
    """The approximate likelihood has no maximum; the exact one is far below where it is high."""
    data = pd.read_csv(DATA / "Salamanders.csv")
    with pytest.warns(ConvergenceWarning, match="Laplace approximation does not hold"):
        fit = ilk.fit(
            "count ~ mined", data, "negative_binomial_2", zero_inflation="~ mined + (1 | site)"
        )
    assert fit.verdict.status is Status.NOT_CONVERGED
    (reason,) = (r for r in fit.verdict.reasons if r.severity == "error")
    assert reason.code == "laplace_breakdown"
    assert "(1 | site) of the zero inflation" in reason.message
    assert "times the variance of that effect" in reason.message
    assert "Leave that random term out" in reason.advice
    assert "predicted" not in str(fit.verdict)
    assert fit.loglik > exact(fit) + 1.0


def test_no_maximum_in_simulated_counts() -> None:
    with pytest.warns(ConvergenceWarning, match="Laplace"):
        fit = fit_inflated(6)
    reason = breakdown(fit)
    assert fit.verdict.status is Status.NOT_CONVERGED
    assert reason is not None
    assert reason.terms == ("1 | g",)
    assert "zero inflation" not in reason.message  # the term is of the mean


@pytest.mark.parametrize("seed", [4, 12])
def test_an_optimum_beyond_the_breakdown_is_found(seed: int) -> None:
    """It is close to the exact likelihood, unlike the higher values of the approximation."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = fit_inflated(seed)
    reason = breakdown(fit)
    assert fit.verdict.converged
    assert reason is not None
    assert reason.severity == "warning"
    assert "local optimum" in reason.message
    assert fit.loglik == pytest.approx(exact(fit), abs=1.0)
    assert find_breakdown(fit.fitted.marginal, fit.fitted.point) is None


def test_automatic_quadrature_stops_where_its_nodes_mean_nothing() -> None:
    with pytest.warns(ConvergenceWarning, match="Laplace"):
        fit = ilk.fit(
            "y ~ x + (1 | g)",
            inflated_counts(6),
            "poisson",
            zero_inflation="~ 1",
            quadrature="auto",
        )
    assert fit.fitted.model.nodes == 1


def test_concave_densities_never_break_down() -> None:
    data = pd.read_csv(DATA / "cbpp.csv")
    fit = ilk.fit("cbind(incidence, size - incidence) ~ period + (1 | herd)", data, "binomial")
    assert log_concave(fit.fitted.marginal)
    assert find_breakdown(fit.fitted.marginal, fit.fitted.point) is None
