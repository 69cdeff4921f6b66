"""Traps of the field, each with its known answer: what a fit must not pass over in silence.

Each was seen to catch at least one widely used program: a number that is wrong, or a warning that
no one can act on. Sparse binary data, the first of all, are in `tests/reference/test_quadrature`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from tests.reference.data import HERE

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")


def stored(name: str) -> pd.DataFrame:
    return pd.read_csv(HERE / "data" / name)


def codes(fit: ilk.Fit) -> set[str]:
    return {reason.code for reason in fit.verdict.reasons}


def clustered(seed: int, clusters: int = 40, size: int = 10) -> tuple[pd.DataFrame, np.ndarray]:
    """A covariate in clusters, and its linear predictor with random intercepts of SD 0.5."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(clusters), size)
    frame = pd.DataFrame({"x": rng.normal(size=len(g)), "g": g})
    return frame, 0.5 + 0.4 * frame.x.to_numpy() + 0.5 * rng.normal(size=clusters)[g]


def test_standard_errors_count_the_variance_parameters():
    """cbpp: 0.2325, 0.3066, 0.3266, 0.4274 by exact information (glmmTMB 1.1.5)."""
    data = stored("cbpp.csv")
    data["period"] = data["period"].astype(str)
    fit = ilk.fit("incidence / size ~ period + (1 | herd)", data, "binomial")
    errors = np.asarray(fit.std_errors)
    np.testing.assert_allclose(errors, [0.2325, 0.3066, 0.3266, 0.4274], atol=6e-5)
    held = np.sqrt(np.diag(np.asarray(fit.cov_with("conditional"))))
    assert held[0] < 0.99 * errors[0]
    assert "joint observed information" in fit.summary().text


def test_a_negative_binomial_of_poisson_counts_ends_at_poisson():
    """The dispersion runs to zero (theta to infinity): said, and nothing is lost by it."""
    frame, eta = clustered(5)
    frame["y"] = np.random.default_rng(6).binomial(8, np.exp(eta - eta.max() - 0.1))
    poisson = ilk.fit("y ~ x + (1 | g)", frame, "poisson")
    negative = ilk.fit("y ~ x + (1 | g)", frame, "negative_binomial_2")
    assert "no_dispersion" in codes(negative)
    assert negative.verdict.status.name == "BOUNDARY"
    assert negative.loglik == pytest.approx(poisson.loglik, abs=1e-4)
    test = ilk.compare(poisson, negative).tests
    assert "0.5 chi2(0) + 0.5 chi2(1)" in list(test.null)
    assert float(test.p_value[0]) > 0.4


def test_complete_separation_is_called_that_and_not_given_a_standard_error():
    frame, eta = clustered(7)
    frame["exposed"] = (np.arange(len(frame)) % 3 == 0).astype(int)
    rng = np.random.default_rng(8)
    frame["y"] = ((rng.random(len(frame)) < 1 / (1 + np.exp(-eta))) | (frame.exposed == 1)).astype(
        int
    )
    fit = ilk.fit("y ~ x + exposed + (1 | g)", frame, "binomial")
    assert fit.verdict.status.name == "SEPARATED"
    assert not fit.verdict.converged
    assert "exposed" in str(fit.verdict)
    assert np.isnan(fit.std_errors["exposed"])
    assert np.isfinite(fit.std_errors["x"])
    assert np.isfinite(fit.std_errors["Intercept"])
    limits = fit.conf_int(method="profile", parameters=["exposed"]).iloc[0]
    assert np.isfinite(limits.conf_low)
    assert limits.conf_high == np.inf
    with pytest.warns(ilk.errors.IlkWarning, match="exposed"):
        ilk.fit("y ~ x + exposed + (1 | g)", frame, "binomial")
    firth = ilk.fit("y ~ x + exposed + (1 | g)", frame, "binomial", penalty="firth")
    assert firth.verdict.converged
    assert 0 < firth.params["exposed"] < 8


