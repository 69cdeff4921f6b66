"""Families of categories: probabilities, derivatives, distribution, draws, starts, errors."""

import mpmath
import numpy as np
import pytest
from scipy import stats

import ilk
from ilk.errors import DataError, ModelError
from ilk.family import FAMILIES, make_family
from ilk.family.thresholds import structure
from ilk.num.jets import pair, triple, variables

LEVELS = ("awful", "poor", "fair", "good", "great")
CUTS = {"flexible": (-1.4, -0.2, 0.5, 2.1), "equidistant": (-1.5, 0.9),
        "symmetric": (-0.4, 0.7, 1.2)}  # fmt: skip
KINDS = [kind for kind in FAMILIES.values() if kind.categorical and kind.ordered]

F = {
    "logit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "probit": mpmath.ncdf,
    "cloglog": lambda x: -mpmath.expm1(-mpmath.exp(x)),
    "loglog": lambda x: mpmath.exp(-mpmath.exp(-x)),
    "cauchit": lambda x: mpmath.mpf(1) / 2 + mpmath.atan(x) / mpmath.pi,
}


def families():
    found = []
    for kind in KINDS:
        for link in kind.links:
            base = make_family(kind.name, link)
            for thresholds in CUTS:
                made = kind(link=base.link, thresholds=thresholds)
                found.append(made.with_levels(LEVELS))
                if thresholds == "flexible" and kind.name == "cumulative":
                    found.append(made.with_levels(LEVELS).with_formulas(["dispersion"]))
    return found


CASES = families()
each = pytest.mark.parametrize("family", CASES, ids=[
    f"{f.name}:{f.link.name}:{f.thresholds}:{f.predictors}" for f in CASES
])  # fmt: skip


def point(family, mean=0.3):
    """Predictors at which the thresholds are in order."""
    scale = [0.25] if family.has_dispersion else []
    return [mean, *scale, *CUTS[family.thresholds]]


def exact(family, category, eta):
    """Probability of a category by the definition of its family, in high precision."""
    first = 2 if family.has_dispersion else 1
    A = structure(family.thresholds, len(LEVELS))[1]
    cuts = [sum(mpmath.mpf(a) * e for a, e in zip(row, eta[first:], strict=True)) for row in A]
    scale = mpmath.exp(-eta[1]) if family.has_dispersion else mpmath.mpf(1)
    below = [F[family.link.name]((cut - eta[0]) * scale) for cut in cuts]
    match family.name:
        case "cumulative":
            ends = [mpmath.mpf(0), *below, mpmath.mpf(1)]
            return ends[category + 1] - ends[category]
        case "continuation_ratio":
            passed = mpmath.mpf(1)
            for stop in below[:category]:
                passed *= 1 - stop
            return passed if category == len(below) else passed * below[category]
        case "adjacent_category":
            scores = [mpmath.mpf(0)]
            for cut in cuts:
                scores.append(scores[-1] + eta[0] - cut)
            return mpmath.exp(scores[category]) / sum(map(mpmath.exp, scores))
    raise AssertionError(f"no definition of {family.name}")


@each
def test_values_and_derivatives_are_those_of_the_definition(family):
    mpmath.mp.dps = 40
    y = np.arange(5.0)
    at = point(family)
    K = len(at)
    eta = [np.full(5, e) for e in at]
    jet = family.log_density(y, None, variables(eta, 3))
    np.testing.assert_allclose(jet.value, family.log_density(y, None, eta), rtol=1e-14)
    rng = np.random.default_rng(1)
    tried = {(k,) for k in range(K)} | {(k, k) for k in range(K)}
    tried |= {tuple(sorted(rng.integers(0, K, 3))) for _ in range(6)} | {(0, 0, 0), (0, 0, K - 1)}
    for category in (0, 2, 4):

        def log_p(*e, category=category):
            return mpmath.log(exact(family, category, e))

        assert jet.value[category] == pytest.approx(float(log_p(*map(mpmath.mpf, at))), rel=1e-12)
        for which in tried:
            orders = tuple(which.count(k) for k in range(K))
            wanted = float(mpmath.diff(log_p, tuple(map(mpmath.mpf, at)), orders))
            found = {
                1: lambda w: jet.first[w[0]],
                2: lambda w: jet.second[pair(*w)],
                3: lambda w: jet.third[triple(*w)],
            }[len(which)](which)[category]
            assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9), which


@each
def test_probabilities_draws_and_distribution_agree(family):
    n, rng = 20_000, np.random.default_rng(4)
    eta = [np.full(n, e) for e in point(family)]
    p = family.probabilities([e[:1] for e in eta])[:, 0]
    assert p.sum() == pytest.approx(1.0, abs=1e-14)
    drawn = family.draw(eta, None, rng)
    family.check(drawn, None, "y")
    counts = np.bincount(drawn.astype(int), minlength=5)
    assert stats.chisquare(counts, n * p).pvalue > 1e-4
    below = family.cdf(np.arange(-1.0, 5.0), None, [e[:6] for e in eta])
    np.testing.assert_allclose(below, np.concatenate([[0.0], np.cumsum(p)]), atol=1e-14)


@each
def test_starts_give_the_shares(family):
    rng = np.random.default_rng(2)
    y = rng.choice(5, 400, p=[0.1, 0.2, 0.4, 0.2, 0.1]).astype(float)
    start = family.start(y, None, None, None)
    assert len(start) == family.predictors
    p = family.probabilities([np.array([s]) for s in start])[:, 0]
    close = 0.15 if family.thresholds != "flexible" else 0.01
    np.testing.assert_allclose(p, np.bincount(y.astype(int)) / 400, atol=close)


