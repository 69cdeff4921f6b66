"""Which random effects are integrated by quadrature, and which are left to Laplace.

Grouping factors that are nested in each other are integrated together; of factors that cross, one
is integrated (`ilk.model.nodes` chooses).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ilk.kernels.contract import nodes_by_term

if TYPE_CHECKING:
    from ilk.kernels.contract import Nodes
    from ilk.model.model import Model

__all__ = [
    "Shares",
    "by_factor",
    "is_laplace",
    "listed",
    "most_nodes",
    "same_accuracy",
    "shares",
]


@dataclass(frozen=True, slots=True)
class Shares:
    """Which grouping factors are integrated how.

    Parameters
    ----------
    quadrature : tuple of (str, int)
        Names of the factors that are integrated by quadrature, with their nodes per dimension.
    laplace : tuple of str
        Names of the factors that are left to the Laplace approximation.
    """

    quadrature: tuple[tuple[str, int], ...]
    laplace: tuple[str, ...]

    def __str__(self) -> str:
        counts = dict(self.quadrature)
        if len(set(counts.values())) == 1:
            what = f"{next(iter(counts.values()))} nodes"
            if self.laplace or len(counts) > 1:
                what += f" over {listed(counts)}"
        else:
            what = listed([f"{k} nodes over {name}" for name, k in counts.items()])
        return what + (f", Laplace over {listed(self.laplace)}" if self.laplace else "")


def listed(names: Iterable[str]) -> str:
    """Names for a sentence: a, b and c."""
    words = list(names)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def is_laplace(nodes: Nodes) -> bool:
    """Whether all random effects are left to the Laplace approximation."""
    return most_nodes(nodes) == 1


def most_nodes(nodes: Nodes) -> int:
    """Nodes per dimension of the factor that has most."""
    return max(nodes, default=1) if isinstance(nodes, tuple) else nodes


def shares(model: Model) -> Shares:
    """Say which grouping factors of a model are integrated how.

    Parameters
    ----------
    model : Model
        The model.
    """
    counts = by_factor(model)
    some = tuple((name, k) for name, k in counts.items() if k > 1)
    return Shares(some, tuple(name for name, k in counts.items() if k == 1))


def by_factor(model: Model) -> dict[str, int]:
    """Nodes per dimension of each grouping factor."""
    counts: dict[str, int] = {}
    terms = model.design.terms
    for term, k in zip(terms, nodes_by_term(model.nodes, len(terms)), strict=True):
        counts[term.grouping.name] = max(k, counts.get(term.grouping.name, 1))
    return counts


def same_accuracy(a: Model, b: Model) -> bool:
    """Whether two models integrate the grouping factors that they share by the same rule.

    Where a variance is zero each rule is that of the model without the factor, so that likelihoods
    of models that differ in further factors compare.

    Parameters
    ----------
    a, b : Model
        Models with random terms.
    """
    ours, theirs = by_factor(a), by_factor(b)
    shared = ours.keys() & theirs.keys()
    if not shared:
        return most_nodes(a.nodes) == most_nodes(b.nodes)
    return all(ours[name] == theirs[name] for name in shared)
