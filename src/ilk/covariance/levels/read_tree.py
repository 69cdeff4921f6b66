"""Trees from Newick and other texts, from tables of parents, from objects of Biopython."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np

from ilk.covariance.levels.tree import Evolution, Tree
from ilk.errors import DataError, ModelError
from ilk.frame import columns, factor, listing, numbers, quote

__all__ = ["tree"]


def tree(
    source: Any,
    *,
    model: Evolution = "brownian",
    format: str = "newick",
    node: str = "node",
    parent: str = "parent",
    length: str = "length",
) -> Tree:
    """Lineage or phylogeny as the covariance of the levels of a factor.

    All nodes have effects, those inside the tree too, which are predicted like those of the tips.

    Parameters
    ----------
    source : str, path, data frame or Bio.Phylo tree
        A text in Newick format (it begins with a parenthesis), the path of a file, a table with a
        row for each node, or a tree that Biopython has read.
    model : {"brownian", "pagel", "ou"}
        How effects change along branches: Brownian motion, the same with Pagel's lambda, or a
        stationary Ornstein-Uhlenbeck process.
    format : str
        Format of a file: ``"newick"``, ``"nexus"``, ``"nexml"``, ``"phyloxml"``.
    node, parent, length : str
        Columns of a table: names of the nodes, of their parents (missing for the root), lengths
        of the branches between (one each, if there is no such column).

    Returns
    -------
    Tree
        For ``ilk.fit(..., covariance={"species": tree})``.

    Raises
    ------
    DataError
        The tree has a cycle, names that occur twice, branches of impossible lengths.
    ImportError
        A text or file is given and Biopython is not there (``pip install "ilk[tree]"``).

    Examples
    --------
    >>> import ilk
    >>> table = {"node": ["a", "b", "n", "c", "r"], "parent": ["n", "n", "r", "r", None]}
    >>> ilk.covariance.tree(table).levels
    ('a', 'b', 'n', 'c')
    """
    if isinstance(source, str | os.PathLike):
        return Tree(*_nodes(_read(source, format)), model)
    if hasattr(source, "root") and hasattr(source, "get_terminals"):
        return Tree(*_nodes(source), model)
    return Tree(*_table(source, node, parent, length), model)


def _read(source: str | os.PathLike[str], format: str) -> Any:
    try:
        from Bio import Phylo
    except ImportError as error:
        raise ImportError(
            'Reading trees needs Biopython: pip install "ilk[tree]". (A table of nodes and parents '
            "is read without it.)"
        ) from error
    text = os.fspath(source)
    is_text = text.lstrip().startswith("(")
    if not is_text and not os.path.exists(text):
        raise DataError(
            f"There is no file {quote(text)}; a tree as text begins with a parenthesis.",
            code="file",
        )
    handle = io.StringIO(text) if is_text else text
    try:
        return Phylo.read(handle, format)  # type: ignore[attr-defined, no-untyped-call]
    except Exception as error:
        raise DataError(f"The tree cannot be read as {format}: {error}", code="tree") from error


def _nodes(tree: Any) -> tuple[tuple[Hashable, ...], Any, Any]:
    """Names, parents and lengths of the nodes of a Bio.Phylo tree, from the root down."""
    names: list[Hashable] = []
    parents: list[int] = []
    lengths: list[float] = []
    unnamed: list[str] = []
    for k, (clade, above) in enumerate(_walk(tree.root)):
        name = clade.name
        if name is None and not clade.clades:
            unnamed.append(f"number {k}")
        names.append(f"node {k}" if name is None else name)
        parents.append(above)
        lengths.append(np.nan if clade.branch_length is None else float(clade.branch_length))
    if unnamed:
        raise DataError(f"Tips of the tree have no names: {listing(unnamed)}.", code="tree")
    found = np.asarray(lengths)
    below = np.asarray(parents) >= 0
    if np.all(np.isnan(found[below])):
        found[below] = 1.0  # a tree without lengths
    elif np.any(np.isnan(found[below])):
        bad = [names[i] for i in np.flatnonzero(below & np.isnan(found))]
        raise DataError(
            f"Some branches of the tree have no length: those above {listing(bad)}. Give all of "
            "them lengths, or none.",
            code="tree",
        )
    inner = np.isin(np.arange(len(names)), parents)
    count = Counter(names)  # supports of branches, written as names, occur twice
    unique = [
        f"{name} (node {k})" if inner[k] and count[name] > 1 else name
        for k, name in enumerate(names)
    ]
    return tuple(unique), np.asarray(parents), found


def _walk(root: Any) -> Iterator[tuple[Any, int]]:
    """Nodes with the position of their parents, parents first; trees may be deeper than stacks."""
    waiting, count = [(root, -1)], 0
    while waiting:
        clade, above = waiting.pop()
        yield clade, above
        waiting.extend((child, count) for child in reversed(clade.clades))
        count += 1


def _table(
    source: Any, node: str, parent: str, length: str
) -> tuple[tuple[Hashable, ...], Any, Any]:
    frame = columns(source)
    nodes = factor(frame.column(node, "the nodes of the tree"))
    above = factor(frame.column(parent, "the parents of the nodes"))
    if np.any(nodes.codes < 0):
        row = int(np.flatnonzero(nodes.codes < 0)[0])
        raise DataError(
            f"A node of the tree has no name: column {node!r} is missing in row {row}.",
            code="missing",
        )
    names: list[Hashable] = [nodes.levels[code] for code in nodes.codes]
    position = {name: k for k, name in enumerate(names)}
    absent = [label for label in above.levels if label not in position]
    if len(absent) > 1:
        raise DataError(
            f"Parents that are no nodes: {listing(absent)}; the column {node!r} has a row for each "
            "node, the root among them.",
            code="tree",
        )
    parents = [position.get(above.levels[c], len(names)) if c >= 0 else -1 for c in above.codes]
    if length in frame:
        lengths = numbers(frame.column(length))
    elif length != "length":
        frame.column(length)  # raises
        raise ModelError(f"There is no column {length!r}.", code="unknown-column")
    else:
        lengths = np.ones(len(names))
    if absent:  # the root has no row of its own
        names.append(absent[0])
        parents.append(-1)
        lengths = np.append(lengths, np.nan)
    return tuple(names), np.asarray(parents), np.where(np.asarray(parents) >= 0, lengths, np.nan)
