"""The facade: frozen, short, and no more than a way to the answers."""

from __future__ import annotations

import ast
import copy
import dataclasses
import inspect
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.fit import Fit

SETTLED = """
params std_errors cov conf_int tidy glance augment random_effects variance_components loglik aic
bic nobs df_model df_resid sigma dispersion fitted_values residuals verdict summary predict
simulate refit save formula family
"""


def test_the_settled_names_are_there():
    assert set(SETTLED.split()) <= set(dir(Fit))


def test_it_cannot_be_changed():
    fit = fit_of("cbpp")
    with pytest.raises(dataclasses.FrozenInstanceError):
        fit.fitted = None
    with pytest.raises((AttributeError, TypeError)):
        fit.extra = 1


def test_reading_never_changes_it():
    """Every answer stays the same, but for rounding at warm engines, after all other questions."""
    fit = ilk.fit("incidence / size ~ period + (1 | herd)", data_of("cbpp"), family="binomial")

    def answers():
        return [
            np.array(fit.params),
            np.array(fit.std_errors),
            fit.cov.matrix,
            fit.tidy().drop(columns=["group"]).select_dtypes("number").to_numpy(),
            fit.predict(interval="confidence").conf_low.to_numpy(),
            fit.random_effects().std_error.to_numpy(),
            fit.variance_components().conf_high.to_numpy(),
            fit.residuals("quantile"),
            np.array([fit.loglik, fit.aic, fit.bic]),
        ]

    before = answers()
    fit.refit(fit.simulate(1, seed=1)[:, 0])
    fit.predict(data_of("cbpp").head(3), estimand="population", interval="prediction")
    str(fit.summary())
    fit.fitted.marginal.at(fit.fitted.estimates.psi * 1.1)
    for a, b in zip(before, answers(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_what_it_hands_out_does_not_lead_inside():
    fit = fit_of("cbpp")
    fit.cov.matrix[:] = 0.0
    assert fit.std_errors["Intercept"] > 0.0
    table = fit.tidy()
    table["estimate"] = 0.0
    assert fit.params["Intercept"] != 0.0


def test_repr_is_one_line():
    assert repr(fit_of("sleepstudy")) == (
        "<ilk.Fit: Reaction ~ Days + (1 + Days | Subject); gaussian, identity; REML; n = 180; "
        "log-lik. -871.81; converged>"
    )
    long = " + ".join(["x"] * 200)
    assert len(repr(ilk.fit(f"y ~ {long} + (1 | g)", data_of("gamma")))) < 250


def test_methods_are_one_line():
    """Nothing is computed here: a docstring and one statement."""
    tree = ast.parse(Path(inspect.getfile(Fit)).read_text(encoding="utf-8"))
    (facade,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    for method in facade.body:
        if isinstance(method, ast.FunctionDef):
            body = [s for s in method.body if not _is_docstring(s)]
            assert len(body) <= 1, method.name


def _is_docstring(statement):
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def test_scalars():
    fit = fit_of("sleepstudy")
    assert fit.nobs == 180
    assert fit.sigma**2 == pytest.approx(fit.dispersion)
    assert fit.family.name == "gaussian"
    assert fit.formula.text.startswith("Reaction ~ Days")
    assert np.isnan(fit_of("cbpp").sigma)
    assert np.isnan(fit_of("cbpp").dispersion)
    assert fit_of("gamma").dispersion == pytest.approx(
        np.exp(fit_of("gamma").params["dispersion", "Intercept"])
    )


def test_it_travels_to_other_processes():
    """As the content of a file of data; a pickle of it holds nothing else."""
    fit = fit_of("cbpp")
    again = pickle.loads(pickle.dumps(fit))
    assert str(again.summary()) == str(fit.summary())
    assert copy.deepcopy(fit).loglik == fit.loglik


def test_answers_are_frames():
    fit = fit_of("cbpp")
    for answer in (fit.tidy(), fit.glance(), fit.augment(), fit.conf_int(), fit.predict()):
        assert isinstance(answer, pd.DataFrame)
