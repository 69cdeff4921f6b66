"""Clusters observed after the fit: against the fit's own effects and dense algebra."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.fits import data_of, fit_of
from tests.tables import table

import ilk
from ilk.errors import DataError, ModelError
from ilk.prediction import update
from ilk.prediction.levels import training_cases


def renamed(data, column):
    """The same rows under labels that the fit does not know."""
    old = data[column]
    text = not pd.api.types.is_numeric_dtype(old)
    return data.assign(**{column: old.astype(str) + " again" if text else old + 1000})


def numbers(frame):
    return frame.select_dtypes(float).to_numpy()


# A cluster of the fit under another name has the effects that it had


@pytest.mark.parametrize("interval", ["confidence", "cluster", "prediction"])
@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("binary", "g"),
        ("gamma", "g"),
        ("sleepstudy", "Subject"),
        ("cbpp", "herd"),
        ("salamanders", "site"),
        ("weighted", "g"),
    ],
)
def test_a_renamed_cluster_keeps_its_effects(name, group, interval):
    fit, data = fit_of(name), data_of(name)
    rows = data[data[group].isin(data[group].unique()[3:5])]
    again = renamed(rows, group)
    old = fit.predict(rows, interval=interval)
    new = fit.predict(again, observed=again, interval=interval)
    np.testing.assert_allclose(numbers(new), numbers(old), rtol=1e-7, atol=1e-9)
    assert (new.estimand == "conditional").all()


def test_known_new_and_unseen_clusters_in_one_frame():
    fit, data = fit_of("binary"), data_of("binary")
    rows = data[data.g == 3]
    history = renamed(rows, "g")
    mixed = pd.concat([rows, history, rows.assign(g=-1)])
    found = fit.predict(mixed, observed=history, new_levels="population", interval="confidence")
    n = len(rows)
    np.testing.assert_allclose(numbers(found[:n]), numbers(found[n : 2 * n]), rtol=1e-8)
    unseen = fit.predict(rows, estimand="population", interval="confidence")
    np.testing.assert_allclose(numbers(found[2 * n :]), numbers(unseen), rtol=1e-12)
    with pytest.raises(DataError, match="-1"):
        fit.predict(mixed, observed=history)


def test_fewer_rows_shrink_more():
    fit, data = fit_of("binary"), data_of("binary")
    rows = renamed(data[data.g == 3], "g")
    errors = [
        fit.predict(
            rows[:1], observed=rows[:k], scale="link", interval="confidence"
        ).std_error.iloc[0]
        for k in (1, 3, 6)
    ]
    nothing = fit.predict(rows[:1], estimand="population", scale="link", interval="cluster")
    assert errors[0] > errors[1] > errors[2]
    assert 2 * 1.96 * errors[0] < (nothing.conf_high - nothing.conf_low).iloc[0]


# Later rows that belong to levels of the fit too


def dense_gaussian(fitted, X, Zs, y, psi):
    """Fitted values X beta + Z E(b | y) and Z Var(b | y) Z' at a parameter."""
    Gs = [
        np.kron(np.eye(Z.shape[1] // len(G)), G)
        for Z, G in zip(Zs, fitted.covariances_at(psi), strict=True)
    ]
    Z = np.hstack(Zs)
    size = [len(G) for G in Gs]
    G = np.zeros((sum(size), sum(size)))
    for start, block in zip(np.cumsum([0, *size]), Gs, strict=False):
        G[start : start + len(block), start : start + len(block)] = block
    V = Z @ G @ Z.T + np.exp(psi[-1]) * np.eye(len(y))
    K = G @ Z.T @ np.linalg.inv(V)
    b = K @ (y - X @ psi[: X.shape[1]])
    return X @ psi[: X.shape[1]] + Z @ b, Z @ (G - K @ Z @ G) @ Z.T


def indicators(codes):
    return (codes[:, None] == np.arange(codes.max() + 1)).astype(float)


def test_a_new_plate_of_known_samples_is_blup():
    """Crossed terms: all rows together, with the covariance of plates and samples."""
    fit, data = fit_of("penicillin"), data_of("penicillin")
    fitted = fit.fitted
    later = data[data.plate == "a"].assign(plate="later")
    later["diameter"] += 1.5
    both = pd.concat([data, later])
    found = fit.predict(later, observed=later, interval="confidence")

    y = both.diameter.to_numpy(float)
    X = np.ones((len(y), 1))
    Zs = []
    for term in fitted.design.terms:
        labels = [*term.grouping.levels]
        labels += [v for v in both[term.grouping.name].unique() if v not in labels]
        Zs.append(indicators(np.array([labels.index(v) for v in both[term.grouping.name]])))
    psi, V = fitted.estimates.psi, fitted.psi_covariance()
    mean, C = dense_gaussian(fitted, X, Zs, y, psi)
    J = np.zeros((len(y), len(psi)))
    for j in range(len(psi)):
        h = 1e-5 * max(1.0, abs(psi[j]))
        ends = []
        for side in (h, -h):
            at = psi.copy()
            at[j] += side
            ends.append(dense_gaussian(fitted, X, Zs, y, at)[0])
        J[:, j] = (ends[0] - ends[1]) / (2 * h)
    error = np.sqrt(np.diag(C) + np.einsum("ni,ij,nj->n", J, V, J))
    n = len(data)
    np.testing.assert_allclose(found.estimate, mean[n:], rtol=1e-9)
    np.testing.assert_allclose(found.std_error, error[n:], rtol=1e-5)


def test_a_new_brood_of_a_known_location_by_dense_newton_steps():
    fit, data = fit_of("ticks"), data_of("ticks")
    fitted = fit.fitted
    later = data[:5].assign(BROOD="later")
    both = pd.concat([data, later])
    found = fit.predict(later, observed=later, interval="confidence", scale="link")

    cases = training_cases(fitted)
    X = np.vstack([cases.X[0], cases.X[0][:5]])
    Zs, variances = [], []
    for term, G in zip(fitted.design.terms, fitted.estimates.covariances, strict=True):
        labels = [str(level) for level in term.grouping.levels]
        if term.grouping.name == "BROOD":
            labels.append("later")
        Zs.append(
            (both[term.grouping.name].astype(str).to_numpy()[:, None] == np.array(labels)).astype(
                float
            )
        )
        variances += [G[0, 0]] * len(labels)
    Z, prior = np.hstack(Zs), 1.0 / np.array(variances)
    y, b = both.TICKS.to_numpy(float), np.zeros(len(variances))
    for _ in range(50):
        mu = np.exp(X @ fitted.coef + Z @ b)
        H = Z.T @ (mu[:, None] * Z) + np.diag(prior)
        b = b + np.clip(np.linalg.solve(H, Z.T @ (y - mu) - prior * b), -1.0, 1.0)
    np.testing.assert_allclose(found.estimate, (X @ fitted.coef + Z @ b)[-5:], rtol=1e-8)
    conditional = np.einsum("ni,ij,nj->n", Z[-5:], np.linalg.inv(H), Z[-5:])
    assert (found.std_error**2 > conditional).all()
    effects = update.observe(fitted, later).effects
    sd = np.sqrt(np.einsum("ni,ij,nj->n", Z[-5:], effects.solve(np.eye(len(b))), Z[-5:]))
    np.testing.assert_allclose(sd, np.sqrt(conditional), rtol=1e-7)


@pytest.mark.parametrize("name", ["gamma", "sleepstudy", "salamanders"])
def test_new_clusters_alone_are_as_with_all_rows(name):
    fitted, data = fit_of(name).fitted, data_of(name)
    group = fitted.design.terms[0].grouping.name
    later = renamed(data[data[group] == data[group].iloc[0]], group)
    alone = update.observe(fitted, later)
    levels = [len(term.grouping.levels) for term in alone.design.terms]
    rows = update._stacked(
        update._fitted_rows(fitted), update._later_rows(fitted, alone.design, later)
    )
    together = update._effects(fitted, rows, levels)
    for a, b in zip(alone.effects.modes, together.modes, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)
    size = sum(m.size for m in together.modes)
    C, D = alone.effects.solve(np.eye(size)), together.solve(np.eye(size))
    np.testing.assert_allclose(C, D, rtol=1e-6, atol=1e-9 * np.abs(D).max())
    S, R = alone.effects.sensitivity(), together.sensitivity()
    np.testing.assert_allclose(S, R, rtol=1e-4, atol=1e-6 * np.abs(R).max())
    for a, b in zip(alone.effects.covariance(), together.covariance(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9 * np.abs(b).max())


# Kinds of designs


def test_nested_groups():
    data = table()
    fit = ilk.fit("count ~ x + (1 | g) + (1 | g:h)", data, family="poisson")
    rows = data[data.g == "g03"]
    again = rows.assign(g="new")
    np.testing.assert_allclose(
        numbers(fit.predict(again, observed=again, interval="confidence")),
        numbers(fit.predict(rows, interval="confidence")),
        rtol=1e-6,
    )
    inside = rows.assign(h="new")  # a new part of a known group: all rows are taken in
    found = fit.predict(inside, observed=inside, interval="confidence")
    before = fit.predict(inside, new_levels="population", interval="confidence")
    assert (found.std_error < before.std_error).all()
    for policy in ("population", "typical"):
        mixed = fit.predict(
            pd.concat([again, rows.assign(h="other")]), observed=again, new_levels=policy
        )
        alone = fit.predict(rows.assign(h="other"), new_levels=policy)
        np.testing.assert_allclose(mixed.estimate[len(rows) :], alone.estimate)


def test_levels_per_row_are_their_own():
    data = table()
    fit = ilk.fit("count ~ x + (1 | g) + olre()", data, family="poisson")
    rows = data[data.g == "g03"]
    again = rows.assign(g="new")
    found = fit.predict(again, observed=again, new_levels="population")
    wanted = fit.predict(rows, new_levels="population")
    np.testing.assert_allclose(found.estimate, wanted.estimate, rtol=1e-8)


def test_frequency_weights_stand_for_rows():
    data = table()
    fit = ilk.fit("count ~ x + (1 | g)", data, family="poisson", frequency_weights="repeats")
    rows = data[data.g == "g03"].assign(g="new")
    repeated = rows.loc[rows.index.repeat(rows.repeats)].assign(repeats=1)
    np.testing.assert_allclose(
        numbers(fit.predict(rows, observed=rows, interval="confidence")),
        numbers(fit.predict(rows, observed=repeated, interval="confidence")),
        rtol=1e-9,
    )


def test_frames_of_all_makes_and_loaded_fits(tmp_path):
    fit, data = fit_of("binary"), data_of("binary")
    rows = renamed(data[data.g == 3], "g")
    wanted = fit.predict(rows, observed=rows, interval="confidence")
    polars = fit.predict(pl.from_pandas(rows), observed=rows.to_dict("list"), interval="confidence")
    assert isinstance(polars, pl.DataFrame)
    np.testing.assert_allclose(polars["conf_low"], wanted.conf_low)
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk").predict(rows, observed=rows, interval="confidence")
    np.testing.assert_allclose(numbers(again), numbers(wanted), rtol=1e-8)


def test_rates_and_dropped_columns():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"days": rng.uniform(5, 50, 120), "g": np.repeat(np.arange(12), 10)})
    data["x"] = rng.normal(size=120)
    data["twice"] = 2 * data.x
    data["n"] = rng.poisson(data.days * np.exp(-1 + 0.4 * rng.normal(size=12)[data.g]))
    fit = ilk.fit("n ~ x + twice + (1 + x | g)", data, family="poisson", exposure="days")
    rows = data[data.g == 2]
    again = renamed(rows, "g")
    found = fit.predict(again.drop(columns="days"), observed=again, per=100)
    np.testing.assert_allclose(found.estimate, fit.predict(rows, per=100).estimate, rtol=1e-8)


# What cannot be


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.drop(columns="y"), "'y'.*response of observed="),
        (lambda d: d.drop(columns="g"), "'g'.*grouping factor of observed="),
        (lambda d: d.drop(columns="x"), "'x'"),
        (lambda d: d.assign(y=[None, *d.y[1:]]), "no value of 'y' in 1 row, first in row 0"),
        (lambda d: d.assign(x=[np.nan, *d.x[1:]]), "'x'"),
        (lambda d: d.assign(g=[np.nan, *d.g[1:]]), "no value of 'g'"),
        (lambda d: d.assign(y="perhaps"), "level 'perhaps', which the fit does not know"),
        (lambda d: d.assign(g=[3, *d.g[1:]]), "1 row whose clusters were all in the data"),
        (lambda d: d[:0], "no rows"),
        (lambda d: [1, 2], "are a list"),
    ],
)
def test_bad_rows_are_named(change, message):
    rows = renamed(data_of("binary")[:6], "g").reset_index(drop=True)
    with pytest.raises(DataError, match=message):
        fit_of("binary").predict(rows, observed=change(rows))


