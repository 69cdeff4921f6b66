"""What other diagnostics have found, as checks."""

from __future__ import annotations

import warnings

import numpy as np
from tests.fits import fit_of

import ilk


def _one(fit, code: str):
    (found,) = fit.check(code)[code]
    return found


def test_convergence() -> None:
    assert _one(fit_of("sleepstudy"), "convergence").verdict == "ok"
    singular = _one(fit_of("dyestuff2"), "convergence")
    assert singular.verdict in ("ok", "note")
    assert "boundary" in singular.sentence


def test_separation() -> None:
    data = {"y": [0, 0, 0, 0, 1, 1, 0, 1], "x": [0, 0, 0, 0, 1, 1, 1, 1]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ilk.fit("y ~ x", data, family="binomial")
    found = _one(fit, "separation")
    assert found.verdict == "problem"
    assert "'x'" in found.sentence
    assert "fit.separation()" in found.advice
    assert _one(fit, "convergence").verdict == "problem"
    assert _one(fit_of("binary"), "separation").verdict == "ok"
    assert _one(fit_of("sleepstudy"), "separation").verdict == "skipped"


def test_approximation() -> None:
    assert _one(fit_of("sleepstudy"), "approximation").verdict == "skipped"
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(150), 3)
    p = 1 / (1 + np.exp(-2.5 * rng.normal(size=150)[g]))
    data = {"y": (rng.random(450) < p).astype(int), "g": g}
    coarse = ilk.fit("y ~ 1 + (1 | g)", data, family="binomial")
    found = _one(coarse, "approximation")
    assert found.verdict == "note"
    assert "quadrature" in found.advice
    fine = _one(ilk.fit("y ~ 1 + (1 | g)", data, family="binomial", quadrature=15), "approximation")
    assert fine.verdict == "ok"
