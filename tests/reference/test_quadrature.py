"""Quadrature of sparse binary data against lme4, and automatic quadrature on the same data."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk

from .data import HERE

pytestmark = pytest.mark.reference


@cache
def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "quadrature.json").read_text(encoding="utf-8"))
    return found


def sparse() -> pd.DataFrame:
    """300 clusters of 3 yes/no answers, SD 2.5 between clusters, slope 1."""
    y, x = np.array(kept()["y"]), np.array(kept()["x"])
    return pd.DataFrame({"y": y.astype(int), "x": x, "g": np.arange(900) // 3})


@pytest.mark.parametrize("case", range(4))
def test_estimates_by_number_of_nodes_agree_with_lme4(case: int) -> None:
    expected = kept()["fits"][case]
    fit = ilk.fit("y ~ x + (1 | g)", sparse(), "binomial", quadrature=expected["nodes"])
    psi = fit.fitted.estimates.psi
    # the inner iterations of lme4 end early
    np.testing.assert_allclose(psi, [*expected["fixed"], *expected["sd"]], atol=3e-4)
    assert fit.loglik == pytest.approx(expected["loglik"][0], abs=3e-4)


def test_automatic_quadrature_finds_the_estimates_that_laplace_misses() -> None:
    data, many = sparse(), kept()["fits"][-1]
    fit = ilk.fit("y ~ x + (1 | g)", data, "binomial", quadrature="auto")
    laplace = ilk.fit("y ~ x + (1 | g)", data, "binomial")
    sd, rough = fit.fitted.estimates.psi[2], laplace.fitted.estimates.psi[2]
    assert rough == pytest.approx(2.134, abs=5e-4)
    assert sd == pytest.approx(2.377, abs=5e-3)
    assert sd == pytest.approx(many["sd"][0], abs=5e-4)
    (note,) = [reason for reason in fit.verdict.reasons if reason.code == "quadrature"]
    error = np.sqrt(fit.fitted.psi_covariance()[2, 2])
    assert note.severity == "note"
    assert f"by {(sd - rough) / error:.2f} standard errors (covariance of (1 | g))" in note.message
    assert "Laplace approximation is off" in str(laplace.verdict)


def test_factors_beside_that_add_little_leave_the_estimates_alone() -> None:
    """Nested, and crossed with Laplace beside: other rules that come to the same estimates."""
    data, many = sparse(), kept()["fits"][-1]
    data["h"], data["item"] = data["g"] // 5, np.tile([0, 1, 2], 300)
    for terms, nodes, engine in (
        ("(1 | h / g)", 25, "compiled"),
        ("(1 | g) + (1 | item)", (25, 1), "reference"),
    ):
        fit = ilk.fit(f"y ~ x + {terms}", data, "binomial", quadrature="auto")
        assert fit.verdict.converged
        assert fit.fitted.model.nodes == nodes
        assert fit.fitted.search.engine == engine
        assert many["loglik"][0] - 1e-3 < fit.loglik < many["loglik"][0] + 2.0
        total = np.sqrt(sum(float(c[0, 0]) for c in fit.fitted.estimates.covariances))
        assert total == pytest.approx(many["sd"][0], abs=0.03)
