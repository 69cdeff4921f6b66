r"""How much the coefficients depend on what is assumed of the random effects.

The model is fitted again with other random effects of a grouping factor, rows and fixed part as
they are: intercepts only; the same effects independent of each other; all of them correlated; with
a random slope of each covariate that varies within clusters; and with heavier tails
(t with four degrees of freedom: `ilk.diagnostics.heavy_tails`, and of any number of effects in
linear models `ilk.diagnostics.heavy_tails_linear`).  Each coefficient's
move is measured in its standard error of the fit,

.. math:: \frac{\tilde\beta_j - \hat\beta_j}{s(\hat\beta_j)}.

Coefficients are robust to much of this; their standard errors are not: one of a covariate that
varies within clusters grows when its slope is allowed to vary (Schielzeth and Forstmeier 2009).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.contextual import cluster_columns, mean_groupings, term_columns
from ilk.diagnostics.heavy_tails import TailFit, fit_tails, why_not
from ilk.diagnostics.heavy_tails_linear import fit_linear_tails
from ilk.errors import IlkError, ModelError, did_you_mean
from ilk.formula.spec import MEAN, RandomSpec, Sum, Term
from ilk.inference.comparison.reduced import Placed, random_specs, with_random
from ilk.inference.criteria import aic, df_model
from ilk.inference.hypotheses.restricted import restricted
from ilk.model.dependence import dependent_groups

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["TAIL_DF", "Refit", "Sensitivity", "sensitivity"]

TAIL_DF = 4.0
"""Degrees of freedom of the heavier tails."""

AS_FITTED = "as fitted"

_ROUNDING = 1e-8
"""Moves below it are but rounding."""

_WIDEST = 6
"""Random effects of a level that a refit may have at most."""


@dataclass(frozen=True, slots=True)
class Refit:
    """One way to assume the random effects.

    Parameters
    ----------
    model : str
        What was changed.
    group : str or None
        Of which factor.
    random : str
        The random part.
    estimate, std_error : (p,) arrays
        Coefficients of the mean; nan where there is no fit.
    loglik, aic : float
        As the criterion of the fit has them; nan where they cannot be compared with it.
    verdict : str
        What became of the fit, or why there is none.
    sound : bool
        Whether its numbers mean something.
    """

    model: str
    group: str | None
    random: str
    estimate: FloatArray
    std_error: FloatArray
    loglik: float
    aic: float
    verdict: str
    sound: bool


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Coefficients under several assumptions.

    Parameters
    ----------
    terms : tuple of str
        The p coefficients of the mean.
    refits : tuple of Refit
        The fit first.
    tails_gain : float
        Log-likelihood with heavier tails minus that with normal ones, both by maximum likelihood
        and the same integration; nan without.
    notes : tuple of str
        What is compared.
    """

    terms: tuple[str, ...]
    refits: tuple[Refit, ...]
    tails_gain: float
    notes: tuple[str, ...]

    def shift(self, refit: Refit) -> FloatArray:
        """(p,) moves of the coefficients, in standard errors of the fit."""
        base = self.refits[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = (refit.estimate - base.estimate) / base.std_error
        return np.where(np.abs(moved) < _ROUNDING, 0.0, moved)

    def error_ratio(self, refit: Refit) -> FloatArray:
        """(p,) standard errors relative to those of the fit."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(refit.std_error / self.refits[0].std_error)


def sensitivity(fitted: Fitted, group: str | None = None) -> Sensitivity:
    """Fit a model again under other assumptions on its random effects.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    group : str, optional
        Grouping factor whose effects are changed; each of those of the mean in turn by default.

    Returns
    -------
    Sensitivity

    Raises
    ------
    ModelError
        There are no random effects of clusters in the mean, or `group` is none of its factors.
    """
    groupings = _groupings(fitted, group)
    if not fitted.verdict.converged:
        raise ModelError(
            f"The fit is {fitted.verdict.status.value}, so that there are no coefficients to set "
            "others against; see verdict first.",
            code="verdict",
        )
    rows = _mean_rows(fitted)
    terms = tuple(fitted.names[j][1] for j in rows)
    if not terms:
        raise ModelError(
            "The mean has no coefficients that could depend on the random effects.",
            code="no-coefficients",
        )
    label = " + ".join(f"({placed.spec.label})" for placed in random_specs(fitted))
    refits = [_of(fitted, AS_FITTED, None, label, rows)]
    seen = {_key(random_specs(fitted))}
    for grouping in groupings:
        for name, specs in _variants(fitted, grouping):
            placed = _replaced(fitted, grouping, specs)
            if _key(placed) in seen:
                continue
            seen.add(_key(placed))
            refits.append(_refit(fitted, name, grouping, placed, specs, rows))
    tails, gain, notes = _tails(fitted, groupings, rows)
    if not refits[0].sound:
        first = (
            "see its verdict"
            if dependent_groups(fitted.design)
            else "fit with quadrature='auto' first (see verdict)"
        )
        notes.append(
            "The Laplace approximation of the fit itself is off, and with it the comparison; "
            f"{first}."
        )
    return Sensitivity(terms, (*refits, *tails), gain, tuple(notes))


def _groupings(fitted: Fitted, group: str | None) -> list[Grouping]:
    try:
        found = mean_groupings(fitted)
    except ModelError as error:
        raise ModelError(
            "The model has no random effects of clusters in the mean whose assumptions could be "
            "changed; add a term such as (1 | hospital).",
            code=error.code,
        ) from None
    if group is None:
        return found
    names = [grouping.name for grouping in found]
    if group not in names:
        raise ModelError(
            f"group={group!r:.80} is no grouping factor of the mean; there are "
            f"{', '.join(names)}.{did_you_mean(str(group), names)}",
            code="group",
        )
    return [found[names.index(group)]]


def _mean_rows(fitted: Fitted) -> list[int]:
    return [j for j, (component, _) in enumerate(fitted.names) if component == MEAN]


def _own_specs(fitted: Fitted, grouping: Grouping) -> list[RandomSpec]:
    """Random terms of the mean that belong to a factor."""
    return [
        placed.spec
        for placed in random_specs(fitted)
        if placed.predictor == MEAN and placed.spec.grouping == grouping.columns
    ]


def _variants(fitted: Fitted, grouping: Grouping) -> Iterator[tuple[str, tuple[RandomSpec, ...]]]:
    """Other random terms for a factor, each with what was changed."""
    own = _own_specs(fitted, grouping)
    effects = tuple(dict.fromkeys(term for spec in own for term in spec.effects.terms))
    one = Term()
    yield "intercepts only", (_spec((one,), grouping, "us"),)
    if len(effects) > 1:
        yield "independent effects", (_spec(effects, grouping, "diag"),)
        yield "correlated effects", (_spec(effects, grouping, "us"),)
    structure = "diag" if len(effects) > 1 and all(s.structure == "diag" for s in own) else "us"
    part = fitted.model.parts[MEAN]
    seen = cluster_columns(part, grouping, fitted.design.frequency_weights)
    for term, places in term_columns(part).items():
        if term in effects or not seen.varies[places].any() or len(term.factors) != 1:
            continue
        ordered = (*((one,) if one not in effects else ()), *effects, term)
        yield f"slope of {term.text} too", (_spec(ordered, grouping, structure),)


def _spec(effects: Sequence[Term], grouping: Grouping, structure: str) -> RandomSpec:
    terms = Sum(tuple(effects))
    if len(effects) == 1:
        structure = "us"
    bar = "||" if structure == "diag" else "|"
    return RandomSpec(
        terms, grouping.columns, structure, f"{terms.text} {bar} {':'.join(grouping.columns)}"
    )


def _replaced(fitted: Fitted, grouping: Grouping, specs: Sequence[RandomSpec]) -> list[Placed]:
    """All random terms, those of a factor in the mean replaced."""
    placed, done = [], False
    for one in random_specs(fitted):
        if one.predictor != MEAN or one.spec.grouping != grouping.columns:
            placed.append(one)
        elif not done:
            placed += [replace(one, spec=spec) for spec in specs]
            done = True
    return placed


def _key(placed: Sequence[Placed]) -> frozenset[tuple[object, ...]]:
    """What tells models apart: single effects have no structure to speak of."""
    out: set[tuple[object, ...]] = set()
    for one in placed:
        spec = one.spec
        if spec.structure == "diag":
            out.update(
                (one.predictor, spec.grouping, frozenset([term]), "us")
                for term in spec.effects.terms
            )
        else:
            effects = frozenset(spec.effects.terms)
            out.add((one.predictor, spec.grouping, effects, spec.structure))
    return frozenset(out)


def _refit(
    fitted: Fitted,
    name: str,
    grouping: Grouping,
    placed: Sequence[Placed],
    specs: Sequence[RandomSpec],
    rows: Sequence[int],
) -> Refit:
    label = " + ".join(f"({one.spec.label})" for one in placed)
    widest = max(_width(fitted, spec) for spec in specs)
    if widest > _WIDEST:
        why = f"a level would have {widest} effects, more than the {_WIDEST} tried here"
        return _missing(name, grouping.name, label, why, len(rows))
    if not fitted.model.linear and widest > 1:
        sizes = np.bincount(grouping.codes)
        rows_of_level = float(np.median(sizes[sizes > 0]))
        if rows_of_level < widest:
            why = (
                f"half of the levels of {grouping.name} have fewer rows than the {widest} effects "
                "they would have, for which approximations of the likelihood do not hold"
            )
            return _missing(name, grouping.name, label, why, len(rows))
    try:
        again = with_random(fitted, placed)
        return _of(again, name, grouping.name, label, rows)
    except (IlkError, np.linalg.LinAlgError) as error:
        return _missing(name, grouping.name, label, str(error), len(rows))


def _width(fitted: Fitted, spec: RandomSpec) -> int:
    """Columns of a random term, as far as they are columns of the fixed part too."""
    places = term_columns(fitted.model.parts[MEAN])
    return sum(len(places.get(term, [0])) for term in spec.effects.terms)


def _of(fitted: Fitted, name: str, group: str | None, label: str, rows: Sequence[int]) -> Refit:
    """Numbers of a fit."""
    verdict = fitted.verdict
    status = verdict.status.name.lower().replace("_", " ")
    off = any(reason.code == "laplace" for reason in verdict.reasons)
    return Refit(
        name,
        group,
        label,
        fitted.coef[list(rows)],
        np.sqrt(np.diag(fitted.vcov))[list(rows)],
        fitted.loglik,
        aic(fitted),
        f"{status}, Laplace approximation off" if off else status,
        verdict.converged and not off,
    )


def _missing(name: str, group: str | None, label: str, why: str, count: int) -> Refit:
    nothing = np.full(count, math.nan)
    text = f"not available: {why}"
    return Refit(name, group, label, nothing, nothing, math.nan, math.nan, text, False)


def _tails(
    fitted: Fitted, groupings: Sequence[Grouping], rows: Sequence[int]
) -> tuple[list[Refit], float, list[str]]:
    """The refit with heavier tails, beside one of normal effects that is integrated alike."""
    name, group = f"t({TAIL_DF:g}) effects", groupings[0].name
    label = " + ".join(f"({placed.spec.label})" for placed in random_specs(fitted))
    why = why_not(fitted)
    if why is not None:
        where = None if len(groupings) > 1 else group
        return [_missing(name, where, label, why, len(rows))], math.nan, []
    comparable = fitted
    if fitted.model.reml:
        comparable = restricted(fitted, np.zeros((0, len(fitted.coef))), reml=False)
    out, notes = [], []
    if fitted.model.linear:
        heavy = fit_linear_tails(comparable, TAIL_DF)
        gain = heavy.loglik - comparable.loglik
    else:
        normal, heavy = fit_tails(comparable, math.inf), fit_tails(comparable, TAIL_DF)
        gain = heavy.loglik - normal.loglik
    count = df_model(fitted)
    if not fitted.model.linear and np.all(np.equal(fitted.model.nodes, 1)):
        out.append(_of_tails(normal, "normal effects, by quadrature", group, label, rows, count))
        notes.append(
            "The fit approximates the likelihood (Laplace); the rows by quadrature and with t "
            "effects integrate it, and their log-likelihoods compare with each other only."
        )
    row = _of_tails(heavy, name, group, label, rows, count)
    if fitted.model.reml:
        row = replace(row, loglik=math.nan, aic=math.nan)
        notes.append(
            "t effects are fitted by maximum likelihood, so that their log-likelihood does not "
            "compare with the restricted ones."
        )
    return [*out, row], gain, notes


def _of_tails(
    found: TailFit, name: str, group: str, label: str, rows: Sequence[int], count: int
) -> Refit:
    return Refit(
        name,
        group,
        label,
        found.coef[list(rows)],
        found.std_error[list(rows)],
        found.loglik,
        2.0 * (count - found.loglik),
        "converged" if found.converged else "not converged",
        found.converged,
    )
