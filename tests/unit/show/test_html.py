"""Summaries as HTML: escaped, self-contained, well formed."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.show.html import STYLE
from ilk.show.summary import Summary, Table

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></table><b>",
    "&lt;already&gt;",
    "' onmouseover='x",
    "</style><script>x</script>",
]


TAGS = {"div", "style", "h3", "table", "caption", "thead", "tbody", "tr", "th", "td", "p", "b"}


class Checker(HTMLParser):
    """Collects tags and checks that they are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def check(html):
    parser = Checker()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    assert set(parser.tags) <= TAGS
    assert {name for name, _ in parser.attributes} <= {"class", "scope", "colspan"}
    return "".join(parser.text)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_every_text_is_escaped(payload):
    table = Table(
        payload,
        (payload, "n", "95% interval", ""),
        ((payload, payload, payload, payload),),
        labels=2,
        notes=(payload,),
    )
    summary = Summary(
        payload, ((payload, payload),), (table,), payload, ((payload, payload),), payload
    )
    text = check(summary.html)
    assert text.count(payload) == 14


@pytest.mark.parametrize("payload", PAYLOADS)
def test_levels_and_columns_of_the_data(payload):
    data = data_of("binary").copy()
    data["sex"] = data.sex.map({"f": payload, "m": "m"})
    data["y"] = data.y.map({"yes": payload, "no": ""})
    fit = ilk.fit("y ~ sex + (1 | g)", data, family="binomial")
    check(fit.summary().html)
    assert payload not in fit._repr_html_().replace(STYLE, "") or payload.startswith("'")


def test_fits_of_all_kinds():
    for name in ("sleepstudy", "dyestuff2", "ticks", "salamanders", "gamma"):
        text = check(fit_of(name).summary().html)
        assert "Verdict" in text


def test_the_style_is_confined_to_the_fragment():
    for rule in re.findall(r"([^{}]+)\{", STYLE):
        for selector in rule.split(","):
            assert selector.strip().startswith(".ilk-summary")


def test_a_notebook_shows_the_summary():
    fit = fit_of("cbpp")
    assert fit._repr_html_() == fit.summary().html
    assert isinstance(pd.DataFrame(fit.tidy()), pd.DataFrame)
