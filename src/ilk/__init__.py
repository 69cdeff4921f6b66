"""ilk: generalized linear mixed models for data in clusters.

One call fits a model (`fit`), and the fit answers questions.  Every mean and effect that it
reports says which question it answers: one cluster's (conditional) or the population's.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ilk.api import fit
from ilk.cluster_api import cluster_report
from ilk.compare_api import compare
from ilk.design.disappearance import WithinBetween, within_between
from ilk.dispersion_api import overdispersion
from ilk.errors import DataError, FitError, FormulaError, IlkError, IlkWarning, ModelError
from ilk.fit import Fit
from ilk.fixed_api import conditional, fixed
from ilk.fixed_fit import ConditionalFit, FixedFit
from ilk.gee_api import compare_estimands, gee
from ilk.gee_fit import GeeFit
from ilk.likelihood.base import Search
from ilk.lint_api import lint
from ilk.loading import load
from ilk.penalties import LogF, Normal

if TYPE_CHECKING:
    from ilk import datasets, families, links, plot, report

__version__ = "0.1.0.dev0"

__all__ = [
    "ConditionalFit",
    "DataError",
    "Fit",
    "FitError",
    "FixedFit",
    "FormulaError",
    "GeeFit",
    "IlkError",
    "IlkWarning",
    "LogF",
    "ModelError",
    "Normal",
    "Search",
    "WithinBetween",
    "cluster_report",
    "compare",
    "compare_estimands",
    "conditional",
    "datasets",
    "families",
    "fit",
    "fixed",
    "gee",
    "links",
    "lint",
    "load",
    "overdispersion",
    "plot",
    "report",
    "within_between",
]

_LAZY = ("datasets", "families", "links", "plot", "report")
"""Modules that are imported when first used."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"ilk.{name}")
    raise AttributeError(f"module 'ilk' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
