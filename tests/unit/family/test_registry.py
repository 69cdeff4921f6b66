"""Families by name, what they refuse, and families of one's own."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from tests.tables import with_exponent

import ilk.families
from ilk.errors import DataError, ModelError
from ilk.family import FAMILIES, AbstractFamily, make_family
from ilk.family.link import AbstractLink, AbstractPlainLink, Identity, Interval
from ilk.num import jets


@pytest.mark.parametrize("name", FAMILIES)
def test_names_and_constructors_agree(name):
    constructor = getattr(ilk.families, name)
    assert make_family(name) == constructor() == make_family(constructor)
    usual = FAMILIES[name].links[0]
    assert constructor().link.name == usual
    for link in map(with_exponent, FAMILIES[name].links):
        assert make_family(name, link) == constructor(link) == make_family(constructor(), link)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("possion", "Did you mean 'poisson'"),
        ("Gamma", "here it is called 'gamma'"),
        ("bernoulli", "'binomial'"),
        ("nbinom2", "'negative_binomial_2'"),
        ("betabinomial", "'beta_binomial'"),
        ("inverse.gaussian", "'inverse_gaussian'"),
        ("zero_inflated_poisson", "zero_inflation='~ 1'"),
        ("zip", "family='poisson'"),
        (3, "neither a name nor a family"),
    ],
)
def test_unknown_families_are_answered_with_the_right_name(name, answer):
    with pytest.raises(ModelError, match="amily") as caught:
        make_family(name)
    assert answer in str(caught.value)
    assert caught.value.code == "unknown-family"


def test_links_that_make_no_sense_are_refused():
    with pytest.raises(ModelError, match="use one of log, identity, sqrt") as caught:
        make_family("poisson", "logit")
    assert caught.value.code == "link-not-for-family"
    with pytest.raises(ModelError, match="Unknown link"):
        make_family("poisson", "lgo")


def test_zero_inflation_wraps_counts_once():
    family = make_family("poisson", "sqrt", zero_inflated=True)
    assert family.parameters == ("mean", "zero_inflation")
    assert make_family(family, zero_inflated=True) is family
    assert make_family(family, "log").link.name == "log"
    with pytest.raises(ModelError, match="nothing special"):
        make_family("gaussian", zero_inflated=True)
    with pytest.raises(ModelError, match="already"):
        ilk.families.zero_inflated(family)


BAD = [
    ("poisson", [0, 1, -2], None, "row 2", "'gaussian'"),
    ("poisson", [0, 1.5, 2], None, "row 1", "exposure="),
    ("poisson", [0, np.inf, 2], None, "row 1", "counts"),
    ("negative_binomial_2", [0, 1, 2.5], None, "row 2", "'gamma'"),
    ("binomial", [0, 1, 2], None, "row 2", "trials="),
    ("binomial", [0, 0.25, 1], None, "row 1", "'beta'"),
    ("binomial", [0, 3, 9], [4, 4, 4], "row 2", "swapped"),
    ("binomial", [0, 3.5, 9], [4, 4, 9], "row 1", "proportions"),
    ("beta_binomial", [-1, 3, 4], [4, 4, 4], "row 0", "successes"),
    ("gamma", [1.0, 0.0, 2.0], None, "row 1", "'poisson'"),
    ("gamma", [1.0, -3.0, 2.0], None, "row 1", "'gaussian'"),
    ("inverse_gaussian", [1.0, 2.0, 0.0], None, "row 2", "'hurdle_inverse_gaussian'"),
    ("beta", [0.5, 1.0, 0.2], None, "row 1", "'beta_binomial'"),
    ("beta", [0.5, 33.0, 0.2], None, "row 1", "percentages"),
    ("gaussian", [0.5, np.nan, 0.2], None, "row 1", "finite"),
]


@pytest.mark.parametrize(("name", "y", "trials", "where", "advice"), BAD)
def test_impossible_responses_name_column_row_and_remedy(name, y, trials, where, advice):
    family = make_family(name)
    trials = None if trials is None else np.array(trials, float)
    with pytest.raises(DataError) as caught:
        family.check(np.array(y, float), trials, "outcome")
    text = str(caught.value)
    assert "'outcome'" in text
    assert where in text
    assert advice in text
    assert name in text
    assert caught.value.code == "response-out-of-range"


def test_rows_are_those_of_the_users_table():
    with pytest.raises(DataError, match=r"row 17 \(2 such rows\)"):
        make_family("poisson").check(np.array([1.0, -1.0, -2.0]), None, "y", np.array([3, 17, 40]))


def test_the_dispersion_is_needed_for_a_negative_binomial_deviance():
    with pytest.raises(ModelError, match="needs the dispersion"):
        make_family("negative_binomial_2").unit_deviance(np.ones(1), None, np.ones(1))


@dataclass(frozen=True)
class Exponential(AbstractFamily):
    """A family with nothing but a density."""

    name = "my_exponential"
    parameters = ("mean",)
    link: AbstractLink = field(default_factory=Identity)

    def log_density(self, y, trials, eta):
        return -eta[0] - y * jets.exp(-eta[0])


def test_a_family_of_ones_own_is_a_density():
    family = Exponential()
    assert make_family(family) is family
    assert family.key is None
    assert family.predictors == 1
    assert family.start(np.array([1.0, 2.0]), None, None, None) == (1.5,)
    np.testing.assert_array_equal(family.constant(np.ones(2), None), [0.0, 0.0])
    family.check(np.ones(2), None, "y")
    rng = np.random.default_rng(0)
    one = [np.zeros(1)]
    for question in (
        lambda: family.variance(one, None),
        lambda: family.draw(one, None, rng),
        lambda: family.cdf(np.ones(1), None, one),
        lambda: family.unit_deviance(np.ones(1), None, np.ones(1)),
    ):
        with pytest.raises(ModelError, match="'my_exponential' does not define"):
            question()


def test_a_link_of_ones_own_goes_with_any_family():
    class Cube(AbstractPlainLink):
        name = "log"
        range = Interval(0.0, np.inf)

        def link(self, mu):
            return mu ** (1.0 / 3.0)

        def inverse(self, eta):
            return eta * eta * eta

    family = make_family("poisson", Cube())
    assert family.key is None
    assert family.mean([np.array([2.0])])[0] == 8.0
