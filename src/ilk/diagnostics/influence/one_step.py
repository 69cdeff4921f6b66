r"""One step towards the estimates without some of the rows.

Without unit i the log-likelihood is :math:`L_{(-i)} = L - L_{B(i)} + L_{B(i)\setminus i}`, where
:math:`B(i)` are the blocks of rows that the unit has rows in: all other blocks are independent of
it.  At the estimates :math:`\hat\omega` of all rows

.. math:: \hat\omega_{(-i)} \approx \hat\omega + H_{(-i)}^{-1}\,\partial L_{(-i)}, \qquad
   H_{(-i)} = H - H_{B(i)} + H_{B(i)\setminus i},

gradient and curvature being exact, whether factors are nested or cross, and whether the unit is a
block, a level inside of one or a single row (Pregibon 1981; Cook 1986; for independent clusters
this is the Newton step of the jackknife).  A correction of second order follows
(`ilk.diagnostics.influence.newton`); for linear models the step is that of the profiled criterion
(`ilk.diagnostics.influence.profiled`).  Derivation: docs/derivations/influence.md.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.influence.newton import NewtonSteps
from ilk.diagnostics.influence.parts import Likelihood, Part
from ilk.diagnostics.influence.profiled import ProfiledSteps
from ilk.diagnostics.influence.units import blocks_of
from ilk.inference.parallel import in_chunks
from ilk.inference.progress import Progress

if TYPE_CHECKING:
    from ilk.diagnostics.influence.units import Unit
    from ilk.fitted import Fitted
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["OneStep", "counted_coefficients", "one_step"]

_VISITS = 2e8
"""Rows visited for the curvature of parts of blocks from which on that of all rows stands in."""


@dataclass(frozen=True, slots=True)
class OneStep:
    """Estimates without each unit, by one step; of the flat vector psi of the fit.

    Parameters
    ----------
    steps : (G, m) array
        Change of psi; nan where there is no step, or where a coefficient is not
        determined without the unit.
    covariance : (G, P, P) array
        Covariance matrices of the coefficients without the unit.
    displacement : (G,) array
        Twice the fall of the log-likelihood of all rows, to second order.
    leverage : (G,) array
        Share of the information on the coefficients that the unit has, summed over directions.
    failed : (G,) array of bool
        Units without which the curvature at the estimates is no longer that of a maximum.
    held : bool
        Whether the curvature of all rows stands in for that without the unit.
    """

    steps: FloatArray
    covariance: FloatArray
    displacement: FloatArray
    leverage: FloatArray
    failed: BoolArray
    held: bool


@dataclass(frozen=True, slots=True)
class _Work:
    """Work on sets of rows: what each contributes."""

    likelihood: Likelihood
    curvature: bool

    def __call__(self, some: list[IntArray]) -> list[Part]:
        return [self.likelihood.part(rows, curvature=self.curvature) for rows in some]


def one_step(fitted: Fitted, unit: Unit, n_jobs: int | None = 1) -> OneStep:
    """Step towards the estimates without each unit.

    Parameters
    ----------
    fitted : Fitted
        The fit; not penalized, and at an optimum.
    unit : Unit
        What is left out.
    n_jobs : int or None
        Workers.

    Returns
    -------
    OneStep
    """
    likelihood = Likelihood(fitted)
    contributions, whole, held = _contributions(fitted, likelihood, unit, n_jobs)
    kind = ProfiledSteps if fitted.model.linear else NewtonSteps
    steps = kind(likelihood, whole, counted_coefficients(fitted))
    nobs = np.bincount(unit.codes, fitted.design.frequency_weights, minlength=unit.count)
    left = [steps.without(part, float(n)) for part, n in zip(contributions, nobs, strict=True)]
    return OneStep(
        steps=np.stack([one.step for one in left]),
        covariance=np.stack([one.covariance for one in left]),
        displacement=np.array([one.displacement for one in left]),
        leverage=np.array([one.leverage for one in left]),
        failed=np.array([one.failed for one in left]),
        held=held,
    )


def counted_coefficients(fitted: Fitted) -> BoolArray:
    """(P,) coefficients of interest: all but parameters without formula that the mean is free of.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    single = {
        part.predictor
        for part in fitted.model.fitted_parts
        if part.predictor not in fitted.family.mean_parameters and part.names == (INTERCEPT,)
    }
    return np.array([component not in single for component, _ in fitted.names], dtype=bool)


def _contributions(
    fitted: Fitted, likelihood: Likelihood, unit: Unit, n_jobs: int | None
) -> tuple[list[Part], Part, bool]:
    """What each unit contributes, what all rows do, and whether curvatures were left out."""
    if not fitted.design.terms:
        parts = likelihood.row_parts(unit.codes, unit.count)
        return parts, _sum(likelihood, parts), False
    blocks = blocks_of(fitted.design)
    members = unit.members()
    touched = [np.unique(blocks[rows]) for rows in members]
    inside = _rows_by(blocks)
    rest = [
        np.setdiff1d(np.concatenate([inside[b] for b in some]), rows, assume_unique=True)
        for some, rows in zip(touched, members, strict=True)
    ]
    visits = 2.0 * likelihood.size * sum(map(len, rest))
    held = visits > _VISITS
    of_blocks = _collect(_Work(likelihood, True), inside, n_jobs, "influence: clusters")
    needed = [i for i, rows in enumerate(rest) if len(rows)]
    found = _collect(
        _Work(likelihood, not held), [rest[i] for i in needed], n_jobs, "influence: what is left"
    )
    remaining = dict(zip(needed, found, strict=True))
    out = []
    for i, some in enumerate(touched):
        part = _sum(likelihood, [of_blocks[b] for b in some])
        if i in remaining:
            part = part - remaining[i]
            if held:
                none = np.zeros_like(part.information)
                part = Part(part.score, none, part.cross, part.slopes)
        out.append(part)
    return out, _sum(likelihood, of_blocks), held


def _collect(work: _Work, pieces: list[IntArray], n_jobs: int | None, what: str) -> list[Part]:
    found: dict[int, Part] = {}
    chunks = in_chunks(work, lambda k: pieces[k], range(len(pieces)), n_jobs)
    with Progress(what, len(pieces), unit="parts") as progress, closing(chunks):
        for numbers, parts in chunks:
            found.update(zip(numbers, parts, strict=True))
            progress.add(len(numbers))
    return [found[k] for k in range(len(pieces))]


def _rows_by(codes: IntArray) -> list[IntArray]:
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(1, int(codes.max()) + 1))
    return np.split(order, bounds)


def _sum(likelihood: Likelihood, parts: list[Part]) -> Part:
    total = likelihood.nothing()
    for part in parts:
        total = total + part
    return total
