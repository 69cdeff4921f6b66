"""A probability model: a design, a family and one covariance structure per random term.

Row i has one linear predictor per parameter of the family,

    eta_k = o_k + X_k beta_k + sum_{t: term of k} Z_t b_t,      b_t[level] ~ N(0, G_t),

and the response has the family's density at (eta_1, ..., eta_K).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, TypeVar

import numpy as np

from ilk.errors import ModelError

if TYPE_CHECKING:
    from ilk.covariance.base import AbstractCovariance
    from ilk.design.build import Design
    from ilk.design.fixed import FixedPart
    from ilk.design.random import RandomTerm
    from ilk.family.base import AbstractFamily
    from ilk.kernels.contract import Nodes
    from ilk.penalties import AbstractPenalty
    from ilk.typing import FloatArray


ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Model:
    """A generalized linear mixed model, ready to be estimated.

    Parameters
    ----------
    design : Design
        Matrices and codes.
    family : AbstractFamily
        Distribution and link.
    covariances : tuple of AbstractCovariance
        Structure of each term of ``design.terms``, in order.
    reml : bool
        Restricted likelihood: the coefficients of the mean are integrated out, exactly for the
        linear model, otherwise by the Laplace approximation.
    nodes : int or tuple of int
        Quadrature nodes per dimension, for all terms or for each: 1 is the Laplace approximation.
    penalty : AbstractPenalty or None
        What is added to the log-likelihood.
    linear : bool
        Whether beta and sigma can be profiled out: Gaussian, identity link, one sigma.
    """

    design: Design
    family: AbstractFamily
    covariances: tuple[AbstractCovariance, ...]
    reml: bool = False
    nodes: Nodes = 1
    penalty: AbstractPenalty | None = None
    linear: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "linear", _is_linear(self.family, self.design))

    @property
    def parts(self) -> Mapping[str, FixedPart]:
        """Fixed part of each predictor, by its name."""
        return _ByPredictor({part.predictor: part for part in self.design.fixed})

    @property
    def main_parts(self) -> tuple[FixedPart, ...]:
        """Predictors that the formula of the fit is for: of the mean, or of categories."""
        return self.design.fixed[: len(self.family.main_parameters)]

    @property
    def fitted_parts(self) -> tuple[FixedPart, ...]:
        """Predictors that have coefficients: sigma of the linear model is profiled instead."""
        return self.design.fixed[:1] if self.linear else self.design.fixed

    @property
    def slices(self) -> Mapping[str, slice]:
        """Where each predictor's coefficients stand in the flat vector."""
        slices: dict[str, slice] = {}
        start = 0
        for part in self.fitted_parts:
            stop = start + part.X.shape[1]
            slices[part.predictor] = slice(start, stop)
            start = stop
        return _ByPredictor(slices)

    @property
    def theta_slices(self) -> tuple[slice, ...]:
        """Where each random term's covariance parameters stand among those of all."""
        slices, start = [], 0
        for term, covariance in zip(self.design.terms, self.covariances, strict=True):
            stop = start + covariance.size(term.width)
            slices.append(slice(start, stop))
            start = stop
        return tuple(slices)

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """``(component, name)`` of each coefficient."""
        return tuple((part.predictor, name) for part in self.fitted_parts for name in part.names)

    @property
    def nobs(self) -> int:
        """Number of observations; frequency weights count."""
        weights = self.design.frequency_weights
        return self.rows if weights is None else round(float(weights.sum()))

    @property
    def rows(self) -> int:
        """Number of rows of the design."""
        return len(self.design.response.y)

    def predictor_offset(self, part: FixedPart) -> FloatArray | None:
        """(n,) offset of a predictor; precision weights are -log w in the log dispersion."""
        weights = self.design.precision_weights
        if weights is None or part.predictor != "dispersion":
            return part.offset
        shift = -np.log(weights)
        return shift if part.offset is None else part.offset + shift

    def linear_predictors(
        self, coef: FloatArray, effects: Sequence[FloatArray] | None
    ) -> list[FloatArray]:
        """Linear predictors of all rows, offsets included.

        Parameters
        ----------
        coef : (P,) array
            Coefficients of all predictors.
        effects : sequence of (L_t, q_t) arrays, or None
            Random effects of each term; None leaves them at zero.

        Returns
        -------
        list of (n,) arrays
            One for each predictor with coefficients.
        """
        slices = self.slices
        predictors: dict[str, FloatArray] = {}
        for part in self.fitted_parts:
            eta = part.X @ coef[slices[part.predictor]]
            offset = self.predictor_offset(part)
            predictors[part.predictor] = eta if offset is None else eta + offset
        if effects is not None:
            for term, b in zip(self.design.terms, effects, strict=True):
                for own, here in term.parts:
                    k = own.predictor
                    predictors[k] = predictors[k] + term_effect(own, b[:, here])
        return list(predictors.values())


class _ByPredictor(dict[str, ValueT]):
    """What each predictor has, by its name; asking for one that there is not is refused."""

    def __missing__(self, name: str) -> NoReturn:
        raise ModelError(
            f"This question is about the predictor of the {name.replace('_', ' ')}, and the model "
            f"has predictors of {', '.join(self)} only.",
            code="no-predictor",
        )


def _is_linear(family: AbstractFamily, design: Design) -> bool:
    if family.name != "gaussian" or family.link.name != "identity":
        return False
    (dispersion,) = (part for part in design.fixed if part.predictor == "dispersion")
    constant = dispersion.names == ("Intercept",) and dispersion.offset is None
    return constant and all(term.predictor == "mean" for term in design.terms)


def term_effect(term: RandomTerm, effects: FloatArray) -> FloatArray:
    """(n,) contribution of one random term: row i gets z_i'b[level of i].

    Parameters
    ----------
    term : RandomTerm
        Codes and columns of the term.
    effects : (L, q) array
        Random effects by level.
    """
    gathered = effects[term.grouping.members]
    if term.grouping.weights is not None:
        gathered = np.einsum("ns,nsq->nq", term.grouping.weights, gathered)
    if term.columns is None:
        return np.asarray(gathered[:, 0])
    effect: FloatArray = np.einsum("ij,ij->i", term.columns, gathered)
    return effect
