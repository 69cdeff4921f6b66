"""The page: what it contains, and that nothing in it is markup that came from data."""

from __future__ import annotations

import copy
import html.parser
import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.leagues import funnel_of, league

from ilk.plot import (
    Caterpillar,
    Effect,
    Shrinkage,
    funnel_table,
    ranks_table,
)
from ilk.report import render, section
from ilk.report.pictures import as_data, svg

PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "</svg><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</td></tr></table><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "]]><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<!--<script>-->",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<math><mi xlink:href=javascript:alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<link rel=stylesheet href=//x>",
    "<meta http-equiv=refresh content=0>",
    "<base href=//x>",
    "<form action=//x><button>",
    "<template><script>alert(1)</script></template>",
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)" x="',
    "x\"y'z<&>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "${7*7}",
    "#{7*7}",
    "{{ report.__class__.__mro__ }}",
    "%3Cscript%3E",
    "\\x3cscript\\x3e",
    "\u202egnp.<script>",
    "\u2066<b>\u2069",
    "\x00<script>alert(1)</script>",
    "\x1b[31m<b>red</b>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "\ufeff<script>",
    "<\u200bscript>",
    "$\\frac{a}{b}$ <b>",
    "$unclosed <i>",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd",
    "javascript:alert(1)",
    "url(javascript:alert(1))",
    "expression(alert(1))",
    "<style>*{display:none}</style>",
    "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
]

TAGS = (
    "html head meta title style body main header footer section h1 h2 p strong div figure "
    "figcaption table thead tbody tr th td dl dt dd ul li svg g path defs use clippath rect "
    "symbol lineargradient stop image label input"
)
ALLOWED = set(TAGS.split())


class Reader(html.parser.HTMLParser):
    """Collects tags, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.values: list[str] = []
        self.text: list[str] = []
        self.comments = 0
        self.identifiers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.values += [value or "" for _, value in attrs]
        self.identifiers += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def make_report(label: str) -> dict[str, Any]:
    x = np.linspace(-1.0, 1.0, 3)
    caterpillar = Caterpillar(label, label, (label, "b", label), x, x - 0.5, x + 0.5)
    shrinkage = Shrinkage(
        label, label, 0.95, (label, "b", label), np.ones(3), x + 2, x + 2, x + 1, x + 3, 2.0
    )
    some = replace(league(3), group=label, levels=(label, "b", label))
    ranks = ranks_table(some, label)
    funnel = funnel_table(replace(funnel_of(some), response=label))
    y = np.array([[1.0, 2.0], [2.0, 3.0]])
    effect = Effect(
        label,
        (label, "z"),
        ("typical", "population"),
        y,
        y - 0.5,
        y + 0.5,
        {label: label},
        continuous=False,
    )

    def picture(kind: str, table: Any, **options: Any) -> dict[str, Any]:
        return {
            "kind": kind, "data": as_data(table), "alt": label, "caption": label,
            "options": options,
        }  # fmt: skip

    table = {
        "columns": [
            {"label": label, "kind": "text", "sort": "up"},
            {"label": label, "kind": "number", "sort": "down"},
        ],
        "rows": [[label, 1.25], [label, None]],
        "note": label,
    }
    return {
        "title": label,
        "lead": [label],
        "answers": [
            {"estimand": "typical", "question": label, "figure": label, "detail": [label]},
            {"estimand": "population", "question": label, "figure": label, "detail": [label]},
        ],
        "verdict": {
            "status": label,
            "tone": "good",
            "reasons": [{"message": label, "advice": label}],
        },
        "sections": [
            section("one", label, text=[label], picture=picture("caterpillar", caterpillar)),
            section("two", label, picture=picture("shrinkage", shrinkage), table=table),
            section("three", label, picture=picture("effect", effect, ylabel=label, per=1.0)),
            section("four", label, picture=picture("ranks", ranks)),
            section("five", label, picture=picture("funnel", funnel)),
        ],
        "model": [{"label": label, "value": label, "code": True}],
        "notes": [label],
        "footer": [label],
    }


def without_pictures(report: dict[str, Any]) -> dict[str, Any]:
    sections = [{**part, "picture": None} for part in report["sections"]]
    return {**report, "sections": sections}


def test_page_is_self_contained_and_without_scripts() -> None:
    page = read(render(make_report("hospital")))
    assert page.tags <= ALLOWED
    assert not any(name.startswith("on") for name in page.attributes)
    assert "src" not in page.attributes
    links = [value for value in page.values if "//" in value and "www.w3.org" not in value]
    assert links == []


@pytest.fixture(scope="module")
def harmless() -> Reader:
    return read(render(without_pictures(make_report("hospital"))))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payloads_stay_text(payload: str, harmless: Reader) -> None:
    page = read(render(without_pictures(make_report(payload))))
    assert page.tags == harmless.tags
    assert page.attributes == harmless.attributes
    assert page.comments == 0
    text = "".join(page.text)
    assert not any(ord(c) < 32 and c not in "\n\t\r" for c in text)
    assert "\u202e" not in text


@pytest.mark.parametrize("half", [PAYLOADS[:30], PAYLOADS[30:]])
def test_payloads_in_pictures_are_shapes(half: list[str]) -> None:
    x = np.linspace(-1.0, 1.0, len(half))
    table = Caterpillar("g", "t", tuple(half), x, x - 0.5, x + 0.5)
    drawn = svg({"kind": "caterpillar", "data": as_data(table), "options": {}}, "p")
    page = read(drawn)
    assert page.tags <= ALLOWED
    assert not any(name.startswith("on") for name in page.attributes)
    assert page.comments == 0
    assert "alert" not in drawn


def test_identifiers_are_unique() -> None:
    identifiers = read(render(make_report("x"))).identifiers
    assert len(identifiers) == len(set(identifiers))


def test_the_dictionary_is_plain() -> None:
    report = make_report("x")
    assert json.loads(json.dumps(report)) == report


def test_rendering_is_deterministic_and_leaves_the_report_alone() -> None:
    report = make_report("x")
    before = copy.deepcopy(report)
    assert render(report) == render(report)
    assert report == before


def test_pictures_follow_the_theme() -> None:
    picture = make_report("x")["sections"][0]["picture"]
    drawn = svg(picture, "p")
    assert drawn.startswith("<svg aria-hidden")
    assert "var(--blue)" in drawn
    assert "#1f6fb2" not in drawn
    assert "<?xml" not in drawn


def test_columns_that_sort_do_so_without_a_script() -> None:
    table = {
        "columns": [
            {"label": "level", "kind": "text", "sort": "up"},
            {"label": "rate", "kind": "number", "sort": "down"},
            {"label": "interval", "kind": "number"},
        ],
        "rows": [["b", 2.0, "1 - 3"], ["a", 9.0, "1 - 30"], ["c", 5.0, "2 - 8"]],
        "note": "",
    }
    report = {**make_report("x"), "sections": [section("one", "x", table=table)]}
    page = render(report)
    orders = re.findall(r'<tr role="row" style="--by-1: (\d); --by-2: (\d)">', page)
    assert orders == [("2", "3"), ("1", "1"), ("3", "2")]
    assert page.count('<input type="radio" name="order-one">') == 2
    plain = [{"label": "level", "kind": "text"}]
    table = {"columns": plain, "rows": [["b"]], "note": ""}
    report = {**make_report("x"), "sections": [section("one", "x", table=table)]}
    assert "<input" not in render(report)
