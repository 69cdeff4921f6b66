"""Links made of two functions: derivatives of three kinds, and what is refused."""

import math

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import DataError, ModelError
from ilk.family.link import find_link, is_registered
from ilk.num import jets
from ilk.num.jets import variables

ETA = np.array([-30.0, -3.0, -0.2, 0.0, 1.0, 5.0])


def logit(mu):
    return np.log(mu / (1.0 - mu))


def plain(eta):
    return 1.0 / (1.0 + np.exp(-eta))


def slopes():
    def first(e):
        return plain(e) * plain(-e)

    def second(e):
        return first(e) * (plain(-e) - plain(e))

    def third(e):
        return first(e) * (1.0 - 6.0 * first(e))

    return first, second, third


def made(kind):
    if kind == "derivatives":
        return ilk.links.custom(logit, plain, derivatives=slopes())
    return ilk.links.custom(logit, jets.sigmoid if kind == "jets" else plain, name="own")


@pytest.mark.parametrize(
    ("kind", "tolerance"), [("derivatives", 1e-12), ("jets", 1e-12), ("differences", 1e-7)]
)
def test_derivatives_of_the_three_kinds(kind, tolerance):
    link, exact = made(kind), find_link("logit")
    (jet,) = variables([ETA], 3)
    found, expected = link.inverse(jet), exact.inverse(jet)
    for a, b in (
        (found.value, expected.value),
        (found.first, expected.first),
        (found.second, expected.second),
        (found.third, expected.third),
    ):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(link.link(link.inverse(ETA[1:])), ETA[1:], atol=1e-12)
    assert not is_registered(link)


def test_differences_stay_on_their_side_of_a_wall():
    link = ilk.links.custom(lambda mu: mu**0.5, lambda eta: eta**2.0, range=(0.0, np.inf))
    wall = ilk.links.custom(np.sqrt, lambda e: np.exp(2.0 * np.log(e)), range=(0.0, np.inf))
    eta = np.array([1e-3, 0.1, 30.0])
    for made_of in (link, wall):
        jet = made_of.inverse(variables([eta], 3)[0])
        np.testing.assert_allclose(jet.first[0], 2.0 * eta, rtol=1e-6)
        np.testing.assert_allclose(jet.second[0], 2.0, rtol=1e-4)


@pytest.mark.parametrize("kind", ["derivatives", "jets", "differences"])
def test_a_fit_is_that_of_the_link_it_copies(kind, tmp_path):
    rng = np.random.default_rng(4)
    x, g = rng.normal(size=120), np.repeat(np.arange(12), 10)
    eta = 0.3 + 0.8 * x + rng.normal(0.0, 0.7, 12)[g]
    data = pd.DataFrame({"y": (rng.random(120) < plain(eta)) * 1.0, "x": x, "g": g})
    exact = ilk.fit("y ~ x + (1 | g)", data, family="binomial")
    own = ilk.fit("y ~ x + (1 | g)", data, family="binomial", link=made(kind))
    assert own.loglik == pytest.approx(exact.loglik, rel=1e-8)
    np.testing.assert_allclose(own.tidy()["estimate"], exact.tidy()["estimate"], rtol=1e-4)
    np.testing.assert_allclose(own.fitted_values, exact.fitted_values, rtol=1e-4)
    own.save(tmp_path / "own.ilk")
    with pytest.raises(DataError, match=r"link (custom|own) of the fit is your own"):
        ilk.load(tmp_path / "own.ilk")
    for given in ({"link": own.fitted.family.link}, {"family": own.fitted.family}):
        assert ilk.load(tmp_path / "own.ilk", **given).loglik == own.loglik


BAD = [
    (logit, plain, {"range": (1.0, 0.0)}, "two numbers"),
    (logit, plain, {"range": 3}, "two numbers"),
    (logit, plain, {"derivatives": slopes()[:2]}, "three derivatives"),
    (logit, lambda e: plain(2.0 * e), {}, "do not undo each other"),
    (lambda mu: (mu - 0.5) ** 2, plain, {}, "neither grows nor falls"),
    (logit, plain, {"range": (0.0, np.inf)}, "is nan at the mean|is inf at the mean"),
    (logit, plain, {"derivatives": (slopes()[0], slopes()[2], slopes()[1])}, "order 2"),
    (logit, plain, {"derivatives": (slopes()[0],) * 3}, "differences say"),
    (lambda mu: 1.0, plain, {}, "neither grows nor falls"),
    ("logit", plain, {}, "two functions"),
    (lambda mu: math.log(mu), np.exp, {}, "fails for an array of 7 numbers with TypeError"),
    (logit, lambda e: plain(e)[:, None], {}, "inverse.*shape"),
    (logit, lambda e: plain(e) + 0.01 * np.mean(e), {}, "taken for itself"),
    (lambda mu: logit(mu) - np.mean(mu), plain, {}, "taken for itself"),
    (logit, lambda e: np.add(e, 0.0, out=e), {}, "change nothing"),
    (logit, lambda e: plain(e + 0j), {}, "not real numbers"),
    (logit, plain, {"derivatives": plain}, "three derivatives"),
    (logit, plain, {"name": "logit"}, "another text"),
]


@pytest.mark.parametrize(("link", "inverse", "options", "message"), BAD)
def test_what_is_no_link_is_refused(link, inverse, options, message):
    with pytest.raises(ModelError, match=message) as caught:
        ilk.links.custom(link, inverse, **options)
    assert caught.value.code == "link"


def test_powers():
    assert ilk.links.power(0.5).name == "power(0.5)"
    with pytest.raises(ModelError, match="'log'"):
        ilk.links.power(0.0)
