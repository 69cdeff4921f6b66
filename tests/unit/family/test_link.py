"""Every registered link against its definition in high precision."""

import numpy as np
import pytest

from ilk.errors import ModelError
from ilk.family.link import (
    LINKS,
    AbstractPlainLink,
    Interval,
    Power,
    find_link,
    is_registered,
    link_kind,
)
from ilk.num.jets import variables

mp = pytest.importorskip("mpmath")

# inverse by name, and linear predictors to try
INVERSES = {
    "identity": (lambda e: e, (0.1, 0.4, 0.8)),
    "log": (mp.exp, (-20.0, -3.0, -0.1)),
    "logit": (lambda e: 1 / (1 + mp.exp(-e)), (-30.0, -1.0, 0.0, 2.0, 30.0)),
    "probit": (mp.ncdf, (-5.0, -1.0, 0.0, 2.0, 5.0)),
    "cloglog": (lambda e: 1 - mp.exp(-mp.exp(e)), (-30.0, -1.0, 0.0, 1.0, 2.0)),
    "inverse": (lambda e: 1 / e, (1.3, 5.0, 100.0)),
    "inverse_squared": (lambda e: 1 / mp.sqrt(e), (1.3, 5.0, 100.0)),
    "sqrt": (lambda e: e**2, (0.1, 0.4, 0.8)),
    "loglog": (lambda e: mp.exp(-mp.exp(-e)), (-2.0, -1.0, 0.0, 1.0, 30.0)),
    "cauchit": (lambda e: mp.atan2(1, -e) / mp.pi, (-1e6, -30.0, -1.0, 0.0, 2.0, 40.0, 1e7)),
    "softplus": (lambda e: mp.log1p(mp.exp(e)), (-60.0, -30.0, -3.0, -2.0, -0.1)),
    "power(0.5)": (lambda e: e**2, (0.1, 0.4, 0.8)),
    "power(3)": (lambda e: mp.cbrt(e), (0.1, 0.4, 0.8)),
    "power(-2)": (lambda e: 1 / mp.sqrt(e), (1.3, 5.0, 100.0)),
}


def test_no_link_is_forgotten():
    assert {link_kind(find_link(name)) for name in INVERSES} == set(LINKS)


@pytest.mark.parametrize("name", INVERSES)
def test_mean_and_its_logarithms_have_exact_derivatives(name):
    link, (inverse, points) = find_link(name), INVERSES[name]
    functions = {
        link.inverse: inverse,
        link.log_inverse: lambda e: mp.log(inverse(e)),
        link.log_complement: lambda e: mp.log(1 - inverse(e)),
    }
    with mp.workdps(150):
        for eta in points:
            (jet,) = variables([np.array([eta])], 3)
            for function, exact in functions.items():
                out = function(jet)
                found = [out.value[0], out.first[0, 0], out.second[0, 0], out.third[0, 0]]
                h = mp.mpf(10) ** -25
                expected = [float(mp.diff(exact, mp.mpf(eta), k, h=h)) for k in range(4)]
                np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-45)


@pytest.mark.parametrize("name", INVERSES)
def test_link_undoes_its_inverse(name):
    link = find_link(name)
    eta = np.array([e for e in INVERSES[name][1] if abs(e) < 8.0])
    mu = link.inverse(eta)
    np.testing.assert_allclose(link.link(mu), eta, rtol=1e-9, atol=1e-12)
    assert np.all(link.range.contains(mu))
    h = 1e-6 * (1.0 + np.abs(eta))
    slope = (link.inverse(eta + h) - link.inverse(eta - h)) / (2.0 * h)
    np.testing.assert_allclose(link.derivative(eta), slope, rtol=1e-6)


def test_names_are_found_and_misspellings_answered():
    assert find_link("logit").name == "logit"
    own = LINKS["probit"]()
    assert find_link(own) is own
    with pytest.raises(ModelError, match="Did you mean 'cloglog'") as caught:
        find_link("clolog")
    assert caught.value.code == "unknown-link"
    with pytest.raises(ModelError, match="'inverse_squared'"):
        find_link("1/mu^2")


def test_powers_come_with_their_exponent():
    assert find_link("power(1/3)") == Power(1.0 / 3.0)
    assert find_link("power( -2 )").name == "power(-2)"
    for exponent in (0.1, -1.0 / 3.0, 2.0, 1e-3):
        link = Power(exponent)
        assert find_link(link.name) == link
        assert is_registered(link)
        with np.errstate(invalid="ignore"):
            assert np.isnan(link.inverse(np.array([-1.0])))
    for text in ("power", "power()", "power(x)", "power(1/0)", "power(1/2/3)"):
        with pytest.raises(ModelError, match="needs its exponent"):
            find_link(text)
    with pytest.raises(ModelError, match="is the link 'log'"):
        find_link("power(0)")
    with pytest.raises(ModelError, match="finite"):
        find_link("power(inf)")


@pytest.mark.parametrize(
    ("name", "ends"),
    [("loglog", 700.0), ("cauchit", 1e200), ("softplus", 800.0)],
)
def test_tails_do_not_overflow(name, ends):
    link = find_link(name)
    (jet,) = variables([np.array([-ends, ends])], 3)
    for out in (link.inverse(jet), link.log_inverse(jet)):
        for part in (out.value, out.first, out.second, out.third):
            assert np.all(np.isfinite(part))


def test_a_link_of_ones_own_needs_two_functions():
    class Cube(AbstractPlainLink):
        name = "sqrt"  # even with a name that is taken
        range = Interval(0.0, np.inf)

        def link(self, mu):
            return mu**3

        def inverse(self, eta):
            return eta ** (1.0 / 3.0)

    assert not is_registered(Cube())
    np.testing.assert_allclose(Cube().derivative(np.array([8.0])), [1.0 / 12.0])
    np.testing.assert_allclose(Cube().log_inverse(np.array([8.0])), [np.log(2.0)])


def test_intervals_know_their_ends():
    interval = Interval(0.0, 1.0, high_closed=True)
    np.testing.assert_array_equal(
        interval.contains(np.array([0.0, 0.5, 1.0, np.nan])), [False, True, True, False]
    )
    assert str(interval) == "(0, 1]"
