"""The readable Laplace and quadrature engine against brute force, differences and algebra."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from tests.tables import with_exponent

from ilk.covariance import STRUCTURES, covariance_structure
from ilk.family import FAMILIES as EVERY
from ilk.family import AbstractFamily, make_family
from ilk.family.link import AbstractLink, Log
from ilk.kernels.contract import EngineData, LinearFactor, PredictorData, TermData
from ilk.kernels.reference import LaplaceEngine
from ilk.likelihood.brute_force import grid_loglik, laplace_loglik
from ilk.num import jets
from ilk.num.differences import jacobian

FAMILIES = {name: kind for name, kind in EVERY.items() if not kind.categorical}
FAMILY_LINKS = [
    (name, with_exponent(link)) for name, kind in FAMILIES.items() for link in kind.links
]
INFLATED = [name for name, kind in FAMILIES.items() if kind.discrete]

INTERCEPT = ("mean", 6, 1, 0)
SLOPE = ("mean", 6, 2, 0)
CROSSED = ("mean", 4, 1, 1)


def problem(family, terms, n=48, seed=0, weighted=False, log_phi=-0.7):
    """Small data of a family with terms (predictor, levels, columns, grouping)."""
    rng = np.random.default_rng(seed)
    bounded = family.link.name in (
        "identity",
        "inverse",
        "inverse_squared",
        "sqrt",
        "log",
        "power(0.5)",
    )
    shares = family.takes_trials or family.mean_range.high == 1.0
    predictors, beta = [], []
    for k, name in enumerate(family.parameters):
        X = np.ones((n, 2 if k == 0 else 1), order="F")
        if k == 0:
            X[:, 1] = rng.uniform(-1.0, 1.0, n)
        offset = 0.1 * rng.uniform(-1.0, 1.0, n) if k == 0 else None
        predictors.append(PredictorData(X, offset))
        if k == 0:
            center = 0.4 if shares else 1.0 if family.link.name.startswith("inv") else 3.0
            beta += [float(family.link.link(np.array(center))), 0.05 if bounded else 0.3]
        else:
            beta.append({"dispersion": log_phi, "shape": 1.5, "zero_inflation": -1.0}[name])
    engine_terms = []
    for name, levels, q, grouping in terms:
        codes = np.random.default_rng(100 + grouping).integers(0, levels, n)
        codes[:levels] = np.arange(levels)
        columns = None if q == 1 else np.column_stack([np.ones(n), rng.normal(size=(n, q - 1))])
        place = family.parameters.index(name)
        engine_terms.append(TermData.single(place, codes.astype(np.int32), levels, columns))
    trials = rng.integers(1, 8, n).astype(float) if family.takes_trials else None
    beta = np.array(beta)
    parts = np.split(beta, np.cumsum([p.X.shape[1] for p in predictors])[:-1])
    eta = [p.X @ b for p, b in zip(predictors, parts, strict=True)]
    y = family.draw(eta, trials, rng)
    weights = rng.integers(1, 4, n).astype(float) if weighted else None
    data = EngineData(y, trials, weights, tuple(predictors), tuple(engine_terms))
    scale = 0.05 if bounded and (shares or family.link.name != "log") else 0.4
    lam = [np.tril(rng.normal(size=(t.width, t.width))) * scale for t in engine_terms]
    return data, beta, np.concatenate([np.zeros(0), *(x.ravel(order="F") for x in lam)])


def lower(data):
    """Which elements of ``lam`` count."""
    masks = [np.tril(np.ones((t.width, t.width))).ravel(order="F") for t in data.terms]
    return np.concatenate([np.zeros(0), *masks]) > 0.0


def assert_gradient(family, terms, nodes=1, **options):
    data, beta, lam = problem(family, terms, **options)
    engine = LaplaceEngine(data, family)
    count = len(beta)

    def value(x):
        at = engine.evaluate(x[:count], x[count:], nodes=nodes, gradient=False, tolerance=1e-14)
        return at.value

    at = engine.evaluate(beta, lam, nodes=nodes, tolerance=1e-14)
    assert at.converged
    x = np.concatenate([beta, lam])
    steps = 2e-4 * np.where(np.abs(x) > 0.05, 1.0, 0.1)
    expected = jacobian(value, x, steps)
    found = np.concatenate([at.grad_beta, at.grad_lam])
    counts = np.concatenate([np.ones(count, bool), lower(data)])
    size = 1.0 + np.abs(expected).max()
    np.testing.assert_allclose(found[counts] / size, expected[counts] / size, atol=2e-8)


@pytest.mark.parametrize(("name", "link"), FAMILY_LINKS)
def test_gradient_of_crossed_terms(name, link):
    assert_gradient(make_family(name, link), (SLOPE, CROSSED), weighted=True)


@pytest.mark.parametrize("nodes", [3, 4])
@pytest.mark.parametrize(("name", "link"), FAMILY_LINKS)
def test_gradient_of_quadrature(name, link, nodes):
    assert_gradient(make_family(name, link), (SLOPE,), nodes=nodes, weighted=True)


@pytest.mark.parametrize("nodes", [1, 4])
@pytest.mark.parametrize("name", INFLATED)
def test_gradient_of_inflated_families(name, nodes):
    family = make_family(name, zero_inflated=True)
    inflation = ("zero_inflation", 6, 1, 0)
    assert_gradient(family, (INTERCEPT, inflation), nodes=nodes, seed=2)


@pytest.mark.parametrize("name", [n for n in FAMILIES if "dispersion" in FAMILIES[n]().parameters])
def test_gradient_with_effects_in_the_dispersion(name):
    family = make_family(name)
    assert_gradient(family, (("dispersion", 6, 1, 0),))
    assert_gradient(family, (INTERCEPT, ("dispersion", 4, 1, 1)))
    assert_gradient(family, (INTERCEPT, ("dispersion", 6, 1, 0)), nodes=4)


def test_gradient_with_effects_in_all_three_predictors():
    family = make_family("negative_binomial_2", zero_inflated=True)
    terms = (SLOPE, ("dispersion", 4, 1, 1), ("zero_inflation", 5, 1, 2))
    assert_gradient(family, terms, n=90)


def test_gradient_of_three_effects_per_level_with_quadrature():
    assert_gradient(make_family("binomial"), (("mean", 5, 3, 0),), nodes=3)
    assert_gradient(make_family("poisson"), (SLOPE, INTERCEPT), nodes=3)


def test_gradient_is_exact_where_a_factor_is_zero():
    family = make_family("binomial")
    data, beta, lam = problem(family, (SLOPE, CROSSED))
    engine = LaplaceEngine(data, family)
    for zero in (np.zeros_like(lam), lam * (np.arange(len(lam)) < 1)):
        at = engine.evaluate(beta, zero, tolerance=1e-14)
        expected = jacobian(
            lambda x: engine.evaluate(beta, x, gradient=False, tolerance=1e-14).value, zero, 1e-3
        )
        np.testing.assert_allclose(at.grad_lam[lower(data)], expected[lower(data)], atol=1e-7)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("nodes", [1, 3])
def test_gradient_through_every_structure(structure, nodes):
    family, covariance = make_family("poisson"), covariance_structure(structure)
    data, beta, _ = problem(family, (SLOPE,))
    engine = LaplaceEngine(data, family)
    theta = covariance.start(2) + np.linspace(-0.2, 0.15, covariance.size(2))

    def value(x):
        lam = covariance.factor(x, 2)[0].ravel(order="F")
        return engine.evaluate(beta, lam, nodes=nodes, gradient=False, tolerance=1e-14).value

    factor, slope = covariance.factor(theta, 2)
    at = engine.evaluate(beta, factor.ravel(order="F"), nodes=nodes, tolerance=1e-14)
    found = slope.reshape(4, -1, order="F").T @ at.grad_lam
    np.testing.assert_allclose(found, jacobian(value, theta, 1e-3), atol=1e-7)


# ---- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "link"), FAMILY_LINKS)
def test_laplace_matches_dense_algebra(name, link):
    family = make_family(name, link)
    data, beta, lam = problem(family, (SLOPE, CROSSED), weighted=True)
    at = LaplaceEngine(data, family).evaluate(beta, lam, gradient=False)
    assert at.value == pytest.approx(laplace_loglik(data, family, beta, lam), abs=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("terms", [(INTERCEPT,), (SLOPE,)])
def test_many_nodes_match_a_fine_grid(name, terms):
    family = make_family(name)
    # a flat right tail makes quadrature converge slowly where the dispersion is large, and the end
    # of the range of counts that vary less than those of Poisson does
    log_phi = {"inverse_gaussian": -4.0, "generalized_poisson": 0.5}.get(name, -0.7)
    data, beta, lam = problem(family, terms, n=24, weighted=True, log_phi=log_phi)
    engine = LaplaceEngine(data, family)
    spacing = 0.04 if len(lam) == 1 else 0.07
    exact = grid_loglik(data, family, beta, lam, spacing=spacing, extent=7.0)
    found = engine.evaluate(beta, lam, nodes=41, gradient=False).value
    assert found == pytest.approx(exact, abs=1e-8)


def test_quadrature_with_effects_in_two_predictors_matches_a_fine_grid():
    family = make_family("poisson", zero_inflated=True)
    data, beta, lam = problem(family, (INTERCEPT, ("zero_inflation", 6, 1, 0)), n=24)
    exact = grid_loglik(data, family, beta, lam)
    found = LaplaceEngine(data, family).evaluate(beta, lam, nodes=35, gradient=False).value
    assert found == pytest.approx(exact, abs=1e-7)


def test_more_nodes_come_nearer_and_one_node_is_laplace():
    family = make_family("binomial")
    data, beta, lam = problem(family, (INTERCEPT,), n=18)
    engine = LaplaceEngine(data, family)
    lam = lam * 0.0 + 2.5
    exact = grid_loglik(data, family, beta, lam)
    errors = [
        abs(engine.evaluate(beta, lam, nodes=k, gradient=False).value - exact)
        for k in (1, 3, 7, 15, 31)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 1e-3
    assert errors[-1] < 1e-5


def test_without_random_effects_the_value_is_the_likelihood():
    family = make_family("gamma")
    data, beta, lam = problem(family, ())
    engine = LaplaceEngine(data, family)
    at = engine.evaluate(beta, lam)
    assert at.value == pytest.approx(grid_loglik(data, family, beta, lam), abs=1e-10)
    assert at.grad_lam.shape == (0,)
    assert engine.modes().shape == (0,)
    assert engine.solve(np.zeros((0, 2))).shape == (0, 2)
    assert engine.conditional_covariance() == []
    assert_gradient(family, ())


def test_weights_count_rows():
    family = make_family("negative_binomial_2")
    data, beta, lam = problem(family, (INTERCEPT,), weighted=True)
    times = data.weights.astype(int)
    long = EngineData(
        np.repeat(data.response, times),
        None,
        None,
        tuple(
            PredictorData(
                np.asfortranarray(np.repeat(p.X, times, axis=0)),
                None if p.offset is None else np.repeat(p.offset, times),
            )
            for p in data.predictors
        ),
        tuple(
            TermData(t.predictors, np.repeat(t.codes, times), t.levels, None) for t in data.terms
        ),
    )
    for nodes in (1, 5):
        a = LaplaceEngine(data, family).evaluate(beta, lam, nodes=nodes)
        b = LaplaceEngine(long, family).evaluate(beta, lam, nodes=nodes)
        assert a.value == pytest.approx(b.value, abs=1e-9)
        np.testing.assert_allclose(a.grad_beta, b.grad_beta, atol=1e-8)


def test_order_of_levels_rows_and_terms_does_not_matter():
    family = make_family("poisson")
    data, beta, lam = problem(family, (SLOPE, CROSSED))
    rng = np.random.default_rng(4)
    rows = rng.permutation(len(data.response))
    terms = []
    for term in data.terms:
        relabel = rng.permutation(term.levels).astype(np.int32)
        columns = None if term.columns is None else term.columns[rows]
        terms.append(TermData.single(0, relabel[term.codes][rows], term.levels, columns))
    part = data.predictors[0]
    shuffled = EngineData(
        data.response[rows], None, None,
        (PredictorData(np.asfortranarray(part.X[rows]), part.offset[rows]),), tuple(terms[::-1]),
    )  # fmt: skip
    a = LaplaceEngine(data, family).evaluate(beta, lam)
    b = LaplaceEngine(shuffled, family).evaluate(beta, np.concatenate([lam[4:], lam[:4]]))
    assert a.value == pytest.approx(b.value, abs=1e-10)
    np.testing.assert_allclose(a.grad_beta, b.grad_beta, atol=1e-9)
    np.testing.assert_allclose(a.grad_lam[:4], b.grad_lam[1:], atol=1e-9)


# ---- what is left behind ---------------------------------------------------------------------


def test_modes_solves_and_informations_agree_with_dense_algebra():
    family = make_family("negative_binomial_2")
    terms = (SLOPE, CROSSED, ("dispersion", 6, 1, 0))
    data, beta, lam = problem(family, terms)
    engine = LaplaceEngine(data, family)
    engine.evaluate(beta, lam, tolerance=1e-14)
    from ilk.likelihood.brute_force import dense_effects

    z = dense_effects(data, lam)
    u = engine.modes()
    eta = [p.X @ b for p, b in zip(data.predictors, (beta[:2], beta[2:]), strict=True)]
    eta[0] = eta[0] + data.predictors[0].offset
    jet = family.log_density(
        data.response, None, jets.variables([e + Z @ u for e, Z in zip(eta, z, strict=True)], 2)
    )
    residual = z[0].T @ jet.first[0] + z[1].T @ jet.first[1] - u
    np.testing.assert_allclose(residual, 0.0, atol=1e-7)
    w = {(k, j): -jet.second[jets.pair(k, j)][:, None] for k in (0, 1) for j in (0, 1)}
    H = np.eye(len(u)) + sum(z[k].T @ (w[k, j] * z[j]) for k in (0, 1) for j in (0, 1))
    X = [p.X for p in data.predictors]
    cross = np.hstack([sum(z[k].T @ (w[k, j] * X[j]) for k in (0, 1)) for j in (0, 1)])
    fixed = np.block([[X[k].T @ (w[k, j] * X[j]) for j in (0, 1)] for k in (0, 1)])
    np.testing.assert_allclose(engine.cross_information(), cross, atol=1e-9)
    np.testing.assert_allclose(engine.fixed_information(), fixed, atol=1e-9)
    rhs = np.random.default_rng(0).normal(size=(len(u), 3))
    np.testing.assert_allclose(engine.solve(rhs), np.linalg.solve(H, rhs), atol=1e-9)
    np.testing.assert_allclose(engine.solve(rhs[:, 0]), np.linalg.solve(H, rhs[:, 0]), atol=1e-9)
    P, start, at = np.linalg.inv(H), 0, 0
    for term, block in zip(data.terms, engine.conditional_covariance(), strict=True):
        q = term.width
        factor = lam[at : at + q * q].reshape(q, q, order="F")
        for level in range(term.levels):
            here = slice(start + level * q, start + (level + 1) * q)
            expected = factor @ P[here, here] @ factor.T
            np.testing.assert_allclose(block[level], expected, atol=1e-9)
        start += term.levels * q
        at += q * q


def test_questions_before_an_evaluation_are_refused():
    family = make_family("poisson")
    data, _, _ = problem(family, (INTERCEPT,))
    with pytest.raises(ValueError, match="not evaluated"):
        LaplaceEngine(data, family).modes()
    with pytest.raises(ValueError, match="predictors"):
        LaplaceEngine(data, make_family("negative_binomial_2"))


def test_quadrature_of_crossed_or_wide_terms_is_refused():
    family = make_family("poisson")
    for terms, why in (
        ((INTERCEPT, CROSSED), "nested in each other"),
        ((("mean", 6, 4, 0),), "at most three effects"),
    ):
        data, beta, lam = problem(family, terms)
        with pytest.raises(ValueError, match=why):
            LaplaceEngine(data, family).evaluate(beta, lam, nodes=3)


# ---- modes -----------------------------------------------------------------------------------


def test_warm_and_cold_starts_find_the_same_mode():
    family = make_family("binomial")
    data, beta, lam = problem(family, (SLOPE, CROSSED))
    engine = LaplaceEngine(data, family)
    engine.evaluate(beta, 10.0 * lam)
    warm = engine.evaluate(beta, lam)
    cold = engine.evaluate(beta, lam, cold=True)
    assert warm.value == pytest.approx(cold.value, abs=1e-10)


def test_far_starts_and_extreme_parameters_are_survived():
    family = make_family("poisson")
    data, beta, lam = problem(family, (SLOPE, CROSSED))
    engine = LaplaceEngine(data, family)
    for scale in (30.0, 0.0, 1.0):
        at = engine.evaluate(beta + 3.0, scale * lam)
        assert at.converged
        assert np.isfinite(at.value)


def test_densities_that_are_not_concave_are_flagged_but_solved():
    family = make_family("gaussian")
    data, beta, lam = problem(family, (("dispersion", 6, 1, 0),))
    response = data.response.copy()
    response[data.terms[0].codes == 0] += 30.0  # a far too large residual variance
    data = EngineData(response, None, None, data.predictors, data.terms)
    at = LaplaceEngine(data, family).evaluate(beta, 3.0 + 0.0 * lam)
    assert at.converged
    assert np.isfinite(at.value)

    inflated = make_family("poisson", zero_inflated=True)
    data, beta, lam = problem(inflated, (INTERCEPT, ("zero_inflation", 6, 1, 0)), n=30)
    data = EngineData(0.0 * data.response, None, None, data.predictors, data.terms)
    at = LaplaceEngine(data, inflated).evaluate(beta, 4.0 * np.ones_like(lam))
    assert at.converged
    assert at.clipped


def test_impossible_parameters_have_no_likelihood():
    family = make_family("poisson", "identity")
    data, beta, lam = problem(family, (INTERCEPT,))
    engine = LaplaceEngine(data, family)
    at = engine.evaluate(beta - 100.0, lam)
    assert (at.value, at.converged, at.grad_beta) == (-np.inf, False, None)
    assert engine.evaluate(beta, lam).converged


# ---- search ----------------------------------------------------------------------------------


def linear_factor(data, structure="us"):
    from ilk.model.factors import factor_map

    widths = [term.width for term in data.terms]
    return factor_map([covariance_structure(structure) for _ in widths], widths)


@pytest.mark.parametrize("nodes", [1, 5])
@pytest.mark.parametrize("name", FAMILIES)
def test_search_ends_at_a_maximum(name, nodes):
    family = make_family(name)
    data, beta, _ = problem(family, (INTERCEPT,), n=120)
    engine = LaplaceEngine(data, family)
    factor = linear_factor(data)
    start = family.start(data.response, data.trials, data.predictors[0].offset, None)
    begin = np.concatenate([[start[0], 0.0], start[1:]])
    end = engine.fit(factor, beta=begin, nodes=nodes)
    assert end.status == "converged"
    x = np.concatenate([end.beta, end.theta])

    def value(x):
        lam, _ = factor(x[len(beta) :])
        return engine.evaluate(x[: len(beta)], lam, nodes=nodes, gradient=False).value

    slope = jacobian(value, x, 1e-3)
    assert abs(slope @ end.inverse_hessian @ slope) < 1e-6
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert value(x + 0.05 * rng.normal(size=len(x))) < end.value + 1e-9
    assert end.value == pytest.approx(value(x), abs=1e-9)
    assert end.evaluations <= 40


def test_warm_starts_need_few_evaluations_and_other_starts_find_the_same():
    family = make_family("binomial")
    data, beta, _ = problem(family, (SLOPE, CROSSED), n=200)
    engine, factor = LaplaceEngine(data, family), linear_factor(data)
    first = engine.fit(factor, beta=beta)
    again = engine.fit(
        factor, beta=first.beta, theta=first.theta, inverse_hessian=first.inverse_hessian
    )
    assert again.evaluations <= 2
    other = engine.fit(factor, beta=beta + 0.5, theta=np.array([1.5, -0.5, 0.8, 0.2]))
    assert other.value == pytest.approx(first.value, abs=1e-6)
    with pytest.raises(ValueError, match="needs theta"):
        engine.fit(factor, beta=beta, inverse_hessian=first.inverse_hessian)


def test_factor_maps_that_are_not_linear_need_a_start():
    family = make_family("poisson")
    data, beta, _ = problem(family, (SLOPE,), n=150)
    engine, factor = LaplaceEngine(data, family), linear_factor(data, "cs")
    with pytest.raises(ValueError, match="needs a start"):
        engine.fit(factor, beta=beta)
    end = engine.fit(factor, beta=beta, theta=covariance_structure("cs").start(2))
    free = engine.fit(linear_factor(data), beta=beta)
    # with two effects compound symmetry is no restriction
    assert end.value == pytest.approx(free.value, abs=1e-5)


def test_one_standard_deviation_for_all_columns():
    family = make_family("poisson")
    data, beta, _ = problem(family, (SLOPE,), n=150)
    end = LaplaceEngine(data, family).fit(linear_factor(data, "identity"), beta=beta)
    assert end.status == "converged"
    assert end.theta.shape == (1,)


def test_information_is_minus_the_hessian():
    family = make_family("negative_binomial_2")
    data, beta, _ = problem(family, (INTERCEPT,), n=150, seed=5)
    engine, factor = LaplaceEngine(data, family), linear_factor(data)
    end = engine.fit(factor, beta=beta)
    scale = np.sqrt(np.diagonal(end.inverse_hessian))
    for nodes in (1, 5):
        found = engine.information(factor, end.beta, end.theta, scale, nodes=nodes)

        def gradient(x, nodes=nodes):
            lam, slope = factor(x[3:])
            at = engine.evaluate(x[:3], lam, nodes=nodes, tolerance=1e-14)
            return np.concatenate([at.grad_beta, slope.T @ at.grad_lam])

        expected = -jacobian(gradient, np.concatenate([end.beta, end.theta]), 1e-3)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    # the engine stands at the point it was asked about
    engine.evaluate(end.beta, factor(end.theta)[0], tolerance=1e-14)
    np.testing.assert_allclose(engine.modes(), engine.modes())


def test_a_new_response_is_as_good_as_a_new_engine():
    family = make_family("poisson")
    data, beta, lam = problem(family, (INTERCEPT,))
    engine = LaplaceEngine(data, family)
    engine.evaluate(beta, lam)
    response = data.response[::-1].copy()
    engine.set_response(response)
    fresh = LaplaceEngine(
        EngineData(response, None, None, data.predictors, data.terms), family
    ).evaluate(beta, lam)
    assert engine.evaluate(beta, lam).value == pytest.approx(fresh.value, abs=1e-10)


@dataclass(frozen=True)
class Weibull(AbstractFamily):
    """Weibull responses with log scale eta_0 and shape exp(-eta_1), by a density alone."""

    name = "weibull"
    parameters = ("mean", "dispersion")
    link: AbstractLink = field(default_factory=Log)

    def log_density(self, y, trials, eta):
        shape = jets.exp(-eta[1])
        z = shape * (-eta[0] + np.log(y))
        return z - eta[1] - jets.exp(z)


def test_a_density_of_ones_own_is_fitted():
    rng = np.random.default_rng(8)
    levels, per = 30, 8
    codes = np.repeat(np.arange(levels), per).astype(np.int32)
    n = levels * per
    x = rng.normal(size=n)
    log_scale = 1.0 + 0.5 * x + 0.4 * rng.normal(size=levels)[codes]
    y = np.exp(log_scale) * rng.weibull(2.0, n)
    data = EngineData(
        y, None, None,
        (
            PredictorData(np.asfortranarray(np.column_stack([np.ones(n), x])), None),
            PredictorData(np.ones((n, 1), order="F"), None),
        ),
        (TermData.single(0, codes, levels, None),),
    )  # fmt: skip
    family = Weibull()
    engine, factor = LaplaceEngine(data, family), linear_factor(data)
    end = engine.fit(factor, beta=np.zeros(3), nodes=7)
    assert end.status == "converged"
    np.testing.assert_allclose(end.beta, [1.0, 0.5, -np.log(2.0)], atol=0.25)
    assert abs(end.theta[0]) == pytest.approx(0.4, abs=0.15)
    exact = grid_loglik(data, family, end.beta, end.theta)
    assert engine.evaluate(end.beta, end.theta, nodes=25).value == pytest.approx(exact, abs=1e-7)


def test_threads_and_repetition_do_not_change_a_bit():
    family = make_family("poisson")
    data, beta, lam = problem(family, (SLOPE, CROSSED))
    a = LaplaceEngine(data, family, 1).evaluate(beta, lam)
    b = LaplaceEngine(data, family, 4).evaluate(beta, lam)
    assert a.value == b.value
    np.testing.assert_array_equal(a.grad_lam, b.grad_lam)


def test_speed_of_a_model_of_2000_rows():
    import time

    rng = np.random.default_rng(0)
    n, levels = 2000, 100
    codes = rng.integers(0, levels, n).astype(np.int32)
    x = rng.normal(size=n)
    X = np.asfortranarray(np.column_stack([np.ones(n), x]))
    effect = rng.normal(size=levels)[codes]
    y = rng.binomial(1, 1.0 / (1.0 + np.exp(-x - effect))).astype(float)
    terms = (TermData.single(0, codes, levels, np.ascontiguousarray(X)),)
    data = EngineData(y, None, None, (PredictorData(X, None),), terms)
    engine = LaplaceEngine(data, make_family("binomial"))
    begin = time.process_time()
    end = engine.fit(linear_factor(data), beta=np.zeros(2))
    assert end.status == "converged"
    assert time.process_time() - begin < 4.0


def test_empty_linear_factor_of_a_model_without_terms():
    family = make_family("poisson")
    data, beta, _ = problem(family, (), n=80)
    none = np.zeros(0, np.int32)
    factor = LinearFactor(none, none, np.zeros(0), 0, 0, np.zeros(0))
    end = LaplaceEngine(data, family).fit(factor, beta=beta)
    assert end.status == "converged"
    gradient = LaplaceEngine(data, family).evaluate(end.beta, np.zeros(0)).grad_beta
    assert np.abs(gradient).max() < 1e-2