def test_responses_out_of_range_and_missing_trials():
    data = data_of("cbpp")
    later = renamed(data[:4], "herd")
    with pytest.raises(DataError, match="more successes than trials"):
        fit_of("cbpp").predict(later, observed=later.assign(incidence=99))
    fit = ilk.fit("incidence ~ period + (1 | herd)", data, family="binomial", trials="size")
    with pytest.raises(DataError, match=r"lacks the numbers of trials.*'size'"):
        fit.predict(later, observed=later.drop(columns="size"))
    rows = renamed(data_of("gamma")[:4], "g")
    with pytest.raises(DataError, match="family 'gamma' takes"):
        fit_of("gamma").predict(rows, observed=rows.assign(y=-1.0))


def test_questions_that_do_not_use_it():
    fit, rows = fit_of("binary"), renamed(data_of("binary")[:6], "g")
    with pytest.raises(ModelError, match="estimand='population' does not use"):
        fit.predict(rows, observed=rows, estimand="population")
    with pytest.raises(ModelError, match="give them first"):
        fit.predict(observed=rows)
    plain = ilk.fit("y ~ x", data_of("gamma"))
    with pytest.raises(ModelError, match="the model has none"):
        plain.predict(data_of("gamma"), observed=data_of("gamma"))


def test_arguments_that_are_no_columns():
    data = data_of("gamma").assign(days=2.0)
    fit = ilk.fit(
        "y ~ x + (1 | g)", data, family="gamma", link="log", exposure=data.days.to_numpy()
    )
    rows = renamed(data[:4], "g")
    with pytest.raises(ModelError, match="needs exposure too"):
        fit.predict(rows, observed=rows, per=1)
