"""Matrices, kinship files, maps and places as users have them."""

import gzip
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from ilk.covariance.levels.read_matrix import kinship, known, neighbors, precision
from ilk.covariance.levels.read_space import Places, spatial
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


def test_maps_are_read_from_all_that_people_have():
    expected = neighbors({"a": ["b"], "b": ["a", "c"], "c": ["b"]}).precision(np.array([0.5]))
    W = pd.DataFrame([[0, 1, 0], [1, 0, 1], [0, 1, 0]], NAMES, NAMES)
    table = pd.DataFrame({"first": ["a", "b"], "second": ["b", "c"]})

    pysal = SimpleNamespace(
        neighbors={"a": ["b"], "b": ["a", "c"], "c": ["b"]},
        weights={"a": [1.0], "b": [1.0, 1.0], "c": [1.0]},
    )
    for given in (W, table, pysal, sparse.csr_matrix(W.to_numpy())):
        names = NAMES if sparse.issparse(given) else None
        found = neighbors(given, names).precision(np.array([0.5]))
        np.testing.assert_allclose(found.dense(), expected.dense(), atol=1e-12)
    with pytest.raises(DataError, match="no areas of the map: 'x'"):
        neighbors({"a": ["b", "x"], "b": ["a"]})
    with pytest.raises(DataError, match="weight between 'a' and 'b' is 1 one way and 2 the other"):
        neighbors(np.array([[0.0, 1.0], [2.0, 0.0]]), ["a", "b"])


def test_places_are_columns_or_arrays():
    field = spatial([0.0, 1.0, 3.0], [0.0, 0.5, 1.0], names=NAMES, kind="exp")
    assert field.method == "exact"
    places = spatial("x", "y", method="vecchia", neighbors=2)
    assert isinstance(places, Places)
    codes = np.array([0, 1, 2, 0])
    points = np.array([[0.0, 0.0], [1.0, 0.5], [3.0, 1.0], [0.0, 0.0]])
    assert places.at("site", NAMES, codes, points).method == "vecchia"
    with pytest.raises(DataError, match="coordinates x, y differ within 'a' of 'site'"):
        places.at("site", NAMES, codes, points + np.arange(4)[:, None])
    globe = spatial([0.0, 90.0], [0.0, 0.0], names=["a", "b"], geographic=True)
    assert np.ptp(globe.points, axis=0).max() == pytest.approx(6371.0088)
    with pytest.raises(ModelError, match="Did you mean 'matern'"):
        spatial("x", "y", kind="matrn")
    with pytest.raises(ModelError, match="names of their levels"):
        spatial([0.0, 1.0], [0.0, 1.0])
    with pytest.raises(ModelError, match="nu=-1"):
        spatial("x", nu=-1)
