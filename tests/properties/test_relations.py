"""Relations between fits that hold whatever the numbers are.

Each relation changes the data or the words of a model in a way whose effect on the fit is known:
nothing at all (order of rows, names of levels), a known shift (scales, duplicates), or equality of
two ways to say the same model. Log-likelihoods agree to 1e-6 (absolute on values near 200), other
numbers to what two searches that end within 1e-8 of the optimum can agree to.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from tests.tables import DESIGNS, FAMILIES, DesignCase, FamilyCase, table

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")

LOGLIK = 1e-6
COEFFICIENT = 2e-4  # in standard errors: sqrt(2 * 1e-8), both searches
TIGHT = ilk.Search(tolerance=1e-11)

GAUSSIAN = FAMILIES[0]
POISSON = next(case for case in FAMILIES if case.name == "poisson")
BERNOULLI = next(case for case in FAMILIES if case.name == "bernoulli")
BINOMIAL = next(case for case in FAMILIES if case.name == "binomial")
INTERCEPT, SLOPE, INDEPENDENT, NESTED, CROSSED = DESIGNS

every_family = pytest.mark.parametrize("case", FAMILIES, ids=lambda case: case.name)
every_design = pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)


def fit(
    case: FamilyCase, data: Any, design: DesignCase = INTERCEPT, fixed: str = "x + z", **more: Any
) -> Any:
    """Fit a family and a design on a table, with a tight search."""
    formula = f"{case.left} ~ {fixed} + {design.terms}"
    return ilk.fit(formula, data, **{"search": TIGHT, **case.keywords, **more})


def mean_part(found: Any) -> tuple[dict[str, float], dict[str, float]]:
    """Estimates and standard errors of the mean's coefficients by name."""
    rows = found.tidy()
    if not isinstance(rows, pd.DataFrame):
        rows = pd.DataFrame(rows if isinstance(rows, dict) else rows.to_pandas())
    rows = rows[(rows["component"] == "mean") & rows["group"].isna()]
    estimates = dict(zip(rows["term"], rows["estimate"], strict=True))
    return estimates, dict(zip(rows["term"], rows["std_error"], strict=True))


def same(a: Any, b: Any, shift: float = 0.0) -> None:
    """Assert that two fits agree: log-likelihood, coefficients, standard errors, SDs."""
    assert a.loglik == pytest.approx(b.loglik + shift, abs=LOGLIK)
    (left, left_se), (right, right_se) = mean_part(a), mean_part(b)
    assert set(left) == set(right)
    for name in left:
        assert abs(left[name] - right[name]) < COEFFICIENT * right_se[name] + 1e-9
        assert left_se[name] == pytest.approx(right_se[name], rel=1e-3)
    np.testing.assert_allclose(deviations(a), deviations(b), atol=2e-4, rtol=2e-3)


def deviations(found: Any) -> list[float]:
    """Standard deviations of all random effects, in order of size."""
    matrices = found.fitted.estimates.covariances
    return sorted(float(v) for matrix in matrices for v in np.sqrt(np.diag(matrix)))


# Nothing changes.


@every_family
def test_order_of_rows(case: FamilyCase) -> None:
    data = table()
    shuffled = data.sample(frac=1.0, random_state=1)
    a, b = fit(case, data), fit(case, shuffled)
    same(a, b)
    np.testing.assert_allclose(
        np.asarray(a.fitted_values)[shuffled.index], np.asarray(b.fitted_values), rtol=1e-4
    )


@every_design
def test_order_of_rows_in_every_design(design: DesignCase) -> None:
    data = table()
    for case in (GAUSSIAN, POISSON):
        same(fit(case, data, design), fit(case, data.sample(frac=1.0, random_state=2), design))


@every_design
@pytest.mark.parametrize("case", [GAUSSIAN, BINOMIAL], ids=lambda case: case.name)
def test_names_of_levels(case: FamilyCase, design: DesignCase) -> None:
    data = table()
    names = {name: f"{(7 * i + 3) % 12}-{i}" for i, name in enumerate(sorted(set(data["g"])))}
    renamed = data.assign(g=data["g"].map(names), h=data["h"].map(lambda name: int(name[1:])))
    same(fit(case, data, design), fit(case, renamed, design))


