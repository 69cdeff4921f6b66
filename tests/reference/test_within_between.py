"""``within`` and ``between`` make the columns that a reference case has in its data."""

from __future__ import annotations

import numpy as np
import pytest

import ilk

from .data import case, table

pytestmark = pytest.mark.reference


def test_mundlak_case_from_the_covariate_itself() -> None:
    found = case("lmm-hsb82-mundlak-reml")
    data = table(found).copy()
    data["ses"] = data["ses_w"] + data["ses_b"]
    fit = ilk.fit(
        "mAch ~ within(ses, school) + between(ses, school) + sector + within(ses, school):sector"
        " + (within(ses, school) | school)",
        data,
    )
    results = found["results"]
    assert fit.loglik == pytest.approx(results["logLik"], abs=1e-5)
    errors = np.array([row["se"] for row in results["fixed"]])
    ours = np.asarray(fit.params)
    for j, row in enumerate(results["fixed"]):
        place = int(np.argmin(np.abs(ours - row["estimate"])))
        assert ours[place] == pytest.approx(row["estimate"], abs=1e-4 * errors[j])
        assert np.asarray(fit.std_errors)[place] == pytest.approx(row["se"], rel=1e-4)
    # the contextual effect is between minus within
    extended = ilk.fit("mAch ~ ses + between(ses, school) + (1 | school)", data)
    answer = ilk.fit("mAch ~ ses + (1 | school)", data).exogeneity()
    assert answer.frame.estimate[0] == pytest.approx(
        extended.params["between(ses, school)"], abs=1e-7
    )
