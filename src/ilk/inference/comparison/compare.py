"""Several models of the same responses side by side: information criteria and tests.

Log-likelihoods can be compared if they are of the same observations and of the same kind.  What
would make a difference of log-likelihoods meaningless is refused: other rows, another response or
scale of it, other weights, densities against probabilities, restricted likelihoods of different
fixed parts, approximations of different accuracy, and fits that are no maximum.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ilk.errors import ModelError
from ilk.fitted import AbstractFitted, Fitted, Status
from ilk.inference.comparison.conditional_aic import ConditionalAic, conditional_aic
from ilk.inference.comparison.likelihood_ratio import (
    LikelihoodRatio,
    NullMethod,
    check_options,
    likelihood_ratio,
)
from ilk.inference.comparison.nesting import same_space
from ilk.inference.criteria import aic, aicc, bic
from ilk.model.quadrature import is_laplace, same_accuracy, shares

if TYPE_CHECKING:
    from ilk.fitted import Reason
    from ilk.typing import FloatArray

__all__ = ["Comparison", "PairTest", "check_comparable", "compare"]

_ROUNDING = 1e-6
"""Difference of log volumes that is rounding."""

_COLLAPSED = ("singular_covariance", "no_dispersion", "no_zero_inflation")
"""Codes of the reasons that say which part of a model has vanished."""


@dataclass(frozen=True, slots=True)
class PairTest:
    """Likelihood-ratio test of two of the models.

    Parameters
    ----------
    small, large : int
        Positions of the models.
    ratio : LikelihoodRatio
        The test, or why there is none.
    """

    small: int
    large: int
    ratio: LikelihoodRatio


@dataclass(frozen=True, slots=True)
class Comparison:
    """Models of the same responses side by side.

    Parameters
    ----------
    names : tuple of str
        The models.
    models : tuple of Fitted
        Their fits.
    aic, aicc, bic : (k,) array
        Information criteria.
    conditional : tuple of ConditionalAic
        Conditional AIC of each model.
    tests : tuple of PairTest
        One for each pair of models that differ in their number of parameters, the smaller first.
    collapsed : tuple of (int, Reason)
        Parts of models that the data drive to zero.
    """

    names: tuple[str, ...]
    models: tuple[Fitted, ...]
    aic: FloatArray
    aicc: FloatArray
    bic: FloatArray
    conditional: tuple[ConditionalAic, ...]
    tests: tuple[PairTest, ...]
    collapsed: tuple[tuple[int, Reason], ...]

    @property
    def delta(self) -> FloatArray:
        """AIC minus the smallest."""
        return np.asarray(self.aic - self.aic.min())

    @property
    def weights(self) -> FloatArray:
        """Akaike weights, proportional to exp(-delta / 2)."""
        raw = np.exp(-0.5 * self.delta)
        return np.asarray(raw / raw.sum())


def compare(
    models: Sequence[Any],
    names: Sequence[str] | None = None,
    *,
    method: NullMethod = "auto",
    draws: int | None = None,
    seed: int | None = 0,
    n_jobs: int | None = 1,
    refits: int = 500,
) -> Comparison:
    """Compare models of the same responses.

    Parameters
    ----------
    models : sequence of Fitted
        Two or more fits.
    names : sequence of str, optional
        What to call them; "model 1", ... by default.
    method, draws, seed, n_jobs
        Of null distributions on the boundary, as `likelihood_ratio` takes them.
    refits : int
        Most refits that may be spent on the conditional AIC of one model.

    Returns
    -------
    Comparison

    Raises
    ------
    ModelError
        The models cannot be compared; the message names two of them and says why.
    """
    labels = _labels(models, names)
    check_options(method, draws)
    for label, model in zip(labels, models, strict=True):
        _check_kind(model, label)
    for i, j in itertools.combinations(range(len(models)), 2):
        check_comparable(models[i], models[j], labels[i], labels[j])
    tests = []
    for i, j in itertools.combinations(range(len(models)), 2):
        small, large = sorted((i, j), key=lambda k: models[k].parameter_count)
        if models[small].parameter_count < models[large].parameter_count:
            ratio = likelihood_ratio(models[small], models[large], method, draws, seed, n_jobs)
            tests.append(PairTest(small, large, ratio))
    return Comparison(
        names=labels,
        models=tuple(models),
        aic=np.array([aic(model) for model in models]),
        aicc=np.array([aicc(model) for model in models]),
        bic=np.array([bic(model) for model in models]),
        conditional=tuple(conditional_aic(model, refits) for model in models),
        tests=tuple(tests),
        collapsed=tuple(
            (i, reason)
            for i, model in enumerate(models)
            for reason in model.verdict.reasons
            if reason.code in _COLLAPSED
        ),
    )


def _labels(models: Sequence[Any], names: Sequence[str] | None) -> tuple[str, ...]:
    if len(models) < 2:
        raise ModelError("Give two or more fits to compare.", code="compare")
    if names is None:
        return tuple(f"model {i + 1}" for i in range(len(models)))
    labels = tuple(map(str, names))
    if isinstance(names, str) or len(labels) != len(models) or len(set(labels)) < len(labels):
        raise ModelError(
            f"names={names!r}: give a different name for each of the {len(models)} models.",
            code="names",
        )
    return labels


def _check_kind(model: Any, label: str) -> None:
    """Refuse what is not a mixed model at its maximum."""
    if not isinstance(model, AbstractFitted):
        raise ModelError(
            f"{label} is of type {type(model).__name__}, not a fit; give fits of ilk.fit.",
            code="compare-kind",
        )
    if not isinstance(model, Fitted):
        raise ModelError(
            f"{label} is a fit of ilk.{type(model).__name__.removesuffix('Fitted').lower()}, which "
            "has no likelihood that those of mixed models can be compared with; compare fits of "
            "ilk.fit.",
            code="compare-kind",
        )
    if model.model.penalty is not None:
        raise ModelError(
            f"{label} is a penalized fit, which does not maximize the likelihood; compare fits "
            "without penalty=.",
            code="compare-penalty",
        )
    status = model.verdict.status
    if status in (Status.CONVERGED, Status.BOUNDARY):
        return
    raise ModelError(
        f"{label} is {status.value}, so its log-likelihood is not a maximum; see its .verdict, "
        "mend or leave out that fit.",
        code="compare-converged",
    )


def check_comparable(a: Fitted, b: Fitted, first: str, second: str) -> None:
    """Refuse pairs whose log-likelihoods cannot be compared.

    Parameters
    ----------
    a, b : Fitted
        The models.
    first, second : str
        What messages call them.
    """
    pair = f"{first} and {second}"
    _check_rows(a, b, pair)
    if a.family.discrete != b.family.discrete:
        _refuse(
            pair,
            f"have families {a.family.name} and {b.family.name}: a density and a probability "
            "cannot be compared",
            "choose families of the same kind of response",
        )
    zeros = bool(np.any(a.design.response.y == 0.0))
    if zeros and a.family.has_atoms != b.family.has_atoms:
        _refuse(
            pair,
            f"have families {a.family.name} and {b.family.name}: zeros have a probability in the "
            "one and a density in the other",
            "choose families of the same kind of response",
        )
    if a.model.reml != b.model.reml:
        _refuse(
            pair,
            "maximize different likelihoods, one restricted (REML) and one not (ML)",
            "fit both with the same reml=",
        )
    if a.model.reml and not _same_means(a, b):
        _refuse(
            pair,
            "are REML fits with different fixed parts, whose restricted likelihoods are of "
            "different data",
            "fit both with reml=False",
        )
    if a.model.reml and abs(_volume(a) - _volume(b)) > _ROUNDING:
        _refuse(
            pair,
            "are REML fits whose fixed parts are the same in other columns, which shifts "
            "restricted likelihoods by a constant",
            "code both fixed parts alike (contrasts, units, centering), or fit both with "
            "reml=False",
        )
    if a.model.reml and a.family.link.name != b.family.link.name:
        _refuse(
            pair,
            f"are REML fits with links {a.family.link.name} and {b.family.link.name}, whose "
            "restricted likelihoods integrate coefficients of different scales",
            "fit both with reml=False",
        )
    nodes = [_accuracy(model) for model in (a, b)]
    if None not in nodes and not same_accuracy(a.model, b.model):
        _refuse(
            pair,
            f"approximate the likelihood differently ({nodes[0]} and {nodes[1]})",
            "fit both with the same quadrature=",
        )


def _same_means(a: Fitted, b: Fitted) -> bool:
    """Whether two fits have the same fixed parts, perhaps in other columns."""
    ours, theirs = a.model.main_parts, b.model.main_parts
    return len(ours) == len(theirs) and all(
        same_space(x.X, y.X) for x, y in zip(ours, theirs, strict=True)
    )


def _volume(fitted: Fitted) -> float:
    """Logarithm of the volume that the columns of the mean span."""
    parts = [np.linalg.qr(part.X, mode="r") for part in fitted.model.main_parts]
    return sum(float(np.sum(np.log(np.abs(np.diagonal(R))))) for R in parts)


def _accuracy(model: Fitted) -> str | None:
    """How a likelihood is approximated; None if it is exact."""
    if model.model.linear or not model.design.terms:
        return None
    if is_laplace(model.model.nodes):
        return "Laplace"
    return f"quadrature with {shares(model.model)}"


def _check_rows(a: Fitted, b: Fitted, pair: str) -> None:
    ours, theirs = a.design, b.design
    if a.model.rows != b.model.rows:
        _refuse(
            pair,
            f"use different rows, {a.model.rows} and {b.model.rows}",
            "drop rows with missing values before both fits",
        )
    x, y = ours.response, theirs.response
    if not np.array_equal(x.y, y.y) or not _same(x.second, y.second):
        if x.name != y.name:
            _refuse(
                pair,
                f"have different responses, {x.name!r} and {y.name!r}; densities of a transformed "
                "response are on another scale",
                "model the same response, and transform by a link instead",
            )
        _refuse(
            pair,
            f"have different values of the response {x.name!r}, so they use different rows or data",
            "fit both to the same rows in the same order",
        )
    for name in ("frequency_weights", "precision_weights"):
        if not _same(getattr(ours, name), getattr(theirs, name)):
            _refuse(pair, f"have different {name}=", "give both the same")


def _same(a: FloatArray | None, b: FloatArray | None) -> bool:
    """Whether two row-wise vectors are the same, none being ones."""
    one = np.ones(1)
    x, y = one if a is None else a, one if b is None else b
    return bool(np.all(x == y)) if x.size == 1 or y.size == 1 else np.array_equal(x, y)


def _refuse(pair: str, what: str, advice: str) -> NoReturn:
    raise ModelError(f"{pair} {what}; {advice}.", code="not-comparable")
