"""Marginal means by hand: from predictions, coefficients and brute-force integration."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.integrate import trapezoid

import ilk
from ilk.effects.means import marginal_means

from ...fits import fit_of

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")


def expit(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def trial(n: int = 600, seed: int = 5) -> pd.DataFrame:
    """Unbalanced factors, a covariate, exposures, counts of successes."""
    rng = np.random.default_rng(seed)
    g = rng.integers(0, 30, n)
    frame = pd.DataFrame(
        {
            "g": [f"g{i}" for i in g],
            "arm": rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]),
            "site": rng.choice(["x", "y"], n, p=[0.7, 0.3]),
            "old": rng.random(n) < 0.3,
            "dose": rng.gamma(3.0, 1.0, n),
            "stage": rng.choice([1, 2, 3], n),
            "days": rng.uniform(10.0, 90.0, n),
            "known": rng.normal(0.0, 0.3, n),
            "trials": rng.integers(1, 6, n),
            "often": rng.integers(1, 4, n),
        }
    )
    b = 0.8 * rng.normal(size=30)[g]
    eta = (
        -0.3
        + 0.6 * (frame.arm == "b")
        - 0.5 * (frame.arm == "c")
        + 0.4 * (frame.site == "y") * (1 + (frame.arm == "b"))
        + 0.2 * (frame.dose - 3.0)
        + 0.3 * frame.old
        + b
    )
    frame["y"] = (rng.random(n) < expit(eta)).astype(int)
    frame["k"] = rng.binomial(frame.trials, expit(eta))
    frame["count"] = rng.poisson(frame.days / 30.0 * np.exp(0.3 * eta + frame.known))
    frame["score"] = eta + rng.normal(size=n)
    return frame


DATA = trial()
BINARY = "y ~ arm * site + dose + old + (1 | g)"


@pytest.fixture(scope="module")
def binary() -> Any:
    return ilk.fit(BINARY, DATA, family="binomial")


def grid_of(data: pd.DataFrame, **fixed: Any) -> pd.DataFrame:
    """Reference grid by hand: all levels, numbers at their mean."""
    columns: dict[str, list[Any]] = {
        "arm": ["a", "b", "c"],
        "site": ["x", "y"],
        "old": [False, True],
        "dose": [float(data.dose.mean())],
    }
    columns.update({name: [value] for name, value in fixed.items()})
    return pd.DataFrame(list(product(*columns.values())), columns=list(columns))


@pytest.mark.parametrize("estimand", ["typical", "population"])
@pytest.mark.parametrize("average", ["predictor", "mean"])
def test_averages_of_predictions(binary: Any, estimand: Any, average: Any) -> None:
    found = marginal_means(binary.fitted, "arm", estimand=estimand, average=average)
    scale = "link" if average == "predictor" else "response"
    for arm, mean in zip("abc", found.estimate, strict=True):
        rows = binary.predict(grid_of(DATA, arm=arm), estimand=estimand, scale=scale)
        by_hand = rows.estimate.mean()
        assert mean == pytest.approx(expit(by_hand) if scale == "link" else by_hand, rel=1e-12)


@pytest.mark.parametrize("weights", ["equal", "proportional", "outer", "cells", "flat"])
def test_weights_of_the_average(binary: Any, weights: Any) -> None:
    found = marginal_means(binary.fitted, "arm", weights=weights, scale="link")
    for arm, mean in zip("abc", found.estimate, strict=True):
        grid = grid_of(DATA, arm=arm)
        eta = binary.predict(grid, estimand="typical", scale="link").estimate.to_numpy()
        here = DATA[DATA.arm == arm] if weights == "cells" else DATA
        w = []
        for row in grid.itertuples():
            both = ((here.site == row.site) & (here.old == row.old)).mean()
            each = (here.site == row.site).mean() * (here.old == row.old).mean()
            w.append({"outer": each, "equal": 1.0, "flat": 1.0}.get(weights, both))
        assert mean == pytest.approx(np.average(eta, weights=w), rel=1e-12)


def test_standard_errors_of_linear_combinations(binary: Any) -> None:
    """The quadratic form of the coefficients' covariance matrix."""
    found = marginal_means(binary.fitted, "arm", scale="link")
    names = [name for _, name in binary.cov.names]
    for k, arm in enumerate("abc"):
        x = np.zeros(len(names))
        for row in grid_of(DATA, arm=arm).itertuples():
            y = float(row.site == "y")
            values = {
                "Intercept": 1.0,
                f"arm[T.{arm}]": 1.0,
                "site[T.y]": y,
                f"arm[T.{arm}]:site[T.y]": y,
                "dose": row.dose,
                "old": float(row.old),
            }
            x += [values.get(name, 0.0) / 4.0 for name in names]
        V = binary.cov.matrix
        assert found.std_error[k] == pytest.approx(np.sqrt(x @ V @ x), rel=1e-8)
        assert found.estimate[k] == pytest.approx(x @ binary.params.array, rel=1e-10)


