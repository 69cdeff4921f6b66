"""The house: layers hold, and importing the package is light."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ilk.fit import Fit
from ilk.late import Late

from .markdown import ROOT


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_layers_hold() -> None:
    pytest.importorskip("importlinter")
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


HEAVY = (
    *("scipy", "pandas", "polars", "pyarrow", "narwhals", "formulaic"),
    *("matplotlib", "jinja2", "click", "zipfile", "concurrent.futures"),
)
"""Libraries that one answer needs, or one kind of data frame, but not everybody."""

ANSWERS = (
    *("diagnostics", "inference", "prediction", "show", "simulate", "io", "plot", "report"),
    *("effects", "gee.run", "fixed_effects"),
)
"""Modules that no mixed model needs."""


def test_import_brings_only_what_a_mixed_model_needs() -> None:
    late = (*HEAVY, *(f"ilk.{name}" for name in ANSWERS))
    code = f"import sys, ilk; print(*[m for m in {late!r} if m in sys.modules])"
    assert run(code) == ""


def test_answers_come_when_asked_for() -> None:
    """What stands for a module in `ilk.fit` is the module that the type checker sees there."""
    module = importlib.import_module("ilk.fit")
    tree = ast.parse(Path(inspect.getfile(Fit)).read_text(encoding="utf-8"))
    seen = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    late = {name: value for name, value in vars(module).items() if isinstance(value, Late)}
    assert late
    for name, value in late.items():
        assert seen[name] in repr(value)
        assert importlib.import_module(seen[name])


def test_the_function_gee_is_not_the_package() -> None:
    assert run("import ilk, ilk.gee.run; print(callable(ilk.gee))") == "True"


def test_import_is_silent() -> None:
    assert run("import ilk") == ""


def test_versions_agree() -> None:
    version = run("import ilk; print(ilk.__version__)")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["project"]["version"] == version


def test_lowest_versions_are_those_that_are_permitted() -> None:
    """What `make lower` installs is the lower bound of each dependency in pyproject.toml."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    stated = [
        *settings["project"]["dependencies"],
        *settings["project"]["optional-dependencies"]["all"],
        *(text for text in settings["dependency-groups"]["test"] if text.startswith("p")),
    ]
    lines = (ROOT / "tests" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    found = map(_lower_bound, stated)
    bounds = {name: bound for name, bound in found if not name.startswith("pytest")}
    assert set(bounds) == set(pinned)
    for name, bound in bounds.items():
        assert f"{pinned[name]}.".startswith(f"{bound}."), name


def _lower_bound(requirement: str) -> tuple[str, str]:
    name, _, rest = requirement.partition(">=")
    return name, rest.split(",")[0]
