"""Structures at their parameters: `ilk.model.dependence`."""

from __future__ import annotations

import numpy as np
import pytest
from tests.structured import fit_of, tips, tree

import ilk
from ilk.model.dependence import Dependence, dependent_groups, refuse_dependent


@pytest.mark.parametrize("model", ["brownian", "pagel", "ou"])
def test_products_are_those_of_the_dense_matrices(model):
    structure = tree(model)
    over = Dependence(structure, np.full(len(structure.parameters), 0.8), slice(0, 0))
    Q = over.levels.precision(over.theta).dense()
    x = np.random.default_rng(0).standard_normal((len(Q), 2, 3))
    expected = np.einsum("kl,lij->kij", Q, x)
    assert over.precision_times(x) == pytest.approx(expected)
    assert over.covariance_times(expected) == pytest.approx(x)
    root = over.root()
    assert root @ root.T == pytest.approx(np.linalg.inv(Q))
    assert over.variances() == pytest.approx(np.diag(np.linalg.inv(Q)))
    step = 1e-6
    for j, slope in enumerate(over.slopes()):
        moved = [over.theta + side * step * np.eye(len(over.theta))[j] for side in (1, -1)]
        up, down = (over.levels.precision(theta).dense() for theta in moved)
        assert slope.toarray() == pytest.approx((up - down) / (2.0 * step), rel=1e-5, abs=1e-6)


def test_parameters_of_a_fit():
    fit = ilk.fit("y ~ x + (1 | z) + (1 | tip)", tips(), covariance={"tip": tree("ou")})
    none, over = fit.fitted.dependences
    assert none is None
    assert over.theta.tolist() == fit.fitted.estimates.psi[4:-1].tolist()
    assert over.places == slice(2, 3)
    assert over.levels.levels == fit.fitted.design.terms[1].grouping.levels


def test_groups_that_depend():
    design = fit_of("tree", "gaussian").fitted.design
    assert dependent_groups(design) == ("tip",)
    assert dependent_groups(design, ("other",)) == ()
    assert dependent_groups(fit_of("ar1", "gaussian").fitted.design) == ()
    refuse_dependent(design, "That", "Do this.", ("other",))
    with pytest.raises(ilk.ModelError, match=r"^That takes clusters.*'tip'.*Do this\.$"):
        refuse_dependent(design, "That", "Do this.")