@pytest.mark.parametrize("estimand", ["typical", "population"])
@pytest.mark.parametrize("scale", ["link", "response"])
def test_single_rows_are_predictions(binary: Any, estimand: Any, scale: Any) -> None:
    """Nothing to average: means, errors and limits are those of predict."""
    at = {"dose": [1.0, 4.0]}
    found = marginal_means(
        binary.fitted, ["arm", "site", "old", "dose"], at=at, estimand=estimand, scale=scale
    )
    rows = pd.DataFrame(found.grid.cells, columns=["arm", "site", "old", "dose"])
    mine = binary.predict(rows, estimand=estimand, scale=scale, interval="confidence")
    assert found.estimate == pytest.approx(mine.estimate.to_numpy(), rel=1e-10)
    assert found.std_error == pytest.approx(mine.std_error.to_numpy(), rel=1e-8)
    assert found.conf_low == pytest.approx(mine.conf_low.to_numpy(), rel=1e-8)
    assert found.conf_high == pytest.approx(mine.conf_high.to_numpy(), rel=1e-8)


def test_population_by_brute_force() -> None:
    fit = ilk.fit("y ~ arm + (1 | g)", DATA, family="binomial")
    (G,) = fit.fitted.estimates.covariances
    b = np.linspace(-12.0, 12.0, 400_001)
    density = np.exp(-0.5 * b**2) / np.sqrt(2.0 * np.pi)
    found = marginal_means(fit.fitted, "arm", estimand="population")
    beta = fit.params.array
    for mean, eta in zip(found.estimate, beta[0] + np.array([0.0, *beta[1:]]), strict=True):
        exact = trapezoid(expit(eta + np.sqrt(G[0, 0]) * b) * density, b)
        assert mean == pytest.approx(exact, rel=1e-10)


def test_population_errors_by_differences() -> None:
    """Delta method with derivatives by central differences in all parameters."""
    fit = ilk.fit("y ~ arm + site + (1 | g)", DATA, family="binomial")
    fitted, psi, m = fit.fitted, fit.fitted.estimates.psi, len(fit.params)

    def means(psi: np.ndarray) -> np.ndarray:
        (G,) = fitted.covariances_at(psi)
        nodes, weights = np.polynomial.hermite_e.hermegauss(80)
        weights = weights / weights.sum()
        b0, b1, b2, s = psi[:m]
        eta = b0 + np.array([0.0, b1, b2])[:, None] + np.array([0.0, s])
        p = expit(eta[..., None] + np.sqrt(G[0, 0]) * nodes) @ weights
        return np.log(p / (1 - p)).mean(axis=1)  # predictors are averaged

    J = np.array([(means(psi + h) - means(psi - h)) / 2e-5 for h in 1e-5 * np.eye(len(psi))]).T
    exact = np.sqrt(np.diag(J @ fitted.psi_covariance() @ J.T))
    found = marginal_means(fitted, "arm", estimand="population", scale="link")
    assert found.estimate == pytest.approx(means(psi), rel=1e-9)
    assert found.std_error == pytest.approx(exact, rel=1e-6)


