r"""One kinship and a Gaussian response: GEMMA's null models, and times of both.

    python -m validation.kinship reference OUT.json   # 90 individuals, for tests/reference
    python -m validation.kinship                      # 2,000 individuals; results/kinship.json

GEMMA 0.98.5 (Debian package ``gemma``) estimates the variances of genetic effects and of the rest
by REML, from a kinship matrix as text; only what it prints is read.  Genotypes are those of
families of four.  GEMMA centers the kinship over the individuals that it analyzes, which leaves
restricted likelihoods as they are; so it is centered here too.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.machine import describe

import ilk
from ilk import kernels

RESULTS = Path(__file__).parent / "results" / "kinship.json"
SEED = 17
TRUTH = {"intercept": 1.0, "x": 0.5, "genetic": 0.5, "residual": 0.5}


def genotypes(n: int, markers: int, rng: np.random.Generator) -> np.ndarray:
    """Counts of alleles (n, markers) in families of four, which share half of each."""
    frequency = rng.uniform(0.1, 0.5, markers)
    family = np.repeat(np.arange(-(-n // 4)), 4)[:n]
    common = rng.random((family.max() + 1, markers)) < frequency
    own = rng.random((n, markers)) < frequency
    other = rng.random((n, markers)) < frequency
    shared = np.where(rng.random((n, markers)) < 0.5, common[family], other)
    return own.astype(int) + shared


def kinship_of(counts: np.ndarray) -> np.ndarray:
    """Centered relationship matrix (n, n) of standardized genotypes."""
    kept = counts[:, counts.std(axis=0) > 0.0]
    Z = (kept - kept.mean(axis=0)) / kept.std(axis=0)
    return np.asarray(Z @ Z.T / Z.shape[1])


def draw(n: int, markers: int, outcomes: int = 1) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Data (id, x, y1, ...), genotypes and kinship."""
    rng = np.random.default_rng(SEED)
    counts = genotypes(n, markers, rng)
    K = kinship_of(counts)
    values, vectors = np.linalg.eigh(K)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    data = pd.DataFrame({"id": [f"i{k + 1}" for k in range(n)], "x": rng.normal(size=n).round(3)})
    for j in range(outcomes):
        genetic = np.sqrt(TRUTH["genetic"]) * (root @ rng.normal(size=n))
        rest = np.sqrt(TRUTH["residual"]) * rng.normal(size=n)
        y = TRUTH["intercept"] + TRUTH["x"] * data["x"] + genetic + rest
        data[f"y{j + 1}"] = y.round(3)
    return data, counts, K


def gemma(
    response: np.ndarray, covariates: np.ndarray, K: np.ndarray, snps: np.ndarray
) -> dict[str, Any]:
    """What GEMMA prints of the null model and of models with one marker each."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        words = ["NA" if np.isnan(value) else repr(float(value)) for value in response]
        (folder / "y.txt").write_text("\n".join(words) + "\n")
        np.savetxt(folder / "x.txt", covariates, fmt="%.17g")
        np.savetxt(folder / "K.txt", K, fmt="%.17g")
        lines = [f"m{j}, A, T, " + ", ".join(map(str, row)) for j, row in enumerate(snps.T)]
        (folder / "g.txt").write_text("\n".join(lines) + "\n")
        call = "gemma -g g.txt -p y.txt -c x.txt -k K.txt -lmm 1 -maf 0 -miss 1 -o o -outdir ."
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(call.split(), cwd=folder, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        log = (folder / "o.log.txt").read_text()
        table = pd.read_csv(folder / "o.assoc.txt", sep="\t")

    def number(pattern: str) -> list[float]:
        found = re.search("## " + pattern + r" = +(.*)", log)
        assert found is not None, pattern
        return [float(word) for word in found.group(1).split()]

    return {
        "vg": number("vg estimate in the null model")[0],
        "ve": number("ve estimate in the null model")[0],
        "pve": number("pve estimate in the null model")[0],
        "beta": number("beta estimate in the null model"),
        "se": number(r"se\(beta\)"),
        "markers": table[["rs", "beta", "se", "l_remle"]].to_dict("records"),
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }


def reference(out: Path) -> None:
    """Cases for the tests: all individuals, and those with a measurement only."""
    data, counts, K = draw(90, 150, outcomes=2)
    data.loc[[4, 5, 30, 31, 32, 33, 77], "y2"] = np.nan
    cases = []
    for name in ("y1", "y2"):
        X = np.column_stack([np.ones(len(data)), data["x"]])
        found = gemma(data[name].to_numpy(), X, K, counts[:, :3])
        del found["cpu_seconds"]
        cases.append({"response": name, "results": found})
    whole = {
        "origin": "GEMMA 0.98.5 (Debian gemma 0.98.5+dfsg), -lmm 1",
        "script": "python -m validation.kinship reference OUT.json",
        "date": datetime.date.today().isoformat(),
        "data": {name: data[name].replace({np.nan: None}).tolist() for name in data},
        "genotypes": ["".join(map(str, row)) for row in counts],
        "cases": cases,
    }
    out.write_text(json.dumps(whole, separators=(",", ":")) + "\n", encoding="utf-8")


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, and what it gives."""
    begin = time.process_time()
    found = call()
    return round(time.process_time() - begin, 3), found


