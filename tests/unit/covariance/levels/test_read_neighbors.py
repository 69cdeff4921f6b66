"""Maps as users have them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from ilk.covariance.levels.read_neighbors import neighbors
from ilk.errors import DataError, ModelError

NAMES = ["a", "b", "c"]


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


def test_areas_without_borders_come_by_their_names():
    table = pd.DataFrame({"first": ["a", "b"], "second": ["b", "c"], "km": [2.0, 3.0]})
    found = neighbors(table, ["d", "c"], weight="km", model="car")
    assert found.levels == ("d", "c", "a", "b")
    assert found.alone == 1
    assert neighbors({"a": ["b"], "b": ["a"], "c": []}).alone == 1


def test_matrices_are_checked():
    W = sparse.csr_matrix(np.array([[0.0, 1.0], [1.0, 0.0]]))
    with pytest.raises(ModelError, match=r"sparse matrix of neighbors, here of the shape \(2, 2\)"):
        neighbors(W)
    with pytest.raises(DataError, match="not symmetric: 'a' has the neighbor 'b' but not"):
        neighbors(np.array([[0.0, 1.0], [0.0, 0.0]]), ["a", "b"])
    with pytest.raises(DataError, match=r"has the shape \(2, 2\) but there are 3 names of areas"):
        neighbors(W.toarray(), NAMES)
