"""Separation in the verdict: what separates, which coefficients have no estimate, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ilk.errors import FitError
from ilk.fitted import Reason
from ilk.likelihood.penalized import WITH_INFORMATION
from ilk.model.checks import homogeneous_groups
from ilk.model.programs import split_within
from ilk.model.separation import has_limits, outcome_signs, separating_direction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.design.fixed import FixedPart
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.model.model import Model
    from ilk.model.separation import Predictor, SeparatingDirection
    from ilk.typing import FloatArray

__all__ = ["SEPARATED", "lost_directions", "penalty_notes", "separation_faults", "separations"]

SEPARATED = frozenset(
    {
        "separation",
        "separated_category",
        "separated_inflation",
        "separated_within",
        "homogeneous_groups",
    }
)
"""Codes of the reasons that are separation."""

Separations: TypeAlias = "dict[Predictor, SeparatingDirection]"
"""What separates the coefficients of each predictor."""

_CODES: dict[Predictor, str] = {"mean": "separation", "zero_inflation": "separated_inflation"}
"""Code of the separation of each predictor's coefficients."""

_LOG_F = "penalty='log_f'"

_RUNS_AWAY = 8.0
"""Standard deviations of scaled effects from which they may run to infinity."""

_MOST_ROWS = 5000
"""Rows that are looked through for separation within levels at most."""


def separations(marginal: AbstractMarginal) -> Separations:
    """Look for separation of the coefficients: in the data, wherever a search may end.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.

    Returns
    -------
    dict of str to SeparatingDirection
        By predictor; empty if nothing is separated.
    """
    model, found = marginal.model, {}
    parameters = model.family.parameters if has_limits(model) else ()
    for place, predictor in enumerate(parameters):
        if predictor not in _CODES and model.family.event(predictor) is None:
            continue
        one = separating_direction(model, predictor, marginal.scaled.data.predictors[place].X)
        # an inflation that only falls is none: a limit of the model, not separation
        if one is not None and (predictor != "zero_inflation" or one.upward):
            found[predictor] = one
    return found


def separation_faults(
    marginal: AbstractMarginal, result: SearchResult, found: Separations
) -> list[Reason]:
    """Say what is separated.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.
    found : dict of str to SeparatingDirection
        From `separations`.

    Returns
    -------
    list of Reason
        Of severity ``"error"``; empty for penalized fits, whose estimates are finite.
    """
    model = marginal.model
    if not has_limits(model) or model.penalty is not None:
        return []
    reasons = [_separated(model, model.parts[predictor], one) for predictor, one in found.items()]
    if any(_constant(one) for one in found.values()):
        return reasons  # which is said once, and not of every level again
    group = homogeneous_groups(model) if model.design.terms else None
    if group is not None:
        reasons.append(
            Reason(
                "homogeneous_groups",
                "error",
                (group,),
                f"every level of {group!r} has only events or only non-events, which drives "
                "its standard deviation to infinity.",
                "There is no information on effects within levels; group more coarsely.",
            )
        )
    elif not reasons:
        reasons += _separated_within(marginal, result)
    return reasons


def without_modes(marginal: AbstractMarginal, error: FitError) -> FitError:
    """Error of a search that ended where there are no modes, with separation as its cause if it is.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    error : FitError
        What is to be said.

    Returns
    -------
    FitError
    """
    if error.code != "no-mode" or marginal.model.penalty is not None:
        return error
    parts = marginal.model.parts
    reasons = [
        _separated(marginal.model, parts[name], one) for name, one in separations(marginal).items()
    ]
    if not reasons:
        return error
    said = " ".join(f"{reason.message} {reason.advice}" for reason in reasons)
    return FitError(f"There are no finite estimates: {said}", code="separation")


def lost_directions(model: Model, found: Separations) -> FloatArray | None:
    """Directions of the engine's coefficients about which separated data say nothing.

    Parameters
    ----------
    model : Model
        The model.
    found : dict of str to SeparatingDirection
        From `separations`.

    Returns
    -------
    (P, k) array or None
        Orthonormal; None without separation, and for penalized fits.
    """
    if not found or model.penalty is not None:
        return None
    columns = []
    for predictor, one in found.items():
        block = np.zeros((len(model.names), one.kernel.shape[1]))
        block[model.slices[predictor]] = one.kernel
        columns.append(block)
    return np.hstack(columns)


def _constant(found: SeparatingDirection) -> bool:
    """Say whether the intercept alone predicts all outcomes."""
    return found.names == ("Intercept",)


