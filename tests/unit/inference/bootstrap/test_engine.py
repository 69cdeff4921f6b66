"""The bootstrap engine: what is drawn, that it can be repeated anywhere, what is refused."""

from __future__ import annotations

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from tests.fits import fit_of

import ilk
from ilk.errors import FitError, ModelError
from ilk.estimation.run import refit
from ilk.inference.bootstrap.engine import bootstrap, deletions
from ilk.simulate import simulate


def coefficients(fitted):
    return fitted.coef


def everything(fitted):
    return np.concatenate([fitted.estimates.psi, [fitted.loglik]])


@pytest.mark.parametrize("name", ["sleepstudy", "cbpp", "salamanders", "weighted", "binary"])
def test_a_draw_is_a_refit_to_a_simulated_response(name):
    fitted = fit_of(name).fitted
    found = bootstrap(fitted, lambda f: np.array([f.loglik]), draws=5, seed=3)
    Y = simulate(fitted, 5, seed=3)
    plain = [refit(fitted, Y[:, j]).loglik for j in range(5)]
    np.testing.assert_allclose(found.values[:, 0], plain, rtol=1e-8)
    assert (found.kind, found.unit, found.units) == ("parametric", "response", fitted.model.rows)


def test_conditional_draws_keep_the_random_effects():
    fitted = fit_of("sleepstudy").fitted
    Y = simulate(fitted, 4, estimand="conditional", seed=1)
    found = bootstrap(fitted, everything, draws=4, seed=1, estimand="conditional")
    plain = [everything(refit(fitted, Y[:, j])) for j in range(4)]
    np.testing.assert_allclose(found.values, plain, rtol=1e-6)


