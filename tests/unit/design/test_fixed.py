import numpy as np
import pytest

from ilk.design.build import build
from ilk.errors import DataError
from ilk.formula.parse import parse


def fixed(right, **columns):
    data = {"y": np.arange(8.0), "x": np.arange(8.0) ** 2, "f": list("abababab"), **columns}
    return build(parse(f"y ~ {right}"), data).fixed[0]


def test_no_column_at_all():
    part = fixed("0 + (1 | f)")
    assert part.X.shape == (8, 0)
    assert part.names == ()
    assert not part.has_intercept


def test_the_intercept_survives_dummies_of_all_levels():
    part = fixed("f + I(f == 'a') + I(f == 'b')")
    assert part.names == ("Intercept", "f[T.b]")
    assert part.dropped == ("I(f == 'a')", "I(f == 'b')")


def test_time_stamps_do_not_break_the_rank():
    stamps = np.array([1700000000 + 3600 * k**2 for k in range(8)])
    part = fixed("t + x", t=stamps)
    assert part.names == ("Intercept", "t")  # t is a linear function of x = k**2
    assert fixed("t", t=stamps).dropped == ()


def test_offsets_add_up():
    part = fixed("x + offset(x) + offset(log(x + 1))")
    np.testing.assert_allclose(part.offset, np.arange(8.0) ** 2 + np.log(np.arange(8.0) ** 2 + 1))
    with pytest.raises(DataError, match=r"offset\(log\(x\)\) is infinite in 1 row, first in row 0"):
        fixed("offset(log(x))")
    with pytest.raises(DataError, match="'f' holds text"):
        fixed("offset(f)")
