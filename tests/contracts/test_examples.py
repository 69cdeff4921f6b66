"""Every example runs: those of the README, of the documentation, and of the docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import matplotlib
import pytest

import ilk

from .markdown import PAGES, code_blocks, name

matplotlib.use("Agg")

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
WITH_EXAMPLES = [page for page in PAGES if any(">>>" in b for b in code_blocks(page, "python"))]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(ilk.__path__, "ilk.")
    if not module.name.rpartition(".")[2].startswith("_")
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_the_readme_has_examples_on_its_first_screen() -> None:
    (readme,) = [page for page in WITH_EXAMPLES if name(page) == "README.md"]
    first_screen = "\n".join(readme.read_text(encoding="utf-8").splitlines()[:35])
    assert first_screen.count(">>>") >= 5
    assert "typical" in first_screen
    assert "population" in first_screen


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name)
def test_pages(page: Path) -> None:
    session = "\n".join(code_blocks(page, "python"))
    test = doctest.DocTestParser().get_doctest(session, {}, name(page), name(page), 0)
    report: list[str] = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=report.append)
    assert not report, "".join(report)


@pytest.mark.parametrize("module", MODULES)
def test_docstrings(module: str) -> None:
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module))
    report: list[str] = []
    for test in found:
        if test.examples:
            doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=report.append)
    assert not report, "".join(report)
