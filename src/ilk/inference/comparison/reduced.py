"""The same model with other random terms: without one, without an effect, without correlations.

The fixed parts, the rows, the family and the estimator stay as they are; only the random terms
change, and the model is estimated again.  Tests of variance components and the study of how much
the fixed effects depend on the random part both ask for such refits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.covariance.registry import POSITIONAL
from ilk.design.matrix import make_matrix
from ilk.design.random import (
    RandomTerm,
    correlated,
    make_random,
    shared_names,
)
from ilk.design.scope import Scope
from ilk.errors import ModelError
from ilk.estimation.run import run
from ilk.formula.bars import label_of
from ilk.formula.language import Name, quoted
from ilk.formula.spec import MEAN, OLRE, Factor, PredictorSpec, RandomSpec, Sum, Term
from ilk.likelihood.base import Search
from ilk.model.nodes import kept_nodes
from ilk.model.structures import over_levels, structures_of

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.fitted import Fitted

__all__ = [
    "Placed",
    "random_specs",
    "removable",
    "spec_places",
    "uncorrelated",
    "with_random",
    "without_term",
]

_UNCORRELATED = {"us": "diag", "cs": "diag", "homcs": "identity"}
"""Structure that is left of each one when its effects are independent."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A random term of a formula and the predictor that it belongs to.

    Parameters
    ----------
    predictor : str
        ``"mean"``, ``"dispersion"`` or ``"zero_inflation"``.
    spec : RandomSpec
        The term.
    """

    predictor: str
    spec: RandomSpec


def random_specs(fitted: Fitted) -> tuple[Placed, ...]:
    """Give the random terms of the formulas, in their order.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    tuple of Placed
    """
    parts = (fitted.formula.predictor(name) for name in fitted.family.parameters)
    return tuple(
        Placed(part.name, random) for part in parts if part is not None for random in part.random
    )


def spec_places(fitted: Fitted) -> tuple[tuple[int, RandomTerm, slice], ...]:
    """Say where the random terms of the formulas are in the design.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    tuple of (int, RandomTerm, slice)
        For each of `random_specs` the position among ``design.terms``, the term of its predictor,
        and its columns there.
    """
    homes = shared_names([one.spec for one in random_specs(fitted)])
    found: dict[int, tuple[int, RandomTerm, slice]] = {}
    for t, (home, term) in enumerate(zip(homes, fitted.design.terms, strict=True)):
        for j, (part, here) in zip(home, term.parts, strict=True):
            found[j] = (t, part, here)
    return tuple(found[j] for j in sorted(found))


def removable(spec: RandomSpec) -> tuple[Term, ...]:
    """Effects of a random term that can be left out one at a time, the others staying as they are.

    An effect that is part of an interaction is not one, nor, if effects are correlated, the
    intercept: what is left would depend on where the covariates have their origin.  A term of a
    single effect has none either; it goes as a whole, and so does a series or a field.

    Parameters
    ----------
    spec : RandomSpec
        A random term.

    Returns
    -------
    tuple of Term
    """
    terms = spec.effects.terms
    if len(terms) < 2 or spec.structure in POSITIONAL:
        return ()
    free = [term for term in terms if not any(_within(term, other) for other in terms)]
    if spec.structure == "diag" and spec.effects.has_intercept and Term() not in free:
        free.insert(0, Term())
    return tuple(free)


def _within(term: Term, other: Term) -> bool:
    return term != other and set(term.factors) <= set(other.factors)


def without_term(fitted: Fitted, index: int, effects: Sequence[Term] = ()) -> Fitted:
    """Estimate the model without a random term, or without some of its effects.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    index : int
        Position of the term among `random_specs`.
    effects : sequence of Term
        Effects to leave out; the whole term if there are none.

    Returns
    -------
    Fitted
    """
    placed = list(random_specs(fitted))
    spec = placed[index].spec
    left = tuple(term for term in spec.effects.terms if term not in effects)
    if not effects or not left:
        del placed[index]
        return with_random(fitted, placed)
    placed[index] = replace(placed[index], spec=_relabeled(spec, Sum(left), spec.structure))
    return with_random(fitted, placed)


def uncorrelated(fitted: Fitted, index: int) -> Fitted:
    """Estimate the model with the effects of a random term independent of each other.

    Those of terms that share its name become independent too.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    index : int
        Position of the term among `random_specs`.

    Returns
    -------
    Fitted
    """
    placed = list(random_specs(fitted))
    spec = placed[index].spec
    homes = shared_names([one.spec for one in placed])
    (home,) = (home for home in homes if index in home)
    structure = _UNCORRELATED.get(spec.structure)
    if structure is None:
        raise ModelError(
            f"The effects of ({spec.label}) are independent already.", code="independent"
        )
    for j in home:
        own = replace(placed[j].spec, name=None)
        placed[j] = replace(placed[j], spec=_relabeled(own, own.effects, structure))
    return with_random(fitted, placed)


def with_random(fitted: Fitted, placed: Sequence[Placed]) -> Fitted:
    """Estimate the model with other random terms.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    placed : sequence of Placed
        All random terms that the model is to have, those of a predictor in any place.

    Returns
    -------
    Fitted
        The rows, fixed parts, family and estimator are those of the fit.
    """
    design = _with_terms(fitted, placed)
    structures = structures_of(design.terms, over_levels(fitted.model))
    nodes = kept_nodes(fitted.model, design)
    model = replace(fitted.model, design=design, covariances=structures, nodes=nodes)
    return run(model, Search(), warn=False)


def _with_terms(fitted: Fitted, placed: Sequence[Placed]) -> Design:
    design = fitted.design
    spec = design.spec
    predictors = tuple(
        _respelled(
            part,
            tuple(random.spec for random in placed if random.predictor == part.name),
            spec.response.text if part.name == MEAN else "",
        )
        for part in spec.predictors
    )
    parts = (part for _, part, _ in spec_places(fitted))
    known = dict(zip(random_specs(fitted), parts, strict=True))
    scope = Scope(design.data, functions=spec.functions, memory=dict(design.memory), learning=False)
    scope.weights = design.frequency_weights
    ordered = [Placed(part.name, random) for part in predictors for random in part.random]
    return replace(
        design,
        spec=replace(spec, text=predictors[0].text, predictors=predictors),
        terms=correlated(
            [known.get(one) or _make(one, design, known, scope) for one in ordered],
            [one.spec for one in ordered],
        ),
    )


def _make(one: Placed, design: Design, known: dict[Placed, RandomTerm], scope: Scope) -> RandomTerm:
    """Make a term, its columns and grouping taken from a term of the fit where that has them."""
    for old, term in known.items():
        if old.spec.grouping != one.spec.grouping or _apart(old.spec, one.spec):
            continue
        names = make_matrix(one.spec.effects, scope).recipe.names
        if not set(names) <= set(term.column_names):
            continue
        fresh = make_random(one.spec, one.predictor, scope, {one.spec.grouping: term.grouping})
        if fresh.columns is None or term.columns is None:
            return fresh
        keep = [term.column_names.index(name) for name in names]
        return replace(fresh, columns=np.ascontiguousarray(term.columns[:, keep]))
    groupings = {
        old.spec.grouping: term.grouping
        for old, term in known.items()
        if not _apart(old.spec, one.spec)
    }
    return make_random(one.spec, one.predictor, scope, groupings)


def _apart(one: RandomSpec, other: RandomSpec) -> bool:
    """Whether the levels of two terms with one grouping may depend on each other differently."""
    return ("iid" in (one.structure, other.structure)) and one.structure != other.structure


def _relabeled(spec: RandomSpec, effects: Sum, structure: str) -> RandomSpec:
    if structure == "diag" and effects.terms == (Term(),):
        structure = "us"
    made = replace(spec, effects=effects, structure=structure)
    return replace(made, label=label_of(made, "||" if structure == "diag" else "|"))


def _respelled(part: PredictorSpec, random: tuple[RandomSpec, ...], response: str) -> PredictorSpec:
    """A predictor with other random terms, and the formula that says so."""
    words = [
        _sum_text(part.fixed),
        *(f"offset({factor.text})" for factor in part.offsets),
        *map(_written, random),
    ]
    return replace(part, text=f"{response} ~ {' + '.join(words)}".strip(), random=random)


def _written(spec: RandomSpec) -> str:
    """The term as a formula has it, names that are no identifiers in backticks."""
    if spec.grouping == (OLRE,):
        return OLRE
    bar = "||" if "||" in spec.label else "|"
    label = label_of(replace(spec, grouping=tuple(map(quoted, spec.grouping))), bar)
    label = label.replace(spec.effects.text, _sum_text(spec.effects), 1)
    return label if label.endswith(")") else f"({label})"


def _sum_text(terms: Sum) -> str:
    texts = [":".join(map(_factor_text, term.factors)) or "1" for term in terms.terms]
    return " + ".join(texts if terms.has_intercept else ["0", *texts])


def _factor_text(factor: Factor) -> str:
    return quoted(factor.text) if isinstance(factor.expression, Name) else factor.text
