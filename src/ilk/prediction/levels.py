r"""The rows to predict as arrays, and what is assumed of the random effects of each.

A prediction answers one of three questions.  **conditional**: the mean in these very clusters,
with their own estimated effects.  **typical**: the mean in a cluster whose random effects are zero.
**population**: the mean over the distribution of the random effects.  In all three a row's
predictor is

.. math:: \eta = o + x'\beta + \sum_{known} z_t' \hat b_t + \sum_{averaged} z_t' b_t,

and the questions differ in which terms are known and which are averaged over.  A level that was not
in the data has no estimated effect; what a conditional prediction does then is the caller's choice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from ilk.design.grouping import sums_of_squares
from ilk.design.random import own_columns
from ilk.errors import DataError, ModelError, did_you_mean
from ilk.prediction.population import random_variance

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "Assumed",
    "Cases",
    "Estimand",
    "NewLevels",
    "assume",
    "averaged_covariance",
    "averaged_share",
    "averaged_variance",
    "check_choice",
    "drawn_variances",
    "fixed_predictors",
    "known_effects",
    "row_share",
    "training_cases",
]

Estimand: TypeAlias = Literal["conditional", "typical", "population"]
"""The question that a mean answers."""

NewLevels: TypeAlias = Literal["error", "population", "typical"]
"""What a conditional prediction does about a level without estimated effects."""


_APART = -1_000_000_000
"""Below the codes of all levels that were not in the data of the fit."""


@dataclass(frozen=True, slots=True)
class Cases:
    """Rows to predict.

    Parameters
    ----------
    X : tuple of (n, p_k) arrays
        Columns of each predictor that has coefficients.
    offsets : tuple of (n,) arrays or None
        Known part of each predictor.
    codes : tuple of (n,) arrays
        Level of each random term; -1 where it was not in the data of the fit.
    columns : tuple of (n, q_t) arrays or None
        Columns of each random term; None is a column of ones.
    trials : (n,) array or None
        Binomial sizes.
    precision : (n,) array or None
        Precision weights of the linear model's residuals.
    unseen : tuple of tuples
        For each random term, a few labels that were not in the data of the fit.
    weights : tuple of (n, s) arrays or None
        For each random term with multiple membership, whose codes are (n, s), the weights of the
        levels of each row.
    """

    X: tuple[FloatArray, ...]
    offsets: tuple[FloatArray | None, ...]
    codes: tuple[IntArray, ...]
    columns: tuple[FloatArray | None, ...]
    trials: FloatArray | None = None
    precision: FloatArray | None = None
    unseen: tuple[tuple[object, ...], ...] = ()
    weights: tuple[FloatArray | None, ...] = ()

    @property
    def rows(self) -> int:
        """Number n of rows."""
        return len(self.X[0])

    def weights_of(self, t: int) -> FloatArray | None:
        """Weights (n, s) of a term with multiple membership; None for other terms."""
        return self.weights[t] if self.weights else None

    def members(self, t: int) -> list[tuple[IntArray, FloatArray | None]]:
        """Level (n,) of each row in each membership of term t, and its weight (n,).

        Levels without estimated effects have the weight 0.
        """
        weights = self.weights_of(t)
        if weights is None:
            return [(self.codes[t], None)]
        codes = self.codes[t]
        weights = np.where(codes >= 0, weights, 0.0)
        return [(np.maximum(codes[:, k], 0), weights[:, k]) for k in range(codes.shape[1])]

    def seen(self, t: int) -> tuple[BoolArray, BoolArray]:
        """Rows (n,) that belong to some level of the fit, and to some that was not in its data."""
        weights = self.weights_of(t)
        if weights is None:
            return self.codes[t] >= 0, self.codes[t] < 0
        inside = weights != 0.0
        unseen = np.any(inside & (self.codes[t] < 0), axis=1)
        return np.any(inside & (self.codes[t] >= 0), axis=1) | ~unseen, unseen

    def share(self, t: int, known: BoolArray) -> FloatArray | None:
        """Variance (n,) of the sum of w b over what is averaged, for levels of variance one.

        In rows that use the effects of some levels, these are the other levels. None for one level
        with weight one.
        """
        weights = self.weights_of(t)
        if weights is None:
            return None
        codes = self.codes[t]
        left = np.where(known[:, None] & (codes >= 0), 0.0, weights)
        apart = _APART - np.arange(codes.shape[1])  # a level of its own for each missing label
        return sums_of_squares(np.where(codes == -1, apart, codes), left)


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is assumed of the random effects of each row.

    Parameters
    ----------
    known : tuple of (n,) bool arrays
        For each random term, the rows that use the effect estimated for their level.
    averaged : tuple of (n,) bool arrays
        For each random term, the rows that average over its distribution.  Rows in neither have
        an effect of zero.
    """

    known: tuple[BoolArray, ...]
    averaged: tuple[BoolArray, ...]


