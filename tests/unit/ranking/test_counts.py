"""Observed and expected numbers by level, of every kind of response."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import ilk
from ilk.ranking.counts import count_levels, sizes_only
from ilk.ranking.standards import make_standard

from ...fits import fit_of
from ...tables import FAMILIES, table


def _counts(fit, group, kind="population"):
    standard = make_standard(fit.fitted, group, "case_mix")
    term = next(t for t in fit.fitted.design.terms if t.grouping.name == group)
    return count_levels(standard, term.grouping.codes, len(term.grouping.levels), kind, 0.95)


def test_hospitals() -> None:
    data = ilk.datasets.load("hospital_infections")
    fit = ilk.fit(
        "infections ~ policy + severity + (1 | hospital)",
        data,
        family="poisson",
        exposure="patient_days",
    )
    found = _counts(fit, "hospital")
    sums = data.groupby("hospital")[["infections", "patient_days"]].sum()
    assert found.observed == pytest.approx(sums["infections"].to_numpy(dtype=float))
    assert found.exposure == pytest.approx(sums["patient_days"].to_numpy(dtype=float))
    means = fit.predict(estimand="population")["estimate"].to_numpy()
    by_level = np.bincount(fit.fitted.design.terms[0].grouping.codes, means)
    assert found.expected == pytest.approx(by_level)
    assert np.mean(found.ratio) == pytest.approx(1.0, abs=0.2)
    tail = stats.poisson.cdf(found.observed, found.high * found.expected)
    assert tail == pytest.approx(0.025)
    typical = _counts(fit, "hospital", "typical")
    variance = fit.fitted.estimates.covariances[0][0, 0]
    assert found.expected / typical.expected == pytest.approx(np.exp(0.5 * variance))


@pytest.mark.parametrize("found", FAMILIES, ids=lambda case: case.name)
def test_every_family(found) -> None:
    fit = ilk.fit(f"{found.left} ~ x + z + (1 | g)", table(), **found.keywords)
    numbers = _counts(fit, "g")
    assert np.all(numbers.low <= numbers.ratio)
    assert np.all(numbers.ratio <= numbers.high)
    assert np.all(np.isfinite(numbers.high))
    negative = fit.family.location_scale and fit.family.link.name == "identity"
    assert (numbers.comparison == "difference") == negative
    overall = numbers.observed.sum() / numbers.expected.sum()
    assert overall == pytest.approx(1.0, abs=0.3)


def test_overdispersion_widens_limits() -> None:
    poisson, inflated = (
        _counts(ilk.fit("count ~ x + z + (1 | g)", table(), family=name), "g")
        for name in ("poisson", "negative_binomial_2")
    )
    width = [np.median(np.log(c.high / c.ratio)) for c in (poisson, inflated)]
    assert width[1] > 1.2 * width[0]
    assert "variance of the model over its mean" in inflated.limits


def test_frequencies_are_rows() -> None:
    data = table()
    fit = ilk.fit("count ~ x + (1 | g)", data, family="poisson", frequency_weights="repeats")
    long = data.loc[data.index.repeat(data["repeats"])]
    other = ilk.fit("count ~ x + (1 | g)", long, family="poisson")
    a, b = _counts(fit, "g"), _counts(other, "g")
    for name in ("size", "exposure", "observed", "expected", "low", "high"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-4)


def test_sizes_only() -> None:
    fit = fit_of("cbpp")
    standard = make_standard(fit.fitted, "herd", "case_mix")
    codes = fit.fitted.design.terms[0].grouping.codes
    found = sizes_only(standard, codes, 15)
    assert found.size == pytest.approx(np.bincount(codes))
    assert found.exposure.sum() == fit.fitted.design.response.trials.sum()
    assert np.all(np.isnan(found.observed))
