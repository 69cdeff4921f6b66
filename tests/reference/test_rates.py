"""Rates with an offset against stats, lme4, glmmTMB and emmeans."""

from __future__ import annotations

import json

import numpy as np
import pytest

import ilk

from .data import HERE, Case

pytestmark = pytest.mark.reference

CASES = {c["id"]: c for c in json.loads((HERE / "rates.json").read_text(encoding="utf-8"))}

CLOSE = {"glm": 1e-6, "glmer": 2e-4, "slopes": 2e-4, "nb2": 2e-4}
"""Relative to standard errors; peers stop at their own tolerance."""

ERROR = {"glm": 1e-6, "glmer": 3e-3, "slopes": 1e-3, "nb2": 1e-3}
"""Relative, of standard errors; lme4 and glmmTMB difference for them, unscaled columns too."""


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = CASES[request.param]
    return found


@pytest.fixture(scope="module")
def data():
    return ilk.datasets.load("counseling_rates")


def compare(case: Case, part: str, fit: ilk.Fit, rough: float = 1.0) -> None:
    peer = case[part]
    assert fit.loglik == pytest.approx(peer["loglik"], abs=2e-5)
    assert fit.aic == pytest.approx(peer["aic"], abs=4e-5)
    frame = fit.tidy()
    mean = frame[(frame.component == "mean") & frame.group.isna()]
    errors = np.array(peer["std_error"])
    names = [name.replace("(Intercept)", "Intercept") for name in peer["names"]]
    assert mean.term.tolist() == names
    gap = np.abs(mean.estimate.to_numpy() - peer["estimate"]) / errors
    assert gap.max() < CLOSE[case["id"]]
    np.testing.assert_allclose(mean.std_error, errors, rtol=rough * ERROR[case["id"]])


def test_offset_free_coefficient_and_covariate(case: Case, data) -> None:
    fit = lambda more: ilk.fit(case["formula"] + more, data, case["family"])  # noqa: E731
    compare(case, "offset", fit(" + offset(log(opportunities))"))
    compare(case, "free", fit(" + log(opportunities)"))
    if case["id"] == "glmer":  # lme4 warns of this one: the column is not scaled
        return
    compare(case, "covariate", fit(" + opportunities"), rough=5.0)


def test_rate_ratios_of_the_summary(case: Case, data) -> None:
    fit = ilk.fit(case["formula"], data, case["family"], exposure="opportunities")
    table = next(t for t in fit.summary().tables if t.title.startswith("Rate ratios"))
    peer = case["offset"]
    for row in table.rows:
        at = peer["names"].index(row[0])
        expected = [peer[name][at] for name in ("ratio", "ratio_low", "ratio_high")]
        np.testing.assert_allclose([float(cell) for cell in row[1:]], expected, atol=3e-4)


@pytest.mark.parametrize("per", [1, 1000])
def test_rates_of_emmeans(case: Case, data, per: float) -> None:
    fit = ilk.fit(case["formula"], data, case["family"], exposure="opportunities")
    frame = fit.means("training", per=per).frame
    peer = next(found for found in case["rates"] if found["per"] == per)
    np.testing.assert_allclose(frame.estimate, peer["rate"], rtol=2e-5)
    np.testing.assert_allclose(frame.std_error, peer["std_error"], rtol=ERROR[case["id"]] + 1e-5)
    for name in ("conf_low", "conf_high"):
        np.testing.assert_allclose(frame[name], peer[name], rtol=3e-4)


@pytest.mark.parametrize("start", ["exposure", "free", "covariate", "asked"])
def test_exposure_check(case: Case, data, start: str) -> None:
    more = {"free": " + log(opportunities)", "covariate": " + opportunities"}.get(start, "")
    exposure = "opportunities" if start == "exposure" else None
    fit = ilk.fit(case["formula"] + more, data, case["family"], exposure=exposure)
    check = fit.exposure_check(data.opportunities if start == "asked" else None)
    offset, free = (check.frame.iloc[i] for i in (0, 1))
    at = case["free"]["names"].index("log(opportunities)")
    b, error = (case["free"][name][at] for name in ("estimate", "std_error"))
    assert free.estimate == pytest.approx(b, abs=1e-3 * error)
    assert free.std_error == pytest.approx(error, rel=ERROR[case["id"]])
    for row, part in ((offset, "offset"), (free, "free")):
        assert row.loglik == pytest.approx(case[part]["loglik"], abs=2e-5)
        assert row.aic == pytest.approx(case[part]["aic"], abs=4e-5)
    tests = check.tests.frame.set_index("test")
    assert tests.statistic["Wald"] == pytest.approx((b - 1.0) / error, abs=5e-3)
    assert tests.statistic["likelihood ratio"] == pytest.approx(case["ratio"], abs=1e-4)
    assert tests.p_value["likelihood ratio"] == pytest.approx(case["ratio_p"], abs=1e-4)
    if start == "covariate":
        assert check.frame.model.tolist()[2] == "as fitted"
        assert check.frame.loglik.tolist()[2] == pytest.approx(
            case["covariate"]["loglik"], abs=2e-4
        )
