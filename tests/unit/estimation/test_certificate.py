"""Certificates: the next Newton step in standard errors, and directions without curvature."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime

import ilk
from ilk.estimation.certificate import certify
from ilk.estimation.verify import find_faults, judge
from ilk.fitted import Certificate, Status


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    n = 240
    g = np.repeat(np.arange(24), 10)
    x = rng.normal(size=n)
    eta = 0.5 + 0.4 * x + rng.normal(0, 0.6, 24)[g] + 0.4 * rng.normal(size=24)[g] * x
    return pd.DataFrame(
        {"g": g, "x": x, "k": rng.poisson(np.exp(eta)), "y": eta + rng.normal(size=n)}
    )


MODELS = {
    "Poisson": ("k ~ x + (x | g)", {"family": "poisson"}),
    "quadrature": ("k ~ x + (1 | g)", {"family": "poisson", "quadrature": 7}),
    "NB2": ("k ~ x + (1 | g)", {"family": "negative_binomial_2"}),
    "penalized": ("k ~ x + (1 | g)", {"family": "poisson", "penalty": ilk.Normal(0.5)}),
    "linear": ("y ~ x + (x | g)", {}),
    "linear ML": ("y ~ x + (1 | g)", {"reml": False}),
    "least squares": ("k ~ x", {"family": "poisson"}),
}


@pytest.fixture(scope="module", params=list(MODELS))
def fit(request: pytest.FixtureRequest, data: pd.DataFrame) -> ilk.Fit:
    formula, options = MODELS[request.param]
    return ilk.fit(formula, data, **options)


def test_optima_are_certified(fit: ilk.Fit) -> None:
    certificate = fit.verdict.certificate
    assert certificate is not None
    assert certificate.gain < 1e-7
    assert certificate.shift < 1e-3
    assert not certificate.level
    assert not certificate.rising
    assert "standard errors" in str(fit.verdict)


def test_gradient_is_that_of_the_criterion(fit: ilk.Fit) -> None:
    marginal, point = fit.fitted.marginal, fit.fitted.point
    linear = fit.fitted.model.linear
    P = 0 if linear else len(point.beta)
    here = np.concatenate([point.beta[:P], point.theta]) + 0.03

    def value(z: np.ndarray) -> float:
        beta = z[:P] if P else point.beta
        return marginal.at_point(beta, z[P:]).value

    there = replace(point, beta=here[:P] if P else point.beta, theta=here[P:])
    step = 1e-5
    wanted = (approx_fprime(here, value, step) - approx_fprime(here, value, -step) * -1.0) / 2.0
    np.testing.assert_allclose(marginal.gradient(there), wanted, rtol=1e-4, atol=1e-4)


def test_a_point_off_the_optimum_is_told_by_how_much(fit: ilk.Fit) -> None:
    """A coefficient, or a covariance parameter, moved by half a standard error."""
    marginal, point = fit.fitted.marginal, fit.fitted.point
    information = marginal.information(point)
    covariance = np.linalg.inv(information)
    move = 0.5 * covariance[:, -1] / np.sqrt(covariance[-1, -1])
    P = 0 if fit.fitted.model.linear else len(point.beta)
    off = replace(
        point, beta=point.beta + move[:P] if P else point.beta, theta=point.theta + move[P:]
    )
    no = np.zeros(len(information), dtype=bool)
    found = certify(marginal, off, information, no)
    assert found is not None
    assert 0.3 < found.shift < 0.9
    assert 0.05 < found.gain < 0.3
    verdict = judge(marginal, replace(off, status="converged"), [], separated={}, certificate=found)
    assert verdict.status is Status.NOT_CONVERGED
    (reason,) = (r for r in verdict.reasons if r.code == "not_at_optimum")
    assert found.parameter in reason.message


def test_a_search_that_stalled_at_the_optimum_is_absolved(fit: ilk.Fit) -> None:
    """What counts is where the search ended, not how it says it ended."""
    marginal = fit.fitted.marginal
    stalled = replace(fit.fitted.point, status="line_search", decrement=1.0)
    good = fit.verdict.certificate
    assert find_faults(marginal, stalled, {}, None, lambda: good) == []
    (fault,) = find_faults(marginal, stalled, {}, None, lambda: None)
    assert fault.code == "not_converged"


def test_fits_that_are_out_of_steps_are_not_absolved(data: pd.DataFrame) -> None:
    with pytest.warns(ilk.IlkWarning, match="not converged"):
        fit = ilk.fit("k ~ x + (x | g)", data, family="poisson", search=ilk.Search(max_steps=1))
    assert fit.verdict.status is Status.NOT_CONVERGED


def test_level_directions_are_named(data: pd.DataFrame) -> None:
    """Two factors that group alike, one with a column that is constant."""
    twice = data.assign(one=1.0, h=data["g"].astype(str))
    fit = ilk.fit("y ~ x + (1 | g) + (0 + one | h)", twice)
    assert fit.verdict.status is Status.NOT_IDENTIFIED
    (reason,) = (r for r in fit.verdict.reasons if r.code == "level_direction")
    assert set(reason.terms) == {"(1 | g)", "(0 + one | h)"}


def test_a_saddle_is_no_optimum(data: pd.DataFrame) -> None:
    """A variance of zero where the likelihood rises on either side."""
    fit = ilk.fit("k ~ x + (1 | g)", data, family="poisson")
    glm = ilk.fit("k ~ x", data, family="poisson")
    marginal = fit.fitted.marginal
    beta = marginal.scaled.beta(np.asarray(glm.params))
    point = marginal.at_point(beta, np.zeros(1))
    information = marginal.information(point)
    found = certify(marginal, point, information, np.zeros(3, dtype=bool))
    assert found is not None
    assert found.curvature < 0.0
    assert found.rising == (("(1 | g)",),)
    verdict = judge(marginal, point, [], separated={}, certificate=found)
    assert verdict.status is Status.NOT_CONVERGED


def test_refits_carry_no_certificate(data: pd.DataFrame) -> None:
    fit = ilk.fit("k ~ x + (1 | g)", data, family="poisson")
    assert fit.refit(data["k"]).verdict.certificate is None


def test_verdicts_have_a_frame_and_are_kept(data: pd.DataFrame, tmp_path: Path) -> None:
    fit = ilk.fit("k ~ x + (1 | g) + (1 | h)", data.assign(h=data.index % 3), family="poisson")
    frame = fit.verdict.frame
    assert list(frame.columns) == ["code", "severity", "terms", "message", "advice"]
    assert "few_levels" in set(frame["code"])
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk").verdict
    assert again == fit.verdict
    assert isinstance(again.certificate, Certificate)


def test_separated_coefficients_are_left_out(data: pd.DataFrame) -> None:
    z = (data["x"] > 1.0).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ilk.IlkWarning)
        fit = ilk.fit(
            "k ~ x + z + (1 | g)", data.assign(z=z, k=data["k"] * (z == 0)), family="poisson"
        )
    assert fit.verdict.status is Status.SEPARATED
    assert fit.verdict.certificate is not None
    assert not fit.verdict.certificate.level
