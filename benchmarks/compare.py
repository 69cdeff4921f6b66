"""Writes docs/benchmarks.md from the latest results.

python -m benchmarks.compare                     # of each peer and case the latest run
python -m benchmarks.compare benchmarks/results/2026-01-01T000000Z-threads1.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .run import RESULTS
from .suites import SUITES, by_name

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
ROUNDING = 1e-6

INTRODUCTION = """\
# Benchmarks

Written by `python -m benchmarks.compare` from the results in `benchmarks/results`; nothing here is
typed by hand. To make them again:

    Rscript benchmarks/export.R                  # data of lme4, mlmRev, glmmTMB
    python -m benchmarks.data                    # and the simulated ones
    PEERS_PYTHON=path/to/python python -m benchmarks.run
    python -m benchmarks.run --suite families    # every family, beside glmmTMB and ordinal
    python -m benchmarks.compare

How it is measured: each peer is a process of its own that has loaded the data; the peers take turns
within one run, so that whatever else the machine does meets all of them. A fit is everything from
the formula and the data frame to the estimates. Times are CPU seconds of the process, summed over
its threads, the shortest of the run. "ilk" is the fit alone and stands beside "glmm" with its cheap
standard errors; "ilk + SE" and "glmm + SE" contain the standard errors from the joint information,
which ilk computes when they are asked for; "glmm, default call" also tests terms and computes
degrees of freedom. GPBoost takes matrices: those are made outside the
clock. Memory is the growth of the peak resident memory in the first fit.
"""

HEADINGS = {
    "ilk": "ilk",
    "ilk_se": "ilk + SE",
    "glmm": "glmm",
    "glmm_se": "glmm + SE",
    "glmm_default": "glmm, default call",
    "mixedlm": "mixedlm",
    "gpboost": "GPBoost",
    "statsmodels": "statsmodels",
    "lme4": "lme4",
    "glmmTMB": "glmmTMB",
    "ordinal": "ordinal",
}

Results = dict[tuple[str, str], dict[str, Any]]


def main(paths: list[str]) -> int:
    sections = latest([Path(path) for path in paths] or sorted(RESULTS.glob("*-threads*.json")))
    if not sections:
        print("no results yet: run python -m benchmarks.run first")
        return 1
    parts = [INTRODUCTION, *sections, *stages()]
    DOCUMENT.write_text("\n".join(parts), encoding="utf-8")
    print(f"written to {DOCUMENT}")
    return 0


def latest(paths: list[Path]) -> list[str]:
    """Return a section for each run that is the latest of some peer in some case.

    Each section has ilk's own times, for only times of one run compare.
    """
    seen: set[tuple[int, str, str]] = set()
    found: list[tuple[int, int, str]] = []
    for age, path in enumerate(reversed(paths)):
        record = json.loads(path.read_text(encoding="utf-8"))
        threads, results = record["threads"], record["results"]
        new = [r for r in results if (threads, r["case"], r["peer"]) not in seen]
        cases = {r["case"] for r in new if not r["peer"].startswith("ilk") or not age}
        seen |= {(threads, r["case"], r["peer"]) for r in new}
        record["results"] = [
            r for r in results if r["case"] in cases and (r in new or r["peer"].startswith("ilk"))
        ]
        if record["results"]:
            found.append((threads, age, section(record, path)))
    return [text for _, _, text in sorted(found)]


def stages() -> list[str]:
    """Return the table of where the time goes, if it was measured."""
    path = RESULTS / "stages.json"
    if not path.exists():
        return []
    record = json.loads(path.read_text(encoding="utf-8"))
    machine = record["machine"]
    head = (
        "## Where the time goes\n\n"
        "`python -m benchmarks.stages`: CPU milliseconds of a fit by stage, of cases where a goal"
        f" is missed or nearly so. {record['date']}; {machine['processor']}; commit"
        f" {machine['commit']}.\n"
    )
    tables = []
    for name, spent in record["cases"].items():
        total = sum(spent.values())
        rows = [(s, [f"{t:.3g}", f"{100 * t / total:.0f} %"]) for s, t in spent.items()]
        title = by_name(name).title
        tables.append(_rows([title, f"{total:.3g} ms", ""], rows))
    return [head, *tables]


def section(record: dict[str, Any], path: Path) -> str:
    """Return the tables of a run, without what was run again later."""
    results: Results = {(r["case"], r["peer"]): r for r in record["results"]}
    peers = [peer for peer in HEADINGS if any(key[1] == peer for key in results)]
    known = SUITES[record.get("suite", "classics")]
    cases = [case for case in known if any(key[0] == case.name for key in results)]
    machine = record["machine"]
    versions = ", ".join(
        f"{HEADINGS[peer]} {version}"
        for peer, version in record["versions"].items()
        if "_" not in peer
    )
    head = (
        f"## {_heading(record)}\n\n"
        f"{record['date']}; {machine['processor']}, {machine['cores']} cores,"
        f" {machine['memory_gb']} GB, {machine['system']}, Python {machine['python']}; commit"
        f" {machine['commit']}; load when it began {machine['load_at_start'][0]:.1f}; seed"
        f" {record['seed']}. {versions}. `{path.name}`\n"
    )
    rows = [(case, results) for case in cases]
    tables = [
        "### CPU time of a fit\n",
        _table(peers, [(c.title, [_time(r.get((c.name, p))) for p in peers]) for c, r in rows]),
        "### How many times faster than each peer (CPU time)\n",
        _ratios(peers, cases, results),
        "### Growth of memory, MB\n",
        _table(peers, [(c.title, [_memory(r.get((c.name, p))) for p in peers]) for c, r in rows]),
        "### Accuracy\n",
        "Log-likelihood below the highest of the run (0 when within 1e-6), and the largest"
        " difference of a coefficient from those of that fit, relative to max(1, |value|).\n",
        _table(peers, [(c.title, [_accuracy(r.get((c.name, p))) for p in peers]) for c, r in rows]),
    ]
    refits = [
        f"- {case.title}: {results[case.name, 'ilk']['refits_per_second']:,.0f} per CPU second"
        for case in cases
        if isinstance(results.get((case.name, "ilk"), {}).get("refits_per_second"), float)
    ]
    if refits:
        tables += ["### Refits (`fit.refit(response)`)\n", "\n".join(refits) + "\n"]
    return "\n".join([head, *tables])


def _heading(record: dict[str, Any]) -> str:
    threads, suite = record["threads"], record.get("suite", "classics")
    words = "One thread" if threads == 1 else f"{threads} threads"
    return words if suite == "classics" else f"{suite.capitalize()}: {words.lower()}"


def _ratios(peers: list[str], cases: list[Any], results: Results) -> str:
    """Peers' times over ilk's; with standard errors over ilk's with standard errors."""
    others = [peer for peer in peers if not peer.startswith("ilk")]
    rows = []
    for case in cases:
        cells = []
        for peer in others:
            mine = "ilk" if peer in {"glmm", "gpboost"} else "ilk_se"
            top, bottom = results.get((case.name, peer)), results.get((case.name, mine))
            cells.append(_ratio(top, bottom))
        goal = f"{case.goal:g}x glmm" if case.goal else ""
        rows.append((case.title, [*cells, goal]))
    note = (
        "\nglmm and GPBoost are compared with ilk's fit alone (GPBoost computes no standard errors"
        " unless asked, glmm only cheap ones in that column), all others with ilk + SE.\n"
    )
    return _rows(["case", *(HEADINGS[peer] for peer in others), "goal"], rows) + note


