r"""Random effects against the normal distribution, with what the fitted model itself would give.

The conditional modes of level l are divided by what they vary by, which is not their conditional
standard deviation: with G the covariance matrix of the effects and :math:`C_l` the conditional one,

.. math:: w_l = L_l^{-1} \hat b_l, \qquad L_l L_l' = G - C_l = Var(\hat b_l),

so that the q columns of w are about standard normal and independent if effects are normal (Lange
and Ryan 1989), and :math:`d_l = |w_l|` are Mahalanobis distances.  Modes of counts are not normal
even so.  The same is therefore done to responses drawn from the fitted model, parameters held: they
give the envelope of the quantile plot and the distribution of the two statistics, the departure of
the plot from a line, one minus the correlation with normal quantiles, averaged over columns, and
the largest distance after the typical size of the distances is divided out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.null import judge, judged_check
from ilk.diagnostics.checks.record import skipped
from ilk.frame import quote
from ilk.num.stable import special
from ilk.simulate import generator_of, response_drawer

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import Check
    from ilk.fitted import Fitted
    from ilk.typing import BoolArray, FloatArray

__all__ = ["Standardized", "check_effects", "standardized_effects"]

_FEWEST = 8
"""Levels from which a distribution can be looked at."""

_VISITS = 2e7
"""Rows times simulated data sets at most."""

_LEAST = 39
"""Simulated data sets at least."""

_BENT, _FAR = 0.02, 3.5
"""Departure from a line, and distance, from which they matter."""

_FLAT = 1e-3
"""Share of a variance that modes must have left to be looked at."""

_NAMED = 3
"""Levels that are named at most."""


@dataclass(frozen=True, slots=True)
class Standardized:
    """Modes of one term, divided by what they vary by.

    Parameters
    ----------
    term : RandomTerm
        The term.
    used : (L,) array of bool
        Levels whose data say something about their effects.
    root : (l, q, q) array
        Inverses of the roots of G - C, of these levels.
    """

    term: RandomTerm
    used: BoolArray
    root: FloatArray

    def of(self, modes: FloatArray) -> FloatArray:
        """Standardize modes (L, q) to (l, q)."""
        return np.asarray(np.einsum("lij,lj->li", self.root, modes[self.used]))


def standardized_effects(fitted: Fitted) -> tuple[Standardized | None, ...]:
    """Prepare the modes of each term; None where they do not vary.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    out: list[Standardized | None] = []
    for t, term in enumerate(fitted.design.terms):
        G, C = fitted.estimates.covariances[t], fitted.mode_covariance()[t]
        size = np.sqrt(np.diag(G))
        if not np.all(size > 0.0):
            out.append(None)
            continue
        own = _own_covariance(fitted, t, G)
        share = (own - C) / np.outer(size, size)
        values, vectors = np.linalg.eigh(0.5 * (share + share.transpose(0, 2, 1)))
        rows = np.bincount(term.grouping.codes, minlength=len(C))
        seen = (rows > 0) | (not term.grouping.structured)  # latent levels repeat their relatives
        used = (values[:, 0] > _FLAT) & seen
        if used.sum() < _FEWEST:  # effects in a perfect relation are looked at one by one
            values = np.diagonal(share, axis1=1, axis2=2)
            vectors = np.broadcast_to(np.eye(len(G)), share.shape)
            used = (values.min(axis=1) > _FLAT) & seen
        if used.sum() < _FEWEST:
            out.append(None)
            continue
        inverse = vectors[used] / np.sqrt(values[used])[:, None, :]
        root = inverse @ vectors[used].transpose(0, 2, 1) / size
        out.append(Standardized(term, used, root))
    return tuple(out)


def _own_covariance(fitted: Fitted, t: int, G: FloatArray) -> FloatArray:
    """Covariance matrix of the effects of a level, or of each (L, q, q) where they differ."""
    over = fitted.dependences[t]
    return G if over is None else np.asarray(over.variances()[:, None, None] * G)


def check_effects(context: Context) -> tuple[Check, ...]:
    """Compare the random effects with the normal distribution.

    Parameters
    ----------
    context : Context
        The fit.

    Returns
    -------
    tuple of Check
        Two for each term: the shape of the distribution, and levels that stick out.
    """
    fitted = context.fitted
    if not fitted.design.terms:
        return (skipped("effects", _SHAPE, "There are no random effects."),)
    impossible = context.impossible()
    if impossible is not None:
        return (skipped("effects", _SHAPE, impossible),)
    ready = standardized_effects(fitted)
    checks: list[Check] = []
    if any(one is not None for one in ready):
        simulated = _simulated(context, ready)
    for t, one in enumerate(ready):
        term = fitted.design.terms[t]
        if one is None:
            words = (
                f"Too few levels of {term.grouping.name}, or none of whose effects anything is "
                "known, to speak of a distribution."
            )
            checks.append(skipped("effects", _SHAPE, words, where=_where(term)))
            continue
        observed = one.of(fitted.estimates.modes[t])
        checks += _compare(context, one, np.stack([observed, *simulated[t]]))
    return tuple(checks)