def test_means_that_a_taylor_correction_reverses() -> None:
    """A second-order correction says 0.530 and 0.515; see test_standardize.py."""
    eta, sd = np.log(np.array([0.278, 0.462]) / (1 - np.array([0.278, 0.462]))), 2.379
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(50), 8)
    data = pd.DataFrame({"t": np.tile([0, 1], 200), "g": group})
    data["y"] = (rng.random(400) < expit(eta[data.t] + sd * rng.normal(size=50)[group])) * 1
    fitted = ilk.fit("y ~ t + (1 | g)", data, family="binomial").fitted
    psi = np.array([eta[0], eta[1] - eta[0], sd])
    placed = replace(fitted.estimates, psi=psi, covariances=fitted.covariances_at(psi))
    fitted = replace(fitted, estimates=placed)
    assert marginal_means(fitted, "t").estimate == pytest.approx([0.278, 0.462])
    population = marginal_means(fitted, "t", estimand="population")
    assert population.estimate == pytest.approx([0.373, 0.479], abs=5e-4)


def test_conditional_means_are_averages_over_the_rows(binary: Any) -> None:
    found = marginal_means(binary.fitted, "arm", estimand="conditional", average="mean")
    assert found.grid.kind == "observed"
    assert "these very clusters" in found.notes[0]
    for arm, mean in zip("abc", found.estimate, strict=True):
        by_hand = binary.predict(DATA.assign(arm=arm), estimand="conditional").estimate.mean()
        assert mean == pytest.approx(by_hand, rel=1e-12)


def test_observed_grid_equals_standardization(binary: Any) -> None:
    found = marginal_means(
        binary.fitted, "arm", estimand="population", average="mean", grid="observed"
    )
    other = binary.standardize("arm").frame
    other = other[other.measure == "mean"]
    assert found.estimate == pytest.approx(other.estimate.to_numpy(), rel=1e-12)
    assert found.std_error == pytest.approx(other.std_error.to_numpy(), rel=1e-10)
    assert found.conf_low == pytest.approx(other.conf_low.to_numpy(), rel=1e-10)


def test_linear_models_do_not_care_for_estimand_and_average() -> None:
    fit = ilk.fit("score ~ arm * site + dose + (1 | g)", DATA)
    first = marginal_means(fit.fitted, "arm")
    for estimand, average in (("population", "mean"), ("population", None), ("typical", "mean")):
        other = marginal_means(fit.fitted, "arm", estimand=estimand, average=average)
        assert other.estimate == pytest.approx(first.estimate, rel=1e-12)
        assert other.std_error == pytest.approx(first.std_error, rel=1e-9)


def test_rates_per_unit_of_exposure() -> None:
    fit = ilk.fit("count ~ arm + dose + (1 | g)", DATA, family="poisson", exposure="days")
    one = marginal_means(fit.fitted, "arm", estimand="population")
    many = marginal_means(fit.fitted, "arm", estimand="population", per=30.0)
    assert many.estimate == pytest.approx(30.0 * one.estimate)
    rows = pd.DataFrame({"arm": ["a", "b", "c"], "dose": DATA.dose.mean()})
    by_hand = fit.predict(rows, estimand="population", per=30.0)
    assert many.estimate == pytest.approx(by_hand.estimate.to_numpy(), rel=1e-12)


def test_offset_argument_is_at_its_mean() -> None:
    fit = ilk.fit("count ~ arm + (1 | g)", DATA, family="poisson", offset="known")
    found = marginal_means(fit.fitted, "arm", scale="link")
    rows = pd.DataFrame({"arm": ["a", "b", "c"], "known": DATA.known.mean()})
    by_hand = fit.predict(rows, estimand="typical", scale="link").estimate
    assert found.estimate == pytest.approx(by_hand.to_numpy())
    own = ilk.fit("count ~ arm + (1 | g)", DATA, family="poisson", offset=DATA.known.to_numpy())
    again = marginal_means(own.fitted, "arm", scale="link")
    assert again.estimate == pytest.approx(found.estimate)