def check_choice(argument: str, value: object, choices: object) -> None:
    """Refuse a value that is not one of the choices of a `Literal`, and name them.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : object
        What was given.
    choices : Literal
        The type alias whose members are the choices.
    """
    names = get_args(choices)
    if value in names:
        return
    words = ", ".join(repr(name) for name in names)
    hint = did_you_mean(value, [n for n in names if n]) if isinstance(value, str) else ""
    raise ModelError(
        f"{argument}={value!r} is not known; choose from {words}.{hint}", code="choice"
    )


def training_cases(fitted: Fitted) -> Cases:
    """Rows that the model was fitted to.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    model = fitted.model
    parts = model.fitted_parts
    terms = model.design.terms
    return Cases(
        X=tuple(part.X for part in parts),
        offsets=tuple(model.predictor_offset(part) for part in parts),
        codes=tuple(term.grouping.members for term in terms),
        weights=tuple(term.grouping.weights for term in terms),
        columns=tuple(term.columns for term in terms),
        trials=model.design.response.trials,
        precision=model.design.precision_weights if model.linear else None,
        unseen=tuple(() for _ in terms),
    )


def assume(fitted: Fitted, cases: Cases, estimand: Estimand, new_levels: NewLevels) -> Assumed:
    """Decide what is assumed of the random effects.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Rows to predict.
    estimand : {"conditional", "typical", "population"}
        The question.
    new_levels : {"error", "population", "typical"}
        For conditional predictions of levels that were not in the data.

    Returns
    -------
    Assumed

    Raises
    ------
    DataError
        A level was not in the data and the policy is ``"error"``.
    """
    check_choice("estimand", estimand, Estimand)
    check_choice("new_levels", new_levels, NewLevels)
    n, terms = cases.rows, fitted.design.terms
    if estimand != "conditional":
        everywhere = np.full(n, estimand == "population")
        return Assumed(tuple(np.zeros(n, dtype=bool) for _ in terms), (everywhere,) * len(terms))
    found = [cases.seen(t) for t in range(len(terms))]
    if new_levels == "error":
        for t, term in enumerate(terms):
            if np.any(found[t][1]):
                raise _unseen(term.grouping, cases.unseen[t], int(np.sum(found[t][1])))
    average = new_levels == "population"
    return Assumed(tuple(seen for seen, _ in found), tuple(unseen & average for _, unseen in found))


def _unseen(grouping: Grouping, labels: Sequence[object], rows: int) -> DataError:
    shown = ", ".join(repr(label) for label in labels[:3])
    more = ", ..." if len(labels) > 3 else ""
    where = f"{rows} row{'s' if rows != 1 else ''}"
    named = f"{'Factor' if len(grouping.columns) > 1 else 'Column'} {grouping.name!r}"
    if not grouping.columns:
        new = f"{where} {'are' if rows != 1 else 'is'} new"
        what = f"{grouping.name} gives each row of the fit an effect of its own, and {new}"
    elif labels and grouping.weights is not None:
        what = (
            f"{grouping.name} has levels that were not in the data of the fit ({shown}{more}), in "
            f"{where}"
        )
    elif labels:
        what = (
            f"{named} has levels that were not in the data of the fit ({shown}{more}), in {where}"
        )
    else:
        what = f"{named} has no value in {where}"
    if grouping.structured and labels:
        where = f"give their coordinates, columns {' and '.join(map(repr, grouping.places))}"
        if not grouping.places:
            where = (
                "fit with them among its levels, where they need no data; a tree takes columns "
                "'parent' and 'length', a pedigree 'sire' and 'dam'"
            )
        what += f", and its structure (covariance=) does not say where they belong ({where})"
    return DataError(
        f"{what}: there is no effect to predict with. Choose new_levels='population' "
        "(average over clusters) or 'typical' (random effect zero), or another estimand.",
        code="unseen-level",
    )


def fixed_predictors(fitted: Fitted, cases: Cases) -> list[FloatArray]:
    """(n,) fixed part and offset of each predictor that has coefficients."""
    slices = list(fitted.model.slices.values())
    predictors = []
    for X, offset, where in zip(cases.X, cases.offsets, slices, strict=True):
        eta = X @ fitted.coef[where]
        predictors.append(eta if offset is None else eta + offset)
    return predictors


def known_effects(
    fitted: Fitted, cases: Cases, assumed: Assumed, modes: Sequence[FloatArray]
) -> list[FloatArray]:
    """(n,) sum of the known random effects in each predictor.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Rows to predict.
    assumed : Assumed
        Which effects are known.
    modes : sequence of (L_t, q_t) arrays
        The effects of each level.
    """
    order = [part.predictor for part in fitted.model.fitted_parts]
    sums = [np.zeros(cases.rows) for _ in order]
    for t, term in enumerate(fitted.design.terms):
        if not np.any(assumed.known[t]):
            continue
        columns = cases.columns[t]
        b = np.zeros((cases.rows, modes[t].shape[1]))
        for codes, weights in cases.members(t):
            own = modes[t][np.where(assumed.known[t], codes, 0)]
            b += own if weights is None else weights[:, None] * own
        effects = b if columns is None else columns * b
        for part, here in term.parts:
            effect = np.where(assumed.known[t], effects[:, here].sum(axis=1), 0.0)
            sums[order.index(part.predictor)] += effect
    return sums


def row_share(fitted: Fitted, cases: Cases, t: int) -> FloatArray | None:
    """Variance (n,) of the weighted sum over all levels of a row in term t; None for one level.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Rows.
    t : int
        The term.
    """
    nowhere = np.zeros(cases.rows, dtype=bool)
    return averaged_share(fitted, cases, Assumed((nowhere,) * (t + 1), ()), t)


def averaged_share(fitted: Fitted, cases: Cases, assumed: Assumed, t: int) -> FloatArray | None:
    """Variance (n,) of the weighted levels of term t that are averaged over; None for one level.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Rows to predict.
    assumed : Assumed
        Which terms are averaged over.
    t : int
        The term.

    Raises
    ------
    DataError
        The weights are not there.
    ModelError
        The levels of a row depend on each other.
    """
    share = cases.share(t, assumed.known[t])
    if share is None:
        return None
    grouping = fitted.design.terms[t].grouping
    grouping.refuse_dependent_members()
    if np.any(np.isnan(share)):
        assert grouping.membership is not None
        raise DataError(
            f"The variance of {grouping.name} in new rows depends on the weights; give the columns "
            f"{', '.join(map(repr, grouping.membership.weight_columns))}.",
            code="missing-column",
        )
    return share


def averaged_variance(
    fitted: Fitted, cases: Cases, assumed: Assumed, matrices: Sequence[FloatArray]
) -> list[FloatArray]:
    """(n,) sum of ``z'Gz`` over the averaged terms of each predictor.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Rows to predict.
    assumed : Assumed
        Which terms are averaged over.
    matrices : sequence of (q_t, q_t) arrays
        G of each term, or a derivative of it.
    """
    order = [part.predictor for part in fitted.model.fitted_parts]
    sums = [np.zeros(cases.rows) for _ in order]
    for t, term in enumerate(fitted.design.terms):
        if np.any(assumed.averaged[t]):
            share = averaged_share(fitted, cases, assumed, t)
            for part, here in term.parts:
                columns = own_columns(cases.columns[t], here)
                variance = random_variance(columns, matrices[t][here, here], cases.rows, share)
                sums[order.index(part.predictor)] += np.where(assumed.averaged[t], variance, 0.0)
    return sums


def averaged_covariance(
    fitted: Fitted,
    cases: Cases,
    assumed: Assumed,
    matrices: Sequence[FloatArray],
    predictors: Collection[str],
) -> FloatArray | None:
    """(n, K, K) covariance matrices of the averaged terms' parts in the predictors.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Rows to predict.
    assumed : Assumed
        Which terms are averaged over.
    matrices : sequence of (q_t, q_t) arrays
        G of each term, or a derivative of it.
    predictors : collection of str
        Those on which the quantity depends that is averaged.

    Returns
    -------
    (n, K, K) array or None
        None where no effects of two of these predictors are correlated.
    """
    order = [part.predictor for part in fitted.model.fitted_parts]
    terms = fitted.design.terms
    both = [len({*term.predictors} & {*predictors}) > 1 for term in terms]
    if not any(np.any(assumed.averaged[t]) for t, two in enumerate(both) if two):
        return None
    out = np.zeros((cases.rows, len(order), len(order)))
    for t, term in enumerate(terms):
        columns = cases.columns[t]
        z = np.ones((cases.rows, 1)) if columns is None else columns
        z = np.where(assumed.averaged[t][:, None], z, 0.0)
        share = averaged_share(fitted, cases, assumed, t) if assumed.averaged[t].any() else None
        if share is not None:
            z = z * np.sqrt(share)[:, None]
        for one, here in term.parts:
            for other, there in term.parts:
                product = np.sum((z[:, here] @ matrices[t][here, there]) * z[:, there], axis=1)
                out[:, order.index(one.predictor), order.index(other.predictor)] += product
    return out


def drawn_variances(
    fitted: Fitted, cases: Cases, assumed: Assumed
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Variances of all random effects that are not known, as the mean of a new cluster has them.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Rows to predict.
    assumed : Assumed
        Which effects are known.

    Returns
    -------
    between : list of (n,) arrays
        Variance of each predictor between clusters.
    within : list of (n,) arrays
        Variance from row to row, of terms with a level per row: a cluster's mean averages over it.
    """
    none = np.zeros(cases.rows, dtype=bool)
    parts = []
    for by_row in (False, True):
        drawn = tuple(
            ~known if (not term.grouping.columns) == by_row else none
            for term, known in zip(fitted.design.terms, assumed.known, strict=True)
        )
        moved = Assumed(assumed.known, drawn)
        parts.append(averaged_variance(fitted, cases, moved, fitted.estimates.covariances))
    return parts[0], parts[1]