def _separated(model: Model, part: FixedPart, found: SeparatingDirection) -> Reason:
    """Say what separates, which coefficients have no estimate, and what to do."""
    if _constant(found):
        return Reason(
            _CODES[part.predictor],
            "error",
            found.infinite,
            "the outcome is the same in all rows: nothing can be learned of what it depends on, "
            "and the intercept runs to infinity.",
            "Look whether this is the right response, and whether rows were lost.",
        )
    if model.family.event(part.predictor) is not None:
        return _category_separated(model, part, found)
    inflated = part.predictor == "zero_inflation"
    combination = ""
    if len(found.names) > 1:
        weights = [found.direction[part.names.index(name)] for name in found.names]
        pieces = [f"{w:+.3g} {name}" for w, name in zip(weights, found.names, strict=True)]
        combination = f" (in the combination {' '.join(pieces[:6])})"
    all_lost = len(found.infinite) == len(part.names)
    others = "no coefficient has a finite estimate" if all_lost else "the other coefficients stand"
    advice = "Leave out or merge the levels concerned, or give the coefficients a penalty: "
    penalty = _LOG_F if inflated else _usual_penalty(model)
    return Reason(
        _CODES[part.predictor],
        "error",
        found.infinite,
        f"{', '.join(found.names)} {_verb(found)} the {'zeros' if inflated else 'response'}"
        f"{combination}: in {found.rows} rows the outcome is predicted perfectly, so the "
        f"likelihood has no maximum and {_listed(found.infinite)} to infinity; {others}.",
        f"{advice}{penalty}{_not_restricted(model)}.",
    )


def _category_separated(model: Model, part: FixedPart, found: SeparatingDirection) -> Reason:
    """Say what separates a category, or the baseline, from the others."""
    lost = tuple(f"{part.predictor}: {name}" for name in found.infinite)
    return Reason(
        "separated_category",
        "error",
        lost,
        f"{', '.join(found.names)} {_verb(found)} the categories: in {found.rows} rows the "
        f"probability of {part.predictor}, or of the baseline, runs to 0 or 1, so the likelihood "
        f"has no maximum and {_listed(lost)} to infinity.",
        "Leave out or merge categories or levels, or give the coefficients a penalty: "
        f"{_LOG_F}{_not_restricted(model)}.",
    )


def _usual_penalty(model: Model) -> str:
    """Penalty that a family takes, as an argument."""
    return "penalty='firth'" if model.family.name in WITH_INFORMATION else _LOG_F


def _not_restricted(model: Model) -> str:
    """What a penalty needs beside, where coefficients are integrated out."""
    return " and reml=False" if model.reml else ""


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        one = "the intercept" if names[0] == "Intercept" else f"the coefficient of {names[0]}"
        return f"{one} runs"
    some = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return f"the coefficients of {some} run"


def _separated_within(marginal: AbstractMarginal, result: SearchResult) -> list[Reason]:
    """Look whether effects of levels and columns together predict every outcome.

    Then coefficients and standard deviation can grow together without end; that they do shows in
    where the search ended.
    """
    model = marginal.model
    if not model.design.terms or model.rows > _MOST_ROWS:
        return []
    if np.abs(marginal.lam(result.theta)).max() <= _RUNS_AWAY:
        return []
    sign = outcome_signs(model)
    if np.any(sign == 0.0):
        return []
    X = marginal.scaled.data.predictors[0].X
    for term in model.design.random_parts:
        if term.predictor != "mean" or term.grouping.weights is not None:
            continue
        if split_within(sign, X, term.grouping.codes) is None:
            continue
        name = term.grouping.name
        part = model.design.fixed[0]
        columns = tuple(n for n in part.names if n != "Intercept")
        return [
            Reason(
                "separated_within",
                "error",
                (name, *columns),
                f"within the levels of {name!r}, {', '.join(columns)} predict every outcome: "
                f"coefficients and the standard deviation of {name!r} run to infinity together.",
                "Leave out or merge columns, or give the coefficients a penalty: "
                f"{_usual_penalty(model)}{_not_restricted(model)}.",
            )
        ]
    return []


def penalty_notes(model: Model, found: Separations) -> list[Reason]:
    """Say what is penalized, and what the penalty holds where the data are separated.

    Parameters
    ----------
    model : Model
        The model.
    found : dict of str to SeparatingDirection
        From `separations`.
    """
    if model.penalty is None:
        return []
    reasons = [
        Reason(
            "penalized",
            "note",
            (),
            f"a penalty was added to the log-likelihood ({model.penalty.words}): estimates are "
            "drawn to zero, and information criteria and likelihood-ratio tests do not apply.",
        )
    ]
    reasons += [
        Reason(
            "held_by_penalty",
            "note",
            one.infinite,
            f"{', '.join(one.names)} {_verb(one)} the response in {one.rows} rows: without the "
            f"penalty, {_listed(one.infinite)} to infinity.",
            "How large these estimates are depends on the penalty; report another one too.",
        )
        for one in found.values()
    ]
    return reasons


def _verb(found: SeparatingDirection) -> str:
    return "separates" if len(found.names) == 1 else "separate"