def _ratio(top: dict[str, Any] | None, bottom: dict[str, Any] | None) -> str:
    if not bottom or "cpu" not in bottom or not top:
        return ""
    if "timeout" in top:
        return f"> {top['timeout'] / bottom['cpu']['min']:,.0f}"
    if "cpu" not in top:
        return ""
    value = top["cpu"]["min"] / bottom["cpu"]["min"]
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _time(result: dict[str, Any] | None) -> str:
    if not result or "without" in result:
        return "–"
    if "timeout" in result:
        return f"> {result['timeout']:.0f} s"
    if "cpu" not in result:
        return "failed"
    seconds = result["cpu"]["min"]
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _memory(result: dict[str, Any] | None) -> str:
    return f"{result['memory_mb']:.1f}" if result and "cpu" in result else "–"


def _accuracy(result: dict[str, Any] | None) -> str:
    if not result or "loglik_gap" not in result:
        return "–"
    gap = result["loglik_gap"]
    text = "0" if abs(gap) < ROUNDING else f"{gap:+.1e}"
    if "coefficient_gap" in result:
        text += f", {result['coefficient_gap']:.0e}"
    return text


def _table(peers: list[str], rows: list[tuple[str, list[str]]]) -> str:
    return _rows(["case", *(HEADINGS[peer] for peer in peers)], rows)


def _rows(heading: list[str], rows: list[tuple[str, list[str]]]) -> str:
    lines = ["| " + " | ".join(heading) + " |", "|" + " --- |" * len(heading)]
    lines += ["| " + " | ".join([title, *cells]) + " |" for title, cells in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
