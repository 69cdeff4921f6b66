"""Profiles of whole fits: accuracy, boundaries, separation, better optima, names."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq, minimize
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import FitError, ModelError
from ilk.estimation.run import run
from ilk.fitted import Lazy, Status, Verdict
from ilk.inference.profile.profile import profile
from ilk.inference.profile.search import End
from ilk.inference.profile.trace import Surroundings
from ilk.inference.wald import two_sided
from ilk.kernels.reference import LaplaceEngine
from ilk.likelihood.base import Search

Z = two_sided(0.95)


def limits_of(fit, parameters=None, **options):
    frame = fit.conf_int(method="profile", parameters=parameters, **options)
    return frame[["conf_low", "conf_high"]].to_numpy()


def tiny():
    """Twelve groups of four, an intercept and a slope."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(12), 4)
    x = np.tile([0.0, 1.0, 2.0, 3.0], 12)
    b = rng.normal(size=(12, 2)) @ np.array([[1.0, 0.3], [0.0, 0.6]])
    y = 2.0 + 0.5 * x + b[g, 0] + b[g, 1] * x + 0.7 * rng.normal(size=48)
    return pd.DataFrame({"y": y, "x": x, "g": g})


def dense(data):
    """Log-likelihood by the dense covariance matrix, at (beta, sds, correlation, sigma)."""
    y, x, g = (data[name].to_numpy() for name in "yxg")
    X = np.column_stack([np.ones_like(x), x])
    same = g[:, None] == g[None, :]

    def loglik(b0, b1, s0, s1, r, sigma):
        G = np.array([[s0 * s0, r * s0 * s1], [r * s0 * s1, s1 * s1]])
        V = same * (X @ G @ X.T) + sigma**2 * np.eye(len(y))
        sign, log_det = np.linalg.slogdet(V)
        rest = y - X @ [b0, b1]
        if sign <= 0:
            return -np.inf
        return -0.5 * (log_det + rest @ np.linalg.solve(V, rest) + len(y) * math.log(2 * math.pi))

    return loglik


