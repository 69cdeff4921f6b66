"""Every registered covariance structure: factor, derivative, start, signs, names."""

import numpy as np
import pytest

from ilk.covariance import STRUCTURES, covariance_structure
from ilk.errors import ModelError
from ilk.num.differences import jacobian

WIDTHS = (1, 2, 3, 5)
each = pytest.mark.parametrize("name", STRUCTURES)
wide = pytest.mark.parametrize("q", WIDTHS)


def _point(structure, q, seed=1):
    start = structure.start(q)
    return start + 0.5 * np.random.default_rng(seed).normal(size=len(start))


@each
@wide
def test_factor_is_lower_triangular_with_exact_derivative(name, q):
    structure = covariance_structure(name)
    theta = _point(structure, q)
    factor, slope = structure.factor(theta, q)
    assert factor.shape == (q, q)
    assert slope.shape == (q, q, structure.size(q))
    np.testing.assert_array_equal(np.triu(factor, 1), 0.0)
    expected = jacobian(lambda x: structure.factor(x, q)[0], theta, 1e-3)
    np.testing.assert_allclose(slope, expected, atol=1e-9)


@each
@wide
def test_linear_structures_say_so(name, q):
    structure = covariance_structure(name)
    theta = _point(structure, q)
    linear = structure.linear(q)
    if linear is None:
        return
    lam, slope = linear(theta)
    factor, derivative = structure.factor(theta, q)
    np.testing.assert_array_equal(lam, factor.ravel(order="F"))
    np.testing.assert_array_equal(slope, derivative.reshape(q * q, -1, order="F"))
    assert (linear.theta_size, linear.lambda_size) == (structure.size(q), q * q)


@each
@wide
def test_canonical_parameters_give_the_same_covariance(name, q):
    structure = covariance_structure(name)
    for seed in range(4):
        theta = _point(structure, q, seed) * (-1.0) ** seed
        if name == "cs":
            theta[:q] = np.abs(theta[:q])
        factor, _ = structure.factor(theta, q)
        canonical = structure.canonical(theta, q)
        again, _ = structure.factor(canonical, q)
        np.testing.assert_allclose(again @ again.T, factor @ factor.T, atol=1e-12)
        assert np.all(np.diagonal(again) >= 0.0)
        np.testing.assert_allclose(structure.canonical(canonical, q), canonical, atol=1e-12)


@each
@wide
def test_sizes_names_and_flags_agree(name, q):
    structure = covariance_structure(name)
    size = structure.size(q)
    assert len(structure.start(q)) == size
    assert len(structure.snappable(q)) == size
    names = structure.names([f"x{j}" for j in range(q)])
    assert len(set(names)) == size
    # the start is a regular covariance matrix, not a point of symmetry
    factor, _ = structure.factor(structure.start(q), q)
    rank = min(structure.d, q) if name == "rr" else q
    smallest = np.linalg.eigvalsh(factor @ factor.T)[q - rank]
    assert smallest > 0.05


@each
def test_snapping_makes_a_singular_matrix(name):
    structure, q = covariance_structure(name), 3
    for j in np.flatnonzero(structure.snappable(q)):
        theta = structure.start(q)
        if name in ("us", "iid") and structure.start(q)[j] == 0.0:
            continue
        theta[j] = 0.0
        factor, _ = structure.factor(theta, q)
        assert abs(np.linalg.det(factor)) < 1e-12


@each
@pytest.mark.parametrize("kind", ["affine", "scale"])
def test_equivariance_is_what_it_says(name, kind):
    """For each covariance matrix of the structure and each T, T G T' is in the structure too."""
    structure, q = covariance_structure(name), 3
    offered = {"affine": ("affine",), "scale": ("affine", "scale")}[kind]
    if structure.equivariance not in offered:
        return
    rng = np.random.default_rng(0)
    factor, _ = structure.factor(_point(structure, q), q)
    T = np.diag([0.3, 2.0, 7.0]) if kind == "scale" else rng.normal(size=(q, q))
    target = T @ factor @ factor.T @ T.T
    theta = structure.start(q)
    for _ in range(200):  # Gauss-Newton on the elements of the covariance matrix
        here, slope = structure.factor(theta, q)
        d = np.einsum("ikm,jk->ijm", slope, here)
        d = (d + d.transpose(1, 0, 2)).reshape(q * q, -1)
        gap = (target - here @ here.T).ravel()
        theta = theta + 0.5 * np.linalg.lstsq(d, gap, rcond=None)[0]
    here, _ = structure.factor(theta, q)
    np.testing.assert_allclose(here @ here.T, target, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["cs", "homcs"])
@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.4, 1.0])
def test_compound_symmetry_has_one_correlation(name, rho):
    structure, q = covariance_structure(name), 4
    theta = structure.start(q)
    theta[-1] = np.arcsin(np.sqrt((1.0 - rho) * (q - 1) / q))
    factor, _ = structure.factor(theta, q)
    covariance = factor @ factor.T
    deviations = np.sqrt(np.diagonal(covariance))
    correlation = covariance / np.outer(deviations, deviations)
    np.testing.assert_allclose(correlation[~np.eye(q, dtype=bool)], rho, atol=1e-12)


def test_compound_symmetry_is_smooth_at_both_singular_ends():
    structure, q = covariance_structure("homcs"), 3
    for angle in (0.0, 0.5 * np.pi):
        factor, slope = structure.factor(np.array([1.0, angle]), q)
        assert np.linalg.eigvalsh(factor @ factor.T)[0] == pytest.approx(0.0, abs=1e-12)
        assert np.all(np.isfinite(slope))
        step = 1e-4
        ends = [structure.factor(np.array([1.0, angle + s]), q)[0] for s in (step, -step)]
        np.testing.assert_allclose(ends[0] @ ends[0].T, ends[1] @ ends[1].T, atol=1e-12)


def test_unstructured_elements_run_down_the_columns():
    factor, _ = covariance_structure("us").factor(np.arange(1.0, 7.0), 3)
    np.testing.assert_array_equal(factor, [[1, 0, 0], [2, 4, 0], [3, 5, 6]])
    names = covariance_structure("us").names(["Intercept", "x"])
    assert names == ("L[Intercept, Intercept]", "L[x, Intercept]", "L[x, x]")


def test_unknown_structures_are_answered_with_the_nearest():
    with pytest.raises(ModelError, match="Did you mean 'diag'") as caught:
        covariance_structure("daig")
    assert caught.value.code == "unknown-covariance"
    with pytest.raises(ModelError, match="Did you mean 'identity'"):
        covariance_structure("homdiag")
