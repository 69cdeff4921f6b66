"""What no data of this shape can tell, said in the user's terms: reasons of the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.estimation.structures import at_structure_limits
from ilk.fitted import Reason
from ilk.formula.spec import OLRE

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.family.scale import Limit, ParameterScale
    from ilk.fitted import Certificate
    from ilk.kernels.contract import SearchResult, TermData
    from ilk.likelihood.base import AbstractMarginal
    from ilk.model.model import Model
    from ilk.typing import BoolArray, FloatArray

__all__ = [
    "LIMIT",
    "NONE_LEFT",
    "UNIDENTIFIED",
    "at_a_limit",
    "doubled_dispersion",
    "level_directions",
    "structural_faults",
]

UNIDENTIFIED = frozenset(
    {"collinear_effects", "one_outcome_per_level", "no_zeros", "level_direction"}
)
"""Codes of the reasons for which a fit is not identified."""

NONE_LEFT = -13.0
"""Logits of an inflation and log dispersions below this stand for zero."""

LIMIT = "parameter_limit"
"""Code of the reason that names a parameter that the data drive to the end of its range."""

_VANISHING = ("dispersion", "zero_inflation")
"""Parameters that may be estimated as absent."""

_COLLINEAR = 1e-10
"""Eigenvalue of a correlation matrix of columns that stands for zero."""


def structural_faults(marginal: AbstractMarginal) -> list[Reason]:
    """Say what the design cannot determine, whatever the outcomes.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.

    Returns
    -------
    list of Reason
        Of severity ``"error"``.
    """
    model = marginal.model
    reasons = [
        reason
        for term, data in zip(model.design.terms, marginal.scaled.data.terms, strict=True)
        for reason in _collinear_effects(term, data)
    ]
    response = model.design.response
    single = response.trials is None or bool(np.all(response.trials <= 1.0))
    if model.family.name == "binomial" and single:
        reasons += [
            Reason(
                "one_outcome_per_level",
                "error",
                (term.label,),
                f"every level of {_spelled(term)} has a single 0/1 outcome, which says nothing "
                "about a variance between levels: any value of it fits as well, the coefficients "
                "growing with it.",
                "Leave that term out; use a grouping factor with several rows per level.",
            )
            for term in model.design.random_parts
            if term.predictor == "mean"
            and not term.grouping.structured  # levels that depend on each other are replicates
            and _one_row_per_level(term, model.rows)
        ]
    if "zero_inflation" in model.slices and not np.any(response.y == 0.0):
        reasons.append(
            Reason(
                "no_zeros",
                "error",
                tuple(model.parts["zero_inflation"].names),
                f"no value of {response.name!r} is zero, so that nothing can be learned about an "
                "excess of zeros: coefficients of zero_inflation= run to minus infinity.",
                "Leave zero_inflation=, or the 'hurdle_' of the family, out.",
            )
        )
    return reasons


def _collinear_effects(term: RandomTerm, data: TermData) -> list[Reason]:
    """Say that columns of a random term (scaled) are combinations of each other."""
    if data.columns is None or data.width < 2:
        return []
    gram = data.columns.T @ data.columns
    if data.mixed:  # columns of different predictors do different things
        gram = gram * np.equal.outer(data.predictors, data.predictors)
    if data.width == 2:  # nearly always, and quickly found out
        (a, b), (_, d) = gram.tolist()
        if a * d - b * b > 2.0 * _COLLINEAR * a * d:
            return []
    size = np.sqrt(np.maximum(np.diagonal(gram), 1e-300))
    values, vectors = np.linalg.eigh(gram / np.outer(size, size))
    if values[0] > _COLLINEAR:
        return []
    involved = np.abs(vectors[:, 0]) > 1e-3
    if term.structure != "us" and int(involved.sum()) > 2:
        return []  # independent effects of three dependent columns can be told apart
    names = [n for n, part in zip(term.column_names, involved, strict=True) if part]
    if len(names) == 1 and term.has_intercept:  # a constant, centered to zero
        names.insert(0, "Intercept")
    return [
        Reason(
            "collinear_effects",
            "error",
            (term.label, *names),
            f"the columns {', '.join(names)} of ({term.label}) are combinations of each other, so "
            "that the variances of their effects cannot be told apart.",
            "Leave one of them out of that term.",
        )
    ]


def doubled_dispersion(model: Model) -> list[Reason]:
    """Say that a dispersion and a random intercept for each row do the same work.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    list of Reason
        Of severity ``"warning"``.
    """
    if model.family.dispersion_limit is None and model.family.unit_dispersion is None:
        return []
    return [
        Reason(
            "two_dispersions",
            "warning",
            (term.label, "dispersion"),
            f"the dispersion of the family {model.family.name!r} and {_spelled(term)} with its "
            "level for each row describe the same extra variation, of which the data see little "
            "but the sum.",
            "Keep one of the two.",
        )
        for term in model.design.random_parts
        if term.predictor == "mean" and _one_row_per_level(term, model.rows)
    ]


def _one_row_per_level(term: RandomTerm, rows: int) -> bool:
    return term.has_intercept and len(term.grouping.levels) == rows


def _spelled(term: RandomTerm) -> str:
    return OLRE if term.grouping.name == OLRE else repr(term.grouping.name)


def _spelled_limit(name: str) -> str:
    words = name.replace("_", " ").replace("poisson", "Poisson")
    return words[0].upper() + words[1:]


def at_a_limit(marginal: AbstractMarginal, result: SearchResult) -> tuple[list[Reason], BoolArray]:
    """Find parameters that the data drive to the edge of their range.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.

    Returns
    -------
    list of Reason
        No inflation, no dispersion.
    (m,) array of bool
        Which parameters of the search have run to a limit there.
    """
    model = marginal.model
    count = len(result.theta) + (0 if model.linear else len(result.beta))
    reasons, left_out = [], np.zeros(count, dtype=bool)
    start = 0
    for part, data in zip(model.fitted_parts, marginal.scaled.data.predictors, strict=True):
        stop = start + data.X.shape[1]
        place, start = slice(start, stop), stop
        if part.predictor == "mean":
            continue
        eta = data.X @ result.beta[place]
        reached = _limit(model.family.scale(part.predictor), eta)
        if reached is not None:
            left_out[place] = True
            words = (part.predictor,)
            reasons.append(Reason(LIMIT, "note", words, reached.message, reached.advice))
        if part.predictor not in _VANISHING:
            continue
        if not np.all(np.isfinite(eta)) or not float(eta.min(initial=0.0)) < NONE_LEFT:
            continue
        left_out[place] = True
        if part.predictor == "zero_inflation":
            if not np.any(model.design.response.y == 0.0):
                continue  # said as what is not identified
            rows = int(np.sum(eta < NONE_LEFT))
            reasons.append(
                Reason(
                    "no_zero_inflation",
                    "note",
                    (part.predictor,),
                    f"the probability of an excess zero is estimated as zero in {rows} of "
                    f"{len(eta)} rows; coefficients of that part run to minus infinity.",
                    "Simplify zero_inflation=, or leave it out.",
                )
            )
        elif model.family.dispersion_limit is not None and float(eta.max()) < NONE_LEFT:
            limit = model.family.dispersion_limit
            reasons.append(
                Reason(
                    "no_dispersion",
                    "note",
                    (part.predictor,),
                    f"{_spelled_limit(limit)} limit reached: the dispersion is estimated as zero, "
                    "the counts vary no more than those of that family.",
                    f"Family {limit!r} has the same estimates and log-likelihood.",
                )
            )
    of_structures, ends = at_structure_limits(marginal, result)
    left_out[count - len(ends) :] |= ends
    return reasons + of_structures, left_out


def _limit(scale: ParameterScale | None, eta: FloatArray) -> Limit | None:
    """End of the range of a parameter that its predictor (n,) has passed in all rows."""
    if scale is None or not np.all(np.isfinite(eta)):
        return None
    if scale.low is not None and float(eta.max(initial=-np.inf)) < scale.low.beyond:
        return scale.low
    if scale.high is not None and float(eta.min(initial=np.inf)) > scale.high.beyond:
        return scale.high
    return None


def level_directions(certificate: Certificate | None) -> list[Reason]:
    """Say along which parameters the likelihood is level.

    Parameters
    ----------
    certificate : Certificate or None
        Curvature where the search ended.

    Returns
    -------
    list of Reason
        Of severity ``"error"``.
    """
    reasons = []
    for names in dict.fromkeys(() if certificate is None else certificate.level):
        if len(names) > 1:
            message = (
                f"the likelihood does not change along a combination of {', '.join(names)}: the "
                "data do not determine these apart from each other."
            )
        elif names[0].startswith("("):
            message = (
                f"the likelihood does not change with some of the covariance parameters of "
                f"{names[0]}: the data do not determine them."
            )
        else:
            message = f"the likelihood does not change with {names[0]}: nothing is known of it."
        advice = "Leave one of them out." if len(names) > 1 else "Simplify that part of the model."
        reasons.append(Reason("level_direction", "error", names, message, advice))
    return reasons
