"""Standards: expected means and rates against predictions and sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

import ilk
from ilk.ranking.standards import make_standard

from ...answers import counts
from ...fits import fit_of


def test_expected_means_are_the_predictions_of_the_population() -> None:
    fit = fit_of("cbpp")
    standard = make_standard(fit.fitted, "herd", "case_mix")
    for kind in ("population", "typical"):
        predicted = fit.predict(estimand=kind)["estimate"].to_numpy()
        assert standard.row_means(kind) == pytest.approx(predicted)
    assert standard.exposure_name == "trials"


def test_rates_are_averages_over_all_rows() -> None:
    fit = fit_of("cbpp")
    standard = make_standard(fit.fitted, "herd", "case_mix")
    eta, n = standard.predictors()[0], fit.fitted.design.response.trials
    effects = np.linspace(-2.3, 1.9, 13)
    by_hand = [float(n @ (1 / (1 + np.exp(-eta - e))) / n.sum()) for e in effects]
    assert standard.rates(effects) == pytest.approx(by_hand, rel=2e-4)
    assert standard.rate(0.7) == pytest.approx(float(n @ (1 / (1 + np.exp(-eta - 0.7))) / n.sum()))


def test_rates_are_per_unit_of_exposure() -> None:
    data = ilk.datasets.load("hospital_infections")
    formula = "infections ~ severity + (1 | hospital)"
    fit = ilk.fit(formula, data, family="poisson", exposure="patient_days")
    standard = make_standard(fit.fitted, "hospital", "case_mix")
    days = data["patient_days"].to_numpy(dtype=float)
    mean = np.exp(fit.params["Intercept"] + fit.params["severity"] * data["severity"])
    assert standard.rate() == pytest.approx(float(days @ mean / days.sum()))
    assert standard.rates(np.array([0.5])) == pytest.approx(np.exp(0.5) * standard.rate())
    known = np.log(days)
    offset = ilk.fit(formula, data, family="poisson", offset=known)
    other = make_standard(offset.fitted, "hospital", "case_mix")
    assert other.rate() == pytest.approx(standard.rate(), rel=1e-6)
    assert other.exposure_name == "exp(offset)"


def test_other_factors_are_held_and_inner_ones_averaged() -> None:
    """With the log link an inner effect multiplies means by exp(v / 2)."""
    fit = ilk.fit("y ~ (1 | school/person) + (1 | item)", counts(), family="poisson")
    fitted = fit.fitted
    names = [term.grouping.name for term in fitted.design.terms]
    G = {n: float(C[0, 0]) for n, C in zip(names, fitted.estimates.covariances, strict=True)}
    t = names.index("item")
    item = fitted.estimates.modes[t][fitted.design.terms[t].grouping.codes, 0]
    base = np.exp(fit.params["Intercept"] + item)
    standard = make_standard(fitted, "school", "case_mix")
    inner = G["school:person"]
    means = standard.row_means("population")
    assert means == pytest.approx(base * np.exp(0.5 * (inner + G["school"])))
    assert standard.rate() == pytest.approx(float(np.mean(base)) * np.exp(0.5 * inner))
    assert standard.row_means("typical") == pytest.approx(base)
    typical = make_standard(fitted, "school", "case_mix", "typical")
    assert typical.rate() == pytest.approx(float(np.mean(base)))


def test_within_puts_level_columns_at_their_mean() -> None:
    data = counts(40, 4)
    code = data["person"].astype("category").cat.codes.to_numpy()
    data["size"] = np.random.default_rng(1).normal(size=40)[code]
    fit = ilk.fit("y ~ x + size + (1 | person)", data, family="poisson")
    standard = make_standard(fit.fitted, "person", "within")
    assert standard.unadjusted == ("size",)
    place = [name for _, name in fit.fitted.names].index("size")
    by_level = data.groupby("person", sort=False)["size"].first()
    levels = fit.fitted.design.terms[0].grouping.levels
    expected = by_level.loc[list(levels)].to_numpy() - data["size"].mean()
    assert standard.fixed[:, place] == pytest.approx(expected)
    assert np.ptp(standard.cases.X[0][:, place]) == 0.0


def test_common_is_the_derivative_of_the_rate() -> None:
    """d log rate, by refitting nothing: move a coefficient of the zero inflation as well."""
    fit = fit_of("salamanders")
    standard = make_standard(fit.fitted, "site", "case_mix")
    slope = standard.common()
    for j, (component, _) in enumerate(fit.fitted.names):
        moved = fit.fitted.coef.copy()
        moved[j] += 1e-3
        eta = standard.predictors(moved)
        rate = float(np.mean(fit.fitted.family.mean(eta)))
        change = np.log(rate / standard.rate()) / 1e-3
        assert slope[j] == pytest.approx(change, abs=2e-3)
        if component == "dispersion":
            assert slope[j] == 0.0
