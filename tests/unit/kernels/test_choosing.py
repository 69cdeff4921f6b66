"""Which engine serves which numbers of nodes."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.family import make_family
from ilk.kernels import compiled_densities, engine_name, laplace_engine
from ilk.kernels.choice import ChoosingEngine, integrated_terms
from ilk.kernels.contract import EngineData, PredictorData, TermData

FAMILY = make_family("binomial")


def data_of(*codes):
    n = len(codes[0])
    terms = tuple(TermData.single(0, np.asarray(c, np.int32), max(c) + 1, None) for c in codes)
    y = (np.arange(n) % 3 == 0).astype(float)
    return EngineData(y, None, None, (PredictorData(np.ones((n, 1), order="F"), None),), terms)


CLASS, SCHOOL, ITEM = np.arange(12) // 3, np.arange(12) // 6, np.arange(12) % 2


@pytest.mark.parametrize(
    ("codes", "nodes", "expected"),
    [
        ((CLASS, SCHOOL), 1, None),
        ((CLASS, SCHOOL), 7, None),
        ((CLASS, SCHOOL), (7, 5), None),
        ((CLASS, SCHOOL), (1, 5), (1,)),
        ((CLASS, SCHOOL), (5, 1), (0,)),
        ((CLASS, ITEM), (5, 1), (0,)),
        ((CLASS, SCHOOL, ITEM), (1, 1, 5), (2,)),
        ((CLASS, SCHOOL, ITEM), (5, 5, 1), (0, 1)),
    ],
)
def test_terms_that_are_integrated_beside_laplace(codes, nodes, expected):
    assert integrated_terms(data_of(*codes), nodes) == expected


def test_a_single_term_needs_no_choice():
    assert not isinstance(laplace_engine(data_of(CLASS), FAMILY), ChoosingEngine)
    assert isinstance(laplace_engine(data_of(CLASS, ITEM), FAMILY), ChoosingEngine)


def test_the_name_of_the_engine_is_that_of_the_one_that_works():
    compiled = "compiled" if FAMILY.key in compiled_densities() else "reference"
    assert engine_name(data_of(CLASS, SCHOOL), FAMILY, 7) == compiled
    assert engine_name(data_of(CLASS, ITEM), FAMILY, 1) == compiled
    assert engine_name(data_of(CLASS, ITEM), FAMILY, (5, 1)) == "reference"