def test_order_of_terms() -> None:
    data = table()
    for case in (GAUSSIAN, POISSON):
        a = fit(case, data, CROSSED)
        b = ilk.fit(f"{case.left} ~ (1 | h) + z + (1 | g) + x", data, search=TIGHT, **case.keywords)
        same(a, b)


def test_unused_levels() -> None:
    data = table()
    levels = [*sorted(set(data["g"])), "nobody", "else"]
    wide = data.assign(g=pd.Categorical(data["g"], categories=levels))
    for case in (GAUSSIAN, POISSON):
        same(fit(case, data), fit(case, wide))


@pytest.mark.parametrize("flavor", ["polars", "pyarrow", "dict"])
def test_every_frame(flavor: str) -> None:
    data = table()
    for case in (GAUSSIAN, BERNOULLI):
        same(fit(case, data), fit(case, _as(flavor, data)))


def _as(flavor: str, data: pd.DataFrame) -> Any:
    if flavor == "polars":
        import polars

        return polars.from_pandas(data)
    if flavor == "pyarrow":
        import pyarrow

        return pyarrow.Table.from_pandas(data)
    return {name: data[name].to_numpy() for name in data}


def test_twice_the_same_call_gives_the_same_bits() -> None:
    data = table()
    for case in FAMILIES:
        a, b = fit(case, data), fit(case, data)
        assert a.loglik == b.loglik
        np.testing.assert_array_equal(a.fitted.estimates.psi, b.fitted.estimates.psi)


def test_threads_do_not_matter() -> None:
    data = table()
    for case in (GAUSSIAN, POISSON):
        for design in (SLOPE, CROSSED):
            one = fit(case, data, design)
            two = fit(case, data, design, search=ilk.Search(tolerance=1e-11, threads=2))
            assert one.loglik == pytest.approx(two.loglik, abs=1e-10)


# A known shift.


@every_family
def test_scale_and_shift_of_a_covariate(case: FamilyCase) -> None:
    data = table()
    a = fit(case, data)
    moved = data.assign(x=1e3 * data["x"] + 5e4)
    b = fit(case, moved, reml=False) if case.linear else fit(case, moved)
    a = fit(case, data, reml=False) if case.linear else a
    assert a.loglik == pytest.approx(b.loglik, abs=LOGLIK)
    left, se = mean_part(a)
    right, right_se = mean_part(b)
    assert abs(1e3 * right["x"] - left["x"]) < COEFFICIENT * se["x"]
    assert right["z"] == pytest.approx(left["z"], abs=COEFFICIENT * se["z"])
    assert 1e3 * right_se["x"] == pytest.approx(se["x"], rel=1e-3)


@pytest.mark.parametrize("case", [GAUSSIAN, POISSON, BINOMIAL], ids=lambda case: case.name)
def test_scale_and_shift_of_a_slope(case: FamilyCase) -> None:
    data = table()
    more = {"reml": False} if case.linear else {}
    a = fit(case, data, SLOPE, **more)
    b = fit(case, data.assign(x=0.01 * data["x"] - 2020.0), SLOPE, **more)
    assert a.loglik == pytest.approx(b.loglik, abs=LOGLIK)
    one = np.sqrt(a.fitted.estimates.covariances[0][1, 1])
    two = np.sqrt(b.fitted.estimates.covariances[0][1, 1])
    assert 0.01 * two == pytest.approx(one, rel=1e-3)


@pytest.mark.parametrize("factor", [1e-8, 1e-3, 1e8])
def test_scale_of_a_gaussian_response(factor: float) -> None:
    data = table()
    for reml in (False, True):
        a = fit(GAUSSIAN, data, SLOPE, reml=reml)
        b = fit(GAUSSIAN, data.assign(score=factor * data["score"]), SLOPE, reml=reml)
        count = len(data) - (3 if reml else 0)
        assert b.loglik + count * np.log(factor) == pytest.approx(a.loglik, abs=LOGLIK)
        assert b.sigma == pytest.approx(factor * a.sigma, rel=1e-5)


