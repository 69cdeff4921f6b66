"""What summaries say, and snapshots of how they look."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.fits import FITS, data_of, fit_of

import ilk

SNAPSHOTS = Path(__file__).parents[2] / "snapshots"


def anonymous(text: str) -> str:
    """Without versions, which differ between machines."""
    return re.sub(r"ilk \S+ \(\w+ engine\).*", "ilk VERSIONS", text)


@pytest.mark.parametrize("name", sorted(FITS))
def test_snapshots(name):
    """Digits shown are those that every platform agrees on."""
    text = anonymous(fit_of(name).summary().text)
    path = SNAPSHOTS / f"summary_{name}.txt"
    if not path.exists():
        path.write_text(text + "\n", encoding="utf-8")
        pytest.fail(f"{path.name} did not exist and was written: look at it")
    assert text + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(FITS))
def test_width(name):
    assert max(map(len, fit_of(name).summary().text.splitlines())) <= 100


def test_how_coefficients_are_to_be_read():
    def note(name):
        return " ".join(fit_of(name).summary().tables[0].notes)

    assert "they are the population's effects too" in note("sleepstudy")
    assert "attenuated" in note("cbpp")
    assert "intercept is higher by half the variance" in note("ticks")
    assert "random slopes" in note("gamma")
    assert "on the counts proper" in note("salamanders")
    assert "The mean of all counts depends on the excess zeros too" in note("salamanders")
    lone = ilk.fit("TICKS ~ 1 + (1 | BROOD)", data_of("ticks"), family="poisson")
    assert "slopes" not in " ".join(lone.summary().tables[0].notes)
    assert "the mean of the population is higher" in lone.methods().text
    levels = ilk.fit("TICKS ~ 0 + YEAR + (1 | BROOD)", data_of("ticks"), family="poisson")
    assert "ratios of means are the same in both" in " ".join(levels.summary().tables[0].notes)
    assert "ratios of means are the same in the population" in levels.methods().text
    assert ilk.fit("y ~ x", data_of("gamma")).summary().tables[0].notes == ()


def test_rows_dropped_are_counted_by_column():
    data = data_of("sleepstudy").copy()
    data.loc[[1, 2, 3], "Days"] = np.nan
    text = " ".join(ilk.fit("Reaction ~ Days + (1 | Subject)", data).summary().text.split())
    assert "177 used of 180" in text
    assert "3 of 180 rows were left out for missing values (Days: 3)" in text


def test_weights_offsets_and_references():
    data = data_of("binary").assign(w=2, u=1.0)
    fit = ilk.fit(
        "y ~ x + sex + offset(u) + (1 | g)", data, family="binomial", frequency_weights="w"
    )
    text = " ".join(fit.summary().text.split())
    assert "240 used, standing for 480 observations" in text
    assert "reference sex = 'f'" in text
    assert "The event of the response 'y' is 'yes'" in text
    assert "offset(u)" in text


def test_the_estimator_is_named():
    data = data_of("cbpp")
    fit = ilk.fit(FITS["cbpp"][0], data, family="binomial", quadrature=7)
    assert "AGQ-7" in fit.summary().title
    assert "REML" in fit_of("sleepstudy").summary().title
    assert ", ML" in fit_of("dyestuff2").summary().title
    assert "exact" in dict(fit_of("sleepstudy").summary().facts)["estimator"]


def test_the_verdict_with_its_reasons():
    text = fit_of("dyestuff2").summary().text
    assert "Verdict: converged on the boundary" in text
    assert "boundary" in text