def compare(n: int) -> dict[str, Any]:
    """Times and estimates by rotation, by the dense engine, by GEMMA."""
    data, counts, K = draw(n, 3 * n, outcomes=2)
    names = data["id"].tolist()
    build, structure = timed(lambda: ilk.covariance.kinship(K, names))

    def fit(response: str) -> Any:
        formula = f"{response} ~ x + (1 | id)"
        return ilk.fit(formula, data, covariance={"id": structure})

    first, rotated = timed(lambda: fit("y1"))
    second, _ = timed(lambda: fit("y2"))
    spectrum_of = kernels.spectrum_of
    try:
        kernels.spectrum_of = lambda data: None
        slow, dense = timed(lambda: fit("y1"))
    finally:
        kernels.spectrum_of = spectrum_of
    X = np.column_stack([np.ones(n), data["x"]])
    theirs = gemma(data["y1"].to_numpy(), X, K, counts[:, :1])

    def variances(found: Any) -> list[float]:
        return [found.fitted.estimates.covariances[0][0, 0], found.fitted.estimates.sigma2]

    return {
        "individuals": n,
        "decomposition_seconds": build,
        "fit_seconds": first,
        "second_outcome_seconds": second,
        "dense_fit_seconds": slow,
        "gemma_seconds": round(theirs["cpu_seconds"], 2),
        "dense_over_rotated": round(slow / first, 1),
        "gemma_over_both_outcomes": round(2 * theirs["cpu_seconds"] / (build + first + second), 2),
        "loglik_rotated_minus_dense": rotated.loglik - dense.loglik,
        "variances": variances(rotated),
        "variances_dense": variances(dense),
        "variances_gemma": [theirs["vg"], theirs["ve"]],
        "coefficients": np.asarray(rotated.params).tolist(),
        "coefficients_gemma": theirs["beta"],
        "std_errors": np.asarray(rotated.std_errors).tolist(),
        "std_errors_gemma": theirs["se"],
    }


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", nargs="?", choices=["reference"])
    parser.add_argument("out", nargs="?", type=Path, default=RESULTS)
    parser.add_argument("--individuals", type=int, default=2000)
    chosen = parser.parse_args()
    if chosen.task == "reference":
        reference(chosen.out)
        return
    record = {
        "date": datetime.date.today().isoformat(),
        "machine": describe(),
        "versions": {"ilk": ilk.__version__, "numpy": np.__version__, "gemma": "0.98.5"},
        "seed": SEED,
        "truth": TRUTH,
        "results": compare(chosen.individuals),
    }
    chosen.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record["results"], indent=1))


if __name__ == "__main__":
    main()
