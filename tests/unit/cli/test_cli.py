"""The command line, called as from a shell."""

from __future__ import annotations

import inspect
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import ilk
from ilk import datasets
from ilk.cli.fit import finite
from ilk.cli.main import cli
from ilk.cli.progress import step

FORMULA = "infections ~ policy + severity + (1 | hospital)"
POISSON = ["--family", "poisson", "--exposure", "patient_days"]


def call(*arguments: str | Path) -> Result:
    # click 8.1 mixes the two streams unless told otherwise, later versions never do
    mixes = "mix_stderr" in inspect.signature(CliRunner).parameters
    return CliRunner(**({"mix_stderr": False} if mixes else {})).invoke(
        cli, [str(argument) for argument in arguments]
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "hospital_infections.csv"
    file.write_text(datasets.text("hospital_infections"))
    return file


def test_help_lists_the_commands() -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert "demo" in result.output
    assert "fit" in result.output


def test_fit_prints_the_summary(data: Path) -> None:
    result = call("fit", data, FORMULA, *POISSON)
    assert result.exit_code == 0, result.output
    assert "policy" in result.stdout
    assert "Verdict" in result.stdout


def test_fit_writes_a_report(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = call("fit", data, FORMULA, *POISSON, "--out", out)
    assert result.exit_code == 0, result.output
    assert str(out) in result.output
    page = out.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.count("<svg") >= 3


def test_fit_prints_json(data: Path) -> None:
    result = call("fit", data, FORMULA, *POISSON, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["answers"][1]["estimand"] == "population"


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "data.parquet"
    parquet.write_table(datasets.load("classroom_scores", "pyarrow"), file)
    result = call("fit", file, "score ~ method + prior + (1 | school/classroom)")
    assert result.exit_code == 0, result.output
    assert "REML" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{data}", "infections ~ polcy + (1 | hospital)"], "polcy"),
        (["{data}", "infections ~ policy + (1 | hospital"], ""),
        (["{data}", FORMULA, "--family", "possion"], "poisson"),
        (["{data}", FORMULA, "--family", "poisson", "--exposure", "days"], "days"),
        (["nowhere.csv", FORMULA], "there is no file 'nowhere.csv'"),
        (["data.xlsx", FORMULA], "unknown extension"),
        (["{data}", FORMULA, "--out", "/nowhere/at/all.html"], "folder"),
        (["{data}", "__import__('os').system('touch /tmp/x') ~ 1"], ""),
    ],
)
def test_errors_are_one_sentence_and_exit_code_2(
    data: Path, arguments: list[str], words: str
) -> None:
    result = call("fit", *[argument.format(data=data) for argument in arguments])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("ilk: ")
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) <= 4


@pytest.mark.parametrize("nodes", ["0", "-1", "many", "hospital=many", "hospital="])
def test_nodes_are_checked(data: Path, nodes: str) -> None:
    result = call("fit", data, FORMULA, "--quadrature", nodes)
    assert result.exit_code == 2
    assert "neither a positive number nor 'auto'" in result.stderr


def test_nodes_by_factor(data: Path) -> None:
    result = call("fit", data, FORMULA, *POISSON, "--quadrature", "hospital=5")
    assert result.exit_code == 0
    assert "AGQ-5" in result.stdout


def test_unreadable_file(tmp_path: Path) -> None:
    file = tmp_path / "broken.csv"
    file.write_bytes(b"a,b\n1\n1,2,3,4\n\xff")
    result = call("fit", file, "a ~ b")
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_demo(tmp_path: Path) -> None:
    result = call("demo", "--out", tmp_path / "demo")
    assert result.exit_code == 0, result.output
    assert "typical" in result.stdout
    assert "population" in result.stdout
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert "Held against the truth" in page
    assert (tmp_path / "demo" / "hospital_infections.csv").exists()


def test_numbers_that_json_does_not_know() -> None:
    assert finite({"a": [float("nan"), 1.0, float("inf")]}) == {"a": [None, 1.0, None]}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ilk.cli.progress._PATIENCE", 0.0)
    pipe, terminal = io.StringIO(), Terminal()
    with step("fitting", pipe):
        pass
    with step("fitting", terminal):
        import time

        time.sleep(0.05)
    assert pipe.getvalue() == ""
    assert "fitting ... 0 s" in terminal.getvalue()


def test_lint_prints_the_findings(data: Path) -> None:
    formula = "infections ~ severity + patient_days + (1 | hospital)"
    result = call("lint", data, formula, "--family", "poisson")
    assert result.exit_code == 0, result.output
    assert "exposure-as-covariate" in result.stdout
    assert call("lint", data, formula, "--family", "poisson", "--strict").exit_code == 1
    silent = ["--silence", "exposure-as-covariate"]
    result = call("lint", data, formula, "--family", "poisson", "--strict", *silent)
    assert result.exit_code == 0
    assert "Nothing looks unintended" in result.stdout


def test_lint_as_json(data: Path) -> None:
    result = call("lint", data, "infections ~ severity", *POISSON, "--json")
    (finding,) = json.loads(result.stdout)
    assert finding["code"] == "ignored-clusters"
    assert finding["terms"] == ["hospital"]
    assert {"severity", "sentence", "fix"} < set(finding)


