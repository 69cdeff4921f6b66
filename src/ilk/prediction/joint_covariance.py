r"""Joint covariance matrix of the random effects of some levels, and of the coefficients.

.. math:: Cov(\hat b_S - b_S) = C_{SS} + D_S V D_S', \qquad
          Cov(\hat\beta - \beta,\, \hat b_S - b_S) = V_{\beta\cdot} D_S',

with C the conditional covariance matrix of all effects, parameters held, V the covariance matrix of
all parameters and D the derivative of the modes in them.  C is the inverse of a large matrix: only
the columns of the effects asked for are solved for, and no matrix of all levels is formed.  For the
linear model with known variances this is the inverse of Henderson's mixed model equations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import DataError, ModelError, closest
from ilk.inference.labelled import matrix_text
from ilk.prediction.known import first_places
from ilk.prediction.levels import check_choice
from ilk.prediction.random_effects import EffectUncertainty, check_group

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["JointCovariance", "joint_covariance"]

_MOST = 5000
"""Effects in one matrix at most."""

_CELLS = 1 << 23
"""Numbers in the right-hand sides at one time at most."""


@dataclass(frozen=True, slots=True, repr=False)
class JointCovariance:
    """Covariance matrix of the errors of estimates, random effects among them.

    Parameters
    ----------
    matrix : (k, k) array
        Covariance matrix of estimate minus truth.
    names : tuple of tuples
        Of its rows and columns: ``(component, name)`` of coefficients, and ``(component, group,
        level, name)`` of random effects.
    estimate : (k,) array
        Coefficients and conditional modes.
    uncertainty : str
        ``"full"``, or ``"conditional"`` with all parameters held at their estimates.
    """

    matrix: FloatArray
    names: tuple[tuple[object, ...], ...]
    estimate: FloatArray
    uncertainty: str

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.matrix, dtype=dtype)  # type: ignore[call-overload, no-any-return]

    def __repr__(self) -> str:
        labels = [" ".join(map(str, name[1:])) for name in self.names]
        held = "parameters held" if self.uncertainty == "conditional" else "all that is estimated"
        return (
            f"Covariance matrix of the errors of {len(labels)} estimates ({held})\n\n"
            f"{matrix_text(self.matrix, labels)}"
        )

    def combine(self, weights: Any) -> tuple[FloatArray, FloatArray]:
        """Estimates and standard errors of combinations, such as differences of levels.

        Parameters
        ----------
        weights : (k,) or (r, k) array
            Weights of the k estimates, in the order of `names`.

        Returns
        -------
        estimate, std_error : (r,) arrays
        """
        rows = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        if rows.ndim != 2 or rows.shape[1] != len(self.names):
            raise ModelError(
                f"The weights have shape {np.shape(weights)}, but there are {len(self.names)} "
                "estimates to weigh (names).",
                code="weights",
            )
        variance = np.einsum("ri,ij,rj->r", rows, self.matrix, rows, optimize=True)
        return rows @ self.estimate, np.sqrt(np.maximum(variance, 0.0))


def joint_covariance(
    fitted: Fitted,
    levels: Any = None,
    *,
    coefficients: bool = False,
    uncertainty: EffectUncertainty = "full",
) -> JointCovariance:
    """Compute the joint covariance matrix of the random effects of some levels.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    levels : mapping of str to sequence, or str, optional
        Levels of grouping factors, or the name of a factor for all of its levels; all levels of
        all factors by default.
    coefficients : bool
        Whether the coefficients come first.
    uncertainty : {"full", "conditional"}
        Whether the uncertainty of coefficients, variances and dispersion counts.

    Returns
    -------
    JointCovariance

    Raises
    ------
    DataError
        A factor or level is unknown.
    ModelError
        There are no random effects, or too many for one matrix.
    """
    check_choice("uncertainty", uncertainty, EffectUncertainty)
    if coefficients and uncertainty == "conditional":
        raise ModelError(
            "coefficients=True goes with uncertainty='full': the conditional covariance holds the "
            "coefficients at their estimates.",
            code="uncertainty",
        )
    chosen = _chosen(fitted, levels)
    places, names = _places(fitted, chosen)
    if not len(places):
        raise ModelError(
            "The model has no random effects; the coefficients' covariance is in fit.cov.",
            code="no-random-terms",
        )
    if len(places) > _MOST:
        raise ModelError(
            f"A joint covariance matrix of {len(places):,} random effects is more than the "
            f"{_MOST:,} offered at one time; name some levels, levels={{'hospital': [...]}}.",
            code="too-many-levels",
        )
    effects = np.concatenate([m.ravel() for m in fitted.estimates.modes])
    matrix = _conditional(fitted, places, len(effects))
    estimate = effects[places]
    if uncertainty == "full":
        V = fitted.psi_covariance()
        D = fitted.mode_sensitivity()[places]
        matrix = matrix + D @ V @ D.T
        if coefficients:
            P = len(fitted.coef)
            cross = V[:P] @ D.T
            matrix = np.block([[V[:P, :P], cross], [cross.T, matrix]])
            estimate = np.concatenate([fitted.coef, estimate])
            names = [*fitted.names, *names]
    return JointCovariance(0.5 * (matrix + matrix.T), tuple(names), estimate, uncertainty)


def _chosen(fitted: Fitted, levels: Any) -> Mapping[str, Sequence[Any] | None]:
    """Levels asked for by factor; None for all."""
    if levels is None:
        return {term.grouping.name: None for term in fitted.design.terms}
    if isinstance(levels, str):
        check_group(fitted, levels)
        return {levels: None}
    if not isinstance(levels, Mapping):
        raise ModelError(
            f"levels={levels!r:.60}: give a dictionary of factors and levels, such as "
            "{'hospital': ['A', 'B']}, or the name of a factor.",
            code="levels",
        )
    for name in levels:
        check_group(fitted, name)
    return {
        name: [given] if isinstance(given, str) or not hasattr(given, "__iter__") else list(given)
        for name, given in levels.items()
    }


def _places(
    fitted: Fitted, chosen: Mapping[str, Sequence[Any] | None]
) -> tuple[FloatArray, list[tuple[object, ...]]]:
    """Positions of effects in the flat vector, and their names."""
    places: list[int] = []
    names: list[tuple[object, ...]] = []
    every: dict[str, set[Any]] = {}
    for term in fitted.design.terms:
        every.setdefault(term.grouping.name, set()).update(term.grouping.levels)
    for (start, q), term, over in zip(
        first_places(fitted.estimates.modes),
        fitted.design.terms,
        fitted.dependences,
        strict=True,
    ):
        group = term.grouping.name
        if group not in chosen:
            continue
        known = list(term.grouping.levels)
        named = range(len(known)) if over is None else over.named().tolist()
        wanted = chosen[group]
        if wanted is not None:  # some terms of a factor lack the levels without data
            wanted = [v for v in wanted if v in known or v not in every[group]]
        codes = named if wanted is None else [_code(group, known, v) for v in wanted]
        for code in codes:
            for j, name in enumerate(term.column_names):
                places.append(start + code * q + j)
                names.append((term.predictor, group, known[code], name))
    return np.array(places, dtype=np.intp), names


def _code(group: str, known: list[Any], level: Any) -> int:
    if level in known:
        return known.index(level)
    texts = {str(label): label for label in known}
    near = closest(str(level), texts)
    hint = "" if near is None else f" Did you mean {texts[near]!r:.60}?"
    raise DataError(
        f"levels: {level!r:.60} is no level of {group!r}, which has {len(known)}.{hint}",
        code="unknown-level",
    )


def _conditional(fitted: Fitted, places: Any, size: int) -> FloatArray:
    """(k, k) block of the conditional covariance matrix, column by column."""
    matrix = np.empty((len(places), len(places)))
    step = max(1, _CELLS // size)
    for begin in range(0, len(places), step):
        here = places[begin : begin + step]
        unit = np.zeros((size, len(here)))
        unit[here, np.arange(len(here))] = 1.0
        matrix[:, begin : begin + step] = fitted.conditional_solve(unit)[places]
    return matrix
