"""Clusters named beside a formula."""

from __future__ import annotations

import pandas as pd
import pytest

from ilk.design.clusters import cluster_columns, name_list, single_cluster, with_intercepts
from ilk.errors import DataError, ModelError
from ilk.formula import parse


def test_a_name_or_several():
    assert name_list("g", "groups", "advice") == ["g"]
    assert name_list(("g", "h"), "groups", "advice") == ["g", "h"]


@pytest.mark.parametrize("given", [None, 3, "", [], [3], pd.Series(["g"]), {"g": 1}])
def test_no_name(given):
    with pytest.raises(ModelError, match=r"^groups=[^\n]*: give one\.$"):
        name_list(given, "groups", "give one.")


def test_one_name_only():
    with pytest.raises(ModelError, match="groups="):
        name_list(["g", "h"], "groups", "give one.", several=False)


def test_columns_of_a_cluster():
    assert cluster_columns("a:b", "groups", ["a", "b"]) == ("a", "b")
    assert cluster_columns("a:b", "groups", ["a:b", "a"]) == ("a:b",)
    with pytest.raises(DataError, match=r"no column 'c' \(groups=\)"):
        cluster_columns("a:c", "groups", ["a", "b"])


def test_intercepts_take_the_place_of_random_terms():
    spec = with_intercepts(parse("y ~ 0 + x + (x | g)"), [("h",), ("h", "k")], intercept=True)
    mean = spec.predictors[0]
    assert [term.label for term in mean.random] == ["1 | h", "1 | h:k"]
    assert mean.fixed.has_intercept
    assert not with_intercepts(parse("y ~ 0 + x"), [("h",)]).predictors[0].fixed.has_intercept


def test_only_the_error_of_a_single_level_is_rewritten():
    other = DataError("Other.", code="other")
    assert single_cluster(other, "several are needed.") is other
    single = DataError("'g' has one level; what now.", code="single-level")
    assert single_cluster(single, "several.").message == "'g' has one level: several."
