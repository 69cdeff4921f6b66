"""Numbers of quadrature nodes: from what users ask for to those of each term.

Grouping factors that are nested in each other are integrated together.  Of factors that cross, one
is integrated and the others are left to the Laplace approximation: the one with most levels, for
the information about a level is what makes that approximation good, and it has the least of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ilk.errors import ModelError
from ilk.kernels.choice import MOST_CROSSING, MOST_CROSSING_ENTRIES
from ilk.kernels.contract import nodes_by_term
from ilk.model.quadrature import by_factor, is_laplace, listed, most_nodes
from ilk.num.nesting import nested_chain, parents

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.random import RandomTerm
    from ilk.kernels.contract import Nodes
    from ilk.model.model import Model

__all__ = ["MAX_EFFECTS", "MAX_NODES", "check_nodes", "kept_nodes", "plan_nodes"]

MAX_EFFECTS = 3
"""Quadrature is offered for at most this many random effects per level of a factor."""

MAX_NODES = 500
"""Most quadrature nodes per dimension."""

MAX_PATHS = 100_000
"""Most combinations of nodes that a row is evaluated at."""

MAX_MEMORY = 100_000_000
"""Most combinations of nodes times levels of the innermost factor that are kept at once."""

MAX_EVALUATED = 10_000_000
"""Most rows times combinations of nodes beside Laplace; their derivatives are kept."""

_CELL = 32_768
"""Levels that are worked on at once at most, unless they belong to one outermost cluster."""


def plan_nodes(design: Design, request: Any) -> Nodes:
    """Nodes of each term, as a number of nodes or numbers by factor ask for.

    Parameters
    ----------
    design : Design
        The design.
    request : int or mapping
        Nodes per dimension: for all factors that can be integrated, or by the factor's name.

    Returns
    -------
    int or tuple of int
        One number if it holds for all terms.

    Raises
    ------
    ModelError
        The random effects cannot be integrated like that.
    """
    if isinstance(request, Mapping):
        by_term = _by_name(design, request)
    else:
        k = _count(request, f"quadrature={request!r}")
        by_term = (1,) * len(design.terms) if k == 1 else _everywhere(design, k)
        if k > 1 and not design.terms:
            _refuse(f"quadrature={k}", "the model has no random effects; leave it out")
    if all(k == 1 for k in by_term):
        return 1
    _check(design, by_term)
    return by_term[0] if len(set(by_term)) == 1 else by_term


def check_nodes(design: Design, nodes: Nodes) -> bool:
    """Whether numbers of nodes are possible for a design.

    Parameters
    ----------
    design : Design
        The design.
    nodes : int or tuple of int
        As `plan_nodes` gives them.

    Raises
    ------
    ModelError
        The random effects cannot be integrated like that.
    """
    by_term = nodes_by_term(nodes, len(design.terms))
    if len(by_term) != len(design.terms) or most_nodes(nodes) > MAX_NODES:
        return False
    if any(k < 1 for k in by_term) or (isinstance(nodes, int) and nodes < 1):
        return False
    if is_laplace(nodes):
        return True
    if not by_term:
        return False
    _check(design, by_term)
    return True


def kept_nodes(model: Model, design: Design) -> Nodes:
    """Nodes for a design with other random terms: every factor keeps its own.

    Parameters
    ----------
    model : Model
        The model.
    design : Design
        A design of the same rows; factors that the model does not have are left to Laplace, or
        share the nodes of the factor that they are nested in.

    Returns
    -------
    int or tuple of int
    """
    names = {term.grouping.name for term in design.terms}
    return plan_nodes(design, {name: k for name, k in by_factor(model).items() if name in names})


def _refuse(what: str, why: str) -> NoReturn:
    raise ModelError(f"{what}: {why}.", code="quadrature")


def _count(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        _refuse(what, "give a whole number of nodes from 1 (Laplace), or 'auto'")
    if value > MAX_NODES:
        _refuse(
            what,
            f"at most {MAX_NODES} nodes are offered; 'auto' stops when more would change nothing",
        )
    return int(value)


def _chain(terms: Sequence[RandomTerm]) -> list[list[int]] | None:
    """Terms by depth, if their factors are nested in each other."""
    if any(t.grouping.weights is not None for t in terms):
        return None
    return nested_chain([t.grouping.codes for t in terms], [len(t.grouping.levels) for t in terms])


def _everywhere(design: Design, k: int) -> tuple[int, ...]:
    """Nodes where one number is given: over all terms if they are nested, else over one factor."""
    terms = design.terms
    if _chain(terms) is not None:
        return (k,) * len(terms)
    levels = {t.grouping.name: len(t.grouping.levels) for t in terms}
    fit = [name for name in levels if _width(terms, name) <= MAX_EFFECTS]
    if not fit:
        _refuse(
            f"quadrature={k}",
            f"no grouping factor has at most {MAX_EFFECTS} random effects per level; use "
            "quadrature=1 (Laplace)",
        )
    chosen = max(fit, key=lambda name: levels[name])
    return tuple(k if t.grouping.name == chosen else 1 for t in terms)


def _by_name(design: Design, request: Mapping[Any, Any]) -> tuple[int, ...]:
    """Nodes where they are given by factor.

    Where all factors are nested, what lies in a named one shares its nodes; where some cross, those
    that are not named are left to the Laplace approximation.
    """
    terms = design.terms
    names = _names(terms)
    for name, value in request.items():
        if name not in names:
            _refuse(
                f"quadrature={{{name!r}: {value!r}}}",
                f"there is no grouping factor of that name; there are {listed(names)}"
                if names
                else "the model has no random effects; leave it out",
            )
        _count(value, f"quadrature={{{name!r}: {value!r}}}")
    levels = [len(t.grouping.levels) for t in terms]
    nested = _chain(terms) is not None
    out = []
    for t, term in enumerate(terms):
        given = request.get(term.grouping.name)
        around = [
            int(request[other.grouping.name])
            for s, other in enumerate(terms)
            if nested and other.grouping.name in request and levels[s] < levels[t]
        ]
        out.append(int(given) if given is not None else max(around, default=1))
    return tuple(out)


def _names(terms: Iterable[RandomTerm]) -> list[str]:
    return list(dict.fromkeys(term.grouping.name for term in terms))


def _width(terms: Sequence[RandomTerm], name: str) -> int:
    return sum(len(t.column_names) for t in terms if t.grouping.name == name)


def _check(design: Design, by_term: tuple[int, ...]) -> None:
    """Refuse what cannot be integrated, with the reason."""
    terms = design.terms
    what = f"quadrature={max(by_term)}"
    dependent = _names(term for term in terms if term.grouping.structured)
    if dependent and max(by_term) > 1:
        _refuse(
            what,
            f"the levels of {listed(dependent)} depend on each other, so that they cannot be "
            "integrated one by one; use quadrature=1 (Laplace)",
        )
    shared = _names(term for term in terms if term.grouping.weights is not None)
    if shared and max(by_term) > 1:
        _refuse(
            what,
            f"levels of {listed(shared)} share rows, so that they cannot be integrated one by one; "
            "use quadrature=1 (Laplace)",
        )
    for term in (t for t, k in zip(terms, by_term, strict=True) if k > 1):
        width = _width(terms, term.grouping.name)
        if width > MAX_EFFECTS:
            _refuse(
                what,
                f"nodes are for at most {MAX_EFFECTS} random effects per level, and "
                f"{term.grouping.name!r} has {width}; use quadrature=1 (Laplace)",
            )
    beside = any(k == 1 for k in by_term)
    if beside:
        _check_crossed(design, by_term, what)
        chain = [[t for t, k in enumerate(by_term) if k > 1]]
    else:
        nested = _chain(terms)
        if nested is None:
            _refuse(
                what,
                f"some of {listed(_names(terms))} cross, so that only one can have nodes; name it",
            )
        chain = nested
    paths = 1
    for depth in chain:
        width = sum(len(terms[t].column_names) for t in depth)
        paths *= max(by_term[t] for t in depth) ** width
    rows = len(design.response.y) if beside else 0
    kept = paths * _levels_at_once(terms, chain)
    if paths > MAX_PATHS or kept > MAX_MEMORY or paths * rows > MAX_EVALUATED:
        advice = "use fewer nodes"
        if len(chain) > 1:
            innermost = terms[chain[-1][0]].grouping.name
            advice += f", or name one factor: quadrature={{{innermost!r}: {max(by_term)}}}"
        _refuse(
            what,
            f"every row would be evaluated at {paths} combinations of nodes, which takes too long "
            f"or too much memory; {advice}",
        )


def _levels_at_once(terms: Sequence[RandomTerm], chain: Sequence[Sequence[int]]) -> int:
    """Most levels of the innermost of several factors that are worked on at once."""
    if len(chain) == 1:
        return 0
    ends = [terms[depth[0]].grouping for depth in (chain[0], chain[-1])]
    codes, levels = [g.codes for g in ends], [len(g.levels) for g in ends]
    above = parents(codes[1], levels[1], codes[0], levels[0])
    largest = 0 if above is None else int(np.bincount(above).max())
    return max(min(levels[1], _CELL), largest)


def _check_crossed(design: Design, by_term: tuple[int, ...], what: str) -> None:
    """Refuse quadrature beside Laplace where it cannot be had."""
    terms = design.terms
    others = [t for t, k in zip(terms, by_term, strict=True) if k == 1]
    some = _names(t for t, k in zip(terms, by_term, strict=True) if k > 1)
    if len(some) != 1:
        _refuse(
            what,
            f"the factors {listed(some)} cannot be integrated together while others are left "
            "to Laplace; name one",
        )
    if any(t.predictor != "mean" for t in terms):
        _refuse(
            what,
            "in models with several factors that are not nested, nodes are for random effects on "
            "the mean only; use quadrature=1 (Laplace)",
        )
    effects = sum(len(t.grouping.levels) * len(t.column_names) for t in others)
    rows = len(design.response.y)
    if effects > MOST_CROSSING or effects * rows > MOST_CROSSING_ENTRIES:
        _refuse(
            what,
            f"the {effects} random effects of {listed(_names(others))} beside {listed(some)} are "
            f"too many for {rows} rows (at most {MOST_CROSSING}, and {MOST_CROSSING_ENTRIES} "
            "rows times effects); use quadrature=1 (Laplace)",
        )