def test_standard_errors_and_bias_are_those_of_theory():
    """Balanced one-way REML: Var(mean) = (sigma2 + n G) / (n L), and sigma2 has n - L df."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"g": np.repeat(np.arange(20), 5)})
    data["y"] = rng.normal(size=20)[data.g] + rng.normal(size=100)
    fitted = ilk.fit("y ~ 1 + (1 | g)", data).fitted
    found = bootstrap(
        fitted, lambda f: np.array([f.coef[0], f.estimates.sigma2]), draws=2000, seed=4
    )
    sigma2, G = fitted.estimates.sigma2, fitted.estimates.covariances[0][0, 0]
    assert found.values[:, 0].var() == pytest.approx((sigma2 + 5 * G) / 100, rel=0.1)
    assert found.values[:, 1].var() == pytest.approx(2 * sigma2**2 / 80, rel=0.12)
    assert found.values[:, 1].mean() == pytest.approx(sigma2, rel=0.015)


@pytest.mark.parametrize("kind", ["parametric", "cluster"])
@pytest.mark.parametrize("name", ["cbpp", "sleepstudy"])
def test_draws_do_not_depend_on_workers_or_number(name, kind):
    fitted = fit_of(name).fitted
    one = bootstrap(fitted, everything, kind=kind, draws=12, seed=5)
    for n_jobs in (2, 3, -1):
        two = bootstrap(fitted, everything, kind=kind, draws=12, seed=5, n_jobs=n_jobs)
        np.testing.assert_array_equal(one.values, two.values)
    more = bootstrap(fitted, everything, kind=kind, draws=20, seed=5)
    np.testing.assert_array_equal(one.values, more.values[:12])
    assert not np.array_equal(one.values, more.values[8:])


def test_draws_can_be_repeated_with_the_seed_that_was_drawn():
    fitted = fit_of("sleepstudy").fitted
    drawn = bootstrap(fitted, coefficients, draws=4)
    again = bootstrap(fitted, coefficients, draws=4, seed=drawn.seed)
    np.testing.assert_array_equal(drawn.values, again.values)


def test_a_loaded_fit_gives_the_same_draws(tmp_path):
    for name in ("sleepstudy", "cbpp", "binary"):
        fit = fit_of(name)
        fit.save(tmp_path / name)
        loaded = ilk.load(tmp_path / name)
        np.testing.assert_array_equal(
            bootstrap(fit.fitted, everything, draws=6, seed=2).values,
            bootstrap(loaded.fitted, everything, draws=6, seed=2).values,
        )


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_every_backend_gives_the_same_draws(backend):
    for name, kind in [("cbpp", "parametric"), ("sleepstudy", "cluster")]:
        fitted = fit_of(name).fitted
        one = bootstrap(fitted, everything, kind=kind, draws=9, seed=5)
        with joblib.parallel_config(backend=backend, n_jobs=2):
            two = bootstrap(fitted, everything, kind=kind, draws=9, seed=5, n_jobs=None)
        np.testing.assert_array_equal(one.values, two.values)


def test_a_record_travels_as_the_content_of_a_file():
    fitted = fit_of("cbpp").fitted
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.estimates.psi, fitted.estimates.psi)
    assert again.loglik == fitted.loglik


def test_boundary_draws_count():
    """Without between-batch variance in the fit, about half of the draws have none either."""
    fitted = fit_of("dyestuff2").fitted
    found = bootstrap(fitted, lambda f: f.estimates.covariances[0].ravel(), draws=200, seed=6)
    assert found.failed == 0
    assert 0.4 < np.mean(found.values == 0.0) < 0.8


def test_numbers_that_do_not_exist_are_missing_not_failed():
    fitted = fit_of("sleepstudy").fitted
    turn = iter(range(100))
    found = bootstrap(
        fitted,
        lambda f: np.array([f.coef[0], np.nan if next(turn) % 3 == 2 else np.inf, 1.0]),
        draws=9,
        seed=1,
    )
    assert found.failed == 0
    assert np.all(np.isnan(found.values[:, 1]))
    assert found.complete().failed == 9


def test_deletions_leave_out_whole_clusters():
    fit = fit_of("sleepstudy")
    data = fit.fitted.design.data
    found = deletions(fit.fitted, coefficients)
    assert found.shape == (18, 2)
    frame = pd.DataFrame({name: data.column(name).values for name in ("Reaction", "Days")})
    frame["Subject"] = fit.fitted.design.terms[0].grouping.codes
    without = ilk.fit("Reaction ~ Days + (1 + Days | Subject)", frame[frame.Subject != 4])
    np.testing.assert_allclose(found[4], without.params, rtol=1e-5)


def test_deletions_of_many_clusters_are_made_in_parts():
    data = pd.DataFrame({"y": np.random.default_rng(3).normal(size=900)})
    found = deletions(ilk.fit("y ~ 1", data).fitted, coefficients)
    assert found.shape == (400, 1)
    y = data.y.to_numpy()
    np.testing.assert_allclose(found[7, 0], y[np.arange(900) % 400 != 7].mean(), rtol=1e-10)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "wild"}, "kind='wild'"),
        ({"draws": 1}, "draws=1: give a whole number above 1"),
        ({"draws": 9.5}, "draws=9.5"),
        ({"seed": -1}, "seed=-1: give a whole number from 0"),
        ({"n_jobs": 0}, "n_jobs=0"),
        ({"n_jobs": "two"}, "n_jobs='two'"),
        ({"cluster": "Subject"}, "draws responses, not clusters"),
        ({"estimand": "typical"}, "estimand='typical'"),
        ({"kind": "cluster", "estimand": "conditional"}, "estimand='conditional'"),
        ({"path": 3}, "path=3: give the name of a directory"),
    ],
)
def test_wrong_options_are_refused(options, words):
    with pytest.raises(ModelError, match=words):
        bootstrap(fit_of("sleepstudy").fitted, coefficients, **{"draws": 3, **options})


def test_statistics_must_keep_their_length_and_be_numbers():
    fitted = fit_of("sleepstudy").fitted
    sizes = iter([2, 2, 3])
    with pytest.raises(ModelError, match="2 numbers for the fit, but 3 for one of its refits"):
        bootstrap(fitted, lambda _: np.ones(next(sizes)), draws=5, seed=1)
    with pytest.raises(ModelError, match="without finite numbers"):
        bootstrap(fitted, lambda _: np.array([np.nan]), draws=5, seed=1)
    with pytest.raises(ModelError, match="shape"):
        bootstrap(fitted, lambda _: np.ones((2, 2)), draws=5, seed=1)


def test_models_that_cannot_be_drawn_from_are_refused():
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0], "w": [1, 2, 1, 3]})
    weighted = ilk.fit("y ~ 1", data, frequency_weights="w").fitted
    with pytest.raises(ModelError, match="frequency weights say that rows stand for several"):
        bootstrap(weighted, coefficients, draws=5, seed=1)
    crossed = fit_of("penicillin").fitted
    with pytest.raises(ModelError, match="'plate' and 'sample' cross"):
        bootstrap(crossed, coefficients, kind="cluster", draws=5, seed=1)


def test_failures_are_reported_with_their_reasons():
    fitted = fit_of("sleepstudy").fitted
    turn = iter(range(100))

    def statistic(_):
        k = next(turn)
        if k and k % 4 == 3:
            raise FitError("No luck.", code="luck")
        return np.array([1.0 / (k % 5)]) if k else np.ones(1)

    found = bootstrap(fitted, statistic, draws=20, seed=1)
    assert list(found.reasons.values()) == [5, 3]  # 15 is both
    assert next(iter(found.reasons)) == "No luck"
    assert "division by zero" in list(found.reasons)[1]
    assert len(found.values) == len(found.index) == 12
    assert 2 not in found.index  # the third call after the fit itself
    np.testing.assert_allclose(found.values[:2, 0], [1.0, 0.5])


def test_a_bootstrap_of_failures_is_refused():
    turn = iter(range(100))

    def statistic(_):
        if next(turn):
            raise FitError("No luck.", code="luck")
        return np.ones(1)

    with pytest.raises(FitError, match="20 of 20 refits to drawn responses failed, 20 of them"):
        bootstrap(fit_of("sleepstudy").fitted, statistic, draws=20, seed=1)
