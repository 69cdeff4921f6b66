"""Unordered categories: probabilities, derivatives, draws, starts, names, errors."""

import mpmath
import numpy as np
import pytest
from scipy import stats

import ilk
from ilk.errors import DataError, ModelError
from ilk.family.multinomial import Multinomial
from ilk.num.jets import pair, triple, variables

LEVELS = ("bus", "car", "train", "walk")
AT = (0.4, -1.3, 2.2)


def family(baseline="car"):
    return ilk.families.multinomial(baseline=baseline, levels=LEVELS)


def exact(made, category, eta):
    """Log probability by the definition, in high precision."""
    scores = [mpmath.mpf(x) for x in eta]
    scores.insert(made.base, mpmath.mpf(0))
    return scores[category] - mpmath.log(sum(map(mpmath.exp, scores)))


@pytest.mark.parametrize("baseline", LEVELS)
def test_values_and_derivatives_are_those_of_the_definition(baseline):
    mpmath.mp.dps = 40
    made = family(baseline)
    y = np.arange(4.0)
    eta = [np.full(4, e) for e in AT]
    jet = made.log_density(y, None, variables(eta, 3))
    np.testing.assert_allclose(jet.value, made.log_density(y, None, eta), rtol=1e-14)
    every = [(k,) for k in range(3)]
    every += [(k, m) for k in range(3) for m in range(k, 3)]
    every += [(k, m, j) for k in range(3) for m in range(k, 3) for j in range(m, 3)]
    for category in range(4):

        def log_p(*e, category=category):
            return exact(made, category, e)

        assert jet.value[category] == pytest.approx(float(log_p(*AT)), rel=1e-14)
        for which in every:
            orders = tuple(which.count(k) for k in range(3))
            wanted = float(mpmath.diff(log_p, tuple(map(mpmath.mpf, AT)), orders))
            found = {
                1: lambda w: jet.first[w[0]],
                2: lambda w: jet.second[pair(*w)],
                3: lambda w: jet.third[triple(*w)],
            }[len(which)](which)[category]
            assert found == pytest.approx(wanted, rel=1e-12, abs=1e-15), which


@pytest.mark.parametrize("order", [0, 1, 2])
def test_lower_orders_carry_what_they_need(order):
    eta = [np.full(4, e) for e in AT]
    full = family().log_density(np.arange(4.0), None, variables(eta, 3))
    jet = family().log_density(np.arange(4.0), None, variables(eta, order))
    assert jet.order == order
    np.testing.assert_array_equal(jet.value, full.value)
    for have, parts in ((1, ("first",)), (2, ("first", "second"))):
        for part in parts if order >= have else ():
            np.testing.assert_array_equal(getattr(jet, part), getattr(full, part))


def test_jets_of_other_variables_follow_the_chain_rule():
    """As averages need them: some predictors jets in fewer variables, others constants."""
    x = np.array([0.2, -0.4])
    (v,) = variables([x], 3)
    eta = [np.full(2, e) for e in AT]
    y = np.array([2.0, 0.0])
    jet = family().log_density(y, None, [eta[0] + v, 0.3 * v * v, eta[2]])

    def value(shift):
        z = x + shift
        return family().log_density(y, None, [eta[0] + z, 0.3 * z * z, eta[2]])

    h = 1e-3
    slope = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
    np.testing.assert_allclose(jet.first[0], slope, rtol=1e-9)


@pytest.mark.parametrize("size", [40.0, 700.0, 1e5, 1e9])
def test_extremes_neither_overflow_nor_lie(size):
    mpmath.mp.dps = 60
    made = family("bus")
    y = np.arange(4.0)
    for at in ((size, 0.0, -size), (-size, -size, -size), (size, size, size)):
        jet = made.log_density(y, None, variables([np.full(4, e) for e in at], 3))
        wanted = [float(exact(made, j, at)) for j in range(4)]
        np.testing.assert_allclose(jet.value, wanted, rtol=1e-14, atol=1e-16)
        for part in (jet.first, jet.second, jet.third):
            assert np.isfinite(part).all()
            assert np.abs(part).max() <= 1.0


def test_two_categories_are_binomial():
    two = ilk.families.multinomial(levels=["no", "yes"])
    y, eta = np.array([0.0, 1.0, 1.0]), np.array([-3.0, 0.5, 40.0])
    ours = two.log_density(y, None, variables([eta], 3))
    theirs = ilk.families.binomial().log_density(y, None, variables([eta], 3))
    for part in ("value", "first", "second", "third"):
        np.testing.assert_allclose(getattr(ours, part), getattr(theirs, part), atol=1e-15)


def test_probabilities_draws_and_distribution_agree():
    n, rng, made = 20_000, np.random.default_rng(4), family()
    eta = [np.full(n, e) for e in AT]
    p = made.probabilities([e[:1] for e in eta])[:, 0]
    assert p.sum() == pytest.approx(1.0, abs=1e-15)
    drawn = made.draw(eta, None, rng)
    counts = np.bincount(drawn.astype(int), minlength=4)
    assert stats.chisquare(counts, n * p).pvalue > 1e-4
    below = made.cdf(np.arange(-1.0, 4.0), None, [e[:5] for e in eta])
    np.testing.assert_allclose(below, np.concatenate([[0.0], np.cumsum(p)]), atol=1e-15)


def test_starts_give_the_shares():
    y = np.random.default_rng(2).choice(4, 400, p=[0.1, 0.2, 0.4, 0.3]).astype(float)
    start = family().start(y, None, None, None)
    p = family().probabilities([np.array([s]) for s in start])[:, 0]
    np.testing.assert_allclose(p, np.bincount(y.astype(int)) / 400, atol=0.01)


def test_predictors_are_those_of_the_other_categories():
    assert family("bus").parameters == ("car", "train", "walk")
    assert family("walk").parameters == ("bus", "car", "train")
    assert ilk.families.multinomial(levels=[3, 1, 2]).parameters == ("1", "2")
    assert family().main_parameters == family().parameters
    assert family().predictor_words("bus") == "log odds of bus against car"


def test_names_of_other_parameters_are_kept_free():
    made = ilk.families.multinomial(levels=["low", "mean", "dispersion"])
    assert made.parameters == ("category_mean", "category_dispersion")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": LEVELS, "baseline": "cab"}, "baseline='cab' is none of the categories bus"),
        ({"levels": ["1", 1, "a"]}, "same name as text"),
        ({"levels": ["a", "a"]}, "twice"),
    ],
)
def test_levels_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ModelError, match=message):
        ilk.families.multinomial(**options)


def test_the_baseline_is_checked_once_the_levels_are_known():
    made = ilk.families.multinomial(baseline="car")
    assert made.with_levels(LEVELS).base == 1
    with pytest.raises(ModelError, match="Did you mean 'cart'"):
        made.with_levels(["cart", "bus"])


def test_the_link_is_part_of_the_family():
    with pytest.raises(ModelError, match="use one of logit"):
        Multinomial(link=ilk.families.binomial("probit").link)


def test_an_empty_category_is_named():
    with pytest.raises(DataError, match="No row used has the category 'walk'") as caught:
        family().check(np.array([0.0, 1.0, 2.0]), None, "choice")
    assert caught.value.code == "empty-category"


def test_categories_have_no_mean():
    with pytest.raises(ModelError, match="category and has no mean"):
        family().mean([np.zeros(1)] * 3)
