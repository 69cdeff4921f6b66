r"""Simulated tissue: cells whose fate is inherited, learned from neighbors, and chance.

The effect of ancestry a changes along the branches of the division tree (Brownian motion, zero in
the zygote), that of the neighborhood s is a Gaussian field over the tissue with the Matern
correlation :math:`(1 + d/\kappa)\, e^{-d/\kappa}`; both have the variance one in every cell.  With
the shares :math:`h_a, h_s` and :math:`h_e = 1 - h_a - h_s`,

.. math:: \text{marker} &= 5 + \sqrt{h_a}\, a + \sqrt{h_s}\, s + \sqrt{h_e}\, N(0, 1), \\
   \operatorname{logit} P(\text{fate} = 1) &= c\, (\sqrt{h_a}\, a + \sqrt{h_s}\, s), \qquad
   c^2 = \pi^2 / (3 h_e),

so that the shares are the same for both, those of the fate on the latent scale, where chance has
the variance :math:`\pi^2/3`.  After growth (:mod:`ilk.datasets.lineage`) every cell wanders away
from where it was born: this diffusion says how far neighborhood and ancestry are alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import RandomState

from ilk.covariance import tree as make_tree
from ilk.covariance.levels.tree import Tree
from ilk.datasets.field import Field, matern_field
from ilk.datasets.flavors import in_flavor
from ilk.datasets.lineage import Lineage, grow
from ilk.errors import DataError, did_you_mean
from ilk.typing import FloatArray

__all__ = ["SimulatedCells", "TruthOfCells", "simulate_cells"]

SHARES: Mapping[str, float] = {"lineage": 0.4, "neighborhood": 0.3}
MARKER_MEAN = 5.0


@dataclass(frozen=True, slots=True)
class TruthOfCells:
    """What the cells were drawn from.

    Attributes
    ----------
    shares : mapping of str to float
        Shares of the variance: lineage, neighborhood, noise.
    sd : mapping of str to mapping
        Standard deviations of the three by outcome, ``"marker"`` and ``"fate"``.
    realized : mapping of str to float
        The same shares, from the sample variances over these cells instead of those of the model:
        cousins and neighbors are alike, so the two differ.
    field_range : float
        Range of the field, in widths of the tissue.
    lineage : ndarray (N,)
        Effect of ancestry, of variance one in living cells; in the order of the rows of the tree.
    neighborhood : ndarray (n,)
        Effect of the neighborhood, of variance one; in the order of the rows of the data.
    field : Field
        The neighborhood anywhere.
    """

    shares: Mapping[str, float]
    sd: Mapping[str, Mapping[str, float]]
    realized: Mapping[str, float]
    field_range: float
    lineage: FloatArray
    neighborhood: FloatArray
    field: Field


@dataclass(frozen=True, slots=True)
class SimulatedCells:
    """A tissue.

    Attributes
    ----------
    data : DataFrame, Table or dict
        A row for each of the n living cells: ``cell``, ``place`` (each cell has its own), the
        coordinates ``x`` and ``y``, the ``marker`` (a number) and the ``fate`` (0 or 1).
    table : DataFrame, Table or dict
        A row for each of the 2 n - 1 cells that ever lived: ``node``, ``parent`` (missing for the
        zygote), ``length`` of the branch.
    newick : str
        The same tree as a text.
    truth : TruthOfCells
        What was drawn from what.
    """

    data: Any
    table: Any
    newick: str
    truth: TruthOfCells

    @property
    def tree(self) -> Tree:
        """The lineage, for ``ilk.fit(..., covariance={"cell": cells.tree})``."""
        return make_tree(self.table)


def simulate_cells(
    n: int = 1000,
    *,
    diffusion: float = 0.1,
    shares: Mapping[str, float] | None = None,
    field_range: float = 0.1,
    seed: int = 0,
    flavor: str = "pandas",
) -> SimulatedCells:
    """Grow a tissue from one cell and let ancestry, neighborhood and chance decide fates.

    Parameters
    ----------
    n : int
        Number of living cells, at least two.
    diffusion : float
        How far cells wander from where they were born (standard deviation along each axis, in
        widths of the tissue, which has walls).  With 0 relatives are neighbors; with 0.5 and more
        ancestry and neighborhood have nothing to do with each other.
    shares : mapping of str to float, optional
        Shares of the variance, ``{"lineage": 0.4, "neighborhood": 0.3}``; the rest is noise.
    field_range : float
        Range of the Matern correlation (smoothness 1.5) between places, in widths of the tissue.
    seed : int
        Seed; draws do not depend on the version of NumPy.
    flavor : {"pandas", "polars", "pyarrow", "dict"}
        What the tables are.

    Returns
    -------
    SimulatedCells
        Data, tree and truth.

    Raises
    ------
    DataError
        A share is no share, or a length is negative.

    Examples
    --------
    >>> import ilk
    >>> cells = ilk.datasets.simulate_cells(100, seed=1)
    >>> cells.data.shape, cells.tree.describe()
    ((100, 6), 'Brownian motion along a tree of 100 tips and 199 nodes')
    >>> cells.truth.shares
    {'lineage': 0.4, 'neighborhood': 0.3, 'noise': 0.3}
    """
    parts = _shares(SHARES if shares is None else shares)
    if n < 2:
        raise DataError(f"n={n}: a tissue has at least two cells.", code="size")
    if not (diffusion >= 0.0 and math.isfinite(diffusion)):
        raise DataError(f"diffusion={diffusion}: a distance is not negative.", code="size")
    if not (field_range > 0.0 and math.isfinite(field_range)):
        raise DataError(f"field_range={field_range}: a range is positive.", code="size")
    rng = RandomState(seed)
    lineage = grow(n, rng)
    tips = np.flatnonzero(lineage.tips)
    places = _within_walls(lineage.birthplaces[tips] + diffusion * rng.normal(size=(n, 2)))
    ancestry = _brownian(lineage, rng)
    field = matern_field(field_range, rng)
    around = field.at(places[:, 0], places[:, 1])
    latent = (
        math.sqrt(parts["lineage"]) * ancestry[tips] + math.sqrt(parts["neighborhood"]) * around
    )
    unit = math.pi / math.sqrt(3.0 * parts["noise"])
    chance = 1.0 / (1.0 + np.exp(-unit * latent))
    columns = {
        "cell": np.array([lineage.names[i] for i in tips], dtype=object),
        "place": np.array([f"p{k + 1:05d}" for k in range(n)], dtype=object),
        "x": places[:, 0],
        "y": places[:, 1],
        "marker": MARKER_MEAN + latent + math.sqrt(parts["noise"]) * rng.normal(size=n),
        "fate": (rng.random_sample(n) < chance).astype(int),
    }
    above = [None if k < 0 else lineage.names[k] for k in lineage.parents]
    table = {
        "node": np.array(lineage.names, dtype=object),
        "parent": np.array(above, dtype=object),
        "length": lineage.lengths,
    }
    seen = {
        "lineage": parts["lineage"] * float(np.var(ancestry[tips])),
        "neighborhood": parts["neighborhood"] * float(np.var(around)),
        "noise": parts["noise"],
    }
    truth = TruthOfCells(
        shares=parts,
        sd={
            outcome: {name: scale * math.sqrt(share) for name, share in parts.items()}
            for outcome, scale in (("marker", 1.0), ("fate", unit))
        },
        realized={name: value / sum(seen.values()) for name, value in seen.items()},
        field_range=field_range,
        lineage=ancestry,
        neighborhood=around,
        field=field,
    )
    return SimulatedCells(
        data=in_flavor(columns, flavor),
        table=in_flavor(table, flavor),
        newick=lineage.newick(),
        truth=truth,
    )


def _shares(given: Mapping[str, float]) -> dict[str, float]:
    """All three shares; refuses what does not add up."""
    for name in given:
        if name not in (*SHARES, "noise"):
            raise DataError(
                f"shares has {name!r}; there are 'lineage', 'neighborhood' and 'noise'."
                + did_you_mean(name, (*SHARES, "noise")),
                code="choice",
            )
    parts = {name: float(given.get(name, 0.0)) for name in SHARES}
    rest = 1.0 - sum(parts.values())
    parts["noise"] = round(float(given.get("noise", rest)), 12)
    whole = math.isclose(sum(parts.values()), 1.0, abs_tol=1e-9)
    if not whole or min(parts.values()) < 0.0 or parts["noise"] <= 0.0:
        listed = ", ".join(f"{name} {value:g}" for name, value in parts.items())
        raise DataError(
            f"shares are {listed}; they are not negative, add up to one and leave some noise.",
            code="shares",
        )
    return parts


def _brownian(lineage: Lineage, rng: RandomState) -> FloatArray:
    """Effects (N,) that change along the branches below the zygote, of variance one at the tips."""
    age = np.zeros(len(lineage.names))
    value = np.zeros(len(lineage.names))
    steps = rng.normal(size=len(value)) * np.sqrt(lineage.lengths)
    for i in range(1, len(value)):
        mother = lineage.parents[i]
        age[i] = age[mother] + lineage.lengths[i]
        value[i] = value[mother] + steps[i]
    return value / math.sqrt(float(age[lineage.tips].mean()))


def _within_walls(points: FloatArray) -> FloatArray:
    """Points reflected at the walls of the unit square."""
    folded = np.mod(points, 2.0)
    return np.where(folded > 1.0, 2.0 - folded, folded)
