"""One question, two models: a mixed model's coefficients beside those of a marginal model.

The coefficients of a mixed model are effects in one cluster (conditional).  Averaged over its
random effects they become the population's (`ilk.effects.marginal_coefficients`), which are what
generalized estimating equations estimate directly.  If both models are right, the two estimates of
the population's coefficients differ by chance only; where they differ by more, one of the models is
wrong about the clusters, or rows are missing in a way that a marginal model does not forgive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.effects.marginal_coefficients import marginal_coefficients
from ilk.errors import ModelError
from ilk.family.inflation import ZeroInflated
from ilk.fitted import Fitted
from ilk.gee.fitted import GeeFitted

if TYPE_CHECKING:
    from ilk.design.response import Response
    from ilk.typing import FloatArray

__all__ = ["EstimandComparison", "compare_estimands"]


@dataclass(frozen=True, slots=True)
class EstimandComparison:
    """Coefficients of a mixed model, conditional and marginal, and of a marginal model.

    Parameters
    ----------
    names : tuple of str
        The p coefficients.
    conditional, conditional_error : (p,) arrays
        Of the mixed model, in one cluster.
    marginalized, marginalized_error : (p,) arrays
        Of the mixed model, averaged over its random effects.
    gee, gee_error : (p,) arrays
        Of the marginal model.
    std_errors : str
        Kind of standard errors of the marginal model.
    """

    names: tuple[str, ...]
    conditional: FloatArray
    conditional_error: FloatArray
    marginalized: FloatArray
    marginalized_error: FloatArray
    gee: FloatArray
    gee_error: FloatArray
    std_errors: str


def compare_estimands(fitted: Fitted, gee: GeeFitted) -> EstimandComparison:
    """Set the coefficients of a mixed and of a marginal model side by side.

    Parameters
    ----------
    fitted : Fitted
        Mixed model.
    gee : GeeFitted
        Marginal model of the same rows, response, link, columns and offset.

    Returns
    -------
    EstimandComparison

    Raises
    ------
    ModelError
        The models differ in what they must share; the message names it.
    """
    _check_kinds(fitted, gee)
    _check_same(fitted, gee)
    found = marginal_coefficients(fitted)
    order = [gee.model.part.names.index(name) for name in found.names]
    return EstimandComparison(
        names=found.names,
        conditional=found.conditional,
        conditional_error=found.conditional_error,
        marginalized=found.estimate,
        marginalized_error=found.std_error,
        gee=gee.coef[order],
        gee_error=np.sqrt(np.diag(gee.vcov))[order],
        std_errors=gee.settings.std_errors,
    )


def _check_kinds(fitted: object, gee: object) -> None:
    if isinstance(fitted, GeeFitted) and isinstance(gee, Fitted):
        raise ModelError(
            "The mixed model comes first: compare_estimands(fit, gee).", code="swapped-arguments"
        )
    for given, kind, words in (
        (fitted, Fitted, "first a fit of ilk.fit"),
        (gee, GeeFitted, "second a fit of ilk.gee"),
    ):
        if not isinstance(given, kind):
            raise ModelError(
                f"compare_estimands(fit, gee) takes {words}, not "
                f"{type(given).__name__.removesuffix('ted')}.",
                code="not-a-fit",
            )


def _check_same(fitted: Fitted, gee: GeeFitted) -> None:
    """Refuse models that do not answer for the same data on the same scale."""
    mixed, marginal = fitted.design, gee.design
    if isinstance(fitted.family, ZeroInflated):
        raise ModelError(
            f"The mixed model has family {fitted.family.name!r}, whose coefficients are those of "
            "the counts proper; those of a marginal model are of the overall mean, excess zeros "
            "included.",
            code="zero-inflated",
        )
    if mixed.response.name != marginal.response.name:
        _differ("response", mixed.response.name, marginal.response.name)
    if fitted.family.link.name != gee.family.link.name:
        _differ("link", fitted.family.link.name, gee.family.link.name)
    if mixed.rows.total != marginal.rows.total:
        _differ("number of rows of the data", mixed.rows.total, marginal.rows.total)
    if not np.array_equal(mixed.rows.kept, marginal.rows.kept):
        only = np.setxor1d(mixed.rows.kept, marginal.rows.kept)
        one = "mixed" if np.isin(only[0], mixed.rows.kept) else "marginal"
        raise ModelError(
            f"The models use different rows: {len(only)} are in one only, first row {only[0]}, "
            f"which only the {one} model uses; drop rows with missing values before both fits.",
            code="different-rows",
        )
    same = np.array_equal(_proportion(mixed.response), _proportion(marginal.response))
    if not same:
        raise ModelError(
            f"The models have different values of the response {mixed.response.name!r}: fit both "
            "to the same data.",
            code="different-response",
        )
    ours, theirs = mixed.fixed[0], marginal.fixed[0]
    if set(ours.names) != set(theirs.names):
        lone = sorted(set(ours.names) ^ set(theirs.names))
        raise ModelError(
            f"The models have different columns of the mean: {', '.join(map(repr, lone[:6]))} "
            f"{'is' if len(lone) == 1 else 'are'} in one only; give both the same fixed part.",
            code="different-columns",
        )
    if not np.allclose(_filled(ours.offset), _filled(theirs.offset), rtol=1e-12, atol=1e-12):
        raise ModelError(
            "The models have different offsets or exposures of the mean: give both the same.",
            code="different-offset",
        )


def _proportion(response: Response) -> FloatArray:
    y, trials = response.y, response.trials
    return y if trials is None else np.column_stack([y, trials])


def _filled(offset: FloatArray | None) -> FloatArray:
    return np.zeros(1) if offset is None else offset


def _differ(what: str, mixed: object, marginal: object) -> None:
    raise ModelError(
        f"The models differ in their {what}: {mixed!r} in the mixed model, {marginal!r} in the "
        "marginal one; fit both to the same.",
        code="different-" + what.split()[0],
    )
