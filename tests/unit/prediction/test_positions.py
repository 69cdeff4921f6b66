"""New times and places of series and fields within levels: `ilk.prediction.positions`."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.structured import PARENTS, UNSEEN, Dense, fit_of, series, tree

import ilk
from ilk.prediction.positions import with_positions

NEW = pd.DataFrame({"unit": ["0", "0", "3", "5"], "x": [0.0, 1.0, 0.0, -1.0], "z": 0})


def _expected(fit, times):
    """Estimates and standard errors from the covariance of all positions."""
    data, dense = series(), Dense(fit)
    big = with_positions(fit.fitted, NEW.assign(time=times), "conditional")
    (term,) = big.design.terms
    place = {value[0]: k for k, value in enumerate(term.positions.values)}
    here = np.array([place[t] for t in data.time])
    there = np.array([place[t] for t in times])
    same = NEW.unit.to_numpy()[:, None] == data.unit.to_numpy()
    X = np.column_stack([np.ones(4), NEW.x, NEW.z])

    def parts(psi):
        (G,) = big.covariances_at(psi)
        return np.where(same, G[np.ix_(there, here)], 0.0), G

    def predicted(psi):
        C, _ = parts(psi)
        return X @ psi[:3] + C @ np.linalg.solve(dense.V(psi), dense.y - dense.X @ psi[:3])

    C, G = parts(dense.psi)
    own = np.diag(G)[there] - np.sum(C * np.linalg.solve(dense.V(dense.psi), C.T).T, axis=1)
    J = dense.slope(predicted)
    variance = own + np.einsum("ij,jk,ik->i", J, fit.fitted.psi_covariance(), J)
    return predicted(dense.psi), np.sqrt(variance)


@pytest.mark.parametrize(
    ("random", "times"),
    [
        ("ar1(time | unit)", [4.0, 2.0, 9.0, 4.0]),
        ("ou(time | unit)", [2.5, 0.2, 9.0, 4.4]),
        ("exp(time | unit)", [2.5, 0.2, 9.0, 4.4]),
        ("matern(time | unit, nu=1.5)", [2.5, 0.2, 9.0, 4.4]),
    ],
)
def test_new_times_by_the_formulas_of_kriging(random, times):
    fit = ilk.fit(f"y ~ x + z + {random}", series())
    found = fit.predict(NEW.assign(time=times), interval="confidence")
    estimate, error = _expected(fit, times)
    assert found.estimate.to_numpy() == pytest.approx(estimate, abs=1e-8)
    assert found.std_error.to_numpy() == pytest.approx(error, rel=1e-5)


@pytest.mark.parametrize("family", ["gaussian", "binomial"])
def test_the_likelihood_does_not_change(family):
    fit = fit_of("ar1", family)
    big = with_positions(fit.fitted, NEW.assign(time=[4.0, 7.0, 8.0, 1.0]), "conditional")
    assert big.marginal.estimates(big.point).loglik == pytest.approx(fit.loglik, abs=1e-9)
    assert big.design.terms[0].width == fit.fitted.design.terms[0].width + 3
    known = fit.fitted.estimates.modes[0]
    assert big.estimates.modes[0][:, [0, 1, 2, 3, 5, 6]] == pytest.approx(known, abs=1e-7)


def test_known_positions_need_no_other_model():
    fit = fit_of("ar1", "gaussian")
    same = NEW.assign(time=[0.0, 1.0, 2.0, 5.0])
    assert with_positions(fit.fitted, same, "conditional") is fit.fitted
    assert with_positions(fit.fitted, NEW.assign(time=4.0), "population") is fit.fitted


def test_a_time_between_steps_is_refused():
    with pytest.raises(ilk.DataError, match=r"whole steps of 1.*time = 2.5.*ou\(\)"):
        fit_of("ar1", "gaussian").predict(NEW.assign(time=2.5))


def test_toeplitz_has_no_effect_at_a_new_time():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=ilk.IlkWarning)
        fit = ilk.fit("y ~ x + z + toep(time | unit)", series())
    with pytest.raises(ilk.DataError, match=r"no effects at time = 4"):
        fit.predict(NEW.assign(time=4.0))
    with pytest.raises(ilk.DataError, match=r"no effects at time = 4"):
        fit.predict(NEW.assign(time=4.0), estimand="population")
    typical = fit.predict(NEW.assign(time=4.0), estimand="typical").estimate
    assert np.all(np.isfinite(typical))


def test_the_population_has_the_same_variance_at_all_times():
    fit = fit_of("ar1", "binomial")
    known, new = (
        fit.predict(NEW.assign(time=t), estimand="population", interval="confidence")
        for t in (3.0, 3.7)
    )
    pd.testing.assert_frame_equal(known, new)


def test_units_that_are_new_have_no_series():
    fit = fit_of("ar1", "gaussian")
    with pytest.raises(ilk.DataError, match="'q'"):
        fit.predict(NEW.assign(time=4.0, unit="q"))
    found = fit.predict(NEW.assign(time=4.0, unit="q"), new_levels="population")
    assert found.estimand.tolist() == ["population"] * 4


def test_series_of_relatives():
    """Times within tips of a tree: new times of tips with data, of one without, of an ancestor."""
    structure, times = tree(), np.array([0.0, 1.0, 2.0, 4.0])
    V = np.linalg.inv(structure.precision(np.zeros(0)).dense())
    draw = np.random.default_rng(0)
    R = 0.6 ** np.abs(times[:, None] - times)
    b = np.linalg.cholesky(V) @ draw.standard_normal((len(V), 4)) @ np.linalg.cholesky(R).T
    place = structure.places()
    seen = [name for name in PARENTS if name.startswith("t") and name not in UNSEEN]
    data = pd.DataFrame(
        [(tip, t) for tip in seen for t in times for _ in range(2)], columns=["tip", "time"]
    )
    effects = [b[place[tip], k // 2 % 4] for k, tip in enumerate(data.tip)]
    data["y"] = 1.0 + np.array(effects) + 0.4 * draw.standard_normal(len(data))
    fit = ilk.fit("y ~ 1 + ar1(time | tip)", data, covariance={"tip": structure})
    new = pd.DataFrame({"tip": ["t0", "n2", "t3", "t5"], "time": [3.0, 3.0, 5.0, 0.0]})
    found = fit.predict(new, interval="confidence")
    big = Dense(replace(fit, fitted=with_positions(fit.fitted, new, "conditional")))
    (term,) = big.fit.fitted.design.terms
    at = {value[0]: k for k, value in enumerate(term.positions.values)}
    here = [place[tip] * term.width + at[t] for tip, t in zip(new.tip, new.time, strict=True)]

    def predicted(psi):
        return psi[0] + big.modes(psi)[here]

    J, held = big.slope(predicted), np.diag(big.conditional(big.psi))[here]
    variance = held + np.einsum("ij,jk,ik->i", J, fit.fitted.psi_covariance(), J)
    assert found.estimate.to_numpy() == pytest.approx(predicted(big.psi), abs=1e-8)
    assert found.std_error.to_numpy() == pytest.approx(np.sqrt(variance), rel=1e-5)
