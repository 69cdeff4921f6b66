"""The picture of a correlation function."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.plot.structured import line, lineage, places, series

from ilk.errors import FitError, ModelError
from ilk.plot import correlation, correlation_table


def parameter(fit, kind: str) -> float:
    table = fit.variance_components()
    return float(table.estimate[table.kind == kind].iloc[0])


def test_series_of_steps() -> None:
    fit = series()
    table = correlation_table(fit, "g")
    assert table.steps
    assert table.distance.tolist() == list(range(10))
    np.testing.assert_allclose(table.estimate, parameter(fit, "rho") ** table.distance)
    limits = fit.variance_components().set_index("kind").loc["rho"]
    assert table.low[1] == pytest.approx(limits.conf_low, abs=0.03)
    assert table.high[1] == pytest.approx(limits.conf_high, abs=0.03)
    assert table.low[0] == table.high[0] == 1.0


def test_every_kind() -> None:
    for fit, group, expected in (
        (series("ou"), "g", lambda d, r: np.exp(-d / r)),
        (series("exp"), "g", lambda d, r: np.exp(-d / r)),
        (series("gau"), "g", lambda d, r: np.exp(-((d / r) ** 2))),
        (places()[0], "site", lambda d, r: np.exp(-d / r)),
        (line()[0], "site", lambda d, r: np.exp(-d / r)),
    ):
        table = correlation_table(fit, group)
        np.testing.assert_allclose(
            table.estimate, expected(table.distance, parameter(fit, "range")), rtol=1e-8
        )
        assert np.all((table.low <= table.estimate + 1e-9) & (table.estimate <= table.high + 1e-9))


def test_lags_of_toeplitz() -> None:
    fit = series("toep")
    table = correlation_table(fit, "g")
    parts = fit.variance_components()
    np.testing.assert_allclose(table.estimate[1:], parts.estimate[parts.kind == "correlation"])


def test_drawn() -> None:
    axis = correlation(series(), "g")
    assert axis.get_ylabel() == "correlation of effects of g"
    assert axis.get_xlabel() == "steps of week"
    assert correlation(places()[0], "site").get_xlabel() == "distance"


def test_refusals() -> None:
    with pytest.raises(FitError, match="no random effects of 'h'; it has those of g"):
        correlation_table(series(), "h")
    with pytest.raises(FitError, match="no term of 'cell' has correlations that fall"):
        correlation_table(lineage()[0], "cell")
    with pytest.raises(ModelError, match="coverage is between 0 and 1"):
        correlation_table(series(), "g", level=95)