@pytest.mark.parametrize("k", range(6))
def test_limits_are_those_of_brute_force(k):
    """Within 1e-4 standard errors of a simplex search with the parameter held, dense matrices."""
    data = tiny()
    fit = ilk.fit("y ~ x + (1 + x | g)", data, reml=False)
    loglik = dense(data)
    curve = profile(fit.fitted, level=0.95, curves=False).curves[k]
    low, high = curve.limits(0.95)
    error = (high - low) / (2.0 * Z)
    for limit in (low, high):
        at = int(np.argmin(np.abs(curve.value - limit)))
        start = np.delete(curve.others[at], k)

        def held(value, start=start):
            def loss(z):
                full = np.insert(z, k, value)
                full[[2, 3, 5]] = np.abs(full[[2, 3, 5]])
                return -loglik(*full) if abs(full[4]) < 1.0 else 1e6

            options = {"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20000, "maxfev": 20000}
            found = minimize(loss, start, method="Nelder-Mead", options=options)
            return 2.0 * (fit.loglik + found.fun) - Z**2

        step = 1e-4 * error  # zeta crosses the cutoff within a ten-thousandth of an error
        inside, outside = sorted(
            (limit - step, limit + step), key=lambda v: abs(v - curve.estimate)
        )
        assert held(inside) < 0.0 < held(outside)


def test_limits_of_coefficients_are_those_of_offsets():
    """A coefficient held is an offset: a fit without its column loses as much as it should."""
    data = data_of("gamma")
    fit = ilk.fit("y ~ x + (1 + x | g)", data, family="gamma", link="log")
    for term, formula, column in (
        ("x", "y ~ 1 + (1 + x | g)", data.x.to_numpy()),
        ("Intercept", "y ~ 0 + x + (1 + x | g)", np.ones(len(data))),
    ):
        for limit in limits_of(fit, ("mean", term))[0]:
            held = ilk.fit(formula, data, family="gamma", link="log", offset=limit * column)
            assert math.sqrt(2.0 * (fit.loglik - held.loglik)) == pytest.approx(Z, abs=1e-5)


def test_a_mean_of_one_variance():
    """The limits of a standard deviation and a mean without random effects are known."""
    rng = np.random.default_rng(2)
    y = rng.normal(3.0, 2.0, size=25)
    fit = ilk.fit("y ~ 1", pd.DataFrame({"y": y}))
    n, s2 = 25, float(np.var(y))
    half = math.sqrt(s2 * math.expm1(Z * Z / n))

    def loss(sigma):
        return n * (2.0 * math.log(sigma) + s2 / sigma**2 - math.log(s2) - 1.0) - Z * Z

    root = math.sqrt(s2)
    exact = [
        [y.mean() - half, y.mean() + half],
        [brentq(loss, 0.3 * root, root), brentq(loss, root, 3 * root)],
    ]
    np.testing.assert_allclose(limits_of(fit), exact, rtol=1e-6)


@pytest.mark.parametrize("name", ["sleepstudy", "cbpp", "gamma", "weighted", "salamanders"])
def test_a_constrained_optimum_holds_its_value_exactly(name):
    """... and its log-likelihood is that of its parameters, which are reported beside it."""
    fitted = fit_of(name).fitted
    found = profile(fitted, level=0.8)
    again = found.fitted
    for k, curve in enumerate(found.curves):
        np.testing.assert_allclose(curve.others[:, k], curve.value, rtol=1e-10, atol=1e-10)
        center = int(np.argmin(np.abs(curve.zeta)))
        assert curve.loglik[center] == pytest.approx(again.loglik, abs=1e-7)
        loss = 2.0 * (curve.loglik[center] - curve.loglik)
        np.testing.assert_allclose(curve.zeta**2, np.maximum(loss, 0.0), atol=1e-9)
        assert np.all(np.diff(curve.value) > 0.0)
        assert np.all(np.diff(curve.zeta) > -1e-8)  # flat where an end is infinite


@pytest.mark.parametrize("name", ["sleepstudy", "cbpp", "gamma"])
def test_curves_tell_the_limits_that_are_found_directly(name):
    fitted = fit_of(name).fitted
    curves = profile(fitted).curves
    for level in (0.5, 0.9, 0.95):
        direct = profile(fitted, level=level, curves=False).limits(level)
        for curve, limits in zip(curves, direct, strict=True):
            error = (limits[1] - limits[0]) / (2.0 * two_sided(level))
            np.testing.assert_allclose(curve.limits(level), limits, atol=5e-4 * error)


def test_slopes_of_the_curve_are_derivatives():
    """The envelope theorem, against differences of the curve itself."""
    (curve,) = profile(fit_of("cbpp").fitted, "sd(Intercept)").curves
    for i in range(1, len(curve.zeta) - 1):
        w = curve.position
        (left, here, right) = curve.zeta[i - 1 : i + 2]
        a, b = w[i] - w[i - 1], w[i + 1] - w[i]
        slope = ((here - left) / a * b + (right - here) / b * a) / (a + b)
        assert curve.slope[i] == pytest.approx(slope, rel=0.05)


def test_reml_is_profiled_by_ml():
    fitted = fit_of("sleepstudy").fitted
    assert fitted.model.reml
    ml = run(replace(fitted.model, reml=False), Search())
    found = profile(fitted, level=0.95, curves=False)
    assert found.refitted
    np.testing.assert_allclose(found.limits(0.95), profile(ml, level=0.95).limits(0.95), rtol=1e-4)
    assert "fitted again by ML" in found.notes(0.95)[0]
    frame = fit_of("sleepstudy").conf_int(method="profile", parameters="Days")
    assert list(frame.method) == ["profile (ML)"]
    assert frame.estimate[0] == pytest.approx(ml.coef[1], rel=1e-6)


def test_units_do_not_matter():
    """Limits on the user's scale: of a shifted and scaled covariate, and of a scaled response."""
    data = tiny()
    moved = data.assign(x=2000.0 + 10.0 * data.x, y=100.0 * data.y)
    plain = ilk.fit("y ~ x + (1 + x | g)", data, reml=False)
    other = ilk.fit("y ~ x + (1 + x | g)", moved, reml=False)
    asked = ["x", "sd(x)", "sd(Residual)"]
    factor = np.array([[10.0], [10.0], [100.0]])
    np.testing.assert_allclose(limits_of(other, asked), factor * limits_of(plain, asked), rtol=1e-4)
    # the intercept of the moved data is the mean at x = -200 of the plain ones
    wide = ilk.fit("y ~ z + (1 + z | g)", data.assign(z=data.x + 200.0), reml=False)
    asked = ["Intercept", "sd(Intercept)", "correlation(Intercept ~ z)"]
    theirs = ["Intercept", "sd(Intercept)", "correlation(Intercept ~ x)"]
    ours = limits_of(other, theirs).copy()
    ours[:2] /= 100.0
    np.testing.assert_allclose(ours, limits_of(wide, asked), rtol=1e-3, atol=1e-7)


def test_a_variance_of_zero_has_an_interval_from_zero():
    found = profile(fit_of("dyestuff2").fitted, level=0.95, curves=False)
    low, high = found.limits(0.95)[1]
    assert low == 0.0
    assert high == pytest.approx(2.0840476, abs=1e-5)  # lme4, tests/reference/profile_peers.json
    assert "[0, upper]" in " ".join(found.notes(0.95))
    assert found.curves[1].ends == (End.BOUNDARY, End.CROSSED)


def test_a_positive_variance_whose_curve_ends_at_zero():
    """Its lower limit is zero at 95 percent, positive at 90."""
    rng = np.random.default_rng(10)
    g = np.repeat(np.arange(8), 4)
    data = pd.DataFrame({"y": 0.6 * rng.normal(size=8)[g] + rng.normal(size=32), "g": g})
    curve = profile(ilk.fit("y ~ 1 + (1 | g)", data).fitted, "sd(Intercept)").curves[0]
    assert curve.estimate > 0.5
    assert curve.limits(0.95)[0] == 0.0
    assert 0.0 < curve.limits(0.9)[0] < 0.2
    assert curve.value[0] == 0.0


def test_a_correlation_ends_at_one():
    curve = profile(fit_of("gamma").fitted, "correlation(Intercept ~ x)", level=0.95).curves[0]
    low, high = curve.limits(0.95)
    assert high == 1.0
    assert -0.2 < low < 0.0
    assert curve.value[-1] == 1.0
    assert "parameter space ends" in " ".join(
        profile(fit_of("gamma").fitted, level=0.95, curves=False).notes(0.95)
    )


def test_a_correlation_with_a_variance_of_zero_may_be_anything():
    fitted = fit_of("gamma").fitted
    point = fitted.marginal.at_point(fitted.point.beta, np.array([0.5, 0.0, 0.0]))
    point = replace(fitted.point, theta=point.theta, value=point.value)
    there = Surroundings(replace(fitted, point=point), Z, dense=True, strict=False)
    curve = there.curve(next(p for p in there.parameters if p.kind == "correlation"))
    assert math.isnan(curve.estimate)
    assert curve.limits(0.95) == (-1.0, 1.0)


def separated():
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(15), 6)
    x = np.tile([0, 0, 0, 1, 1, 1], 15)
    z = rng.normal(size=90)
    p = 1.0 / (1.0 + np.exp(-(0.3 * z + rng.normal(size=15)[g])))
    y = np.where(x == 1, 1, rng.random(90) < p).astype(int)
    return pd.DataFrame({"y": y, "x": x, "z": z, "g": g})


