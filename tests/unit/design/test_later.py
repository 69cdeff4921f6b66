"""Later rows: levels added to those of the fit, responses read as the fit's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.fits import data_of, fit_of
from tests.tables import table

import ilk
from ilk.design.later import extended, later_frequencies, later_response
from ilk.design.replay import replay
from ilk.errors import DataError


def test_levels_of_later_rows_follow_those_of_the_fit():
    data = table()
    design = ilk.fit("count ~ x + (1 | g) + (1 | g:h)", data, family="poisson").fitted.design
    later = pd.concat([data[data.g == "g03"].assign(g="new"), data[:3]])
    larger = extended(design, later)
    for term, old in zip(larger.terms, design.terms, strict=True):
        known = len(old.grouping.levels)
        assert term.grouping.levels[:known] == old.grouping.levels
        assert len(set(term.grouping.levels)) == len(term.grouping.levels) > known
        np.testing.assert_array_equal(term.grouping.codes, old.grouping.codes)
    found = replay(larger, later)
    before = replay(design, later)
    for new, old_term, term in zip(found.terms, before.terms, design.terms, strict=True):
        assert (new.codes >= 0).all()
        np.testing.assert_array_equal(new.codes[-3:], old_term.codes[-3:])
        assert (new.codes[:-3] >= len(term.grouping.levels)).all()
    again = extended(design, data)  # nothing new
    assert all(a.grouping == b.grouping for a, b in zip(again.terms, design.terms, strict=True))


def test_events_are_those_of_the_fit_even_where_only_one_occurs():
    design, data = fit_of("binary").fitted.design, data_of("binary")
    for label, value in (("yes", 1.0), ("no", 0.0)):
        rows = data[data.y == label][:3]
        np.testing.assert_array_equal(later_response(design, rows, None).y, value)
    with pytest.raises(DataError, match="level 'YES', which the fit does not know"):
        later_response(design, data[:3].assign(y="YES"), None)


def test_trials_of_a_response_with_two_parts():
    response = later_response(fit_of("cbpp").fitted.design, data_of("cbpp")[:4], None)
    np.testing.assert_array_equal(response.trials, data_of("cbpp")["size"][:4])
    np.testing.assert_array_equal(response.y, data_of("cbpp").incidence[:4])


def test_proportions_with_precision_weights():
    data = data_of("cbpp").assign(share=lambda d: d.incidence / d["size"])
    fit = ilk.fit("share ~ period + (1 | herd)", data, family="binomial", precision_weights="size")
    later = data[:4].assign(herd="later")
    wanted = fit_of("cbpp").predict(later, observed=later)
    found = fit.predict(later, observed=later)
    np.testing.assert_allclose(found.estimate, wanted.estimate, rtol=1e-5)


def test_frequencies():
    data = table()
    fit = ilk.fit("count ~ x + (1 | g)", data, family="poisson", frequency_weights="repeats")
    found = later_frequencies(fit.fitted.design, data[:5])
    np.testing.assert_array_equal(found, data.repeats[:5])
    assert later_frequencies(fit.fitted.design, data[["x"]]) is None
    assert later_frequencies(fit_of("gamma").fitted.design, data) is None
