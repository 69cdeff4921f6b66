"""The list of rules, and silence."""

from __future__ import annotations

import importlib
import re

import pytest
from tests.contracts.markdown import ROOT
from tests.findings import clustered, codes

import ilk
from ilk.errors import ModelError
from ilk.lint.record import SEVERITIES
from ilk.lint.registry import CODES, REFUSED, RULES, check_silence


def test_identifiers_are_stable_words() -> None:
    assert len(set(CODES)) == len(CODES)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", code) for code in CODES)
    assert {rule.severity for rule in RULES} == set(SEVERITIES)
    assert set(CODES) > REFUSED


def test_every_rule_is_documented_with_its_severity() -> None:
    page = (ROOT / "docs" / "reference" / "findings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (note|warning) \|", page, re.MULTILINE)
    assert dict(rows) == {rule.code: rule.severity for rule in RULES}
    assert [code for code, _ in rows] == list(CODES)


def test_every_rule_has_a_test_in_which_it_is_found() -> None:
    folder = ROOT / "tests" / "unit" / "lint" / "rules"
    tests = "".join(file.read_text(encoding="utf-8") for file in folder.glob("test_*.py"))
    assert [code for code in CODES if f'"{code}"' not in tests] == []


def test_silence() -> None:
    data = clustered()[["y", "x", "school"]]
    assert codes("y ~ x", data) == ("ignored-clusters",)
    assert codes("y ~ x", data, silence=("ignored-clusters",)) == ()
    assert codes("y ~ x", data, silence="ignored-clusters") == ()
    assert codes("y ~ x", data, silence={"few-levels"}) == ("ignored-clusters",)


@pytest.mark.parametrize("call", [ilk.fit, ilk.lint])
def test_unknown_identifiers_are_refused(call) -> None:
    data = clustered()[["y", "x", "school"]]
    with pytest.raises(ModelError, match="Did you mean 'ignored-clusters'"):
        call("y ~ x", data, silence=("ignored-cluster",))
    with pytest.raises(ModelError, match=r"findings\.md"):
        call("y ~ x", data, silence=["qqq"])
    with pytest.raises(ModelError, match="not int"):
        call("y ~ x", data, silence=3)


def test_the_function_is_not_the_package() -> None:
    importlib.import_module("ilk.lint.run")
    assert callable(ilk.lint)


def test_silence_is_a_tuple() -> None:
    assert check_silence(["few-levels"]) == ("few-levels",)
