"""Known covariance and precision matrices."""

import numpy as np
import pytest
from scipy import sparse

from ilk.covariance.levels.known import KnownCovariance, KnownPrecision
from ilk.errors import DataError

NAMES = ("a", "b", "c", "d")
ZERO = np.zeros(0)


def _matrix(seed=1):
    B = np.random.default_rng(seed).normal(size=(4, 6))
    return B @ B.T


def test_covariance_enters_by_its_inverse():
    V = _matrix()
    found = KnownCovariance(NAMES, V).precision(ZERO)
    np.testing.assert_allclose(found.dense(), np.linalg.inv(V), rtol=1e-9)
    assert found.log_det == pytest.approx(-np.linalg.slogdet(V)[1])


def test_singular_matrices_get_a_ridge_and_say_so():
    B = np.random.default_rng(2).normal(size=(4, 2))
    known = KnownCovariance(NAMES, B @ B.T)
    assert known.ridge > 0.0
    assert "singular" in known.describe()
    back = np.linalg.inv(known.precision(ZERO).dense())
    np.testing.assert_allclose(back, B @ B.T, atol=1e-6)


def test_negative_eigenvalues_are_an_error_unless_repaired():
    V = _matrix()
    V -= (np.linalg.eigvalsh(V)[0] + 0.5) * np.eye(4)
    least = np.linalg.eigvalsh(V)[0]
    assert least < 0.0
    with pytest.raises(DataError, match=r"smallest eigenvalue is .*repair=True"):
        KnownCovariance(NAMES, V)
    assert "set to zero" in KnownCovariance(NAMES, V, repair=True).describe()


@pytest.mark.parametrize("kind", [KnownCovariance, KnownPrecision])
def test_bad_matrices_are_named(kind):
    V = _matrix()
    with pytest.raises(DataError, match=r"shape \(4, 4\) but there are 3 names"):
        kind(NAMES[:3], V)
    with pytest.raises(DataError, match=r"not symmetric: 'a' with 'c' is"):
        kind(NAMES, V + np.eye(4, k=2) * np.array([0, 0, 1, 0]))
    with pytest.raises(DataError, match="not a number, of 'b' and 'b'"):
        kind(NAMES, V * np.where(np.arange(16).reshape(4, 4) == 5, np.nan, 1.0))
    with pytest.raises(DataError, match=r"more than once.*'a'"):
        kind(("a", "a", "b", "c"), V)


def test_precision_is_taken_as_it_is():
    Q = sparse.diags([np.full(3, -1.0), np.full(4, 2.5), np.full(3, -1.0)], [-1, 0, 1])
    found = KnownPrecision(NAMES, Q).precision(ZERO)
    assert len(found.values) == 7
    np.testing.assert_allclose(found.dense(), Q.toarray())
    assert found.log_det == pytest.approx(np.linalg.slogdet(Q.toarray())[1])
    with pytest.raises(DataError, match="not positive definite: its smallest eigenvalue is"):
        KnownPrecision(NAMES, Q - 2.0 * sparse.eye(4))
