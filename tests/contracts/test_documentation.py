"""The documentation: links resolve, files that it names exist, names and references are known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ilk

from .markdown import PAGES, ROOT, anchors, name, prose


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        other = page if not path else (page.parent / path).resolve()
        assert other.exists(), f"{name(page)} links to {target}"
        if anchor and other.suffix == ".md":
            assert anchor in anchors(other), f"{name(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_named_in_code_font_exist(page: Path) -> None:
    named = re.findall(r"`((?:src|tests|docs|benchmarks|validation)/[\w./-]+)`", prose(page))
    missing = [path for path in named if not (ROOT / path).exists()]
    assert not missing


def test_references_are_in_the_bibliography() -> None:
    keys = set(re.findall(r"@\w+\{(\w+),", (ROOT / "docs/refs.bib").read_text(encoding="utf-8")))
    derivation = (ROOT / "docs/derivations/likelihood.md").read_text(encoding="utf-8")
    cited = {
        key.strip()
        for group in re.findall(r"\[([A-Z]\w+\d{4}(?:; [A-Z]\w+\d{4})*)\]", derivation)
        for key in group.split(";")
    }
    assert cited
    assert cited <= keys


def test_sources_named_in_the_code_are_in_the_bibliography() -> None:
    keys = set(re.findall(r"@\w+\{(\w+),", (ROOT / "docs/refs.bib").read_text(encoding="utf-8")))
    missing = {
        (str(file.relative_to(ROOT)), key)
        for file in sorted((ROOT / "src" / "ilk").rglob("*.py"))
        for key in re.findall(r"\[([A-Z][A-Za-z]+\d{4}[a-z]?)\]", file.read_text(encoding="utf-8"))
        if key not in keys
    }
    assert not missing


def test_every_public_name_is_documented() -> None:
    text = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", text))))
    missing = set(ilk.__all__) - words
    missing |= (
        {member for member in dir(ilk.Fit) if not member.startswith("_")} - words - {"fitted"}
    )
    assert not missing


def test_every_public_name_has_a_docstring() -> None:
    for public in ilk.__all__:
        assert (getattr(ilk, public).__doc__ or "").strip(), public
    for member in dir(ilk.Fit):
        if not member.startswith("_"):
            assert (getattr(ilk.Fit, member).__doc__ or "").strip() or member == "fitted", member


def test_every_command_and_option_is_documented() -> None:
    from ilk.cli.main import cli

    text = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    for command in cli.commands.values():
        assert f"ilk {command.name}" in text
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert parameter.opts[0] in text, (command.name, parameter.opts)


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs/decisions"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    for record in folder.glob("[0-9]*.md"):
        assert record.name in listed
