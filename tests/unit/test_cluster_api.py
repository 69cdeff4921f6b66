"""`ilk.cluster_report` as users call it."""

from __future__ import annotations

import pytest

import ilk

SCORES = ilk.datasets.load("classroom_scores")


def test_it_is_the_method() -> None:
    fit = ilk.fit("score ~ prior + (1 | school)", SCORES)
    assert ilk.cluster_report(fit, cov="CR1").text == fit.cluster_report(cov="CR1").text
    plain = ilk.fit("score ~ prior", SCORES)
    assert ilk.cluster_report(plain, SCORES["school"]).report.group == "school"


def test_other_things_are_refused() -> None:
    gee = ilk.gee("score ~ prior", SCORES, groups="school")
    with pytest.raises(ilk.ModelError, match=r"takes a fit of ilk\.fit, not GeeFit"):
        ilk.cluster_report(gee)  # type: ignore[arg-type]
