"""Log determinants of mixtures with the identity, by eigenvalues and by interpolation."""

import numpy as np
import pytest
from scipy import sparse

from ilk.covariance.levels import spectrum
from ilk.covariance.levels.spectrum import MixedDeterminant

ORDER = 40
_B = np.random.default_rng(1).normal(size=(ORDER, 3 * ORDER)) / 8.0
A = sparse.csr_matrix(_B @ _B.T)


@pytest.mark.parametrize("rho", [2e-6, 3e-5, 0.01, 0.3, 0.5, 0.8, 0.99, 1.0 - 1e-6])
def test_interpolation_agrees_with_eigenvalues(rho, monkeypatch):
    exact = MixedDeterminant(A)
    value, slope = exact.at(rho)
    expected = np.linalg.slogdet((1.0 - rho) * np.eye(ORDER) + rho * A.toarray())[1]
    assert value == pytest.approx(expected, abs=1e-10)
    monkeypatch.setattr(spectrum, "_SMALL", 1)
    close, near = MixedDeterminant(A).at(rho)
    assert close == pytest.approx(value, abs=1e-8)
    assert near == pytest.approx(slope, rel=1e-5)
