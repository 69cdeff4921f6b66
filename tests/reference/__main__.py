"""``python -m tests.reference [pattern]``: the worst deviation of each quantity, case by case."""

from __future__ import annotations

import sys
import time
import traceback

from . import tolerances
from .compare import Check, compare
from .data import cases

COLUMNS = (
    "loglik",
    "coef",
    "se",
    "sd",
    "corr",
    "dispersion",
    "mode",
    "condsd",
    "fitted",
    "predict (link)",
    "predict (response)",
    "predict (se)",
)


def main(pattern: str = "") -> int:
    """Print the table; the exit status is the number of failing cases (at most 100)."""
    print(f"{'case':34s}" + "".join(f"{name[:9]:>10s}" for name in map(_short, COLUMNS)) + "   s")
    worst: dict[str, tuple[Check, str]] = {}
    failures: list[str] = []
    for found in cases():
        if pattern not in found["id"]:
            continue
        start = time.perf_counter()
        try:
            checks = compare(found)
        except Exception as problem:
            failures.append(f"{found['id']}: {type(problem).__name__}: {problem}")
            if "-v" in sys.argv:
                traceback.print_exc()
            print(f"{found['id']:34s} {type(problem).__name__}: {str(problem)[:100]}")
            continue
        _print_row(found["id"], checks, time.perf_counter() - start)
        for check in checks:
            name = check.quantity
            if name not in worst or check.ratio > worst[name][0].ratio:
                worst[name] = (check, found["id"])
            if not check.passed:
                failures.append(
                    f"{found['id']}: {name} deviates by {check.deviation:.3g},"
                    f" {check.ratio:.3g} times what is allowed ({check.where})"
                )
    print("\nworst deviation per quantity (as a fraction of what is allowed)")
    for name, (check, identifier) in worst.items():
        print(f"  {name:28s}{check.deviation:10.2e}{check.ratio:10.2e}  {identifier} {check.where}")
    _print_exceptions()
    print(f"\n{len(failures)} deviations beyond the tolerance" + (":" if failures else ""))
    for line in failures:
        print("  " + line)
    return min(len(failures), 100)


def _print_exceptions() -> None:
    for (identifier, quantity), (factor, reason) in tolerances.EXCEPTIONS.items():
        print(f"exception: {identifier}, {quantity}: {factor:g} times wider: {reason}")
    for identifier, (_, reason) in tolerances.STANDARD_ERRORS.items():
        print(f"other standard errors: {identifier}: {reason}")
    for identifier, reason in tolerances.HIGHER.items():
        print(f"higher log-likelihood: {identifier}: {reason}")


def _print_row(identifier: str, checks: list[Check], seconds: float) -> None:
    by_name = {check.quantity: check for check in checks}
    cells = []
    for name in COLUMNS:
        check = by_name.get(name)
        mark = "" if check is None or check.passed else "*"
        cells.append("" if check is None else f"{check.deviation:.1e}{mark}")
    print(f"{identifier:34s}" + "".join(f"{cell:>10s}" for cell in cells) + f"{seconds:8.2f}")


def _short(name: str) -> str:
    return name.replace("predict (", "pred.").rstrip(")")


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if not word.startswith("-")]
    sys.exit(main(*arguments[:1]))
