"""Bad input gets one clear sentence: what is wrong, where, and what to do.

Each row of `REFUSED` is a call that must raise an `IlkError` whose message contains the given words
(the column, the level, the argument, the nearest right spelling), whatever frame the data come in.
The second half are inputs that must not be refused, and must not be passed over in silence either.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ilk

# Warnings repeat the verdict, which is what is looked at here.
pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")

FLAVORS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
}


def columns() -> dict[str, Any]:
    """Ninety rows in fifteen hospitals, with a column for each kind of response."""
    rng = np.random.default_rng(11)
    n, hospitals = 90, 15
    g = np.repeat(np.arange(hospitals), n // hospitals)
    age = rng.normal(60.0, 8.0, n)
    effect = rng.normal(0.0, 0.6, hospitals)[g]
    eta = 0.04 * (age - 60.0) + effect
    trials = rng.integers(5, 15, n)
    return {
        "score": 3.0 + eta + rng.normal(0.0, 0.7, n),
        "infections": rng.poisson(np.exp(0.8 + eta)),
        "died": (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int),
        "events": rng.binomial(trials, 1.0 / (1.0 + np.exp(-eta))),
        "beds": trials,
        "cost": rng.gamma(3.0, np.exp(0.5 + eta) / 3.0),
        "share": np.clip(rng.beta(2.0, 3.0, n), 0.01, 0.99),
        "age": age,
        "days": rng.integers(1, 30, n).astype(float),
        "policy": np.array(["new", "old", "none"])[rng.integers(0, 3, n)].tolist(),
        "weight": rng.uniform(0.5, 2.0, n),
        "hospital": [f"H{i:02d}" for i in g],
        "ward": [f"W{i}" for i in rng.integers(0, 8, n)],
        "row": [f"R{i:03d}" for i in range(n)],
    }


def with_value(name: str, value: Any, position: int = 4) -> dict[str, Any]:
    """Return the table with one value of one column replaced."""
    table = columns()
    values = list(table[name])
    values[position] = value
    table[name] = values
    return table


def with_column(name: str, values: Any) -> dict[str, Any]:
    """Return the table with one more (or another) column."""
    return {**columns(), name: values}


@dataclass(frozen=True)
class Refused:
    """A call that must be refused, and the words that the refusal must contain."""

    name: str
    formula: Any
    words: tuple[str, ...]
    keywords: dict[str, Any] = field(default_factory=dict)
    table: Callable[[], dict[str, Any]] = columns


COUNT = "infections ~ age + (1 | hospital)"
SCORE = "score ~ age + (1 | hospital)"
DIED = "died ~ age + (1 | hospital)"
POISSON = {"family": "poisson"}
BINOMIAL = {"family": "binomial"}

REFUSED = (
    # names
    Refused("misspelt column", "score ~ agee + (1 | hospital)", ("agee", "age")),
    Refused("misspelt response", "scor ~ age + (1 | hospital)", ("scor", "score")),
    Refused("misspelt group", "score ~ age + (1 | hopsital)", ("hopsital", "hospital")),
    Refused("misspelt slope", "score ~ age + (1 + agge | hospital)", ("agge", "age")),
    Refused("misspelt family", COUNT, ("possion", "poisson"), {"family": "possion"}),
    Refused("other family", COUNT, ("weibull",), {"family": "weibull"}),
    Refused("misspelt link", DIED, ("logitt", "logit"), {**BINOMIAL, "link": "logitt"}),
    Refused("link of another family", COUNT, ("probit", "poisson"), {**POISSON, "link": "probit"}),
    Refused("misspelt weights", SCORE, ("wieght", "weight"), {"precision_weights": "wieght"}),
    Refused("misspelt trials", "events ~ age + (1 | hospital)", ("bed", "beds"),
            {**BINOMIAL, "trials": "bed"}),
    Refused("misspelt function", "score ~ lgo(age) + (1 | hospital)", ("lgo", "log")),
    Refused("misspelt structure", "score ~ age + diaag(1 + age | hospital)", ("diaag", "diag")),
    # formulas
    Refused("no tilde", "score", ("~",)),
    Refused("two tildes", "score ~ age ~ days", ("~",)),
    Refused("empty", "", ("formula",)),
    Refused("not a text", 3, ("formula",)),
    Refused("no response", "~ age + (1 | hospital)", ("response",)),
    Refused("unclosed parenthesis", "score ~ age + (1 | hospital", ("parenthes",)),
    Refused("unopened parenthesis", "score ~ age + 1 | hospital)", ("parenthes",)),
    Refused("bar without parentheses", "score ~ age + 1 | hospital", ("parenthes",)),
    Refused("bar without group", "score ~ age + (1 | )", ("|",)),
    Refused("bar without expression", "score ~ age + ( | hospital)", ("|",)),
    # the response
    Refused("negative count", COUNT, ("infections", "-3"), POISSON,
            lambda: with_value("infections", -3)),
    Refused("fractional count", COUNT, ("infections", "2.5"), POISSON,
            lambda: with_value("infections", 2.5)),
    Refused("Bernoulli of 2", DIED, ("died", "2"), BINOMIAL, lambda: with_value("died", 2)),
    Refused("proportion above one", "share ~ age + (1 | hospital)", ("share", "1.4"),
            {"family": "beta"}, lambda: with_value("share", 1.4)),
    Refused("beta of exactly one", "share ~ age + (1 | hospital)", ("share", "1"),
            {"family": "beta"}, lambda: with_value("share", 1.0)),
    Refused("gamma of zero", "cost ~ age + (1 | hospital)", ("cost", "0"), {"family": "gamma"},
            lambda: with_value("cost", 0.0)),
    Refused("inverse Gaussian below zero", "cost ~ age + (1 | hospital)", ("cost", "-1"),
            {"family": "inverse_gaussian"}, lambda: with_value("cost", -1.0)),
    Refused("more successes than trials", "events ~ age + (1 | hospital)", ("events", "beds"),
            {**BINOMIAL, "trials": "beds"}, lambda: with_value("events", 60)),
    Refused("more successes than trials, slash", "events / beds ~ age + (1 | hospital)",
            ("events", "beds"), BINOMIAL, lambda: with_value("events", 60)),
    Refused("negative failures", "cbind(events, days) ~ age + (1 | hospital)", ("days",),
            BINOMIAL, lambda: with_value("days", -2.0)),
    Refused("three levels for two", "policy ~ age + (1 | hospital)", ("policy", "3"), BINOMIAL),
    Refused("text for a number", "policy ~ age + (1 | hospital)", ("policy",)),
    Refused("text for a count", "policy ~ age + (1 | hospital)", ("policy",), POISSON),
    Refused("infinite response", SCORE, ("score", "inf"), {},
            lambda: with_value("score", math.inf)),
    # columns
    Refused("infinite predictor", SCORE, ("age", "inf"), {}, lambda: with_value("age", -math.inf)),
    Refused("infinite slope", "score ~ (1 + age | hospital)", ("age", "inf"), {},
            lambda: with_value("age", math.inf)),
    Refused("infinite after a function", "score ~ log(days) + (1 | hospital)", ("days",), {},
            lambda: with_value("days", 0.0)),
    Refused("all missing predictor", SCORE, ("age", "missing"), {},
            lambda: with_column("age", [math.nan] * 90)),
    Refused("all missing response", SCORE, ("score", "missing"), {},
            lambda: with_column("score", [math.nan] * 90)),
    Refused("missing is an error", SCORE, ("age", "1"), {"missing": "error"},
            lambda: with_value("age", math.nan)),
    Refused("unknown policy for missing", SCORE, ("missing", "omit"), {"missing": "omit"}),
    Refused("no rows", SCORE, ("row",), {}, lambda: {k: v[:0] for k, v in columns().items()}),
    # groups
    Refused("one level", SCORE, ("hospital", "level"), {},
            lambda: with_column("hospital", ["H1"] * 90)),
    Refused("as many effects as rows", "score ~ age + (1 | row)", ("row", "90"), {}),
    Refused("as many slopes as rows", "score ~ age + (1 + age + days | pair)", ("pair", "90"), {},
            lambda: with_column("pair", [f"P{i // 3}" for i in range(90)])),
    Refused("one factor under two names", "score ~ age + (1 | hospital) + (1 | clinic)",
            ("hospital", "clinic"), {},
            lambda: with_column("clinic", [f"C{name}" for name in columns()["hospital"]])),
    Refused("the same term twice", "score ~ age + (1 | hospital) + (1 + age | hospital)",
            ("hospital", "Intercept")),
    # weights, trials, exposure, offset
    Refused("negative trials", "events ~ age + (1 | hospital)", ("beds", "-4"),
            {**BINOMIAL, "trials": "beds"}, lambda: with_value("beds", -4)),
    Refused("negative precision weight", SCORE, ("weight", "-1"), {"precision_weights": "weight"},
            lambda: with_value("weight", -1.0)),
    Refused("negative frequency weight", SCORE, ("days", "-2"), {"frequency_weights": "days"},
            lambda: with_value("days", -2.0)),
    Refused("infinite weight", SCORE, ("weight", "inf"), {"precision_weights": "weight"},
            lambda: with_value("weight", math.inf)),
    Refused("weights of another length", SCORE, ("precision_weights", "90", "7"),
            {"precision_weights": np.ones(7)}),
    Refused("text as weights", SCORE, ("policy",), {"precision_weights": "policy"}),
    Refused("exposure of zero", COUNT, ("days", "0"), {**POISSON, "exposure": "days"},
            lambda: with_value("days", 0.0)),
    Refused("infinite offset", COUNT, ("days", "inf"), {**POISSON, "offset": "days"},
            lambda: with_value("days", math.inf)),
    Refused("trials of a count", COUNT, ("trials", "poisson"), {**POISSON, "trials": "beds"}),
    # parts that do not fit together
    Refused("dispersion of a Poisson", COUNT, ("dispersion", "poisson"),
            {**POISSON, "dispersion": "~ age"}),
    Refused("excess zeros of a Gaussian", SCORE, ("zero", "gaussian"),
            {"zero_inflation": "~ age"}),
    Refused("REML by quadrature", COUNT, ("reml", "quadrature"),
            {**POISSON, "reml": True, "quadrature": 5}),
    Refused("precision of a Poisson", COUNT, ("precision_weights", "poisson", "frequency_weights"),
            {**POISSON, "precision_weights": "weight"}),
    Refused("no nodes", COUNT, ("quadrature", "0"), {**POISSON, "quadrature": 0}),
    Refused("half a node", COUNT, ("quadrature", "2.5"), {**POISSON, "quadrature": 2.5}),
    Refused("nodes of many effects", "infections ~ age + (1 + age + days + weight | hospital)",
            ("quadrature", "hospital"), {**POISSON, "quadrature": 7}),
    Refused("nodes of no factor", "infections ~ age + (1 | hospital)",
            ("quadrature", "'ward'", "hospital"), {**POISSON, "quadrature": {"ward": 7}}),
    Refused("nodes without random effects", "infections ~ age",
            ("quadrature", "no random effects"), {**POISSON, "quadrature": 7}),
    Refused("more coefficients than rows", "score ~ row + (1 | hospital)", ("90",)),
)  # fmt: skip


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: bad.name.replace(" ", "-"))
def test_refusal_names_the_culprit(bad: Refused, flavor: str) -> None:
    table = _plain(bad.table(), flavor)
    with pytest.raises(ilk.IlkError) as caught:
        ilk.fit(bad.formula, FLAVORS[flavor](table), **bad.keywords)
    message = str(caught.value)
    missing = [word for word in bad.words if word.casefold() not in message.casefold()]
    assert not missing, f"{message!r} does not say {missing}"
    assert caught.value.code
    assert len(message) < 600


def _plain(table: dict[str, Any], flavor: str) -> dict[str, Any]:
    """Columns of one type each, as polars wants them."""
    if flavor == "pandas":
        return table
    plain = {}
    for name, values in table.items():
        values = list(values)
        mixed = any(isinstance(v, float) for v in values) and not isinstance(values[0], str)
        plain[name] = [float(v) for v in values] if mixed else values
    return plain


def test_swapped_arguments() -> None:
    with pytest.raises(ilk.IlkError, match="formula") as caught:
        ilk.fit(pd.DataFrame(columns()), SCORE)  # type: ignore[arg-type]
    assert "data" in str(caught.value)


def test_data_that_are_no_table() -> None:
    with pytest.raises(ilk.IlkError, match="data"):
        ilk.fit(SCORE, 5)


def test_columns_of_unequal_length() -> None:
    table = columns()
    table["age"] = table["age"][:50]
    with pytest.raises(ilk.IlkError, match="age"):
        ilk.fit(SCORE, table)


def test_two_columns_of_one_name() -> None:
    frame = pd.DataFrame(columns())
    frame = pd.concat([frame, frame[["age"]]], axis=1)
    with pytest.raises(ilk.IlkError, match="age"):
        ilk.fit(SCORE, frame)


# Formulas are not code.

INJECTIONS = (
    "score ~ {__import__('os').system('touch INJECTED')} + (1 | hospital)",
    "score ~ __import__('os').system('touch INJECTED')",
    "score ~ open('INJECTED', 'w') + age",
    "score ~ I(open('INJECTED', 'w')) + age",
    "score ~ age.to_csv('INJECTED')",
    "score ~ C(policy, contr.treatment(open('INJECTED', 'w')))",
    "score ~ exit()",
    "score ~ age + (1 | hospital.to_csv('INJECTED'))",
    "score ~ age[0]",
    "score ~ (lambda: age)()",
    "score ~ eval('age')",
    "score ~ `age`.__class__",
    "score ~ age if age else days",
    "score ~ [age for age in (1, 2)]",
    "score ~ f'{age}'",
    "open('INJECTED', 'w') ~ age",
    "score ~ age + offset(open('INJECTED', 'w'))",
)


@pytest.mark.parametrize("formula", INJECTIONS)
def test_a_formula_runs_nothing(
    formula: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ilk.IlkError):
        ilk.fit(formula, pd.DataFrame(columns()))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "formula",
    [
        "score ~ " + "(" * 100_000 + "age" + ")" * 100_000,
        "score ~ " + "(" * 5_000 + "age",
        "score ~ " + " + ".join(["age"] * 60_000),
        "score ~ (age + days + weight + beds + died + events + cost + share)**18",
        "score ~ poly(age, 2000)",
        "score ~ age**100000000000",
        "score ~ I(age**10**10**10)",
    ],
    ids=["deep", "open", "long", "power", "poly", "exponent", "tower"],
)
def test_a_formula_cannot_exhaust_the_machine(formula: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ilk.IlkError):
        ilk.fit(formula, pd.DataFrame(columns()))
    assert time.perf_counter() - start < 10.0


# What must not be refused, and must be said.


def test_missing_rows_are_counted_by_column() -> None:
    table = columns()
    for name, positions in (("age", (1, 2, 3)), ("score", (3, 4)), ("weight", (70,))):
        values = list(table[name])
        for position in positions:
            values[position] = math.nan
        table[name] = values
    hospitals = list(table["hospital"])
    hospitals[50] = None
    table["hospital"] = hospitals
    fit = ilk.fit(SCORE, pd.DataFrame(table), precision_weights="weight")
    assert fit.nobs == 90 - 6
    text = str(fit.summary())
    for name in ("age", "score", "weight", "hospital"):
        assert name in text
    kept = np.delete(np.arange(90), [1, 2, 3, 4, 50, 70])
    clean = pd.DataFrame(table).iloc[kept].reset_index(drop=True)
    same = ilk.fit(SCORE, clean, precision_weights="weight")
    assert fit.loglik == pytest.approx(same.loglik, abs=1e-10)


def test_collinear_columns_are_dropped_and_named() -> None:
    table = columns()
    table["months"] = np.asarray(table["age"]) * 12.0
    fit = ilk.fit("score ~ age + months + (1 | hospital)", pd.DataFrame(table))
    plain = ilk.fit(SCORE, pd.DataFrame(table))
    assert fit.loglik == pytest.approx(plain.loglik, abs=1e-8)
    text = str(fit.summary())
    assert "months" in text
    assert "not estimable" in text.casefold()


def test_time_stamps_do_not_cost_the_intercept() -> None:
    table = columns()
    table["stamp"] = 1.7e9 + 86_400.0 * np.asarray(table["days"])
    fit = ilk.fit("score ~ stamp + (1 | hospital)", pd.DataFrame(table))
    same = ilk.fit("score ~ days + (1 | hospital)", pd.DataFrame(table), reml=True)
    assert [name for name in fit.tidy()["term"] if "Intercept" in str(name)]
    shift = math.log(86_400.0)  # the REML criterion knows the unit of a column
    assert fit.loglik == pytest.approx(same.loglik - shift, abs=1e-6)


def test_raw_years_as_slopes_reach_the_optimum() -> None:
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(40), 20)
    year = np.tile(np.arange(2001, 2021), 40)
    b = rng.standard_normal((40, 2)) * [1.0, 0.2]
    y = 0.1 * (year - 2010) + b[g, 0] + b[g, 1] * (year - 2010) + rng.standard_normal(800)
    frame = pd.DataFrame({"y": y, "year": year, "centered": year - 2010, "g": g})
    raw = ilk.fit("y ~ year + (year | g)", frame, reml=False)
    centered = ilk.fit("y ~ centered + (centered | g)", frame, reml=False)
    assert raw.loglik == pytest.approx(centered.loglik, abs=1e-6)


def test_huge_identifiers_stay_apart() -> None:
    table = columns()
    base = 10**18
    code = {name: base + i for i, name in enumerate(sorted(set(table["hospital"])))}
    table["number"] = [code[name] for name in table["hospital"]]
    numbered = ilk.fit("score ~ age + (1 | number)", pd.DataFrame(table))
    named = ilk.fit(SCORE, pd.DataFrame(table))
    assert numbered.loglik == pytest.approx(named.loglik, abs=1e-9)


def test_labels_of_two_types_stay_apart() -> None:
    table = columns()
    table["mixed"] = [1 if name < "H07" else "1" for name in table["hospital"]]
    fit = ilk.fit("score ~ age + (1 | mixed)", pd.DataFrame(table))
    assert len(fit.random_effects()) == 2


def test_small_integers_do_not_overflow() -> None:
    table = columns()
    small = np.asarray(table["beds"], dtype=np.int8) * np.int8(8)
    frame = pd.DataFrame({**table, "small": small, "wide": small.astype(float)})
    a = ilk.fit("score ~ small + I(small**2) + (1 | hospital)", frame)
    b = ilk.fit("score ~ wide + I(wide**2) + (1 | hospital)", frame)
    assert a.loglik == pytest.approx(b.loglik, abs=1e-9)


def test_a_response_far_from_zero() -> None:
    table = columns()
    table["far"] = np.asarray(table["score"]) + 1e7
    near = ilk.fit(SCORE, pd.DataFrame(table))
    far = ilk.fit("far ~ age + (1 | hospital)", pd.DataFrame(table))
    assert far.loglik == pytest.approx(near.loglik, abs=1e-5)


def test_a_huge_covariate_in_a_logit_model() -> None:
    table = columns()
    table["huge"] = np.asarray(table["age"]) * 1e8
    a = ilk.fit(DIED, pd.DataFrame(table), family="binomial")
    b = ilk.fit("died ~ huge + (1 | hospital)", pd.DataFrame(table), family="binomial")
    assert a.loglik == pytest.approx(b.loglik, abs=1e-7)


def test_counts_near_a_billion() -> None:
    table = columns()
    rng = np.random.default_rng(2)
    table["many"] = rng.poisson(1e9 * np.exp(0.1 * rng.standard_normal(90)))
    fit = ilk.fit("many ~ age + (1 | hospital) + (1 | row)", pd.DataFrame(table), family="poisson")
    assert math.isfinite(fit.loglik)
    assert fit.verdict.converged


# Separation and its like: a verdict that names the culprit.


def test_complete_separation_names_the_predictor() -> None:
    table = columns()
    table["died"] = (np.asarray(table["age"]) > 60.0).astype(int)
    fit = ilk.fit(DIED, pd.DataFrame(table), family="binomial")
    assert fit.verdict.status.name == "SEPARATED"
    assert "age" in str(fit.verdict)


def test_an_arm_without_events_is_named() -> None:
    table = columns()
    arm = np.asarray(table["policy"]) == "new"
    table["infections"] = np.where(arm, 0, np.asarray(table["infections"]) + 1)
    fit = ilk.fit("infections ~ policy + (1 | hospital)", pd.DataFrame(table), family="poisson")
    assert fit.verdict.status.name == "SEPARATED"
    assert "policy" in str(fit.verdict)


def test_quasi_separation_by_a_rare_level_is_named() -> None:
    table = columns()
    rare = np.arange(90) % 18 == 0
    table["rare"] = np.where(rare, "yes", "no").tolist()
    table["died"] = np.where(rare, 1, table["died"])
    fit = ilk.fit("died ~ rare + (1 | hospital)", pd.DataFrame(table), family="binomial")
    assert fit.verdict.status.name == "SEPARATED"
    assert "rare" in str(fit.verdict)


def test_groups_without_variation_are_named() -> None:
    table = columns()
    numbers = np.array([int(name[1:]) for name in table["hospital"]])
    table["died"] = (numbers % 2).tolist()
    fit = ilk.fit(DIED, pd.DataFrame(table), family="binomial")
    assert fit.verdict.status.name == "SEPARATED"
    assert "hospital" in str(fit.verdict)


def said(formula: str, table: dict[str, Any], **keywords: Any) -> tuple[bool, str]:
    """Fit or be refused: whether all is said to be well, and all that is said."""
    try:
        fit = ilk.fit(formula, pd.DataFrame(table), **keywords)
    except ilk.IlkError as problem:
        return False, str(problem)
    return fit.verdict.converged and not fit.verdict.reasons, str(fit.verdict)


def test_all_counts_zero_is_said() -> None:
    well, text = said(COUNT, with_column("infections", [0] * 90), family="poisson")
    assert not well, text


def test_a_constant_gaussian_response_is_said() -> None:
    well, text = said(SCORE, with_column("score", [2.0] * 90))
    assert not well, text


def test_a_group_that_is_also_fixed_is_said() -> None:
    well, text = said("score ~ hospital + (1 | hospital)", columns())
    assert not well
    assert "hospital" in text


# Prediction.


@pytest.fixture(scope="module")
def fitted() -> Any:
    return ilk.fit("score ~ age + policy + (1 | hospital)", pd.DataFrame(columns()))


def test_prediction_of_an_unseen_group_names_it(fitted: Any) -> None:
    new = pd.DataFrame({"age": [50.0], "policy": ["new"], "hospital": ["H99"]})
    with pytest.raises(ilk.IlkError, match="H99") as caught:
        fitted.predict(new)
    assert "hospital" in str(caught.value)
    assert "new_levels" in str(caught.value)


def test_prediction_of_an_unseen_fixed_level_names_it(fitted: Any) -> None:
    new = pd.DataFrame({"age": [50.0], "policy": ["newest"], "hospital": ["H01"]})
    for estimand in ("conditional", "typical", "population"):
        with pytest.raises(ilk.IlkError, match="newest") as caught:
            fitted.predict(new, estimand=estimand)
        assert "policy" in str(caught.value)


def test_prediction_without_a_column_names_it(fitted: Any) -> None:
    with pytest.raises(ilk.IlkError, match="age"):
        fitted.predict(pd.DataFrame({"policy": ["new"], "hospital": ["H01"]}))


@pytest.mark.parametrize(
    ("keywords", "word"),
    [
        ({"estimand": "marginal"}, "population"),
        ({"scale": "logit"}, "link"),
        ({"interval": "credible"}, "confidence"),
        ({"level": 95}, "level"),
        ({"new_levels": "zero"}, "typical"),
    ],
)
def test_prediction_with_an_unknown_word(fitted: Any, keywords: dict[str, Any], word: str) -> None:
    with pytest.raises(ilk.IlkError, match=word):
        fitted.predict(**keywords)


def test_prediction_of_no_rows_is_empty(fitted: Any) -> None:
    none = pd.DataFrame(columns()).iloc[:0]
    assert len(np.asarray(fitted.predict(none))) == 0