def test_shift_of_a_gaussian_response() -> None:
    data = table()
    a = fit(GAUSSIAN, data, CROSSED)
    b = fit(GAUSSIAN, data.assign(score=data["score"] + 1e5), CROSSED)
    assert a.loglik == pytest.approx(b.loglik, abs=LOGLIK)
    assert mean_part(b)[0]["Intercept"] - 1e5 == pytest.approx(
        mean_part(a)[0]["Intercept"], abs=1e-5
    )


def test_offset_is_a_shift_of_a_gaussian_response() -> None:
    data = table().assign(known=lambda d: 3.0 * d["x"] - 7.0)
    shifted = data.assign(score=data["score"] - data["known"])
    a = ilk.fit("score ~ x + z + (1 | g) + offset(known)", data, search=TIGHT)
    b = fit(GAUSSIAN, shifted)
    same(a, b)
    same(ilk.fit("score ~ x + z + (1 | g)", data, offset="known", search=TIGHT), b)


@pytest.mark.parametrize(
    "case",
    [case for case in FAMILIES if case.links[0] in {"log", "logit"}],
    ids=lambda case: case.name,
)
def test_offset_moves_its_coefficient(case: FamilyCase) -> None:
    data = table().assign(known=lambda d: 0.25 * d["x"] + 0.1)
    a = fit(case, data)
    b = fit(case, data, offset="known")
    assert a.loglik == pytest.approx(b.loglik, abs=LOGLIK)
    left, se = mean_part(a)
    assert mean_part(b)[0]["x"] + 0.25 == pytest.approx(left["x"], abs=COEFFICIENT * se["x"])


def test_exposure_is_the_offset_of_its_logarithm() -> None:
    data = table().assign(log_trials=lambda d: np.log(d["trials"]))
    a = fit(POISSON, data, exposure="trials")
    same(a, fit(POISSON, data, offset="log_trials"))
    same(a, fit(POISSON, data, fixed="x + z + offset(log(trials))"))


@every_family
def test_frequency_weights_are_repeated_rows(case: FamilyCase) -> None:
    data = table()
    repeated = data.loc[data.index.repeat(data["repeats"])].reset_index(drop=True)
    a = fit(case, data, frequency_weights="repeats")
    b = fit(case, repeated)
    same(a, b)
    assert a.nobs == b.nobs == int(data["repeats"].sum())


def test_equal_precision_weights_change_nothing_but_sigma() -> None:
    data = table().assign(four=4.0)
    a, b = fit(GAUSSIAN, data), fit(GAUSSIAN, data, precision_weights="four")
    assert a.loglik == pytest.approx(b.loglik, abs=LOGLIK)
    assert b.sigma == pytest.approx(2.0 * a.sigma, rel=1e-4)


def test_precision_weights_of_a_proportion_are_its_trials() -> None:
    data = table().assign(proportion=lambda d: d["events"] / d["trials"])
    a = fit(BINOMIAL, data)
    b = ilk.fit(
        "proportion ~ x + z + (1 | g)",
        data,
        family="binomial",
        precision_weights="trials",
        search=TIGHT,
    )
    same(a, b)


# Two ways to say the same model.


def test_ways_to_give_binomial_counts() -> None:
    data = table().assign(failures=lambda d: d["trials"] - d["events"])
    a = fit(BINOMIAL, data)
    words = {"family": "binomial", "search": TIGHT}
    same(a, ilk.fit("cbind(events, failures) ~ x + z + (1 | g)", data, **words))
    same(a, ilk.fit("cbind(events, trials - events) ~ x + z + (1 | g)", data, **words))
    same(a, ilk.fit("events ~ x + z + (1 | g)", data, trials="trials", **words))


def test_ways_to_give_a_bernoulli_response() -> None:
    data = table()
    a = fit(BERNOULLI, data)
    words = {"family": "binomial", "search": TIGHT}
    for response in (
        data["died"].astype(bool),
        data["died"].astype(int),
        pd.Categorical(np.where(data["died"] > 0, "yes", "no"), categories=["no", "yes"]),
    ):
        same(a, ilk.fit("died ~ x + z + (1 | g)", data.assign(died=response), **words))


