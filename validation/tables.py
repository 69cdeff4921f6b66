"""Tables of the documentation from the stored results.

    python -m validation.tables        # rewrites the tables of the pages of `PAGES`

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; a test compares pages and
results.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "validation" / "results"
PAGES = (
    "docs/explanation/fair-rankings.md",
    "docs/explanation/checks-have-power.md",
    "docs/reference/families.md",
)


def stored(name: str) -> Any:
    """Results of a study."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Table with numbers on the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(share: float | None, digits: int = 1) -> str:
    """Percentage, or a dash."""
    return "-" if share is None else f"{100.0 * share:.{digits}f}"


# Ranks

_SURE = 0.02  # standard error from which a share is not shown

DESIGN_WORDS = {
    "infections": "infections, Poisson",
    "deaths": "deaths, binomial",
    "scores": "scores, linear",
    "readmissions": "readmissions, crossed with doctors",
    "trends": "trends, random slopes",
    "all": "**all**",
}


def _rank_rows() -> Iterable[tuple[str, dict[str, Any]]]:
    results = stored("ranks")["results"]
    return ((words, results[name]) for name, words in DESIGN_WORDS.items() if name in results)


def _of(found: dict[str, Any], key: str, digits: int = 1) -> str:
    one = found["means"].get(key)
    unknown = one is None or one["std_error"] > _SURE
    return "-" if unknown else percent(one["mean"], digits)


def ranks_coverage() -> str:
    """Share of levels whose truth is in the interval."""
    keys = ("rank", "rank, smallest third", "rank, no events", "effect", "rate")
    head = ["systems", "number", *(f"{k}" for k in keys), "width of rank interval"]
    return markdown(
        head,
        (
            [
                words,
                f"{found['systems']:,}",
                *(_of(found, key) for key in keys),
                _of(found, "width, share", 0),
            ]
            for words, found in _rank_rows()
        ),
    )


def ranks_rivals() -> str:
    """What other tables claim, and what is so."""
    head = [
        "systems", "ilk", "draws without covariance", "raw rates", "of ilk", "of EB ranks",
        "of raw ranks", "first tenth by EB", "first tenth by raw",
    ]  # fmt: skip
    rows = []
    for words, found in _rank_rows():
        errors = [
            "-" if key not in found["means"] else f"{np.sqrt(found['means'][key]['mean']):.3f}"
            for key in ("error of expected rank", "eb: error of rank", "raw: error of rank")
        ]
        covers = [_of(found, key) for key in ("rank", "marginal: rank", "raw: rank")]
        first = [_of(found, key, 0) for key in ("eb: first tenth true", "raw: first tenth true")]
        rows.append([words, *covers, *errors, *first])
    return markdown(head, rows)


def _reliability(key: str) -> str:
    rows = stored("ranks")["results"]["all"]["reliability"][key]
    return markdown(
        ["said", "levels", "mean of what was said", "was so", "95 % limits"],
        (
            [
                f"{100 * row['from']:.0f} to {100 * row['to']:.0f} %",
                f"{row['levels']:,}",
                percent(row["said"]),
                percent(row["was"]),
                f"{percent(row['low'])} to {percent(row['high'])}",
            ]
            for row in rows
        ),
    )


def shrinkage() -> str:
    """Errors of rates by how they are estimated."""
    record = stored("shrinkage")
    rows = []
    for name, found in record["results"].items():
        for part, errors in found["root_mean_square"].items():
            label = f"{DESIGN_WORDS[name]}: {part}"
            won = percent(found["shrunk_nearer_than"]["adjusted"], 0) if part == "all" else ""
            rows.append([label, *(f"{errors[k]:.2f}" for k in errors), won])
    head = [
        "levels", "raw", "adjusted (O/E)", "shrunk", "pooled",
        "shrunk beats adjusted, % of systems",
    ]  # fmt: skip
    return markdown(head, rows)


# Checks


def _by_check(part: dict[str, Any]) -> dict[tuple[str, str], list[tuple[str, dict[str, Any]]]]:
    """Rows of all right models by check and estimand."""
    out: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for label, found in part.items():
        for key, row in found["checks"].items():
            code, title, estimand, _ = key.split("; ", 3)
            out[f"`{code}`: {title}", estimand].append((label, row))
    return out


def checks_size() -> str:
    """False alarms by check."""
    record = stored("checks_power")["right"]
    rows = []
    for (check, estimand), found in _by_check(record).items():
        shares = [(row["p_below_0.05"], label) for label, row in found]
        if any(share is None for share, _ in shares):
            continue
        low, high = min(shares), max(shares)
        problems = [row["problem"] for _, row in found]
        rows.append(
            [
                check,
                estimand or "-",
                percent(float(np.mean([share for share, _ in shares]))),
                f"{percent(low[0])} to {percent(high[0])}" + f" ({high[1]})" * (high[0] > 0.0),
                percent(float(np.mean(problems))),
            ]
        )
    head = ["check", "estimand", "p < 0.05, %", "least to most", "called a problem, %"]
    return markdown(head, rows)


