"""The scoring iteration where it is hard: separated responses, means near their end, outliers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import IdentificationWarning, ModelError
from ilk.fitted import Status


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    n = 120
    return pd.DataFrame(
        {
            "g": np.repeat(np.arange(30), 4),
            "x": rng.normal(size=n),
            "arm": np.tile(["new", "old"], n // 2),
            "y": rng.integers(0, 2, n),
            "count": rng.poisson(2.0, n),
        }
    )


@pytest.mark.parametrize(("response", "family"), [("y", "binomial"), ("count", "poisson")])
def test_separated(data, response, family):
    """Coefficients that run to infinity have no standard errors; the others keep theirs."""
    data.loc[data.arm == "old", response] = 0
    with pytest.warns(IdentificationWarning, match=r"arm\[T.old\]"):
        fit = ilk.gee(f"{response} ~ x + arm", data, groups="g", family=family)
    assert fit.verdict.status is Status.SEPARATED
    assert np.isnan(fit.std_errors["arm[T.old]"])
    assert np.isfinite(fit.std_errors["x"])
    assert fit.scale < 10.0
    fit.summary()
    new = ilk.fit(f"{response} ~ x", data[data.arm == "new"], family=family)
    assert fit.params["x"] == pytest.approx(new.params["x"], abs=1e-6)


def test_probabilities_that_round_to_one():
    """Rows whose probability is one to all digits weigh nothing, and do not stop the search."""
    x = np.r_[np.linspace(-2.0, 1.0, 60), 6.5]
    y = (np.sin(np.arange(61) * 1.7) < 1.0 - 2.0 * np.exp(-np.exp(x))).astype(float)
    data = pd.DataFrame({"y": y, "x": x, "g": np.arange(61) // 3})
    fit = ilk.gee("y ~ x", data, "g", "binomial", "cloglog", covariance="independence")
    likelihood = ilk.fit("y ~ x", data, family="binomial", link="cloglog")
    assert fit.verdict.converged
    assert float(fit.fitted.predictor.max()) > 3.7
    np.testing.assert_allclose(fit.params.array, likelihood.params.array, rtol=1e-6)


def test_long_clusters_of_m_dependent_rows():
    """The band of near rows is all that is ever formed."""
    rng = np.random.default_rng(3)
    e = rng.normal(size=40_001)
    data = pd.DataFrame({"y": e[1:] + 0.5 * e[:-1], "g": np.repeat([0, 1], 20_000)})
    fit = ilk.gee("y ~ 1", data, groups="g", covariance="m_dependent", std_errors="model")
    assert fit.fitted.alpha[0] == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.inf, "large", None, True])
def test_scale_of_criteria(data, scale):
    fit = ilk.gee("count ~ x", data, groups="g", family="poisson")
    with pytest.raises(ModelError, match="scale="):
        fit.qic(scale)


def test_single_rows(data):
    """Clusters of one row have no correlation, and the verdict says so."""
    fit = ilk.gee("count ~ x", data.assign(g=range(120)), groups="g", family="poisson")
    assert [reason.code for reason in fit.verdict.reasons] == ["no_pairs"]
    assert "120, of 1 row\n" in fit.summary().text


def test_a_dispersion_far_below_poisson_is_found() -> None:
    """The variance of the Conway-Maxwell-Poisson family is not known at the end of the range."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=300)
    k = rng.binomial(8, 1.0 / (1.0 + np.exp(1.0 - 0.5 * x)))
    data = {"x": x, "g": np.repeat(np.arange(30), 10), "k": k}
    fit = ilk.gee("k ~ x", data, "g", family="conway_maxwell_poisson")
    assert fit.verdict.converged
    assert 0.4 < fit.dispersion < 0.8
