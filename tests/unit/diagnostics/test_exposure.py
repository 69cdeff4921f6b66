"""Offset against free coefficient, for every family and every way to have an exposure."""

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.exposure import exposure_check
from ilk.diagnostics.exposure_terms import find_exposure
from ilk.diagnostics.exposure_words import judge
from ilk.errors import ModelError

RANDOM = " + (1 | g)"


def draw(family, power=1.0, seed=8, n=240):
    """Responses whose mean grows with days to a power."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(n // 12), 12)
    x = rng.normal(size=n)
    days = rng.lognormal(3.0, 0.7, n).round(1) + 1.0
    mu = 0.2 * days**power * np.exp(0.3 * x + 0.3 * rng.normal(size=n // 12)[g])
    y = {
        "poisson": lambda: rng.poisson(mu),
        "negative_binomial_1": lambda: rng.negative_binomial(mu / 0.8, 1.0 / 1.8),
        "negative_binomial_2": lambda: rng.negative_binomial(4.0, 4.0 / (4.0 + mu)),
        "gamma": lambda: rng.gamma(5.0, mu / 5.0),
        "inverse_gaussian": lambda: rng.wald(mu, 20.0 * mu),
        "gaussian": lambda: rng.normal(mu, 0.5),
        "binomial": lambda: rng.binomial(60, np.minimum(0.9, mu / 200.0)),
    }[family]()
    size = np.full(n, 60)
    return pd.DataFrame({"y": y, "x": x, "days": days, "g": g, "size": size})


@pytest.fixture(scope="module")
def data():
    return draw("poisson")


def fit_of(data, formula="y ~ x" + RANDOM, family="poisson", **options):
    return ilk.fit(formula, data, family, link="log", **options)


@pytest.mark.parametrize(
    "family",
    [
        *("poisson", "negative_binomial_1", "negative_binomial_2", "gamma", "gaussian"),
        *("inverse_gaussian", "binomial"),
    ],
)
@pytest.mark.filterwarnings("ignore::ilk.IlkWarning")
def test_families_with_the_link_log(family):
    data = draw(family)
    options = {"trials": "size"} if family == "binomial" else {}
    offset = fit_of(data, family=family, exposure="days", **options)
    free = fit_of(data, "y ~ x + log(days)" + RANDOM, family=family, **options)
    found = exposure_check(offset.fitted)
    again = exposure_check(free.fitted)
    assert (found.role, again.role) == ("offset", "logarithm")
    error = free.std_errors["log(days)"]
    for one in (found, again):
        assert one.coefficient == pytest.approx(free.params["log(days)"], abs=2e-3 * error)
        assert one.std_error == pytest.approx(error, rel=2e-3)
        assert one.ratio == pytest.approx(2 * (free.loglik - offset.loglik), abs=1e-5)
        assert [m.aic for m in one.models] == pytest.approx([offset.aic, free.aic], abs=1e-5)
    observed, expected = found.groups[:, 1].sum(), found.groups[:, 2].sum()
    assert observed == pytest.approx(data.y.sum())
    assert expected == pytest.approx(observed, rel=0.2)


MODELS = [
    ("y ~ x + (1 + x | g)", {}),
    ("y ~ x + (1 | g) + (1 | h)", {}),
    ("y ~ x + (1 | g/h)", {}),
    ("y ~ x", {}),
    ("y ~ x + (1 | g) + olre()", {}),
    ("y ~ 1 + (1 | g)", {"zero_inflation": "~ 1"}),
    ("y ~ x * C(h) + (1 | g) + offset(z)", {"frequency_weights": "w"}),
    ("y ~ 0 + x + C(h) + (0 + x | g)", {"quadrature": 5}),
]


@pytest.mark.parametrize(("formula", "options"), MODELS)
@pytest.mark.filterwarnings("ignore::ilk.IlkWarning")
def test_every_model_is_kept_but_for_the_exposure(data, formula, options):
    more = data.assign(h=np.tile(["a", "b", "c"], len(data) // 3), z=0.1, w=2.0)
    offset = fit_of(more, formula, exposure="days", **options)
    free = fit_of(more, formula.replace("~ ", "~ log(days) + "), **options)
    found = exposure_check(offset.fitted)
    assert found.ratio == pytest.approx(2 * (free.loglik - offset.loglik), abs=1e-4)
    assert found.coefficient == pytest.approx(free.params["log(days)"], abs=1e-4)
    assert found.models[1].parameters == free.df_model
    written = fit_of(more, found.models[1].formula, **options)
    assert written.loglik == pytest.approx(free.loglik, abs=1e-5)


@pytest.mark.parametrize(
    ("formula", "exposure", "role", "third"),
    [
        ("y ~ x", "days", "offset", False),
        ("y ~ x + offset(log(days))", None, "offset", False),
        ("y ~ x + log(days)", None, "logarithm", False),
        ("y ~ x + scale(log(days))", None, "logarithm", False),
        ("y ~ x + days", None, "covariate", True),
        ("y ~ x + poly(days, 2)", None, "covariate", True),
        ("y ~ x + center(days)", None, "covariate", True),
        ("y ~ x + log(days)", "days", "both", False),
        ("y ~ x + days + offset(log(days))", None, "both", True),
    ],
)
def test_all_ways_to_have_it_give_one_comparison(data, formula, exposure, role, third):
    plain = exposure_check(fit_of(data, exposure="days").fitted)
    found = exposure_check(fit_of(data, formula + RANDOM, exposure=exposure).fitted)
    assert found.role == role
    assert (len(found.models) == 3) == third
    assert found.coefficient == pytest.approx(plain.coefficient, abs=2e-5)
    assert found.std_error == pytest.approx(plain.std_error, rel=1e-3)
    assert found.ratio == pytest.approx(plain.ratio, abs=1e-5)


def test_an_exposure_that_the_fit_does_not_use(data):
    fit = fit_of(data)
    plain = exposure_check(fit_of(data, exposure="days").fitted)
    for values in (data.days, data.days.to_list()):
        found = exposure_check(fit.fitted, values)
        assert (found.role, found.exposure) == ("unused", "exposure")
        assert found.coefficient == pytest.approx(plain.coefficient, abs=1e-6)
        assert found.models[2].loglik == fit.loglik
    gap = data.assign(x=data.x.where(data.index != 3))
    short = fit_of(gap)
    whole = exposure_check(short.fitted, gap.days)  # for all rows of the data, or those in use
    used = exposure_check(short.fitted, gap.days.drop(3))
    assert whole.coefficient == used.coefficient


def test_an_exposure_of_values_of_its_own(data):
    found = fit_of(data, exposure=data.days.to_numpy()).exposure_check()
    assert found.frame.formula.tolist()[0] == "y ~ x + offset(log(exposure)) + (1 | g)"
    odd = data.rename(columns={"days": "patient days"})
    other = fit_of(odd, exposure="patient days").exposure_check()
    np.testing.assert_allclose(found.frame.estimate, other.frame.estimate)


def test_departure_from_proportionality_is_found():
    half = draw("poisson", power=0.5, n=600)
    check = fit_of(half, exposure="days").exposure_check()
    assert check.verdict == "problem"
    assert check.frame.estimate[1] == pytest.approx(0.5, abs=0.1)
    assert (check.tests.frame.p_value < 1e-6).all()
    assert "by 1.4" in check.text.replace("\n  ", " ")  # the square root of two
    logged = fit_of(half, "y ~ x + log(days)" + RANDOM).exposure_check()
    assert "as a covariate beside it" in logged.text.replace("\n  ", " ")


@pytest.mark.slow
def test_size_of_the_test():
    found = [
        exposure_check(fit_of(draw("poisson", seed=s), exposure="days").fitted).ratio_p
        for s in range(120)
    ]
    assert 1 <= np.sum(np.array(found) < 0.05) <= 14


def test_unlogged_means_exponential_growth(data):
    fit = fit_of(data, "y ~ x + days" + RANDOM)
    found = exposure_check(fit.fitted)
    assert found.growth == fit.params["days"]
    said = judge(found)
    assert said.verdict == "problem"
    assert "exponential growth" in said.role
    grown = np.exp(fit.params["days"] * np.ptp(data.days))
    assert f"grows {grown:.3g}-fold" in said.role
    assert f"{data.days.max() / data.days.min():.3g}-fold" in said.role
    curve = judge(exposure_check(fit_of(data, "y ~ x + poly(days, 2)" + RANDOM).fitted))
    assert "curve" in curve.role


def test_what_else_is_made_of_it_stays_and_is_said(data):
    check = fit_of(data, "y ~ x * log(days) + (1 + days | g)").exposure_check()
    said = check.text.replace("\n  ", " ")
    assert "Also made of days, and in all models: x:log(days), 1 + days | g." in said


def test_overdispersed_counts_make_tests_too_sure(data):
    over = draw("negative_binomial_2")
    said = fit_of(over, exposure="days").exposure_check().text.replace("\n  ", " ")
    assert "compare with family='negative_binomial_2'" in said
    right = fit_of(over, family="negative_binomial_2", exposure="days").exposure_check()
    for check in (right, fit_of(data, exposure="days").exposure_check()):
        assert "too sure" not in check.text


def test_only_what_looks_like_one_is_found(data):
    named = data.assign(age=data.days, hours=np.random.default_rng(1).uniform(1, 9, 240))
    assert find_exposure(fit_of(named, "y ~ x + age" + RANDOM).fitted) is None
    assert find_exposure(fit_of(named, "y ~ x + hours" + RANDOM).fitted) is None
    assert find_exposure(fit_of(named, "y ~ x + log(hours)" + RANDOM).fitted) == "hours"
    assert find_exposure(fit_of(named, "y ~ x + C(g) + days").fitted) == "days"


@pytest.mark.parametrize(
    ("formula", "options", "asked", "words"),
    [
        ("y ~ x", {"link": "identity"}, None, "link 'identity'"),
        ("y ~ x", {}, None, "no covariate that looks like one"),
        ("y ~ x", {}, "days", "give the values: fit.exposure_check(data['days'])"),
        ("y ~ x", {}, "g", "give the values"),
        ("y ~ x", {}, [1.0, 2.0], "one number for each of the 240 rows"),
        ("y ~ x", {}, ["a"] * 240, "or numbers"),
        ("y ~ x", {}, np.zeros(240), "zero or negative"),
        ("y ~ x", {}, np.ones(240), "the same in all rows"),
        ("y ~ x + name", {}, "name", "holds no numbers"),
        ("y ~ x", {"exposure": "days"}, np.ones(240), "exposure already ('days')"),
        ("y ~ x", {"exposure": "days", "penalty": "firth"}, None, "penalized"),
        ("y ~ C(d)", {"exposure": "d"}, None, "cannot be estimated"),
    ],
)
def test_questions_that_make_no_sense(data, formula, options, asked, words):
    named = data.assign(name=np.where(data.x > 0, "a", "b"), d=np.where(data.x > 0, 10.0, 20.0))
    fit = ilk.fit(formula, named, **{"family": "poisson", **options})
    with pytest.raises(ModelError) as raised:
        fit.exposure_check(asked)
    assert words in str(raised.value)


def test_the_check_of_a_model(data):
    (ok,) = fit_of(data, exposure="days").check(checks="exposure").frame.to_dict("records")
    assert ok["verdict"] == "ok"
    assert ok["where"] == "days"
    (bad,) = fit_of(data, "y ~ x + days").check(checks="exposure").frame.to_dict("records")
    assert bad["verdict"] == "problem"
    for fit in (fit_of(data), ilk.fit("y ~ x", data)):
        (none,) = fit.check(checks="exposure").frame.to_dict("records")
        assert none["verdict"] == "skipped"


@pytest.mark.parametrize("flavor", ["polars", "pyarrow", "dict"])
def test_frames_of_every_make(data, flavor):
    if flavor != "dict":
        pytest.importorskip(flavor)
    make = {
        "polars": lambda: __import__("polars").from_pandas(data),
        "pyarrow": lambda: __import__("pyarrow").Table.from_pandas(data),
        "dict": lambda: {name: data[name].to_numpy() for name in data},
    }[flavor]
    check = fit_of(make(), exposure="days").exposure_check()
    plain = fit_of(data, exposure="days").exposure_check()
    np.testing.assert_allclose(np.asarray(check.frame["loglik"]), plain.frame.loglik)
    assert set(plain.frame.estimand) == {"conditional"}


def test_picture(data):
    pytest.importorskip("matplotlib").use("Agg")
    axis = fit_of(data, exposure="days").exposure_check().plot()
    assert axis.get_ylabel() == "observed / expected"
    assert axis.get_xscale() == "log"
