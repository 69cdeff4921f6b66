"""Names of parameters, and how they are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import FITS, fit_of

from ilk.errors import ModelError
from ilk.inference.profile.names import chosen_parameters, labels_of, parameters_of, values_of
from ilk.likelihood.joint import joint_likelihood, joint_point


@pytest.mark.parametrize("name", list(FITS))
def test_the_rows_are_those_of_the_table_of_parameters(name):
    fit = fit_of(name)
    fitted = fit.fitted
    parameters, table = parameters_of(fitted), fit.tidy()
    assert [p.term for p in parameters] == list(table.term)
    assert [p.component for p in parameters] == list(table.component)
    assert [p.group for p in parameters] == [g if isinstance(g, str) else None for g in table.group]
    values = values_of(parameters, joint_likelihood(fitted.marginal), joint_point(fitted))
    np.testing.assert_allclose(values, table.estimate, rtol=1e-9, atol=1e-12)
    assert len(set(labels_of(parameters))) == len(parameters)


def test_labels_name_the_place_where_terms_repeat():
    labels = labels_of(parameters_of(fit_of("salamanders").fitted))
    assert "dispersion: Intercept" in labels
    assert "Intercept" in labels
    labels = labels_of(parameters_of(fit_of("ticks").fitted))
    assert "BROOD: sd(Intercept)" in labels


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("mined[T.no]", [("mean", "mined[T.no]"), ("zero_inflation", "mined[T.no]")]),
        (("dispersion", "Intercept"), [("dispersion", "Intercept")]),
        (["zero_inflation: Intercept"], [("zero_inflation", "Intercept")]),
        ([("site", "sd(Intercept)"), ("mean", "Intercept")], None),
        (("Intercept", "sd(Intercept)"), None),
    ],
)
def test_asking(asked, found):
    parameters = parameters_of(fit_of("salamanders").fitted)
    chosen = [(p.component, p.term) for p in chosen_parameters(parameters, asked)]
    if found is None:
        assert ("mean", "Intercept") in chosen
        assert ("mean", "sd(Intercept)") in chosen
    else:
        assert chosen == found


def test_an_unknown_name_is_refused_with_the_nearest():
    parameters = parameters_of(fit_of("sleepstudy").fitted)
    with pytest.raises(ModelError, match=r"Did you mean 'sd\(Days\)'"):
        chosen_parameters(parameters, "sd(Day)")
    with pytest.raises(ModelError, match="no parameter of this name"):
        chosen_parameters(parameters, [3])