def test_counts_are_their_single_trials() -> None:
    """Binomial counts and the single trials behind them differ by the binomial coefficients."""
    from scipy.special import gammaln

    data = table()
    rows = data.loc[data.index.repeat(data["trials"])].copy()
    within = rows.groupby(level=0).cumcount()
    rows["died"] = (within < rows["events"]).astype(float)
    n, k = data["trials"], data["events"]
    constant = float((gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)).sum())
    same(fit(BINOMIAL, data), fit(BERNOULLI, rows), shift=constant)


@pytest.mark.parametrize("case", [GAUSSIAN, POISSON], ids=lambda case: case.name)
def test_double_bar_is_two_terms(case: FamilyCase) -> None:
    data = table()
    words = {"search": TIGHT, **case.keywords}
    a = fit(case, data, INDEPENDENT)
    b = ilk.fit(f"{case.left} ~ x + z + (1 | g) + (0 + x | g)", data, **words)
    c = ilk.fit(f"{case.left} ~ x + z + diag(1 + x | g)", data, **words)
    for other in (b, c):
        assert a.loglik == pytest.approx(other.loglik, abs=LOGLIK)
        for name, value in mean_part(a)[0].items():
            assert mean_part(other)[0][name] == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("case", [GAUSSIAN, POISSON], ids=lambda case: case.name)
def test_slash_is_two_terms(case: FamilyCase) -> None:
    data = table()
    words = {"search": TIGHT, **case.keywords}
    a = ilk.fit(f"{case.left} ~ x + z + (1 | g/h)", data, **words)
    same(a, fit(case, data, NESTED))
    data["cell"] = data["g"] + "-" + data["h"]
    same(a, ilk.fit(f"{case.left} ~ x + z + (1 | g) + (1 | cell)", data, **words))


def test_the_intercept_of_a_random_term_is_implied() -> None:
    data = table()
    a = fit(GAUSSIAN, data, SLOPE)
    same(a, ilk.fit("score ~ x + z + (x | g)", data, search=TIGHT))


def test_two_columns_of_compound_symmetry_are_unstructured() -> None:
    data = table()
    a = fit(GAUSSIAN, data, SLOPE)
    b = ilk.fit("score ~ x + z + cs(1 + x | g)", data, search=TIGHT)
    assert a.loglik == pytest.approx(b.loglik, abs=LOGLIK)


def test_an_observation_level_effect() -> None:
    data = table().assign(row=lambda d: [f"r{i}" for i in range(len(d))])
    a = ilk.fit("count ~ x + z + (1 | g) + (1 | row)", data, family="poisson", search=TIGHT)
    b = ilk.fit("count ~ x + z + (1 | g) + olre()", data, family="poisson", search=TIGHT)
    same(a, b)


def test_within_and_between_are_the_cluster_means() -> None:
    data = table()
    mean = data.groupby("g")["x"].transform("mean")
    data = data.assign(between_x=mean, within_x=data["x"] - mean)
    a = ilk.fit("score ~ within(x, g) + between(x, g) + (1 | g)", data, search=TIGHT)
    b = ilk.fit("score ~ within_x + between_x + (1 | g)", data, search=TIGHT)
    assert a.loglik == pytest.approx(b.loglik, abs=LOGLIK)
    np.testing.assert_allclose(
        list(mean_part(a)[0].values()), list(mean_part(b)[0].values()), atol=1e-5
    )


@pytest.mark.parametrize(
    "case", [case for case in FAMILIES if not case.linear], ids=lambda case: case.name
)
def test_one_node_is_laplace_and_many_nodes_settle(case: FamilyCase) -> None:
    data = table()
    laplace, one = fit(case, data), fit(case, data, quadrature=1)
    assert laplace.loglik == one.loglik
    many, more = fit(case, data, quadrature=25), fit(case, data, quadrature=41)
    assert many.loglik == pytest.approx(more.loglik, abs=1e-5)
    assert abs(laplace.loglik - many.loglik) < 1.0


def test_constant_dispersion_formula_is_none() -> None:
    data = table()
    case = next(case for case in FAMILIES if case.name == "negative_binomial_2")
    same(fit(case, data), fit(case, data, dispersion="~ 1"))


