"""Findings as text, HTML and frame; in summaries, files and refits."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
from tests.findings import clustered

import ilk
from ilk.lint.record import Finding
from ilk.show.lint import LintAnswer, lint_answer

DATA = clustered()
FORMULA = "y ~ x + school_id + (1 | school)"


def test_an_answer_is_a_sequence() -> None:
    answer = ilk.lint(FORMULA, DATA)
    assert isinstance(answer, LintAnswer)
    assert len(answer) == 1
    assert list(answer) == [answer[0]]
    assert answer[:1] == (answer[0],)
    assert answer.codes == ("identifier-as-number",)
    assert str(answer[0]) == f"{answer[0].sentence} {answer[0].fix}"


def test_text_html_and_frame_say_the_same() -> None:
    answer = ilk.lint(FORMULA, DATA)
    (finding,) = answer
    frame = answer.frame
    assert isinstance(frame, pd.DataFrame)
    assert list(frame) == ["code", "severity", "terms", "sentence", "fix"]
    assert frame.loc[0].tolist() == [
        *(finding.code, finding.severity, ", ".join(finding.terms), finding.sentence, finding.fix)
    ]
    folded = " ".join(answer.text.split())
    assert finding.sentence in folded
    assert f"[{finding.code}]" in folded
    assert finding.fix in folded
    assert max(map(len, answer.text.splitlines())) <= 88
    assert repr(answer) == answer.text
    assert finding.code in answer.html
    assert answer._repr_html_() == answer.html


def test_nothing_found() -> None:
    answer = lint_answer((), "pandas")
    assert answer.text == "Nothing looks unintended in the model."
    assert answer.text in answer.html
    assert len(answer.frame) == 0


def test_names_of_columns_are_escaped() -> None:
    finding = Finding("few-levels", "note", ("<b>",), "'<b>' is \x1b[1mbad.", "Leave '<b>' out.")
    html = lint_answer((finding,), "pandas").html
    assert "<b>" not in html.replace("<b>Findings</b>", "")
    assert "\x1b" not in html + lint_answer((finding,), "pandas").text


def test_summaries_show_findings_if_there_are_any() -> None:
    summary = ilk.fit(FORMULA, DATA).summary()
    assert "Findings\n  warning: 'school_id' looks like an identifier" in summary.text
    assert "identifier-as-number" in summary.html
    for fit in (
        ilk.fit(FORMULA, DATA, silence=("identifier-as-number",)),
        ilk.fit("y ~ x + (1 | school)", DATA),
    ):
        assert "Findings" not in fit.summary().text
        assert 'ilk-findings"' not in fit.summary().html


def test_fits_and_lint_find_the_same() -> None:
    fit = ilk.fit(FORMULA, DATA)
    assert fit.lint().findings == ilk.lint(FORMULA, DATA).findings


def test_files_keep_findings(tmp_path) -> None:
    fit = ilk.fit("y ~ x", DATA[["y", "x", "school"]])
    fit.save(tmp_path / "fit.ilk")
    assert ilk.load(tmp_path / "fit.ilk").lint() == fit.lint()
    assert pickle.loads(pickle.dumps(fit)).lint() == fit.lint()
    assert fit.lint().codes == ("ignored-clusters",)


def test_refits_keep_findings_that_are_not_about_the_response() -> None:
    data = DATA[["died", "x", "school"]].assign(sick=DATA["died"] + 1)
    fit = ilk.fit("sick ~ x", data)
    assert fit.lint().codes == ("two-valued-response", "ignored-clusters")
    again = fit.refit(np.random.default_rng(1).normal(size=len(data)))
    assert again.lint().codes == ("ignored-clusters",)
