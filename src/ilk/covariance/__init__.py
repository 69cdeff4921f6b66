"""Covariance structures of random effects, within a level and over the levels of a factor."""

from __future__ import annotations

from ilk.covariance.base import AbstractCovariance
from ilk.covariance.levels.base import AbstractLevels
from ilk.covariance.levels.read_matrix import kinship, known, precision
from ilk.covariance.levels.read_neighbors import neighbors
from ilk.covariance.levels.read_pedigree import pedigree
from ilk.covariance.levels.read_space import spatial
from ilk.covariance.levels.read_tree import tree
from ilk.covariance.read_custom import custom
from ilk.covariance.registry import STRUCTURES, covariance_structure

__all__ = [
    "STRUCTURES",
    "AbstractCovariance",
    "AbstractLevels",
    "covariance_structure",
    "custom",
    "kinship",
    "known",
    "neighbors",
    "pedigree",
    "precision",
    "spatial",
    "tree",
]