def test_rows_count_as_often_as_their_weights_say() -> None:
    """Weighted rows, and rows of several trials, are as many rows of one."""
    long = DATA.loc[DATA.index.repeat(DATA.often)]
    short = ilk.fit("score ~ arm + site + dose + (1 | g)", DATA, frequency_weights="often")
    expanded = ilk.fit("score ~ arm + site + dose + (1 | g)", long)
    for weights in ("equal", "proportional", "cells"):
        a = marginal_means(short.fitted, "arm", weights=weights)
        b = marginal_means(expanded.fitted, "arm", weights=weights)
        assert a.estimate == pytest.approx(b.estimate, rel=1e-6)
    rows = [
        {**row, "k": int(i < row["k"])}
        for row in DATA.to_dict("records")
        for i in range(row["trials"])
    ]
    counts = ilk.fit("k ~ arm + site + dose + (1 | g)", DATA, family="binomial", trials="trials")
    single = ilk.fit("k ~ arm + site + dose + (1 | g)", pd.DataFrame(rows), family="binomial")
    a = marginal_means(counts.fitted, "arm", weights="proportional")
    b = marginal_means(single.fitted, "arm", weights="proportional")
    assert a.estimate == pytest.approx(b.estimate, rel=1e-5)


def test_numbers_as_levels_and_levels_of_two() -> None:
    fit = ilk.fit("score ~ C(stage) * old + (1 | g)", DATA)
    found = marginal_means(fit.fitted, "stage", by="old")
    assert found.grid.cells == tuple(product([False, True], [1, 2, 3]))
    rows = pd.DataFrame(found.grid.cells, columns=["old", "stage"])
    by_hand = fit.predict(rows, estimand="typical").estimate
    assert found.estimate == pytest.approx(by_hand.to_numpy())
    two = ilk.fit("score ~ z * arm + (1 | g)", DATA.assign(z=np.where(DATA.old, 3.0, 1.0)))
    assert marginal_means(two.fitted, "arm").grid.averaged["z"] == (1.0, 3.0)


def test_overall_mean(binary: Any) -> None:
    found = marginal_means(binary.fitted, scale="link")
    eta = binary.predict(grid_of(DATA), estimand="typical", scale="link").estimate
    assert found.estimate == pytest.approx([eta.mean()])
    alone = fit_of("penicillin")
    assert marginal_means(alone.fitted).estimate == pytest.approx(alone.params.array)


def test_zero_inflated_means() -> None:
    fit = fit_of("salamanders")
    found = marginal_means(fit.fitted, "mined", estimand="population")
    assert found.averaged == "response"
    rows = pd.DataFrame({"mined": pd.Categorical(["yes", "no"])})
    by_hand = fit.predict(rows, estimand="population").estimate.to_numpy()
    mine = dict(zip((cell[0] for cell in found.grid.cells), found.estimate, strict=True))
    assert [mine["yes"], mine["no"]] == pytest.approx(by_hand.tolist())


def test_random_slopes_are_averaged_over_at_the_values_of_the_grid() -> None:
    fit = fit_of("gamma")
    found = marginal_means(fit.fitted, "x", at={"x": [-1.0, 0.5]}, estimand="population")
    rows = fit.predict(pd.DataFrame({"x": [-1.0, 0.5]}), estimand="population")
    assert found.estimate == pytest.approx(rows.estimate.to_numpy(), rel=1e-12)


