"""Slopes on grids against coefficients and differences of predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.effects.slopes import marginal_slopes

from ...fits import fit_of
from .test_means import DATA

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")

CURVED = "y ~ arm * bs(dose, df=4) + site + (1 + dose | g)"


@pytest.fixture(scope="module")
def curved() -> Any:
    return ilk.fit(CURVED, DATA, family="binomial")


def test_linear_slopes_are_coefficients() -> None:
    fitted = ilk.fit("score ~ arm * dose + (1 | g)", DATA).fitted
    found = marginal_slopes(fitted, "dose", by="arm")
    b = dict(zip((name for _, name in fitted.names), fitted.coef, strict=True))
    by_hand = b["dose"] + np.array([0.0, b["arm[T.b]:dose"], b["arm[T.c]:dose"]])
    assert found.estimate == pytest.approx(by_hand, rel=1e-9)
    assert found.std_error[0] == pytest.approx(
        np.sqrt(fitted.vcov[*[fitted.names.index(("mean", "dose"))] * 2]), rel=1e-7
    )


@pytest.mark.parametrize("estimand", ["typical", "population"])
@pytest.mark.parametrize("average", ["predictor", "mean"])
def test_slopes_are_differences_of_means(curved: Any, estimand: Any, average: Any) -> None:
    h = 1e-4
    options: dict[str, Any] = {"estimand": estimand, "average": average, "by": "arm"}
    found = curved.slopes("dose", at={"dose": 2.5}, **options).frame.estimate.to_numpy()
    up, down = (
        curved.means(by="arm", at={"dose": 2.5 + s}, estimand=estimand, average=average).frame
        for s in (h, -h)
    )
    assert found == pytest.approx((up.estimate - down.estimate).to_numpy() / (2 * h), rel=1e-6)


@pytest.mark.parametrize("estimand", ["typical", "population"])
@pytest.mark.parametrize("scale", ["link", "response"])
def test_errors_do_not_depend_on_what_is_averaged_if_nothing_is(
    curved: Any, estimand: Any, scale: Any
) -> None:
    """Two ways to the same slope: through the link's second derivative, and around it."""
    at = {"dose": [1.0, 4.0]}
    found = [
        marginal_slopes(
            curved.fitted,
            "dose",
            by=["arm", "site"],
            at=at,
            estimand=estimand,
            scale=scale,
            average=average,
        )
        for average in ("predictor", "mean")
    ]
    assert found[0].estimate == pytest.approx(found[1].estimate, rel=1e-6)
    assert found[0].std_error == pytest.approx(found[1].std_error, rel=1e-5)


def test_average_slopes_over_the_rows_equal_standardization(curved: Any) -> None:
    for estimand in ("population", "conditional"):
        found = marginal_slopes(
            curved.fitted, "dose", estimand=estimand, average="mean", grid="observed"
        )
        other = curved.standardize("dose", measures="slope", estimand=estimand).frame
        assert found.estimate == pytest.approx(other.estimate.to_numpy(), rel=1e-10)
        assert found.std_error == pytest.approx(other.std_error.to_numpy(), rel=1e-8)


def test_slopes_at_the_ends_of_the_data(curved: Any) -> None:
    low, high = DATA.dose.min(), DATA.dose.max()
    found = curved.slopes("dose", at={"dose": [low, high], "arm": "a"}, scale="link").frame
    h = 1e-4
    for k, (x, sign) in enumerate(((low, 1.0), (high, -1.0))):
        rows = pd.DataFrame({"dose": x + sign * h * np.arange(3), "arm": "a", "site": "x"})
        eta = curved.predict(rows, estimand="typical", scale="link").estimate.to_numpy()
        by_hand = sign * (-3 * eta[0] + 4 * eta[1] - eta[2]) / (2 * h)
        assert found.estimate[k] == pytest.approx(by_hand, rel=1e-4)


def test_where_a_slope_is_taken() -> None:
    fit = fit_of("gamma")
    at_mean = fit.slopes("x", estimand="population")
    assert "x at its mean" in " ".join(at_mean.text.split())
    explicit = fit.slopes("x", at={"x": float(fit.fitted.design.data.column("x").values.mean())})
    assert explicit.frame.estimate[0] != pytest.approx(at_mean.frame.estimate[0])
    two = ilk.fit("score ~ z * arm + (1 | g)", DATA.assign(z=np.where(DATA.old, 3.0, 1.0)))
    found = two.slopes("z", by="arm")
    difference = two.contrasts("z", by="arm", adjust="none")
    assert found.frame.estimate.to_numpy() * 2.0 == pytest.approx(
        difference.frame.estimate.to_numpy()
    )


def test_saved_fits_answer_the_same(curved: Any, tmp_path: Any) -> None:
    curved.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk")
    first, second = (f.slopes("dose", by="arm").frame for f in (curved, again))
    pd.testing.assert_frame_equal(first, second, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"variable": "arm"}, ("'arm' holds levels", "contrasts('arm')")),
        ({"variable": "doses"}, ("'doses'", "'dose'")),
        ({"variable": "dose", "by": "dose"}, ("at={'dose': [...]}",)),
        ({"variable": "dose", "by": "arms"}, ("'arms'", "'arm'")),
        ({"variable": "g"}, ("grouping factor",)),
    ],
)
def test_refused(curved: Any, arguments: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(ilk.IlkError) as error:
        curved.slopes(**arguments)
    for word in words:
        assert word in str(error.value)
