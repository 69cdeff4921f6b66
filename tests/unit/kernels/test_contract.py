"""The data classes that pass between package and engine."""

import numpy as np
import pytest

from ilk.kernels.contract import EngineData, LinearFactor, PredictorData, TermData


def _data(**changes):
    n = 4
    parts = {
        "response": np.zeros(n),
        "trials": None,
        "weights": None,
        "predictors": (PredictorData(np.ones((n, 1), order="F"), None),),
        "terms": (TermData.single(0, np.array([0, 1, 1, 0], np.int32), 2, None),),
    }
    return EngineData(**(parts | changes))


def test_linear_factors_scatter_and_add():
    factor = LinearFactor(
        rows=np.array([0, 3, 3], np.int32),
        columns=np.array([0, 0, 1], np.int32),
        values=np.array([1.0, 1.0, 2.0]),
        theta_size=2,
        lambda_size=4,
        base=np.array([0.0, 0.0, 0.0, 5.0]),
    )
    lam, jacobian = factor(np.array([3.0, 10.0]))
    np.testing.assert_array_equal(lam, [3.0, 0.0, 0.0, 28.0])
    np.testing.assert_array_equal(jacobian, [[1, 0], [0, 0], [0, 0], [1, 2]])


def test_widths_and_sizes():
    data = _data(
        terms=(
            TermData.single(0, np.array([0, 1, 1, 0], np.int32), 2, None),
            TermData.single(0, np.array([0, 1, 2, 0], np.int32), 3, np.ones((4, 2))),
        )
    )
    assert [term.width for term in data.terms] == [1, 2]
    assert data.lambda_size == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": np.ones(3)},
        {"trials": np.ones((4, 1))},
        {"predictors": (PredictorData(np.ones((5, 1)), None),)},
        {"predictors": (PredictorData(np.ones((4, 1)), np.ones(2)),)},
        {"terms": (TermData.single(0, np.array([0, 1, 1, 2], np.int32), 2, None),)},
        {"terms": (TermData.single(0, np.array([0, 1, -1, 0], np.int32), 2, None),)},
        {"terms": (TermData.single(1, np.array([0, 1, 1, 0], np.int32), 2, None),)},
        {"terms": (TermData.single(0, np.array([0, 1, 1], np.int32), 2, None),)},
        {"terms": (TermData.single(0, np.array([0, 1, 1, 0], np.int32), 2, np.ones((3, 1))),)},
    ],
)
def test_wrong_shapes_and_codes_never_reach_an_engine(changes):
    with pytest.raises(ValueError, match=r"rows|codes|predictor"):
        _data(**changes)
