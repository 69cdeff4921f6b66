"""The tables beside that of standard errors."""

from __future__ import annotations

import pytest

import ilk


def test_every_part_has_a_frame() -> None:
    data = ilk.datasets.load("eczema_trial")
    fit = ilk.fit("clear ~ treatment + week + (1 | patient)", data, family="binomial")
    report = fit.cluster_report(simulate=20, seed=1, terms="week")
    assert report.sizes.frame.unit.tolist() == ["rows"]
    assert report.correlations.frame.scale.tolist() == ["latent", "response"]
    effects = report.design_effects.frame.iloc[0]
    assert effects.effective == pytest.approx(1154 / effects.design_effect)
    assert effects.effective_low == pytest.approx(1154 / effects.conf_high)
    assert report.coefficients.frame.constant_in.tolist() == ["", "patient", ""]
    false = report.false_positives.frame
    assert false.method.tolist() == ["ignoring clusters", "cluster-robust", "GEE", "mixed model"]
    assert false.estimand.tolist() == 3 * ["population"] + ["conditional"]
    assert false.draws.tolist() == [20] * 4
