"""Rows of a design drawn again."""

from __future__ import annotations

import numpy as np
from tests.fits import fit_of

from ilk.design.resample import resample


def test_all_arrays_follow():
    for name in ("cbpp", "salamanders", "weighted", "sleepstudy", "ticks"):
        design = fit_of(name).fitted.design
        rows = np.array([3, 3, 0, 5, 7, 11])
        copies = np.array([0, 1, 2, 2, 0, 1])
        drawn = resample(design, rows, copies)
        np.testing.assert_array_equal(drawn.response.y, design.response.y[rows])
        if design.response.trials is not None:
            np.testing.assert_array_equal(drawn.response.trials, design.response.trials[rows])
        for old, new in zip(design.fixed, drawn.fixed, strict=True):
            np.testing.assert_array_equal(new.X, old.X[rows])
            assert new.X.flags.f_contiguous
        for old, new in zip(design.terms, drawn.terms, strict=True):
            if old.columns is not None:
                np.testing.assert_array_equal(new.columns, old.columns[rows])
            pairs = list(zip(copies.tolist(), old.grouping.codes[rows].tolist(), strict=True))
            assert len(new.grouping.levels) == len(set(pairs))
            same = [[a == b for b in pairs] for a in pairs]
            codes = new.grouping.codes
            np.testing.assert_array_equal(codes[:, None] == codes, same)
        for field in ("frequency_weights", "precision_weights", "exposure"):
            old, new = getattr(design, field), getattr(drawn, field)
            assert (old is None) == (new is None)
            if old is not None:
                np.testing.assert_array_equal(new, old[rows])
        assert drawn.data.rows == 6
        np.testing.assert_array_equal(drawn.rows.kept, design.rows.kept[rows])