def test_overdispersion_twice_over_is_said():
    """NB2 beside an effect of each row: one of the two takes it all."""
    data = stored("grouseticks.csv")
    fit = ilk.fit("TICKS ~ YEAR + (1 | BROOD) + olre()", data.astype({"YEAR": str}),
                  "negative_binomial_2")  # fmt: skip
    assert "singular_covariance" in codes(fit)
    assert "olre()" in str(fit.verdict)
    assert "the same extra variation" in str(fit.verdict)


def test_the_search_does_not_stop_short():
    """sleepstudy by ML with independent effects: -876.002 (a peer stops at -876.085)."""
    fit = ilk.fit("Reaction ~ Days + (Days || Subject)", stored("sleepstudy.csv"), reml=False)
    assert fit.loglik == pytest.approx(-876.002, abs=6e-4)


def test_raw_years_as_a_slope_do_not_derail_the_search():
    """Centering the year is the same model: the same optimum, the same slope and error."""
    rng = np.random.default_rng(9)
    g = np.repeat(np.arange(40), 20)
    year = np.tile(np.arange(2001, 2021), 40)
    slope = 0.05 + 0.15 * rng.normal(size=40)[g]
    y = 10 + slope * (year - 2010) + rng.normal(size=40)[g] + rng.normal(size=800)
    frame = pd.DataFrame({"y": y, "year": year, "c": year - 2010, "g": g})
    raw = ilk.fit("y ~ year + (year | g)", frame, reml=False)
    centered = ilk.fit("y ~ c + (c | g)", frame, reml=False)
    assert raw.loglik == pytest.approx(centered.loglik, abs=1e-6)
    assert raw.params["year"] == pytest.approx(centered.params["c"], rel=1e-6)
    assert raw.std_errors["year"] == pytest.approx(centered.std_errors["c"], rel=1e-4)
    assert raw.verdict.converged


def test_clusters_of_only_events_or_only_none_are_named():
    frame = pd.DataFrame({"g": np.repeat(np.arange(30), 6)})
    frame["x"] = np.random.default_rng(10).normal(size=180)
    frame["y"] = frame.g % 2
    fit = ilk.fit("y ~ x + (1 | g)", frame, "binomial")
    assert "homogeneous_groups" in codes(fit)
    assert not fit.verdict.converged


def test_the_same_factor_under_two_names_is_not_identified():
    frame, eta = clustered(11)
    frame["twin"] = [f"t{g}" for g in frame.g]
    frame["y"] = eta + np.random.default_rng(12).normal(size=len(frame))
    try:
        fit = ilk.fit("y ~ x + (1 | g) + (1 | twin)", frame)
    except ilk.errors.IlkError as error:
        text = str(error)
    else:
        assert fit.verdict.status.name in ("NOT_IDENTIFIED", "BOUNDARY")
        text = str(fit.verdict)
    assert "twin" in text


def test_contrasts_that_run_to_infinity_have_no_standard_error_and_others_keep_theirs():
    frame, eta = clustered(7)
    frame["arm"] = np.array(list("abc"))[np.arange(len(frame)) % 3]
    rng = np.random.default_rng(8)
    likely = rng.random(len(frame)) < 1 / (1 + np.exp(-eta))
    frame["y"] = (likely | (frame.arm == "b")).astype(int)
    fit = ilk.fit("y ~ x + arm + (1 | g)", frame, "binomial")
    rows = frame[frame.arm != "b"]
    without = ilk.fit("y ~ x + arm + (1 | g)", rows, "binomial")
    tests = fit.test("x = 0, arm[T.b] = 0, arm[T.c] = 0").frame.set_index("hypothesis")
    finite = without.test("x = 0, arm[T.c] = 0").frame.set_index("hypothesis")
    for name in ("x = 0", "arm[T.c] = 0"):
        assert tests.statistic[name] == pytest.approx(finite.statistic[name], rel=1e-3)
    assert np.isnan(tests.p_value["arm[T.b] = 0"])
    assert np.isnan(tests.p_value.iloc[-1])
    terms = fit.anova().frame.set_index("term")
    assert np.isfinite(terms.p_value["x"])
    assert np.isnan(terms.p_value["arm"])
    terms = fit.anova(test="likelihood_ratio").frame.set_index("term")
    assert terms.statistic["x"] == pytest.approx(
        without.anova(test="likelihood_ratio").frame.set_index("term").statistic["x"], abs=1e-4
    )
    assert terms.p_value["arm"] < 1e-6
    assert np.isfinite(fit.drop_one().frame.p_value).all()
    contrasts = fit.contrasts("arm", adjust="none").frame
    assert np.isnan(contrasts.p_value[contrasts.level == "b"]).all()
    pair = contrasts[(contrasts.level == "c") & (contrasts.reference == "a")]
    expected = without.contrasts("arm", adjust="none").frame
    assert pair.p_value.iloc[0] == pytest.approx(expected.p_value.iloc[0], abs=1e-4)