_SHAPE = "Random effects are normal"


def _where(term: RandomTerm) -> str:
    said = term.predictor == "mean" or bool(term.members)
    return term.label if said else f"{term.predictor}: {term.label}"


def _simulated(context: Context, ready: tuple[Standardized | None, ...]) -> list[list[FloatArray]]:
    """Standardized modes of responses drawn from the fitted model, by term."""
    fitted = context.fitted
    count = int(min(context.draws, max(_LEAST, _VISITS // fitted.model.rows)))
    draw = response_drawer(fitted, "population")
    root = np.random.SeedSequence(context.seed, spawn_key=(7,))
    out: list[list[FloatArray]] = [[] for _ in ready]
    for j in range(count):
        modes = _modes(fitted, draw(generator_of(root, j)))
        for t, one in enumerate(ready):
            if one is not None:
                out[t].append(one.of(modes[t]))
    return out


def _modes(fitted: Fitted, y: FloatArray) -> tuple[FloatArray, ...]:
    """Modes for another response, covariance parameters held."""
    design = fitted.design
    model = replace(fitted.model, design=replace(design, response=replace(design.response, y=y)))
    marginal = fitted.marginal.with_response(model)
    point = fitted.point
    if model.linear:
        point = marginal.at_point(point.beta, point.theta)  # coefficients at their best
    with marginal.state.lock:
        roots = marginal.roots(marginal.move(point))
        return marginal.effects(roots)


def _compare(context: Context, one: Standardized, w: FloatArray) -> tuple[Check, Check]:
    """Checks of one term from its standardized modes (m + 1, l, q), the observed ones first."""
    term, q = one.term, w.shape[2]
    levels = [label for label, used in zip(term.grouping.levels, one.used, strict=True) if used]
    quantiles = special().ndtri((np.arange(w.shape[1]) + 0.625) / (w.shape[1] + 0.25))
    quantiles /= np.linalg.norm(quantiles)
    ordered = np.sort(w, axis=1)
    moved = ordered - ordered.mean(axis=1, keepdims=True)
    size = np.linalg.norm(moved, axis=1)
    bent = 1.0 - np.einsum("mlq,l->mq", moved, quantiles) / np.maximum(size, 1e-300)
    shape = judge(bent.mean(axis=1), "upper")
    distance = np.linalg.norm(w, axis=2)
    typical = np.median(distance, axis=1)
    largest = judge(distance.max(axis=1) / np.maximum(typical, 1e-300), "upper")
    order = np.argsort(-distance[0])
    low, high = np.quantile(ordered[1:], [0.025, 0.975], axis=0)
    detail = {
        "level": [levels[i] for i in np.argsort(w[0, :, 0], kind="stable")],
        "quantile": quantiles * np.sqrt(w.shape[1]),
        "observed": ordered[0],
        "low": low,
        "high": high,
        "name": list(term.column_names),
        "distance": distance[0],
        "distance_level": levels,
    }
    far = [i for i in order[:_NAMED] if distance[0, i] > _limit(q)] or [order[0]]
    named = ", ".join(f"{quote(levels[i])} ({distance[0, i]:.2g})" for i in far)
    where = _where(term)
    return (
        judged_check(
            context,
            shape,
            large=shape.observed > _BENT,
            code="effects",
            title=_SHAPE,
            where=where,
            estimand="population",
            sentence=f"The correlation of the standardized effects with normal quantiles is "
            f"{1.0 - shape.observed:.3f}, where {1.0 - shape.expected:.3f} is expected; they are "
            f"{_shape_words(ordered[0])}.",
            advice="Look for a covariate of the levels that is missing, or levels of two kinds; "
            "fit.sensitivity() says whether the coefficients depend on it.",
            detail=detail,
        ),
        judged_check(
            context,
            largest,
            large=bool(distance[0].max() > _limit(q)),
            code="effects",
            title="No level sticks out",
            where=where,
            estimand="population",
            statistic=float(distance[0].max()),
            expected=float(distance[1:].max(axis=1).mean()),
            sentence=f"Standard deviations of the effects from zero are largest for {named}.",
            advice=f"Look at the data of these levels; fit.influence({term.grouping.name!r}) says "
            "what the estimates are without them.",
            detail=detail,
        ),
    )


def _limit(q: int) -> float:
    """Distance that is far for q effects."""
    return float(np.sqrt(_FAR**2 + q - 1.0))


def _shape_words(ordered: FloatArray) -> str:
    """How the shape of sorted standardized effects (l, q) differs from the normal one."""
    z = (ordered - ordered.mean(axis=0)) / np.maximum(ordered.std(axis=0), 1e-300)
    skew, tails = (z**3).mean(axis=0), (z**4).mean(axis=0) - 3.0
    j = int(np.argmax(np.maximum(np.abs(skew), np.abs(tails))))
    if abs(skew[j]) > 0.5:
        return f"skewed to the {'right' if skew[j] > 0.0 else 'left'}"
    if tails[j] > 0.5:
        return "heavy in their tails"
    return "light in their tails, as if of two kinds" if tails[j] < -0.5 else "nearly straight"