def checks_calls() -> str:
    """False alarms of the whole call."""
    return markdown(
        ["right model", "data sets", "some problem, %", "problem or note, %", "speaks most"],
        (
            [
                label,
                str(found["sets"]),
                percent(found["any_problem"]),
                percent(found["any_problem_or_note"]),
                _speaking(found, 1),
            ]
            for label, found in stored("checks_power")["right"].items()
        ),
    )


def _speaking(found: dict[str, Any], count: int, least: float = 0.0) -> str:
    """Checks with a problem or a note most often, and how often, in per cent."""
    best: dict[str, float] = {}
    for key, row in found["checks"].items():
        code = key.split("; ", 1)[0]
        best[code] = max(best.get(code, 0.0), row["problem_or_note"])
    ordered = sorted(best.items(), key=lambda item: -item[1])[:count]
    return ", ".join(f"`{code}` {percent(share, 0)}" for code, share in ordered if share > least)


def checks_power() -> str:
    """Wrong models, and what finds them."""
    rows = []
    for label, found in stored("checks_power")["wrong"].items():
        one, other = found["wrong"], found.get("right")
        named = _speaking(one, 4, 0.1)
        rows.append(
            [
                label,
                percent(one["any_problem"], 0),
                percent(one["any_problem_or_note"], 0),
                percent(other["any_problem"] if other else None, 0),
                named or "none above 10",
            ]
        )
    head = [
        "wrong model", "some problem, %", "problem or note, %",
        "right model of the same data, %",
        "what speaks (problem or note, %)",
    ]  # fmt: skip
    return markdown(head, rows)


def quantile_residuals() -> str:
    """Tests of quantile residuals by family, the least of the p-values of its links."""
    record = stored("quantile_residuals")["true_parameters"]["cases"]
    by_family: dict[str, list[dict[str, float]]] = defaultdict(list)
    for label, row in record.items():
        if "(again" not in label:
            by_family[label.split(", ")[0]].append(row)
    rows = []
    for name, found in by_family.items():
        mean = max(abs(row["mean"]) for row in found)
        sd = max(abs(row["sd"] - 1.0) for row in found)
        rows.append(
            [
                name.replace("_", " "),
                str(len(found)),
                *(
                    f"{min(row[key] for row in found):.2g}"
                    for key in ("p_uniform", "p_together", "p_beyond_3")
                ),
                f"{mean:.4f}",
                f"{sd:.4f}",
            ]
        )
    head = [
        "family", "cases", "p-values uniform", "all residuals", "share beyond 3",
        "largest mean", "largest deviation of sd from 1",
    ]  # fmt: skip
    return markdown(head, rows)


def recovery() -> str:
    """Bias and coverage of the parameters of every family."""

    def covered(rows: Sequence[dict[str, Any]]) -> str:
        shares = sorted(row["coverage"] for row in rows)
        if not shares:
            return "-"
        ends = [percent(shares[0])] + [percent(shares[-1])] * (shares[-1] > shares[0])
        return " to ".join(ends)

    def bias(rows: Sequence[dict[str, Any]]) -> str:
        worst = max((row["bias_in_sd"] for row in rows), key=abs, default=None)
        return "-" if worst is None else f"{worst:.2f}"

    rows = []
    for name, found in sorted(stored("recovery")["families"].items()):
        sd, effects, others = [], [], []
        for label, row in found["parameters"].items():
            part, _, term = label.rpartition(": ")
            if label.endswith("sd(Intercept)"):
                sd.append(row)
            elif part in ("", "b", "c") and term in ("Intercept", "x"):
                effects.append(row)
            else:
                others.append(row)
        limits = max(row["without_interval"] for row in found["parameters"].values())
        parts = (part for group in (effects, others, sd) for part in (bias(group), covered(group)))
        rows.append([f"`{name}`", str(found["sets"]), *parts, str(limits)])
    head = [
        "family", "sets", "coefficients: bias", "covered, %", "dispersion and others: bias",
        "covered, %", "sd of groups: bias", "covered, %", "no interval",
    ]  # fmt: skip
    return markdown(head, rows)


TABLES: dict[str, Callable[[], str]] = {
    "ranks-coverage": ranks_coverage,
    "ranks-rivals": ranks_rivals,
    "ranks-best": lambda: _reliability("p_best"),
    "ranks-above": lambda: _reliability("p_above"),
    "shrinkage": shrinkage,
    "checks-size": checks_size,
    "checks-calls": checks_calls,
    "checks-power": checks_power,
    "quantile-residuals": quantile_residuals,
    "recovery": recovery,
}
"""Tables by name."""


def filled(text: str) -> str:
    """Page with its tables as the results have them."""

    def table(match: re.Match[str]) -> str:
        return f"<!-- table: {match[1]} -->\n\n{TABLES[match[1]]()}\n\n<!-- end -->"

    return re.sub(r"<!-- table: ([\w-]+) -->\n.*?<!-- end -->", table, text, flags=re.DOTALL)


def main() -> None:
    """Rewrite the pages."""
    for name in PAGES:
        page = ROOT / name
        if not page.exists():
            continue
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
