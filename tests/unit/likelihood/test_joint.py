"""The joint likelihood: values of the fit, exact gradients, the same in turned coordinates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.fits import FITS, fit_of

from ilk.estimation.run import run
from ilk.inference.profile.paths import lower_factor
from ilk.likelihood.base import Search
from ilk.likelihood.joint import joint_likelihood, joint_point, joint_scale, psi_of


def by_ml(name):
    fitted = fit_of(name).fitted
    return run(replace(fitted.model, reml=False), Search()) if fitted.model.reml else fitted


@pytest.mark.parametrize("name", list(FITS))
def test_value_at_the_fit(name):
    fitted = by_ml(name)
    joint, phi = joint_likelihood(fitted.marginal), joint_point(fitted)
    value, gradient = joint.evaluate(phi)
    assert value == pytest.approx(fitted.loglik, abs=1e-8)
    assert np.all(np.abs(gradient * joint_scale(fitted)) < 2e-3)
    np.testing.assert_allclose(psi_of(fitted.marginal, phi), fitted.estimates.psi, atol=1e-10)


@pytest.mark.parametrize("name", list(FITS))
def test_gradient_off_the_fit(name):
    fitted = by_ml(name)
    joint = joint_likelihood(fitted.marginal)
    phi = joint_point(fitted) + 0.05 * np.random.default_rng(1).normal(
        size=len(joint_point(fitted))
    )
    _, gradient = joint.evaluate(phi)
    for j in range(len(phi)):
        step = np.zeros(len(phi))
        step[j] = 1e-5
        slope = (joint.evaluate(phi + step)[0] - joint.evaluate(phi - step)[0]) / 2e-5
        assert gradient[j] == pytest.approx(slope, rel=1e-4, abs=1e-3)


def test_other_coordinates_of_a_term_change_nothing():
    fitted = by_ml("sleepstudy")
    joint, phi = joint_likelihood(fitted.marginal), joint_point(fitted)
    back = np.array([[0.8, 0.6], [-0.6, 0.8]])
    turned = joint.turned(0, back)
    where = joint.theta_slice(0)
    there = phi.copy()
    factor = np.array([[phi[where][0], 0.0], [phi[where][1], phi[where][2]]])
    there[where] = lower_factor(np.linalg.inv(back) @ factor)[[0, 1, 1], [0, 0, 1]]
    assert turned.evaluate(there)[0] == pytest.approx(joint.evaluate(phi)[0], abs=1e-9)
    for root, other in zip(joint.roots(phi), turned.roots(there), strict=True):
        np.testing.assert_allclose(root @ root.T, other @ other.T, rtol=1e-10)


def test_information_is_minus_the_hessian():
    fitted = by_ml("cbpp")
    joint, phi = joint_likelihood(fitted.marginal), joint_point(fitted)
    information = joint.information(phi, joint_scale(fitted))
    P = len(fitted.coef)
    covariance = np.linalg.inv(information)[:P, :P]
    B = joint.coef_map
    np.testing.assert_allclose(B @ covariance @ B.T, fitted.vcov, rtol=1e-4)
