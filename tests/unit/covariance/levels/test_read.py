"""Trees and pedigrees from texts and tables."""

import numpy as np
import pandas as pd
import pytest

from ilk.covariance.levels.read_pedigree import pedigree
from ilk.covariance.levels.read_tree import tree
from ilk.errors import DataError

NEWICK = "((a:1,'b c':2)n:1.5,(c:0.5,d:0.1,e_f:3):0.7)r;"


def _covariance(found, names):
    full = np.linalg.inv(found.precision(np.zeros(0)).dense())
    at = found.codes(names, "g")
    return full[np.ix_(at, at)] * found.scale


def test_newick_is_read_with_names_and_lengths(tmp_path):
    pytest.importorskip("Bio")
    found = tree(NEWICK)
    tips = ["a", "b c", "c", "d", "e_f"]
    covariance = _covariance(found, tips)
    np.testing.assert_allclose(np.diagonal(covariance), [2.5, 3.5, 1.2, 0.8, 3.7])
    assert covariance[0, 1] == pytest.approx(1.5)
    assert covariance[2, 4] == pytest.approx(0.7)
    assert "n" in found.levels
    path = tmp_path / "tree.nwk"
    path.write_text(NEWICK)
    assert tree(path).levels == found.levels
    with pytest.raises(DataError, match="There is no file"):
        tree("no such file")
    with pytest.raises(DataError, match="cannot be read as newick"):
        tree("((a:1,b:1);x)(")


def test_newick_of_supports_of_any_depth():
    pytest.importorskip("Bio")
    assert len(tree("((a:1,b:1)0.9:1,(c:1,d:1)0.9:1);").levels) == 6
    deep = "(" * 3000 + "a:1,b:1)" + "".join(f":1,c{i}:1)" for i in range(2999)) + ";"
    assert len(tree(deep).levels) == 6000
    with pytest.raises(DataError, match="no length: those above 'b'"):
        tree("((a:1,b):1,c:1);")
    assert tree("((a,b),c);").scale == pytest.approx(5.0 / 3.0)


def test_tables_of_parents_are_read_in_any_order():
    rows = [("a", "n", 1.0), ("r", None, None), ("n", "r", 2.0), ("b", "n", 3.0), ("c", "r", 4.0)]
    found = tree(pd.DataFrame(rows, columns=["cell", "mother", "time"]), node="cell",
                 parent="mother", length="time")  # fmt: skip
    covariance = _covariance(found, ["a", "b", "c"])
    np.testing.assert_allclose(covariance, [[3, 2, 0], [2, 5, 0], [0, 0, 4]], atol=1e-12)
    without_root = {"node": ["a", "b"], "parent": ["r", "r"]}
    assert tree(without_root).levels == ("a", "b")
    with pytest.raises(DataError, match="Parents that are no nodes: 'x', 'y'"):
        tree({"node": ["a", "b"], "parent": ["x", "y"]})


def test_pedigrees_are_read_in_any_order():
    table = pd.DataFrame(
        {"id": ["e", "c", "d"], "father": ["c", "a", "a"], "mother": ["d", "b", "0"]}
    )
    found = pedigree(table, individual="id", sire="father", dam="mother")
    assert found.levels == ("e", "c", "d", "a", "b")
    assert found.F[0] == pytest.approx(0.125)
    with pytest.raises(DataError, match=r"'a' are sires and dams.*selfing=True"):
        pedigree({"individual": ["b", "c"], "sire": ["a", "b"], "dam": ["x", "a"]})
    grouped = pedigree({"individual": ["b"], "sire": ["g1"], "dam": ["g2"]}, groups=("g1", "g2"))
    assert grouped.F.tolist() == [0.0, 0.0, 0.0]
    full = np.linalg.inv(grouped.precision(np.zeros(0)).dense())
    assert full[0, 0] == pytest.approx(1.5)