@pytest.mark.filterwarnings("ignore::ilk.errors.IdentificationWarning")
def test_a_separating_column_has_an_infinite_end():
    """The other end is where the likelihood has fallen from its supremum, found by brute force."""
    data = separated()
    fit = ilk.fit("y ~ x + z + (1 | g)", data, family="binomial")
    found = profile(fit.fitted, level=0.95, curves=False)
    by_name = {c.label: c.limits(0.95) for c in found.curves}
    low, high = by_name["x"]
    assert high == math.inf
    assert 0.5 < low < 10.0
    assert all(np.all(np.isfinite(by_name[name])) for name in ("Intercept", "z", "sd(Intercept)"))
    assert "flattens below the cutoff" in " ".join(found.notes(0.95))

    def held(value):
        again = ilk.fit(
            "y ~ z + (1 | g)", data, family="binomial", offset=value * data.x.to_numpy()
        )
        return 2.0 * (held.top - again.loglik) - Z**2

    held.top = 0.0
    held.top = ilk.fit(
        "y ~ z + (1 | g)", data, family="binomial", offset=40.0 * data.x.to_numpy()
    ).loglik
    assert low == pytest.approx(brentq(held, low - 0.5, low + 0.5, xtol=1e-7), abs=1e-4)


def test_penalties_are_profiled_along():
    """Under Firth's penalty the interval of a separating column is finite."""
    fit = ilk.fit("y ~ x + z + (1 | g)", separated(), family="binomial", penalty="firth")
    found = profile(fit.fitted, level=0.95, curves=False)
    assert np.all(np.isfinite(found.limits(0.95)))
    assert "penalized likelihood" in found.notes(0.95)[0]


def test_quadrature_is_kept():
    data = data_of("binary")
    laplace = ilk.fit("y ~ x + (1 | g)", data, family="binomial")
    finer = ilk.fit("y ~ x + (1 | g)", data, family="binomial", quadrature=15)
    a, b = limits_of(laplace, "sd(Intercept)"), limits_of(finer, "sd(Intercept)")
    assert np.all(b > a + 1e-3)
    (curve,) = profile(finer.fitted, "sd(Intercept)", level=0.95, curves=False).curves
    held = ilk.fit("y ~ x + (1 | g)", data, family="binomial", quadrature=15).fitted.marginal
    at = int(np.argmin(np.abs(curve.zeta - Z)))
    theta = curve.others[at, -1:]
    value = held.at_point(held.scaled.beta(curve.others[at, :2]), theta).value
    assert value + held.scaled.value_shift == pytest.approx(curve.loglik[at], abs=1e-8)


