"""Matrices and kinship files as users have them."""

import gzip

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from ilk.covariance.levels.read_matrix import kinship, known, precision
from ilk.errors import DataError, ModelError

NAMES = ["a", "b", "c"]
V = np.array([[1.0, 0.3, 0.1], [0.3, 1.2, 0.2], [0.1, 0.2, 0.9]])
ZERO = np.zeros(0)


def test_names_come_with_the_frame_or_beside_the_array():
    framed = known(pd.DataFrame(V, NAMES, NAMES))
    assert framed.levels == ("a", "b", "c")
    np.testing.assert_allclose(
        framed.precision(ZERO).dense(), known(V, NAMES).precision(ZERO).dense()
    )
    with pytest.raises(ModelError, match=r"names=\[\.\.\.\]"):
        known(V)
    with pytest.raises(DataError, match="rows and the columns of the matrix have different names"):
        known(pd.DataFrame(V, NAMES, ["b", "a", "c"]))
    Q = np.linalg.inv(V)
    for matrix in (sparse.csr_matrix(Q), Q):
        np.testing.assert_allclose(precision(matrix, NAMES).precision(ZERO).dense(), Q)


def test_kinship_files_are_read(tmp_path):
    lower = V[np.tril_indices(3)]
    (tmp_path / "k.grm.id").write_text("f1\ta\nf1\tb\nf2\tc\n")
    lower.astype("<f4").tofile(tmp_path / "k.grm.bin")
    found = kinship(tmp_path / "k")
    assert found.levels == ("a", "b", "c")
    np.testing.assert_allclose(found.matrix, V, atol=1e-7)
    (tmp_path / "k.grm.bin").unlink()
    with gzip.open(tmp_path / "k.grm.gz", "wt") as file:
        for k, (i, j) in enumerate(zip(*np.tril_indices(3), strict=True)):
            file.write(f"{i + 1}\t{j + 1}\t100\t{lower[k]}\n")
    np.testing.assert_allclose(kinship(tmp_path / "k.grm.gz").matrix, V)
    np.savetxt(tmp_path / "r.cXX.txt", V)
    np.testing.assert_allclose(kinship(tmp_path / "r.cXX.txt", NAMES).matrix, V)
    with pytest.raises(DataError, match="There is neither"):
        kinship(tmp_path / "nothing")
    lower[:-1].astype("<f4").tofile(tmp_path / "k.grm.bin")
    with pytest.raises(DataError, match=r"5 elements but k\.grm\.id names 3"):
        kinship(tmp_path / "k")