LARGE = ((9000, 11), (12000, 16), (15000, 30), (8000, 14), (10000, 20), (20000, 41), (11000, 24),
         (9000, 21), (14000, 36), (10000, 28), (12000, 37), (16000, 55))  # fmt: skip
NO_EVENT = ((120, 0), (200, 0), (260, 0), (150, 0))
FEW_EVENTS = ((180, 1), (140, 2), (210, 1), (230, 2))


@pytest.mark.parametrize("family", ["poisson", "binomial"])
def test_luck_makes_no_small_hospital_the_best_or_the_worst(family):
    """Raw: those of 120 to 260 days come first with no event and last with one or two."""
    frame = pd.DataFrame(LARGE + NO_EVENT + FEW_EVENTS, columns=["size", "events"])
    kinds = np.repeat(["large", "none", "few"], [len(LARGE), len(NO_EVENT), len(FEW_EVENTS)])
    frame["hospital"] = [f"{i:02d} {kind}" for i, kind in enumerate(kinds)]
    about = {"exposure": "size"} if family == "poisson" else {"trials": "size"}
    fit = ilk.fit("events ~ 1 + (1 | hospital)", frame, family, **about)
    league = fit.league_table("hospital").table
    assert [f"{i:02d} {kind}" for i, kind in enumerate(kinds)] == list(league.levels)
    large, none, few = (kinds == kind for kind in ("large", "none", "few"))
    # the raw table: luck at both ends
    assert set(np.argsort(league.raw_rank)[:4]) == set(np.flatnonzero(none))
    assert set(np.argsort(league.raw_rank)[-4:]) == set(np.flatnonzero(few))
    # the fair one: what many patients have shown, at both ends
    for measure in (league.expected_rank, league.effect, league.rate):
        assert large[np.argsort(measure)[:2]].all()
        assert large[np.argsort(measure)[-2:]].all()
    assert league.p_best[large].max() > 2.0 * league.p_best[~large].max()
    assert league.p_worst[large].max() > 2.0 * league.p_worst[~large].max()
    # small ones are in the middle, a little on the side where their data are
    middle = 0.5 * (len(frame) + 1)
    assert np.all(np.abs(league.expected_rank[~large] - middle) < 0.15 * len(frame))
    assert league.expected_rank[none].max() < league.expected_rank[few].min()
    # and the table does not claim to know them
    width = league.rank_high - league.rank_low
    assert width[~large].min() >= 0.85 * (len(frame) - 1)
    assert width[~large].min() > np.median(width[large])
    assert league.weight[~large].max() < 0.2 < league.weight[large].min()


def test_more_events_never_improve_a_hospital():
    """Among hospitals of one size the fair order is the raw one; only sizes reorder it."""
    events = [0, 1, 2, 3, 4, 6, 8, 12, 0, 1, 2, 4]
    frame = pd.DataFrame({"days": [1000] * 8 + [50] * 4, "events": events})
    frame["hospital"] = [f"h{i:02d}" for i in range(12)]
    league = ilk.fit("events ~ 1 + (1 | hospital)", frame, "poisson", exposure="days")
    table = league.league_table("hospital", draws=4000).table
    for same in (slice(0, 8), slice(8, 12)):
        assert np.all(np.diff(table.expected_rank[same]) > 0)
        assert np.all(np.diff(table.rate[same]) > 0)
