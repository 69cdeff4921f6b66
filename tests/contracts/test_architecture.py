"""The house: layers hold, and importing the package is light."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

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


def test_heavy_libraries_are_imported_when_used() -> None:
    heavy = ("matplotlib", "jinja2", "click", "polars", "pyarrow")
    code = f"import sys, ilk; print(*[m for m in {heavy!r} if m in sys.modules])"
    assert run(code) == ""


def test_import_is_silent() -> None:
    assert run("import ilk") == ""


def test_versions_agree() -> None:
    version = run("import ilk; print(ilk.__version__)")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["project"]["version"] == version
