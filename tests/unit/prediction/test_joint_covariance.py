"""Joint covariance of random effects and coefficients, against dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import DataError, ModelError


def _dense(fitted):
    """X, Z and G as dense matrices."""
    n = fitted.model.rows
    Z, G = [], []
    for term, matrix in zip(fitted.design.terms, fitted.estimates.covariances, strict=True):
        columns = np.ones((n, 1)) if term.columns is None else term.columns
        L, q = len(term.grouping.levels), columns.shape[1]
        block = np.zeros((n, L * q))
        for j in range(q):
            block[np.arange(n), q * term.grouping.codes + j] = columns[:, j]
        Z.append(block)
        G.append(np.kron(np.eye(L), matrix))
    size = [len(g) for g in G]
    whole = np.zeros((sum(size), sum(size)))
    start = 0
    for g in G:
        whole[start : start + len(g), start : start + len(g)] = g
        start += len(g)
    return fitted.design.fixed[0].X, np.hstack(Z), whole


@pytest.mark.parametrize("name", ["sleepstudy", "penicillin"])
def test_with_known_variances_it_inverts_hendersons_equations(name):
    fit = fit_of(name)
    fitted = fit.fitted
    X, Z, G = _dense(fitted)
    s2 = fitted.estimates.sigma2
    W = np.hstack([X, Z])
    C = W.T @ W / s2
    C[X.shape[1] :, X.shape[1] :] += np.linalg.inv(G)
    henderson = np.linalg.inv(C)
    found = fit.joint_covariance(coefficients=True)
    P = X.shape[1]
    V, D = fitted.psi_covariance(), fitted.mode_sensitivity()
    rest = np.zeros_like(henderson)  # what the uncertainty of the variances adds
    rest[P:, P:] = D[:, P:] @ V[P:, P:] @ D[:, P:].T
    np.testing.assert_allclose(found.matrix - rest, henderson, rtol=1e-5, atol=1e-6 * s2)
    assert found.names[0] == ("mean", "Intercept")
    np.testing.assert_array_equal(found.estimate[:P], fitted.coef)
    inner = np.linalg.inv(Z.T @ Z / s2 + np.linalg.inv(G))
    held = fit.joint_covariance(uncertainty="conditional")
    np.testing.assert_allclose(held.matrix, inner, rtol=1e-6, atol=1e-8 * s2)


def test_a_glmm_against_its_dense_hessian():
    fitted = fit_of("ticks").fitted
    _, Z, G = _dense(fitted)
    C = np.linalg.inv(Z.T @ (fitted.mean[:, None] * Z) + np.linalg.inv(G))
    chosen = {"LOCATION": list(fitted.design.terms[1].grouping.levels[:5])}
    held = fit_of("ticks").joint_covariance(chosen, uncertainty="conditional")
    first = fitted.estimates.modes[0].size
    places = slice(first, first + 5)
    np.testing.assert_allclose(held.matrix, C[places, places], rtol=1e-6, atol=1e-10)
    full = fit_of("ticks").joint_covariance(chosen)
    np.testing.assert_allclose(
        np.sqrt(np.diag(full.matrix)),
        fit_of("ticks").random_effects("LOCATION", uncertainty="full").std_error[:5],
        rtol=1e-9,
    )
    assert [name[2] for name in full.names] == chosen["LOCATION"]


def test_combinations():
    fit = fit_of("sleepstudy")
    joint = fit.joint_covariance({"Subject": ["308", "309"]}, coefficients=True)
    assert joint.names[2] == ("mean", "Subject", "308", "Intercept")
    estimate, error = joint.combine([[1, 0, 1, 0, 0, 0], [0, 0, 1, 0, -1, 0]])
    modes = fit.random_effects().estimate
    assert estimate[0] == pytest.approx(fit.params["Intercept"] + modes[0])
    assert estimate[1] == pytest.approx(modes[0] - modes[2])
    day0 = fit.predict({"Days": [0], "Subject": ["308"]}, interval="confidence")
    assert error[0] == pytest.approx(day0.std_error[0], rel=1e-6)
    with pytest.raises(ModelError, match="6 estimates"):
        joint.combine([1, -1])


def test_labels_that_are_numbers_are_proposed_as_numbers():
    data = data_of("sleepstudy")
    fit = ilk.fit("Reaction ~ Days + (1 | Subject)", data.assign(Subject=data.Subject.astype(int)))
    with pytest.raises(DataError, match=r"'308' is no level of .* Did you mean 308\?"):
        fit.joint_covariance({"Subject": ["308"]})


def test_refusals():
    fit = fit_of("sleepstudy")
    with pytest.raises(DataError, match="is no level of 'Subject'"):
        fit.joint_covariance({"Subject": ["30"]})
    with pytest.raises(DataError, match="no grouping factor"):
        fit.joint_covariance("Subjects")
    with pytest.raises(ModelError, match="dictionary of factors"):
        fit.joint_covariance(["308"])
    with pytest.raises(ModelError, match="uncertainty='full'"):
        fit.joint_covariance(coefficients=True, uncertainty="conditional")
    with pytest.raises(ModelError, match="no random effects"):
        ilk.fit("y ~ x", data_of("gamma")).joint_covariance()
    rng = np.random.default_rng(0)
    many = {"y": rng.normal(size=12_000), "g": np.repeat(np.arange(6000), 2)}
    with pytest.raises(ModelError, match="name some levels"):
        ilk.fit("y ~ 1 + (1 | g)", many).joint_covariance()
