"""Profile curves in pictures: what is shown, and where."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import fit_of

from ilk.errors import ModelError
from ilk.inference.profile.profile import profile
from ilk.inference.wald import two_sided
from ilk.plot.profile import draw_profile, profile_picture

pytest.importorskip("matplotlib")


def test_the_curve_passes_the_cutoff_at_the_limits():
    found = profile(fit_of("cbpp").fitted)
    for kind, height in (("zeta", two_sided(0.9)), ("loglik", 0.5 * two_sided(0.9) ** 2)):
        table = profile_picture(found, 0.9, kind)
        assert table.cutoff == pytest.approx(height)
        for panel, limits in zip(table.panels, found.limits(0.9), strict=True):
            np.testing.assert_allclose(panel.limits, limits)
            at = np.interp(panel.limits, panel.value, panel.height)
            wanted = [-height, height] if kind == "zeta" else [-height, -height]
            np.testing.assert_allclose(at, wanted, rtol=2e-3)


def test_a_panel_for_each_parameter():
    answer = fit_of("cbpp").profile(level=0.95)
    axes = answer.plot()
    assert len(axes) == 5
    assert axes[-1].get_xlabel() == "sd(Intercept)"
    one = fit_of("cbpp").profile("sd(Intercept)").plot(kind="loglik")
    assert one.get_ylabel() == "log-likelihood below maximum"
    with pytest.raises(ModelError, match="holds 1 axes"):
        answer.plot(one)
    with pytest.raises(ModelError, match="choose 'zeta' or 'loglik'"):
        answer.plot(kind="z")
    assert fit_of("cbpp").profile("sd(Intercept)").plot(one) is one


def test_infinite_ends_stay_in_the_picture():
    found = profile(fit_of("salamanders").fitted, ("zero_inflation", "mined[T.no]"))
    (panel,) = profile_picture(found).panels
    assert panel.limits[0] == -np.inf
    assert np.all(np.isfinite(panel.shown))
    assert panel.shown[0] > panel.estimate - 20.0
    draw_profile(profile_picture(found))