def test_gaussian_with_its_dispersion_as_a_predictor() -> None:
    """The Laplace engine, exact for a Gaussian response, and the linear engine agree."""
    data = table().assign(nothing=0.0)
    for design in DESIGNS:
        a = fit(GAUSSIAN, data, design, reml=False)
        b = fit(GAUSSIAN, data, design, dispersion="~ offset(nothing)", reml=False)
        assert a.loglik == pytest.approx(b.loglik, abs=LOGLIK), design.name


def test_precision_weights_are_an_offset_of_the_dispersion() -> None:
    data = table().assign(minus=lambda d: -np.log(d["precision"]))
    a = fit(GAUSSIAN, data, precision_weights="precision", reml=False)
    b = fit(GAUSSIAN, data, dispersion="~ offset(minus)", reml=False)
    assert a.loglik == pytest.approx(b.loglik, abs=LOGLIK)


def test_negative_binomials_share_their_poisson_limit() -> None:
    rng = np.random.default_rng(8)
    data = table()
    data["even"] = rng.binomial(6, 1 / (1 + np.exp(-0.3 * data["x"])))  # less spread than Poisson
    limit = ilk.fit("even ~ x + z + (1 | g)", data, family="poisson", search=TIGHT)
    for family in ("negative_binomial_1", "negative_binomial_2"):
        found = ilk.fit("even ~ x + z + (1 | g)", data, family=family)
        assert found.loglik == pytest.approx(limit.loglik, abs=1e-4)


def test_complementary_events_mirror_the_logit_and_the_probit() -> None:
    data = table()
    other = data.assign(died=1.0 - data["died"])
    for link in ("logit", "probit"):
        a = fit(BERNOULLI, data, SLOPE, link=link)
        b = fit(BERNOULLI, other, SLOPE, link=link)
        assert a.loglik == pytest.approx(b.loglik, abs=LOGLIK)
        for name, value in mean_part(a)[0].items():
            assert mean_part(b)[0][name] == pytest.approx(-value, abs=1e-4)


def test_a_gamma_response_in_another_unit() -> None:
    data = table()
    case = next(case for case in FAMILIES if case.name == "gamma")
    a = fit(case, data, link="log")
    b = fit(case, data.assign(cost=100.0 * data["cost"]), link="log")
    assert b.loglik + len(data) * np.log(100.0) == pytest.approx(a.loglik, abs=1e-5)
    assert mean_part(b)[0]["Intercept"] - np.log(100.0) == pytest.approx(
        mean_part(a)[0]["Intercept"], abs=1e-4
    )


# A fit and itself.


@every_family
def test_refit_of_its_own_response_is_itself(case: FamilyCase) -> None:
    data = table()
    a = fit(case, data)
    response = np.asarray(data[case.left.split(" / ")[0]], dtype=float)
    b = a.refit(response)
    assert b.loglik == pytest.approx(a.loglik, abs=LOGLIK)


@every_family
def test_prediction_of_its_own_rows_is_the_fit(case: FamilyCase) -> None:
    data = table()
    a = fit(case, data, SLOPE)
    predicted = a.predict(data)
    values = predicted["estimate"] if isinstance(predicted, pd.DataFrame) else predicted
    np.testing.assert_allclose(np.asarray(values), np.asarray(a.fitted_values), rtol=1e-10)


@every_family
def test_a_warm_start_ends_where_the_cold_one_does(case: FamilyCase) -> None:
    data = table()
    a = fit(case, data)
    b = fit(case, data, start=a)
    assert b.loglik == pytest.approx(a.loglik, abs=LOGLIK)


@pytest.mark.parametrize("case", [POISSON, BINOMIAL], ids=lambda case: case.name)
def test_a_larger_model_is_not_worse(case: FamilyCase) -> None:
    data = table()
    small, slope, crossed = (fit(case, data, d) for d in (INTERCEPT, SLOPE, CROSSED))
    independent = fit(case, data, INDEPENDENT)
    assert slope.loglik >= independent.loglik - LOGLIK
    assert independent.loglik >= small.loglik - LOGLIK
    assert crossed.loglik >= small.loglik - LOGLIK