def test_splines_and_polynomials_use_the_knots_of_the_fit() -> None:
    fit = ilk.fit("score ~ bs(dose, df=5) + poly(days, 2) + arm + (1 | g)", DATA)
    found = marginal_means(fit.fitted, "arm", at={"dose": 2.0})
    rows = pd.DataFrame({"arm": ["a", "b", "c"], "dose": 2.0, "days": DATA.days.mean()})
    by_hand = fit.predict(rows, estimand="typical").estimate
    assert found.estimate == pytest.approx(by_hand.to_numpy(), rel=1e-12)


def test_covariates_split_within_and_between_clusters() -> None:
    fit = ilk.fit("score ~ arm + within(dose, g) + between(dose, g) + (1 | g)", DATA)
    found = marginal_means(fit.fitted, "arm")
    assert found.grid.kind == "observed"
    assert "within and between" in found.notes[0]
    by_hand = fit.predict(DATA.assign(arm="b"), estimand="typical").estimate.mean()
    assert found.estimate[1] == pytest.approx(by_hand)
    with pytest.raises(ilk.ModelError, match="grid='observed'"):
        marginal_means(fit.fitted, "arm", grid="reference")


def test_fewer_levels_and_values_outside_of_the_data(binary: Any) -> None:
    one = marginal_means(binary.fitted, "arm", at={"site": "y", "old": True})
    assert one.grid.averaged == {}
    assert one.grid.held["site"] == "y"
    far = marginal_means(binary.fitted, "arm", at={"dose": [100.0]})
    assert any("Outside of the data" in note for note in far.notes)


# What the data do not determine


def gap() -> pd.DataFrame:
    return DATA[~((DATA.arm == "c") & (DATA.site == "y"))]


def test_empty_cells_are_named() -> None:
    fit = ilk.fit("score ~ arm * site + (1 | g)", gap())
    found = marginal_means(fit.fitted, "arm")
    assert np.isnan(found.estimate).tolist() == [False, False, True]
    assert np.isnan(found.conf_low).tolist() == [False, False, True]
    assert "Not estimable: arm = 'c'" in found.notes[-1]
    assert "weights='cells' or 'flat'" in found.notes[-1]
    flat = marginal_means(fit.fitted, "arm", weights="flat")
    assert np.isfinite(flat.estimate).all()
    rows = pd.DataFrame({"arm": ["c"], "site": ["x"]})
    assert flat.estimate[2] == pytest.approx(fit.predict(rows, estimand="typical").estimate[0])


def test_collinear_columns_do_no_harm_where_they_agree() -> None:
    data = DATA.assign(twice=2.0 * DATA.dose)
    fit = ilk.fit("score ~ arm + dose + twice + (1 | g)", data)
    plain = ilk.fit("score ~ arm + dose + (1 | g)", data)
    found = marginal_means(fit.fitted, "arm")
    assert found.estimate == pytest.approx(marginal_means(plain.fitted, "arm").estimate)
    apart = marginal_means(fit.fitted, "arm", at={"dose": 1.0})
    assert np.isnan(apart.estimate).all()


def test_levels_that_never_meet_the_weights() -> None:
    fit = ilk.fit("score ~ arm + site + (1 | g)", gap())
    found = marginal_means(fit.fitted, ["arm", "site"], weights="cells")
    lost = np.isnan(found.estimate)
    assert lost.sum() == 1
    assert found.grid.cells[int(np.argmax(lost))] == ("c", "y")


# Frames, files, words


@pytest.mark.parametrize("flavor", ["polars", "dict"])
def test_any_frame(flavor: str, binary: Any) -> None:
    data = pl.DataFrame(DATA.to_dict("list")) if flavor == "polars" else DATA.to_dict("list")
    fit = ilk.fit(BINARY, data, family="binomial")
    frame = fit.means("arm").frame
    assert list(frame["estimate"]) == pytest.approx(binary.means("arm").frame.estimate.tolist())
    assert list(frame["arm"]) == ["a", "b", "c"]
    if flavor == "polars":
        assert isinstance(frame, pl.DataFrame)


