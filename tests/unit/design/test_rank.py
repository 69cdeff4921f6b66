import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.design.rank import independent_columns

RNG = np.random.default_rng(3)
N = 200


def keep(*columns, intercept=True):
    X = np.column_stack([np.ones(N), *columns]) if intercept else np.column_stack(columns)
    return independent_columns(np.asfortranarray(X), 0 if intercept else None).tolist()


X1, X2 = RNG.normal(size=(2, N))


def test_independent_columns_stay():
    assert keep(X1, X2) == [True, True, True]
    assert keep(X1, X2, intercept=False) == [True, True]


def test_earlier_columns_win():
    assert keep(X1, X2, X1 + X2) == [True, True, True, False]
    assert keep(X1, 2 * X1 - 3, X2) == [True, True, False, True]


def test_the_intercept_is_never_the_victim():
    assert keep(np.full(N, 7.0), X1) == [True, False, True]
    assert keep(np.full(N, 0.1) * 3, X1) == [True, False, True]
    X = np.asfortranarray(np.column_stack([X1, np.full(N, 2.0), np.ones(N)]))
    assert independent_columns(X, 2).tolist() == [True, False, True]


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e-8, 1.0, 1e8, 1e150, 1e300])
def test_units_do_not_matter(scale):
    assert keep(scale * X1, X2) == [True, True, True]
    assert keep(scale * X1, X2, scale * X1) == [True, True, True, False]
    assert keep(scale * X1, X2, intercept=False) == [True, True]


def test_time_stamps_are_no_intercept():
    stamps = 1.7e9 + np.arange(N) * 60.0
    assert keep(stamps, X1) == [True, True, True]
    assert keep(stamps, X1, stamps * 1e-3 + 5) == [True, True, True, False]
    assert keep(1e15 + np.arange(N) % 2) == [True, True]


def test_powers_of_the_year_are_all_estimable():
    year = 2001.0 + np.arange(N) % 20
    assert keep(year, year**2, year**3) == [True] * 4


def test_sums_of_columns_far_from_zero():
    a, b = 1e8 + X1, 1e8 + X2
    assert keep(a, b, a + b) == [True, True, True, False]


def test_dummies_of_the_same_factor_twice():
    dummies = np.eye(4)[RNG.integers(0, 4, N)]
    assert keep(*dummies.T, intercept=False) == [True] * 4
    assert keep(*dummies.T) == [True, True, True, True, False]


def test_more_columns_than_rows():
    X = np.asfortranarray(RNG.normal(size=(5, 9)))
    assert independent_columns(X, None).sum() == 5
    assert independent_columns(np.ones((0, 3)), None).all()
    assert independent_columns(np.zeros((5, 2)), None).tolist() == [False, False]


@given(st.integers(0, 2**32 - 1), st.integers(2, 7), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_the_rank_is_found(seed, p, repeated):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(40, p)) * 10.0 ** rng.integers(-8, 9, p)
    base += rng.normal(size=p) * 10.0 ** rng.integers(-3, 4, p) * np.abs(base).max(axis=0)
    mixed = base[:, rng.integers(0, p, repeated)] * rng.uniform(0.5, 2, repeated)
    X = np.asfortranarray(np.column_stack([np.ones(40), base, mixed]))
    assert independent_columns(X, 0).tolist() == [True] * (p + 1) + [False] * repeated