def test_fit_prints_findings_too(data: Path) -> None:
    formula = "infections ~ severity"
    assert "[ignored-clusters]" in call("fit", data, formula, *POISSON).stdout
    silent = ["--silence", "ignored-clusters"]
    assert "ignored-clusters" not in call("fit", data, formula, *POISSON, *silent).stdout


def test_an_unknown_finding_is_one_sentence(data: Path) -> None:
    result = call("lint", data, "infections ~ severity", *POISSON, "--silence", "ignored-cluster")
    assert result.exit_code == 2
    assert "Did you mean 'ignored-clusters'?" in result.stderr


def scores_file(folder: Path) -> Path:
    file = folder / "scores.csv"
    file.write_text(datasets.text("classroom_scores"))
    return file


def test_kinds_of_standard_errors_and_degrees_of_freedom(tmp_path: Path) -> None:
    file = scores_file(tmp_path)
    formula = "score ~ method + prior + (1 | school)"
    fit = ilk.fit(formula, datasets.load("classroom_scores"))
    for options, keywords in (
        (["--cov", "CR2"], {"cov": "CR2"}),
        (["--df", "kenward_roger"], {"df": "kenward_roger"}),
        (["--cov", "CR1", "--df", "normal"], {"cov": "CR1", "df": "normal"}),
    ):
        result = call("fit", file, formula, *options)
        assert result.exit_code == 0, result.output
        assert result.stdout.rstrip() == fit.summary(**keywords).text.rstrip()
    out = tmp_path / "report.html"
    robust, plain = (
        json.loads(call("fit", file, formula, *more, "--json", "--out", out).stdout)["sections"]
        for more in (["--cov", "CR2"], [])
    )
    tidy = fit.tidy(cov="CR2").set_index("term")
    (section,) = (part for part in robust if part["id"] == "coefficients")
    drawn = section["picture"]["data"]
    np.testing.assert_allclose(drawn["low"][0], tidy.conf_low["method[T.usual]"], rtol=1e-6)
    assert section != next(part for part in plain if part["id"] == "coefficients")


def test_restricted_likelihood_and_penalties(tmp_path: Path) -> None:
    file = scores_file(tmp_path)
    formula = "score ~ prior + (1 | school)"
    assert "REML" in call("fit", file, formula, "--reml").stdout
    assert "REML" not in call("fit", file, formula, "--no-reml").stdout
    separated = tmp_path / "separated.csv"
    rows = [f"{int(i % 8 > 3)},{i % 8},{i // 8}" for i in range(80)]
    separated.write_text("y,x,g\n" + "\n".join(rows))
    result = call("fit", separated, "y ~ x + (1 | g)", "--family", "binomial", "--penalty", "firth")
    assert result.exit_code == 0, result.output
    assert "Firth" in result.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--cov", "CR9"], "cov='CR9' is not known"),
        (["--df", "kenward"], "df='kenward' is not known"),
        (["--penalty", "fith"], "'firth'"),
        (["--reml", "--family", "poisson", "--penalty", "firth"], "penalty= with reml=True"),
        (["--cov", "CR2", "--penalty", "firth", "--family", "poisson"], "penalized"),
    ],
)
def test_options_that_do_not_fit(data: Path, options: list[str], words: str) -> None:
    result = call("fit", data, FORMULA, *options)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.fixture(scope="module")
def categories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(1)
    x = rng.normal(size=120)
    grade = np.digitize(x + rng.logistic(size=120), [-1.0, 1.0])
    lines = [f"{g},{v:.4f},{('low', 'mid', 'high')[k]}" for g, v, k in zip(
        np.arange(120) % 12, x, grade, strict=True
    )]  # fmt: skip
    file = tmp_path_factory.mktemp("data") / "grades.csv"
    file.write_text("\n".join(["g,x,grade", *lines]))
    return file


def test_categories_and_their_formulas_are_options(categories: Path) -> None:
    model = ["grade ~ x + (1 | g)", "--levels", "low,mid,high"]
    ordinal = call("fit", categories, *model, "--family", "cumulative")
    assert ordinal.exit_code == 0, ordinal.output
    assert "low | mid" in ordinal.stdout
    choice = call(
        "fit", categories, *model, "--family", "multinomial", "--baseline", "mid",
        "--parameter", "high=~ 1",
    )  # fmt: skip
    assert choice.exit_code == 0, choice.output
    assert "log odds of low against mid" in choice.stdout
    assert call("lint", categories, *model, "--family", "cumulative").exit_code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--levels", "low,mid"], "gaussian has none"),
        (["--family", "cumulative", "--baseline", "low"], "for the family multinomial"),
        (["--parameter", "low"], "is not NAME=FORMULA"),
    ],
)
def test_options_of_categories_that_do_not_fit(
    categories: Path, options: list[str], words: str
) -> None:
    result = call("fit", categories, "x ~ 1 + (1 | g)", *options)
    assert result.exit_code == 2
    assert words in result.output + result.stderr
