"""Intraclass correlations: closed forms, settings, intervals, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.errors import ModelError
from ilk.variance.icc import icc


def test_one_way_layout():
    fit = ilk.fit("Yield ~ 1 + (1 | Batch)", data_of("dyestuff2").assign(Yield=_between))
    s2b, s2 = fit.variance_components().variance
    found = fit.icc().frame
    assert found.group.tolist() == ["Batch", "Batch"]
    np.testing.assert_allclose(found.estimate, s2b / (s2b + s2), rtol=1e-9)
    # delta method by hand: r = 1 / (1 + exp(t)), t = log s2 - log s2b, V from (theta, log sigma2)
    theta = fit.fitted.point.theta[0]
    r = found.estimate[0]
    error = r * (1 - r) * 2.0 / abs(theta) * np.sqrt(fit.fitted.psi_covariance()[1, 1])
    np.testing.assert_allclose(found.std_error, error, rtol=1e-5)
    # Fisher's scale, log(1 + n r / (1 - r)) with five rows per batch
    center, half = np.log1p(5 * r / (1 - r)), 1.959964 * error * 5 / (1 - r) ** 2
    ends = np.expm1(center + np.array([-1, 1]) * half / (1 + 5 * r / (1 - r)))
    np.testing.assert_allclose(
        found[["conf_low", "conf_high"]].iloc[0], ends / (5 + ends), rtol=1e-5
    )


def _between(frame):
    rng = np.random.default_rng(0)
    codes = frame.Batch.astype("category").cat.codes.to_numpy()
    return 3.0 * rng.normal(size=codes.max() + 1)[codes] + 2.0 * rng.normal(size=len(codes))


def test_slopes_are_averaged_or_set():
    fit = fit_of("sleepstudy")
    G, s2 = fit.fitted.estimates.covariances[0], fit.fitted.estimates.sigma2
    days = data_of("sleepstudy").Days.to_numpy()
    z = np.column_stack([np.ones_like(days), days])
    v = np.einsum("ni,ij,nj->n", z, G, z)
    assert fit.icc().frame.estimate[0] == pytest.approx(v.mean() / (v.mean() + s2), rel=1e-9)
    table = fit.icc(at={"Days": [0, 4]}).frame
    adjusted = table[table.measure == "adjusted"]
    assert adjusted.Days.tolist() == [0, 4]
    for day, found in zip([0, 4], adjusted.estimate, strict=True):
        there = v[days == day][0]
        assert found == pytest.approx(there / (there + s2), rel=1e-9)


def test_subgroups():
    fit = fit_of("binary")
    table = fit.icc("sex", scale="response").frame
    assert table.sex.tolist() == ["f", "f", "m", "m"]
    both = fit.icc(scale="response").frame.estimate[0]
    assert min(table.estimate[[0, 2]]) <= both <= max(table.estimate[[0, 2]])


def test_scales_agree_for_the_linear_model():
    fit = fit_of("penicillin")
    np.testing.assert_allclose(
        fit.icc().frame.estimate, fit.icc(scale="response").frame.estimate, rtol=1e-12
    )
    assert fit.icc().frame.group.tolist()[-1] == "all"


def test_many_rows_are_represented_by_some():
    rng = np.random.default_rng(5)
    n = 6000
    g, x = rng.integers(60, size=n), rng.normal(size=n)
    p = 1.0 / (1.0 + np.exp(-(x + rng.normal(size=60)[g])))
    data = {"y": (rng.random(n) < p).astype(float), "x": x, "g": g}
    fitted = ilk.fit("y ~ x + (1 | g)", data, "binomial").fitted
    from ilk.variance.observed import response_variances

    v = np.full(n, fitted.estimates.covariances[0][0, 0])
    every = response_variances(
        fitted.family, fitted.model.linear_predictors(fitted.coef, None), v, [v]
    )
    found = icc(fitted, scale="response").shares.estimate[0]
    assert found == pytest.approx(every.shared[0].sum() / every.total.sum(), rel=1e-4)


def test_a_vanished_variance_has_no_interval():
    found = fit_of("dyestuff2").icc()
    assert (found.frame.estimate == 0.0).all()
    assert found.frame.conf_low.isna().all()
    assert any("has no interval" in note for note in found.notes)


def test_bootstrap():
    fit = fit_of("sleepstudy")
    found = fit.icc(uncertainty="bootstrap", draws=99, seed=3)
    delta = fit.icc().frame
    np.testing.assert_array_equal(found.frame.estimate, delta.estimate)
    np.testing.assert_allclose(found.frame.std_error, delta.std_error, rtol=0.3)
    assert "99 refits" in found.notes[-1]
    again = fit.icc(uncertainty="bootstrap", draws=99, seed=3).frame
    np.testing.assert_array_equal(found.frame.conf_low, again.conf_low)
    drawn = fit_of("dyestuff2").icc(uncertainty="bootstrap", draws=99, seed=3).frame
    assert drawn.conf_low[0] == 0.0
    assert 0.05 < drawn.conf_high[0] < 0.6


def test_refusals():
    flat = ilk.fit("y ~ x", data_of("gamma"))
    with pytest.raises(ModelError, match="no random effects of clusters"):
        flat.icc()
    with pytest.raises(ModelError, match="no random effects of clusters"):
        flat.r_squared()
    fit = fit_of("sleepstudy")
    with pytest.raises(ModelError, match="scale='observed' is not known"):
        fit.icc(scale="observed")
    with pytest.raises(ModelError, match="approximation="):
        fit.icc(approximation="exact")
    with pytest.raises(ModelError, match="uncertainty="):
        fit.icc(uncertainty="profile")
    with pytest.raises(ModelError, match="draws"):
        fit.icc(uncertainty="bootstrap", draws=5)
    with pytest.raises(ModelError, match="dictionary of columns"):
        fit.icc(at="Days")
    with pytest.raises(ModelError, match="at least one value"):
        fit.icc(at={"Days": []})
    inverse = ilk.fit(
        "y ~ x + (1 | g)", data_of("gamma").assign(y=lambda d: d.y + 5), "gamma", "inverse"
    )
    assert 0.0 < inverse.icc().frame.estimate[0] < 1.0
    with pytest.raises(ModelError, match="infinite means"):
        inverse.icc(scale="response")
    elsewhere = ilk.fit(
        "y ~ x + (1 | g)", data_of("gamma"), "gamma", "log", dispersion="~ 1 + (1 | g)"
    )
    with pytest.raises(ModelError, match="predictor of dispersion has random effects"):
        elsewhere.icc()


def test_one_row_per_level_is_no_cluster():
    """A row number is what olre() is: extra variation, and no cluster."""
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(30), 6)
    mean = np.exp(1.0 + 0.5 * rng.normal(size=30)[g] + 0.4 * rng.normal(size=180))
    data = {"g": g, "row": np.arange(180), "y": rng.poisson(mean)}
    named = ilk.fit("y ~ 1 + (1 | g) + (1 | row)", data, family="poisson")
    olre = ilk.fit("y ~ 1 + (1 | g) + olre()", data, family="poisson")
    for scale in ("latent", "response"):
        one, other = named.icc(scale=scale), olre.icc(scale=scale)
        assert one.frame.group.tolist() == ["g", "g"]
        np.testing.assert_allclose(one.frame.estimate, other.frame.estimate, rtol=1e-6)
        assert any("(row) is extra variation" in note for note in one.notes)
    assert named.r_squared().frame.estimate.tolist() == pytest.approx(
        olre.r_squared().frame.estimate.tolist(), rel=1e-6
    )
    with pytest.raises(ilk.ModelError, match="no random effects of clusters"):
        ilk.fit("y ~ 1 + (1 | row)", data, family="poisson").icc()


def test_a_row_of_several_trials_is_a_cluster():
    data = {"study": np.arange(20), "n": np.full(20, 15), "y": np.arange(20) % 13}
    fit = ilk.fit("y ~ 1 + (1 | study)", data, family="binomial", trials="n")
    assert fit.icc().frame.group.tolist() == ["study", "study"]
    assert fit.icc().frame.estimate[0] > 0.05
