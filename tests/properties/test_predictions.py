"""Relations between the three estimands that hold on any data set."""

from __future__ import annotations

import numpy as np
import pytest

import ilk
from tests.tables import DESIGNS, table

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")

SEEDS = (1, 2, 3, 4)
every_design = pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)


def means(fit, data):
    """Estimates of a typical cluster and of the population."""
    return (
        fit.predict(data, estimand=estimand).estimate.to_numpy()
        for estimand in ("typical", "population")
    )


@every_design
@pytest.mark.parametrize("seed", SEEDS)
def test_linear_models_have_one_mean(design, seed):
    """Conditional at zero effects, typical and population are equal to rounding."""
    data = table(seed)
    fit = ilk.fit(f"score ~ x + z + {design.terms}", data)
    typical, population = means(fit, data)
    np.testing.assert_allclose(population, typical, rtol=1e-13)
    nowhere = data.assign(g="elsewhere", h="elsewhere")
    zero = fit.predict(nowhere, new_levels="typical").estimate
    np.testing.assert_allclose(zero, typical, rtol=1e-13)


@every_design
@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("seed", SEEDS)
def test_population_probabilities_are_nearer_to_one_half(design, link, seed):
    data = table(seed)
    fit = ilk.fit(f"events / trials ~ x + z + {design.terms}", data, family="binomial", link=link)
    typical, population = means(fit, data)
    assert np.all(np.abs(population - 0.5) <= np.abs(typical - 0.5) + 1e-14)
    assert np.all((population - 0.5) * (typical - 0.5) >= 0.0)


@every_design
@pytest.mark.parametrize("seed", SEEDS)
def test_population_counts_exceed_typical_ones_by_half_the_variance(design, seed):
    data = table(seed)
    fit = ilk.fit(f"count ~ x + z + {design.terms}", data, family="poisson")
    typical, population = means(fit, data)
    v = np.zeros(len(data))
    for term, G in zip(fit.fitted.design.terms, fit.fitted.estimates.covariances, strict=True):
        columns = np.ones((len(data), 1)) if term.columns is None else term.columns
        v += np.einsum("ni,ij,nj->n", columns, G, columns)
    np.testing.assert_allclose(population, typical * np.exp(0.5 * v), rtol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_means_of_new_clusters_average_to_the_population(seed):
    """The average over quantiles of the cluster means, estimation left out, is the population's."""
    data = table(seed)
    fit = ilk.fit("died ~ x + (1 | g)", data, family="binomial")
    row = data[:1]
    eta = fit.predict(row, estimand="typical", scale="link").estimate.iloc[0]
    sd = np.sqrt(fit.fitted.estimates.covariances[0][0, 0])
    x, w = np.polynomial.hermite_e.hermegauss(60)
    mean = np.sum(w / w.sum() / (1.0 + np.exp(-(eta + sd * x))))
    assert fit.predict(row, estimand="population").estimate.iloc[0] == pytest.approx(mean, rel=1e-9)
