"""What verdicts say of the parameters of covariance structures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.unit.plot.structured import lineage, places, series

import ilk
from ilk.fitted import Status

NEWICK = "(" + ",".join(f"(a{i}:1,b{i}:1):1" for i in range(20)) + ");"
TIPS = [f"{x}{i}" for i in range(20) for x in "ab"]


def codes(fit) -> list[str]:
    return [reason.code for reason in fit.verdict.reasons]


def message(fit, code: str) -> str:
    return next(f"{r.message} {r.advice}" for r in fit.verdict.reasons if r.code == code)


def tips(relatedness: float) -> pd.DataFrame:
    """Effects of tips, sisters alike, opposed or neither."""
    rng = np.random.default_rng(4)
    pair = rng.normal(size=20)
    own = rng.normal(size=40)
    effect = np.repeat(pair, 2) * relatedness + own * (1.0 - relatedness)
    data = pd.DataFrame({"cell": np.repeat(TIPS, 4)})
    data["y"] = np.repeat(effect, 4) + 0.2 * rng.normal(size=160)
    return data


def fit_tree(data: pd.DataFrame, model: str):
    tree = ilk.covariance.tree(NEWICK, model=model)
    return ilk.fit("y ~ 1 + (1 | cell)", data, covariance={"cell": tree})


def test_nothing_to_say() -> None:
    for fit in (series(), places()[0]):
        assert fit.verdict.status is Status.CONVERGED


def test_lambda_of_one_is_brownian_motion() -> None:
    data = tips(1.0)  # sisters more alike than the tree has it
    fit = fit_tree(data, "pagel")
    assert fit.verdict.status is Status.BOUNDARY
    assert "lambda of (1 | cell) is estimated as one" in message(fit, "structure_limit")
    assert fit.fitted.loglik == pytest.approx(fit_tree(data, "brownian").fitted.loglik, abs=1e-5)


def test_lambda_of_zero_is_unrelated_tips() -> None:
    data = tips(0.0)
    data.loc[data.cell.str.startswith("a"), "y"] *= -1.0
    mirrored = data.copy()
    mirrored["y"] = np.where(mirrored.cell.str.startswith("a"), 1.0, -1.0) + 0.3 * data.y
    fit = fit_tree(mirrored, "pagel")
    assert fit.verdict.status is Status.BOUNDARY
    assert "lambda of (1 | cell) is estimated as zero" in message(fit, "structure_limit")
    plain = ilk.fit("y ~ 1 + (1 | cell)", mirrored)  # all tips are as far from the root
    assert fit.fitted.loglik == pytest.approx(plain.fitted.loglik, abs=1e-5)


def test_a_range_beyond_the_tree() -> None:
    rng = np.random.default_rng(3)
    tree = ilk.covariance.tree(NEWICK)
    draws = tree.draw(np.zeros(0), rng, 1)[0]
    place = tree.places()
    data = pd.DataFrame({"cell": np.repeat(TIPS, 4)})
    data["y"] = [draws[place[c]] for c in data.cell] + 0.05 * rng.normal(size=160)
    fit = fit_tree(data, "ou")
    table = fit.variance_components().set_index("kind")
    if table.estimate["range"] > 1e3 * 4.0:
        assert fit.verdict.status is Status.BOUNDARY
        assert "longer than the tree by far" in message(fit, "structure_limit")
        assert table.boundary["range"]
        assert table.boundary["half_life"]
        cell = fit.variance_components().iloc[0]  # its variance has no value of its own
        assert cell.boundary
        assert np.isnan(cell.conf_low)
    else:
        assert fit.verdict.converged


def test_range_beyond_the_data() -> None:
    rng = np.random.default_rng(1)
    x = np.linspace(0.0, 5.0, 12)
    site = np.repeat(np.arange(12), 4)
    data = pd.DataFrame({"site": site, "x": x[site]})
    data["y"] = 0.8 * data.x + 0.3 * rng.normal(size=48)  # a trend that the formula leaves out
    field = ilk.covariance.spatial("x", kind="exp")
    fit = ilk.fit("y ~ 1 + (1 | site)", data, covariance={"site": field})
    assert fit.verdict.converged
    found = set(codes(fit)) & {"range_edge", "structure_limit"}
    assert found
    assert "largest distance" in message(fit, found.pop())


def test_range_below_the_smallest_distance() -> None:
    rng = np.random.default_rng(5)
    step = np.repeat(np.arange(8), 2)
    data = pd.DataFrame({"g": np.repeat(np.arange(40), 16), "t": np.tile(step, 40)})
    data["y"] = np.repeat(rng.normal(size=320), 2) + 0.4 * rng.normal(size=640)
    fit = ilk.fit("y ~ 1 + ou(t | g)", data)
    assert fit.verdict.converged
    found = set(codes(fit)) & {"range_edge", "structure_limit"}
    if fit.variance_components().set_index("kind").estimate["range"] < 1.0 / 3.0:
        assert "smallest distance" in message(fit, found.pop())


def test_rho_near_one() -> None:
    rng = np.random.default_rng(6)
    data = pd.DataFrame({"g": np.repeat(np.arange(40), 8), "t": np.tile(np.arange(8), 40)})
    data["y"] = rng.normal(size=40)[data.g] + 0.5 * rng.normal(size=320)
    fit = ilk.fit("y ~ 1 + ar1(t | g)", data)
    assert fit.verdict.converged
    assert set(codes(fit)) & {"rho_near_one", "structure_limit"}


def test_smoothness_that_nobody_knows() -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform(0.0, 10.0, size=(40, 2))
    site = np.repeat(np.arange(40), 2)
    data = pd.DataFrame({"site": site, "x": points[site, 0], "y": points[site, 1]})
    data["z"] = np.sin(data.x / 2.0) + 0.5 * rng.normal(size=80)
    field = ilk.covariance.spatial("x", "y", nu="estimate")
    fit = ilk.fit("z ~ 1 + (1 | site)", data, covariance={"site": field})
    found = codes(fit)
    assert {"smoothness_flat", "structure_limit"} & set(found)


def test_few_levels_for_a_parameter() -> None:
    fit, _ = lineage("pagel")
    assert "5 levels with data say hardly anything about lambda" in message(
        fit, "few_for_structure"
    )
    assert "few_for_structure" not in codes(lineage()[0])


def test_more_parameters_than_levels() -> None:
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": np.repeat(np.arange(8), 10), "t": np.tile(np.arange(10), 8)})
    data["y"] = rng.normal(size=8)[data.g] + rng.normal(size=80)
    fit = ilk.fit("y ~ 1 + toep(t | g)", data)
    assert "has 19 covariance parameters for 8 levels" in message(fit, "few_for_structure")


def test_reduced_rank_is_not_singular() -> None:
    rng = np.random.default_rng(5)
    b = rng.normal(size=(60, 1)) * np.array([1.0, 0.8, -0.7, 0.5])
    data = pd.DataFrame({"g": np.repeat(np.arange(60), 8), "k": np.tile(list("abcd"), 120)})
    data["y"] = b[data.g, data.k.map("abcd".index)] + 0.4 * rng.normal(size=480)
    assert "singular_covariance" not in codes(ilk.fit("y ~ k + rr(0 + k | g, d=1)", data))


def test_an_independent_part_beside_the_residual() -> None:
    data = tips(0.7).drop_duplicates("cell")
    rng = np.random.default_rng(8)
    data["y"] += rng.normal(size=40)
    fit = fit_tree(data, "pagel")
    said = message(fit, "structure_and_residual")
    assert "one row, so that the independent part of (1 | cell) can hardly be told" in said
    assert "model='brownian'" in said
    assert "structure_and_residual" not in codes(fit_tree(data, "brownian"))
    assert "structure_and_residual" not in codes(fit_tree(tips(0.7), "pagel"))


def noise_at_places(seed: int):
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 10, size=(50, 2))
    site = np.repeat(np.arange(50), 3)
    data = pd.DataFrame({"site": site, "x": points[site, 0], "y": points[site, 1]})
    data["z"] = rng.normal(size=150)
    field = ilk.covariance.spatial("x", "y", kind="exp")
    return ilk.fit("z ~ 1 + (1 | site)", data, covariance={"site": field})


@pytest.mark.parametrize("seed", [1, 21, 29])
def test_a_range_without_variance_is_no_doubt(seed: int) -> None:
    """Where the variance is zero the range changes nothing; the fit is one on the boundary."""
    fit = noise_at_places(seed)
    assert fit.variance_components().estimate[0] == 0.0
    assert fit.verdict.status is Status.BOUNDARY
    assert codes(fit) == ["singular_covariance"]


@pytest.mark.parametrize("seed", [20, 24])
def test_a_short_range_is_found_where_a_long_one_was(seed: int) -> None:
    """A first search drifts to a range without end; the optimum is at a short one."""
    fit = noise_at_places(seed).fitted
    best = max(
        fit.marginal.at_point(fit.point.beta, np.array([sd, log_range])).value
        for sd in np.linspace(0.1, 0.6, 6)
        for log_range in np.linspace(-2.5, 2.0, 10)
    )
    assert fit.point.value >= best - 1e-6
    assert fit.verdict.converged