@each
def test_jets_of_other_variables_follow_the_chain_rule(family):
    """As averages need them: some predictors jets in fewer variables, others constants."""
    at = point(family)
    x = np.array([0.2, -0.4])
    (v,) = variables([x], 3)
    eta = [np.full(2, e) for e in at]
    moving = [eta[0] + v, eta[1] + 0.3 * v * v, *eta[2:]]
    jet = family.log_probability(2, moving)
    h = 1e-3

    def value(shift):
        moved = [eta[0] + x + shift, eta[1] + 0.3 * (x + shift) ** 2, *eta[2:]]
        return family.log_probability(2, moved)

    slope = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
    bend = (16 * (value(h) + value(-h)) - value(2 * h) - value(-2 * h) - 30 * value(0.0)) / 12
    np.testing.assert_allclose(jet.first[0], slope, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(jet.second[0], bend / h**2, rtol=1e-6, atol=1e-7)
    y = np.full(2, 2.0)
    general = family.log_density(y, None, moving)
    np.testing.assert_allclose(general.third, jet.third, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("link", F)
@pytest.mark.parametrize(("mean", "category"), [(0.0, 2), (-34.0, 1), (34.0, 3), (3.0, 0)])
def test_tails_keep_their_accuracy(link, mean, category):
    if link in ("cloglog", "loglog") and abs(mean) > 10:
        mean /= 10.0
    mpmath.mp.dps = 700
    family = make_family("cumulative", link).with_levels(LEVELS)
    at = point(family, mean)
    found = family.log_density(np.array([float(category)]), None, [np.array([e]) for e in at])
    wanted = mpmath.log(exact(family, category, [mpmath.mpf(e) for e in at]))
    assert found[0] == pytest.approx(float(wanted), rel=1e-11)


def test_crossed_thresholds_are_impossible():
    family = make_family("cumulative").with_levels(list("abc"))
    eta = [np.zeros(1), np.array([1.0]), np.array([-1.0])]
    assert family.log_density(np.ones(1), None, eta)[0] == -np.inf
    jet = family.log_density(np.ones(1), None, variables(eta, 3))
    assert jet.value[0] == -np.inf


def test_categories_have_no_mean():
    family = make_family("cumulative").with_levels(list("abc"))
    with pytest.raises(ModelError, match="category and has no mean"):
        family.mean([np.zeros(1)] * 3)


def test_an_empty_category_is_named():
    family = make_family("cumulative").with_levels(["low", "middle", "high"])
    with pytest.raises(DataError, match="No row used has the category 'middle'") as caught:
        family.check(np.array([0.0, 2.0]), None, "grade")
    assert caught.value.code == "empty-category"


@pytest.mark.parametrize("levels", ["abc", 3, ["a", "a"], ["a"]])
def test_levels_that_are_none_are_refused(levels):
    with pytest.raises((ModelError, DataError)):
        ilk.families.cumulative(levels=levels)
    assert ilk.families.cumulative(levels=np.array([1, 2])).levels == (1, 2)


def test_unknown_structures_are_refused():
    with pytest.raises(ModelError, match="Did you mean 'symmetric'"):
        ilk.families.cumulative(thresholds="symmetrical")


@pytest.mark.parametrize("categories", [3, 4, 5, 6])
def test_symmetric_thresholds_mirror(categories):
    names, A = structure("symmetric", categories)
    free = np.concatenate([np.zeros(2 - (categories - 1) % 2), np.arange(1.0, 4.0)])[: len(names)]
    cuts = A @ free
    np.testing.assert_allclose(cuts, -cuts[::-1])
    assert np.linalg.matrix_rank(A) == len(names)


def test_keys_name_the_compiled_densities():
    for family in CASES:
        compiled = family.thresholds == "flexible" and family.link.name != "cauchit"
        scaled = "scaled_" if family.has_dispersion else ""
        key = f"{scaled}{family.name}:{family.link.name}:{len(LEVELS)}"
        assert family.key == (key if compiled else None)
    nominal = make_family("multinomial").with_levels(LEVELS)
    assert nominal.key == "multinomial:logit:5"
    assert ilk.families.multinomial(baseline="fair").with_levels(LEVELS).key is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cumulative", "continuation_ratio", "adjacent_category"])
@pytest.mark.parametrize("categories", [5, 7, 11])
def test_many_categories_in_many_rows_some_of_them_rare(name, categories):
    n, groups = 100_000, 3_000
    rng = np.random.default_rng(categories)
    family = make_family(name).with_levels(tuple(range(categories)))
    cuts = np.linspace(-2.0, 2.0, categories - 1)
    if name == "cumulative":  # the ends have a few rows in ten thousand
        cuts[0], cuts[-1] = -8.5, 8.5
    g, x = rng.integers(0, groups, n), rng.normal(size=n)
    mean = 0.5 * x + 0.7 * rng.normal(size=groups)[g]
    y = family.draw([mean, *(np.full(n, cut) for cut in cuts)], None, rng)
    fit = ilk.fit("y ~ x + (1 | g)", {"y": y.astype(int), "x": x, "g": g}, family=name)
    table = fit.tidy()
    estimate, error = table["estimate"].to_numpy(), table["std_error"].to_numpy()
    truth = np.array([0.5, *cuts, 0.7])
    assert np.all(np.abs(estimate - truth) < 4.5 * error)
    assert np.all(error < 0.6)
