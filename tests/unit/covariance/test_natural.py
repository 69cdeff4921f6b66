"""Parameters of covariance structures as they are reported."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ilk.covariance.autoregressive import Autoregressive, OrnsteinUhlenbeck
from ilk.covariance.by_distance import Exponential, GaussianDecay, Matern
from ilk.covariance.compound import CompoundSymmetry, HomogeneousCompoundSymmetry
from ilk.covariance.diagonal import Diagonal
from ilk.covariance.identity import ScaledIdentity
from ilk.covariance.natural import Natural, common_name
from ilk.covariance.reduced_rank import ReducedRank
from ilk.covariance.toeplitz import Toeplitz
from ilk.covariance.unstructured import Unstructured

STRUCTURES = {
    "us": Unstructured(),
    "diag": Diagonal(),
    "identity": ScaledIdentity(),
    "cs": CompoundSymmetry(),
    "homcs": HomogeneousCompoundSymmetry(),
    "ar1": Autoregressive(),
    "ar1, gaps": Autoregressive((0, 1, 4, 6)),
    "ou": OrnsteinUhlenbeck((0.0, 0.5, 2.0, 5.0)),
    "toep": Toeplitz(),
    "toep, gaps": Toeplitz((0, 1, 4, 6)),
    "exp": Exponential(((0.0, 0.0), (1.0, 0.0), (0.0, 2.0), (3.0, 3.0))),
    "gau": GaussianDecay(((0.0,), (1.0,), (2.5,), (4.0,))),
    "matern": Matern(((0.0, 0.0), (1.0, 0.0), (0.0, 2.0), (3.0, 3.0)), 1.5),
    "matern, nu": Matern(((0.0, 0.0), (1.0, 0.0), (0.0, 2.0), (3.0, 3.0))),
    "rr": ReducedRank(2),
}
COLUMNS = ["t[0]", "t[1]", "t[2]", "t[3]"]


def covariance(structure, theta):
    factor, _ = structure.factor(theta, 4)
    return factor @ factor.T


def off_start(structure, seed=0):
    theta = structure.start(4)
    return theta + 0.2 * np.random.default_rng(seed).normal(size=len(theta))


@pytest.mark.parametrize("name", list(STRUCTURES))
def test_deviations_and_pairs(name: str) -> None:
    """What is shown is what there is: shared deviations are shared, absent pairs are zero."""
    structure = STRUCTURES[name]
    G = covariance(structure, off_start(structure))
    reported = structure.reported(COLUMNS)
    deviations = np.sqrt(np.diag(G))
    if reported.deviations is not None:
        ((label, place),) = reported.deviations
        assert label == "t"
        np.testing.assert_allclose(deviations, deviations[place])
    if not reported.pairs and not reported.parameters:
        np.testing.assert_allclose(G, np.diag(np.diag(G)), atol=1e-12)


@pytest.mark.parametrize("name", list(STRUCTURES))
def test_values_are_those_of_the_matrix(name: str) -> None:
    structure = STRUCTURES[name]
    theta = off_start(structure, 1)
    G = covariance(structure, theta)
    size = np.sqrt(np.diag(G))
    R = G / np.outer(size, size)
    known = structure.reported(COLUMNS).parameters
    values = structure.natural(theta, 4)
    assert len(known) == len(values)
    for one, value in zip(known, values, strict=True):
        assert one.low < value < one.high
        if one.kind == "rho":
            lag = np.array(getattr(structure, "times", ()) or range(4))
            expected = value ** (lag[1] - lag[0]) if "ar1" in name else value
            assert R[0, 1] == pytest.approx(expected)
        if one.kind == "correlation":
            lags = np.array(structure.times or range(4))
            h = int(one.terms[0].rpartition(" ")[2])
            i, j = np.argwhere(np.abs(lags[:, None] - lags) == h)[0]
            assert R[i, j] == pytest.approx(value)
        if one.kind == "range" and name in ("ou", "exp"):
            d = 0.5 if name == "ou" else 1.0
            assert R[0, 1] == pytest.approx(math.exp(-d / value), abs=1e-8)
    if hasattr(structure, "correlation_at") and name != "toep":
        gap = {"ou": 0.5}.get(name, 1.0)
        found = structure.correlation_at(theta, np.array([0.0, gap]))
        np.testing.assert_allclose(found, [1.0, R[0, 1]], atol=1e-8)


@pytest.mark.parametrize("name", list(STRUCTURES))
def test_multiplied(name: str) -> None:
    structure = STRUCTURES[name]
    theta = off_start(structure, 2)
    expected = 9.0 * covariance(structure, theta)
    moved = structure.multiplied(theta, 3.0, 4)
    np.testing.assert_allclose(covariance(structure, moved), expected, rtol=1e-10)
    np.testing.assert_allclose(structure.natural(moved, 4), structure.natural(theta, 4))


@pytest.mark.parametrize("name", list(STRUCTURES))
def test_rank(name: str) -> None:
    structure = STRUCTURES[name]
    sizes = np.linalg.svd(structure.factor(off_start(structure, 3), 4)[0], compute_uv=False)
    assert int(np.sum(sizes > 1e-8)) == structure.rank(4)


def test_extent_of_positions() -> None:
    (one,) = STRUCTURES["exp"].reported(COLUMNS).parameters
    assert one.shortest == 1.0
    assert one.longest == pytest.approx(math.sqrt(18.0))
    (one,) = STRUCTURES["ou"].reported(COLUMNS).parameters
    assert (one.shortest, one.longest, one.half_life) == (0.5, 5.0, math.log(2.0))


def test_scales_of_intervals() -> None:
    rho = Natural("rho")
    assert rho.free(0.5) == pytest.approx(2.0 * math.atanh(0.5))
    assert Natural("range", (), 0.0, math.inf).free(3.0) == pytest.approx(math.log(3.0))
    assert rho.free(1.0) == math.inf
    assert rho.free(-1.0) == -math.inf
    assert rho.value(math.inf) == 1.0
    assert rho.value(-1e4) == -1.0
    assert math.isnan(rho.value(math.nan))
    cs = Natural("rho", (), -0.5, 1.0)
    assert cs.free(-0.5) == -math.inf
    assert cs.value(cs.free(0.2)) == pytest.approx(0.2)


def test_limits() -> None:
    assert Natural("lambda", (), 0.0, 1.0).at_limit(1.0)
    assert not Natural("lambda", (), 0.0, 1.0).at_limit(0.99)
    distance = Natural("range", (), 0.0, math.inf, 0.0, 1.0, 10.0)
    assert not distance.at_limit(5.0)
    assert distance.at_limit(2e4)
    assert distance.at_limit(0.01)
    assert not Natural("range", (), 0.0, math.inf).at_limit(1e9)  # no distances are known
    assert Natural("smoothness", (), 0.0, math.inf).at_limit(60.0)


def test_names() -> None:
    assert common_name(["a", "b"]) == "a, b"
    assert common_name(["a", "b", "c", "d"]) == "a, ..., d"
    assert common_name(["x, y[0, 1]", "x, y[1, 2]"]) == "x, y"
