"""Variance components: delta method against differences, boundary, structures."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.variance.components import singular_part, variance_components
from ilk.variance.delta import covariance_derivatives


def test_derivatives_agree_with_the_closed_form():
    """G = sigma2 Lambda Lambda': the derivative in log sigma2 is G itself."""
    fitted = fit_of("sleepstudy").fitted
    slopes = covariance_derivatives(fitted)
    np.testing.assert_allclose(slopes.matrices[0][-1], fitted.estimates.covariances[0], rtol=1e-6)


@pytest.mark.parametrize("name", ["sleepstudy", "gamma", "cbpp"])
def test_standard_errors_by_brute_force(name):
    """Differences of log sd and Fisher's z themselves, not of G."""
    fitted = fit_of(name).fitted
    psi, V = fitted.estimates.psi, fitted.psi_covariance()

    def transformed(at):
        G = fitted.covariances_at(at)[0]
        sd = np.sqrt(np.diag(G))
        out = list(np.log(sd))
        if len(G) > 1:
            out.append(np.arctanh(G[0, 1] / (sd[0] * sd[1])))
        return np.array(out)

    J = np.zeros((len(transformed(psi)), len(psi)))
    for j in range(len(psi)):
        h = 1e-5 * max(1.0, abs(psi[j]))
        up, down = psi.copy(), psi.copy()
        up[j] += h
        down[j] -= h
        J[:, j] = (transformed(up) - transformed(down)) / (2 * h)
    error = np.sqrt(np.diag(J @ V @ J.T))
    rows = [c for c in variance_components(fitted) if c.group != "Residual"]
    for row, value, s in zip(rows, transformed(psi), error, strict=True):
        inverse = np.exp if row.kind == "sd" else np.tanh
        slope = np.exp(value) if row.kind == "sd" else 1 - np.tanh(value) ** 2
        assert row.estimate == pytest.approx(inverse(value))
        assert row.std_error == pytest.approx(slope * s, rel=1e-5)
        assert row.conf_low == pytest.approx(inverse(value - 1.959964 * s), rel=1e-5)
        assert row.conf_high == pytest.approx(inverse(value + 1.959964 * s), rel=1e-5)


def test_the_residual_row():
    fit = fit_of("sleepstudy")
    row = fit.variance_components().iloc[-1]
    assert (row.component, row.group, row.term) == ("dispersion", "Residual", "Residual")
    assert row.sd == pytest.approx(fit.sigma)
    assert row.variance == pytest.approx(fit.dispersion)
    assert fit_of("cbpp").variance_components().group.tolist() == ["herd"]


def test_a_zero_variance_is_flagged_and_has_no_interval():
    table = fit_of("dyestuff2").variance_components()
    batch = table[table.group == "Batch"].iloc[0]
    assert batch.sd == 0.0
    assert batch.boundary
    assert np.isnan(batch.conf_low)
    assert np.isnan(batch.std_error)
    residual = table[table.group == "Residual"].iloc[0]
    assert not residual.boundary
    assert residual.conf_low < residual.sd < residual.conf_high


def test_a_perfect_correlation_is_flagged():
    rng = np.random.default_rng(5)
    data = data_of("gamma")
    u = rng.normal(size=24)[[int(g[1:]) for g in data.g]]
    data = data.assign(z=2.0 + data.x + u * (1.0 + 0.5 * data.x) + 0.5 * rng.normal(size=192))
    table = ilk.fit("z ~ x + (1 + x | g)", data).variance_components()
    correlation = table[table.correlation.notna()].iloc[0]
    if correlation.boundary:
        assert abs(correlation.correlation) == pytest.approx(1.0)
        assert np.isnan(correlation.conf_low)
        assert table[table.group == "g"].boundary.all()
    else:
        assert abs(correlation.correlation) < 1.0


def test_structural_zeros_have_no_row():
    fit = ilk.fit("Reaction ~ Days + diag(1 + Days | Subject)", data_of("sleepstudy"))
    table = fit.variance_components()
    assert table.correlation.isna().all()
    assert table.term.tolist() == ["Intercept", "Days", "Residual"]


def test_a_slope_far_from_its_origin_is_not_singular():
    data = data_of("sleepstudy").assign(year=lambda d: d.Days + 2000)
    table = ilk.fit("Reaction ~ year + (1 + year | Subject)", data).variance_components()
    assert not table.boundary.any()
    assert table.sd.iloc[1] == pytest.approx(fit_of("sleepstudy").variance_components().sd[1])


def test_singular_part():
    factor = np.array([[1.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.2, 0.3, 0.4]])
    assert singular_part(factor, np.eye(3)).tolist() == [True, True, False]
    assert singular_part(np.zeros((2, 2)), np.eye(2)).tolist() == [True, True]
    assert singular_part(np.diag([1.0, 0.0]), np.eye(2)).tolist() == [False, True]
    assert not singular_part(np.diag([1.0, 1e-3]), np.eye(2)).any()