@pytest.mark.parametrize("structure", ["cs", "homcs", "diag", "identity", "us"])
def test_every_structure(structure):
    """The optimum along the curve is the fit, and the curve rises on both sides."""
    rng = np.random.default_rng(5)
    g, k = np.repeat(np.arange(20), 9), np.tile(np.arange(3), 60)
    b = 0.8 * rng.normal(size=(20, 1)) + 0.5 * rng.normal(size=(20, 3))
    data = pd.DataFrame(
        {"y": 1.0 + b[g, k] + 0.7 * rng.normal(size=180), "k": np.array(["a", "b", "c"])[k], "g": g}
    )
    fit = ilk.fit(f"y ~ 1 + {structure}(0 + k | g)", data, reml=False)
    frame = fit.conf_int(method="profile")
    assert list(frame.term) == list(fit.tidy().term)
    np.testing.assert_allclose(frame.estimate, fit.tidy().estimate, rtol=1e-4, atol=1e-6)
    assert np.all(frame.conf_low < frame.estimate)
    assert np.all(frame.estimate < frame.conf_high)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_better_optimum_is_said_and_taken(jobs):
    """A fit that stands beside the optimum: the profile moves to the optimum and says so."""
    pytest.importorskip("joblib")
    fitted = fit_of("cbpp").fitted
    theta = 1.6 * fitted.point.theta
    point = fitted.marginal.at_point(fitted.point.beta, theta)
    point = replace(fitted.point, theta=theta, value=point.value)
    wrong = replace(fitted, point=point, estimates=fitted.marginal.estimates(point))
    found = profile(wrong, "period[T.2]", level=0.95, curves=False, n_jobs=jobs)
    assert found.gained == pytest.approx(fitted.loglik - wrong.loglik, abs=1e-5)
    assert "verdict was wrong" in " ".join(found.notes(0.95))
    right = profile(fitted, ["period[T.2]"], level=0.95, curves=False)
    np.testing.assert_allclose(found.limits(0.95), right.limits(0.95), atol=1e-5)
    assert right.gained == 0.0


def test_engines_agree(monkeypatch):
    """The NumPy engine finds the same limits as the compiled one."""
    ours = limits_of(fit_of("cbpp"))
    monkeypatch.setattr("ilk.likelihood.joint.laplace_engine", LaplaceEngine)
    np.testing.assert_allclose(limits_of(fit_of("cbpp")), ours, atol=1e-8)


def test_an_unconverged_fit_is_refused():
    fitted = fit_of("cbpp").fitted
    verdict = Verdict(Status.NOT_CONVERGED, ())
    with pytest.raises(FitError, match="has not converged"):
        profile(replace(fitted, judged=Lazy(lambda: verdict)))


def test_frequency_weights_are_copies_of_rows():
    data = data_of("gamma")
    times = np.random.default_rng(0).integers(1, 4, len(data))
    weighted = ilk.fit("y ~ x + (1 | g)", data.assign(w=times), frequency_weights="w", reml=False)
    copied = ilk.fit("y ~ x + (1 | g)", data.loc[data.index.repeat(times)], reml=False)
    np.testing.assert_allclose(limits_of(weighted), limits_of(copied), rtol=1e-8)


def test_jobs_give_the_same():
    pytest.importorskip("joblib")
    one = profile(fit_of("cbpp").fitted, level=0.95, curves=False)
    two = profile(fit_of("cbpp").fitted, level=0.95, curves=False, n_jobs=2)
    np.testing.assert_array_equal(one.limits(0.95), two.limits(0.95))


def test_a_coefficient_that_was_dropped_is_nan():
    data = data_of("cbpp").assign(one=1.0)
    fit = ilk.fit("incidence / size ~ one + (1 | herd)", data, family="binomial")
    frame = fit.conf_int(method="profile").set_index("term")
    assert math.isnan(frame.conf_low["one"])
    assert frame.conf_low["Intercept"] < frame.estimate["Intercept"]


def test_a_level_beyond_the_curve_is_refused():
    found = profile(fit_of("cbpp").fitted, "Intercept", level=0.9)
    with pytest.raises(ModelError, match=r"the curves reach to 0\.9"):
        found.limits(0.95)


@pytest.mark.parametrize("jobs", [0, 1.5, "two", None])
def test_bad_numbers_of_jobs(jobs):
    with pytest.raises(ModelError, match="n_jobs="):
        profile(fit_of("cbpp").fitted, n_jobs=jobs)
