"""``ilk demo``: the hospital infections, from data to two answers, a table and a page.

The data are simulated (:mod:`ilk.datasets.simulate`), so that the estimates can be held against the
truth.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ilk.cli.progress import step

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["demo"]

FORMULA = "infections ~ policy + severity + month + (1 + month | hospital)"
AT = {"severity": 0.0, "policy": 0, "month": 12.0}
"""Average case mix, no policy yet, the middle of the two years."""

TITLE = "Hospital infections and a hand-hygiene policy"
LEAD = (
    "Sixty hospitals counted infections for two years, over very different numbers of patient "
    "days. A hand-hygiene policy began in different hospitals at different months. Does it lower "
    "the infection rate, and which hospitals do well?",
    "The data are simulated, so the truth is known.",
)


@click.command(short_help="Fit the hospital example and write a report.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder for the report.",
)
def demo(out: Path) -> None:
    """Fit hospital infection rates, print what they say, and write OUT/report.html.

    The folder also gets the data, so that the same model can be fitted with "ilk fit".
    """
    import ilk
    from ilk.report import collect, render

    data = ilk.datasets.load("hospital_infections")
    with step("fitting"):
        fit = ilk.fit(FORMULA, data, family="poisson", exposure="patient_days")
    with step("collecting the report"):
        report = collect(fit, data, title=TITLE, lead=LEAD, focus="policy", at=AT)
        report["sections"].append(_truth(fit))
    out.mkdir(parents=True, exist_ok=True)
    with step("drawing"):
        (out / "report.html").write_text(render(report), encoding="utf-8")
    source = ilk.datasets.text("hospital_infections")
    (out / "hospital_infections.csv").write_text(source, encoding="utf-8")
    click.echo(_story(fit, report, out))


def _truth(fit: Any) -> dict[str, Any]:
    """Estimates of the coefficients beside the parameters of the simulation."""
    import ilk
    from ilk.report import section

    truth = ilk.datasets.describe("hospital_infections").truth
    rows = []
    for name, error in zip(fit.params, np.asarray(fit.std_errors), strict=True):
        true = truth[name.lower()]
        estimate = float(fit.params[name])
        rows.append([name, estimate, float(error), true, (estimate - true) / float(error)])
    return section(
        "truth",
        "Held against the truth",
        text=[
            "The data were drawn from a model with the coefficients below. Estimates should lie "
            "within about two standard errors of them."
        ],
        table={
            "columns": [
                {"label": "", "kind": "text"},
                {"label": "estimate", "kind": "number"},
                {"label": "std. error", "kind": "number"},
                {"label": "truth", "kind": "number"},
                {"label": "errors away", "kind": "number"},
            ],
            "rows": rows,
            "note": "",
        },
    )


def _story(fit: Any, report: Mapping[str, Any], out: Path) -> str:
    """Text that the demo prints."""
    ratio, low, high = _ratio(fit, "policy")
    lines = [
        TITLE,
        "",
        *_paragraph(LEAD[0]),
        "",
        f"  {FORMULA}",
        f"  Poisson, exposure patient_days; {fit.nobs} rows. Verdict: {fit.verdict.status.value}.",
        "",
        "Two questions, two answers (infections per 1000 patient days):",
        "",
        f"  {'':<12}{'without':>9}{'with':>9}{'difference':>13}{'95% interval':>19}",
    ]
    for answer in report["answers"]:
        before, after = answer["before"], answer["after"]
        difference, *ends = answer["difference"]
        lines.append(
            f"  {answer['estimand']:<12}{before:>9.2f}{after:>9.2f}{difference:>13.2f}"
            f"{f'{ends[0]:.2f} to {ends[1]:.2f}':>19}"
        )
    lines += [
        "",
        "  typical:    in one hospital, in the middle of the distribution of hospitals",
        "  population: over all hospitals, where high rates pull the mean up",
        "",
        f"Either way the policy multiplies the rate by {ratio:.2f} (95% interval {low:.2f} to "
        f"{high:.2f}): with",
        "the log link ratios are the same for both. The infections prevented are not.",
        "",
        *_league(report),
        "",
        f"The whole story with pictures: {out / 'report.html'}",
        f'The data, for "ilk fit":        {out / "hospital_infections.csv"}',
    ]
    return "\n".join(lines)


def _ratio(fit: Any, name: str) -> tuple[float, float, float]:
    center = float(fit.params[name])
    half = 1.959964 * float(fit.std_errors[name])
    low, middle, high = np.exp([center - half, center, center + half])
    return float(middle), float(low), float(high)


def _league(report: Mapping[str, Any]) -> list[str]:
    """Print the ends of the league table, raw and shrunken."""
    listing = next(s["table"] for s in report["sections"] if s["id"] == "league")
    heads = [column["label"] for column in listing["columns"]]
    rows = [dict(zip(heads, row, strict=True)) for row in listing["rows"]]
    ends = [[row[j] for row in listing["rows"]] for j, head in enumerate(heads) if "95%" in head]
    for row, rate, rank in zip(rows, *ends[1:], strict=True):
        row["rates"], row["ranks"] = rate, rank
    raw = sorted(rows, key=lambda row: row["raw rate"])
    lines = [
        "Raw league tables reward and punish luck. The four lowest and four highest raw rates:",
        "",
        f"  {'hospital':<10}{'days':>8}{'infections':>12}{'raw rate':>10}{'rank':>7}"
        f"{'shrunken rate':>16}{'95% interval':>16}{'rank':>7}{'95%':>10}",
    ]
    for row in [*raw[:4], None, *raw[-4:]]:
        if row is None:
            lines.append("  ...")
            continue
        lines.append(
            f"  {row['hospital']:<10}{row['patient days']:>8,.0f}{row['infections']:>12.0f}"
            f"{row['raw rate']:>10.2f}{row['raw rank']:>7g}{row['shrunken rate']:>16.2f}"
            f"{row['rates']:>16}{row['expected rank']:>7.1f}{row['ranks']:>10}"
        )
    best = rows[0]
    lines += [
        "",
        f"The best expected rank is that of {best['hospital']}: {best['infections']:.0f} "
        f"infections in {best['patient days']:,.0f} days are evidence, no infection",
        "in a few hundred days is luck. Shrunken rates are for the case mix of all hospitals.",
    ]
    return lines


def _paragraph(text: str, width: int = 92) -> list[str]:
    return textwrap.wrap(text, width)
