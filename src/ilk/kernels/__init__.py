"""Engines: the compiled ones where they exist, the readable NumPy ones otherwise.

Both follow :mod:`ilk.kernels.contract`.  Which one serves a model is decided here and nowhere else.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from typing import Any, Literal, cast

from ilk.errors import SpeedWarning
from ilk.kernels.choice import ChoosingEngine, integrated_terms
from ilk.kernels.contract import (
    Density,
    EngineData,
    Evaluation,
    FactorMap,
    LaplaceEngine,
    LinearEngine,
    LinearEvaluation,
    LinearFactor,
    Nodes,
    PredictorData,
    SearchResult,
    TermData,
)
from ilk.kernels.spectral import SpectralEngine, spectrum_of

__all__ = [
    "Density",
    "EngineData",
    "Evaluation",
    "FactorMap",
    "LaplaceEngine",
    "LinearEngine",
    "LinearEvaluation",
    "LinearFactor",
    "Nodes",
    "PredictorData",
    "SearchResult",
    "TermData",
    "compiled_densities",
    "engine_name",
    "laplace_engine",
    "linear_engine",
    "linear_engine_name",
]


@functools.cache
def _compiled() -> Any | None:
    """Return the compiled engines, or None where the package was built without a compiler."""
    try:
        return importlib.import_module("ilk.kernels.compiled")
    except ImportError:
        _warn_not_compiled()
        return None


def _reference() -> Any:
    """Return the NumPy engines, imported when first needed."""
    return importlib.import_module("ilk.kernels.reference")


def _warn_not_compiled() -> None:
    warnings.warn(
        "ilk was installed without its compiled core: fits are right but slow; "
        "reinstall where a C++17 compiler is available.",
        SpeedWarning,
        stacklevel=2,
    )


@functools.cache
def compiled_densities() -> frozenset[str]:
    """Names of the densities that the compiled engine knows; empty without a compiled core."""
    core = _compiled()
    return frozenset() if core is None else frozenset(core.density_names())


def _has_compiled_form(data: EngineData, density: Density) -> bool:
    """Whether the compiled engine knows the density and the terms."""
    return density.key in compiled_densities() and not any(term.mixed for term in data.terms)


def laplace_engine(data: EngineData, density: Density, threads: int = 1) -> LaplaceEngine:
    """Engine for a generalized linear mixed model.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping.
    density : Density
        Log density of a row; a family.
    threads : int
        Threads that the engine may use.

    Returns
    -------
    LaplaceEngine
        The compiled engine if it knows the density, otherwise the NumPy engine.
    """

    def plain(part: EngineData, same: Density) -> LaplaceEngine:
        core = _compiled()
        if core is not None and _has_compiled_form(part, same):
            return cast(LaplaceEngine, core.LaplaceEngine(part, same, threads))
        return cast(LaplaceEngine, _reference().LaplaceEngine(part, same, threads))

    def crossed(*arguments: Any) -> Any:
        return _reference().CrossedEngine(*arguments)

    if len(data.terms) < 2:
        return plain(data, density)
    return ChoosingEngine(data, density, plain, crossed)


def engine_name(
    data: EngineData, density: Density, nodes: Nodes = 1
) -> Literal["compiled", "reference"]:
    """Which engine serves a generalized linear mixed model.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping.
    density : Density
        Log density of a row; a family.
    nodes : int or tuple of int
        Quadrature nodes.
    """
    compiled = _has_compiled_form(data, density) and integrated_terms(data, nodes) is None
    return "compiled" if compiled else "reference"


def linear_engine(data: EngineData, count: float | None = None, threads: int = 1) -> LinearEngine:
    """Engine for a linear mixed model.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping; one predictor.
    count : float, optional
        Number of observations; by default the number of rows.
    threads : int
        Threads that the engine may use.

    Returns
    -------
    LinearEngine
        For one random intercept with a known dense covariance the engine that rotates it; for all
        else the compiled engine, or the NumPy engine where there is no compiled core.
    """
    if spectrum_of(data) is not None:
        return SpectralEngine(data, count)
    core = _compiled()
    module = _reference() if core is None else core
    return cast(LinearEngine, module.LinearEngine(data, count, threads))


def linear_engine_name(data: EngineData) -> Literal["spectral", "compiled", "reference"]:
    """Which engine serves a linear mixed model.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping; one predictor.
    """
    if spectrum_of(data) is not None:
        return "spectral"
    return "reference" if _compiled() is None else "compiled"
