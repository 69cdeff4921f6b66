"""fit.approximation() on sparse binary data against lme4's Laplace and 25-node estimates."""

from __future__ import annotations

import numpy as np
import pytest

import ilk

from .test_quadrature import kept, sparse

pytestmark = pytest.mark.reference


def test_shift_from_laplace_to_enough_nodes() -> None:
    rough, many = kept()["fits"][0], kept()["fits"][-1]
    assert (rough["nodes"], many["nodes"]) == (1, 25)
    fit = ilk.fit("y ~ x + (1 | g)", sparse(), "binomial")
    frame = fit.approximation().frame
    np.testing.assert_allclose(frame.estimate, [*rough["fixed"], *rough["sd"]], atol=3e-4)
    np.testing.assert_allclose(frame.better, [*many["fixed"], *many["sd"]], atol=3e-4)
    assert frame["shift"].iloc[-1] == pytest.approx(0.94, abs=0.01)
    (notice,) = [reason for reason in fit.verdict.reasons if reason.code == "laplace"]
    assert notice.severity == "warning"


def test_importance_sampling_comes_to_the_same() -> None:
    many = kept()["fits"][-1]
    fit = ilk.fit("y ~ x + (1 | g)", sparse(), "binomial")
    frame = fit.approximation(method="importance", draws=300).frame
    noise = 4.0 * frame.sampling_error * frame.std_error + 1e-3
    assert np.all(np.abs(frame.better - [*many["fixed"], *many["sd"]]) < noise)
    assert np.all(frame.sampling_error < 0.05)