def test_saved_fits_answer_the_same(binary: Any, tmp_path: Any) -> None:
    binary.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk")
    for estimand in ("typical", "population", "conditional"):
        first = binary.means("arm", by="site", estimand=estimand).frame
        second = again.means("arm", by="site", estimand=estimand).frame
        pd.testing.assert_frame_equal(first, second, rtol=1e-6)


def test_rows_with_gaps() -> None:
    holes = DATA.copy()
    holes.loc[holes.index[::7], "dose"] = np.nan
    with_holes = ilk.fit(BINARY, holes, family="binomial")
    without = ilk.fit(BINARY, holes.dropna(), family="binomial")
    first, second = (
        marginal_means(f.fitted, "arm", weights="cells") for f in (with_holes, without)
    )
    assert first.estimate == pytest.approx(second.estimate, rel=1e-6)


def test_what_is_asked_is_said(binary: Any) -> None:
    text = " ".join(binary.means("arm").text.split())
    for words in (
        "probability of y at each level of arm",
        "for levels of g whose random effects are all zero",
        "Linear predictors are averaged and taken back to means",
        "site: x and y",
        "equal weights",
        "dose at its mean",
        "estimand='population'",
    ):
        assert words in text
    frame = binary.means("arm", estimand="population", average="mean").frame
    assert set(frame.estimand) == {"population"}
    assert list(frame.columns) == [
        *("arm", "estimate", "std_error", "df", "conf_low", "conf_high", "scale", "estimand")
    ]


def test_names_that_the_table_needs() -> None:
    data = DATA.rename(columns={"arm": "estimate"})
    fit = ilk.fit("score ~ estimate + (1 | g)", data)
    assert "estimate (factor)" in fit.means("estimate").frame


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"variables": "arms"}, ("'arms'", "not in the model", "'arm'")),
        ({"variables": "g"}, ("grouping factor",)),
        ({"variables": "dose"}, ("'dose' holds numbers", "at={'dose':")),
        ({"variables": "arm", "at": {"arm": ["a", "bb"]}}, ("never is 'bb'", "'a', 'b', 'c'")),
        ({"variables": "arm", "at": {"dosis": 1}}, ("'dosis'", "'dose'")),
        ({"variables": "arm", "at": {"dose": "high"}}, ("cannot be set to 'high'",)),
        ({"variables": "arm", "at": {"dose": []}}, ("no value",)),
        ({"variables": "arm", "at": [1]}, ("give a dictionary",)),
        ({"variables": "arm", "by": "arm"}, ("named twice",)),
        ({"variables": [3]}, ("names of columns",)),
        ({"variables": "arm", "estimand": "average"}, ("estimand='average'", "'typical'")),
        ({"variables": "arm", "weights": "equall"}, ("weights='equall'", "'equal'")),
        ({"variables": "arm", "weights": "equal", "grid": "observed"}, ("reference grid",)),
        ({"variables": "arm", "grid": "reference", "estimand": "conditional"}, ("very clusters",)),
        ({"variables": "arm", "average": "median"}, ("average='median'",)),
        ({"variables": "arm", "per": 100.0}, ("no exposure",)),
        ({"variables": "arm", "level": 95}, ("0.95",)),
        ({"variables": "y"}, ("response",)),
    ],
)
def test_refused(binary: Any, arguments: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(ilk.IlkError) as error:
        binary.means(**arguments)
    for word in words:
        assert word in str(error.value)


def test_refused_without_levels_or_with_too_many(binary: Any) -> None:
    single = ilk.fit("score ~ arm + one + (1 | g)", DATA.assign(one="only"))
    assert single.means("arm").frame.estimate.notna().all()
    with pytest.raises(ilk.DataError, match="is 'only' in all"):
        single.means("one")
    with pytest.raises(ilk.ModelError, match="excess zeros"):
        fit_of("salamanders").means("mined", average="predictor")
    with pytest.raises(ilk.ModelError, match="reference grid would have"):
        binary.means("arm", at={"dose": np.linspace(1, 2, 60_000).tolist()})
