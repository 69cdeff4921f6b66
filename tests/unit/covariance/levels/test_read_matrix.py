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
    with pytest.raises(DataError, match=r"has 5 elements but k\.grm\.id names 3"):
        kinship(tmp_path / "k")


def test_relationships_of_plink_are_read(tmp_path):
    lower = V[np.tril_indices(3)]
    ids = tmp_path / "p.rel.id"
    ids.write_text("#FID\tIID\nf1\ta\nf1\tb\nf2\tc\n")
    rows = [" ".join(str(v) for v in V[i, : i + 1]) for i in range(3)]
    (tmp_path / "p.rel").write_text("\n".join(rows) + "\n")
    found = kinship(tmp_path / "p")
    assert found.levels == ("a", "b", "c")
    np.testing.assert_allclose(found.matrix, V)
    np.savetxt(tmp_path / "p.rel", V)
    np.testing.assert_allclose(kinship(tmp_path / "p.rel").matrix, V)
    for numbers in (V, lower):
        for kind in ("<f8", "<f4"):
            numbers.astype(kind).tofile(tmp_path / "p.rel.bin")
            np.testing.assert_allclose(kinship(tmp_path / "p.rel.bin").matrix, V, atol=1e-6)
    ids.write_text("1 a\n2 a\n2 b\n")
    assert kinship(tmp_path / "p").levels == ("1 a", "2 a", "2 b")
    for file in ("p.rel", "p.rel.bin"):
        (tmp_path / file).unlink()
    with pytest.raises(DataError, match="but neither"):
        kinship(tmp_path / "p")


def test_large_precision_matrices_are_checked():
    Q = sparse.identity(2500, format="lil")
    Q[3, 7] = 0.5
    names = range(2500)
    with pytest.raises(DataError, match=r"has 0(\.5)? for . with .*, and 0(\.5)? for"):
        precision(Q.tocsc(), names)
    Q[7, 3] = 0.5
    assert precision(Q.tocsc(), names).precision(ZERO).log_det == pytest.approx(np.log(0.75))
    Q[9, 9] = np.nan
    with pytest.raises(DataError, match="has nan for 9 with 9"):
        precision(Q.tocsc(), names)
    Q[9, 9] = -2.0
    with pytest.raises(DataError, match="smallest eigenvalue is -2"):
        precision(Q.tocsc(), names)
