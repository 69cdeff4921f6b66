"""Which engine serves a model."""

import types
import warnings

import numpy as np
import pytest

import ilk.kernels as kernels
from ilk.errors import SpeedWarning
from ilk.family import make_family
from ilk.kernels.contract import EngineData, PredictorData
from ilk.kernels.reference import LaplaceEngine, LinearEngine

DATA = EngineData(
    np.arange(4.0), None, None, (PredictorData(np.ones((4, 1), order="F"), None),), ()
)


@pytest.fixture(autouse=True)
def _forget_choices():
    kernels._compiled.cache_clear()
    kernels.compiled_densities.cache_clear()
    yield
    kernels._compiled.cache_clear()
    kernels.compiled_densities.cache_clear()


def _install(monkeypatch, core):
    actual = kernels.importlib.import_module

    def importer(name):
        if name == "ilk.kernels.compiled":
            if core is None:
                raise ImportError(name)
            return core
        return actual(name)

    monkeypatch.setattr(kernels.importlib, "import_module", importer)


def test_without_a_compiled_core_the_reference_serves_and_says_so_once(monkeypatch):
    _install(monkeypatch, None)
    with pytest.warns(SpeedWarning, match="without its compiled core"):
        engine = kernels.laplace_engine(DATA, make_family("poisson"))
    assert isinstance(engine, LaplaceEngine)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(kernels.linear_engine(DATA), LinearEngine)
        assert kernels.compiled_densities() == frozenset()


def test_compiled_densities_are_served_compiled_and_others_not(monkeypatch):
    core = types.SimpleNamespace(
        density_names=lambda: ["poisson:log"],
        LaplaceEngine=lambda data, density, threads: ("compiled", density.key, threads),
        LinearEngine=lambda data, count, threads: ("linear", count, threads),
    )
    _install(monkeypatch, core)
    chosen = kernels.laplace_engine(DATA, make_family("poisson"), 2)
    assert chosen == ("compiled", "poisson:log", 2)
    assert isinstance(kernels.laplace_engine(DATA, make_family("poisson", "sqrt")), LaplaceEngine)
    assert kernels.linear_engine(DATA, 4.0) == ("linear", 4.0, 1)
