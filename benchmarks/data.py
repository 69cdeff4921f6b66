"""The data of the benchmarks: exported from R packages, or simulated from a seed.

``python -m benchmarks.data`` runs the export and simulates what is missing; each table is kept in
``scratch/data`` as a Feather file for Python and a CSV file for R: every peer reads the same
numbers.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd

from . import family_data

HERE = Path(__file__).parent
STORE = HERE / "scratch" / "data"
REFERENCE = HERE.parent / "tests" / "reference" / "data"

# Columns that are written as numbers and are factors, for tables without a file of levels.
FACTORS: dict[str, tuple[str, ...]] = {
    "poisson_large": ("g",),
    "crossed_large": ("pupil", "teacher", "school"),
    "bernoulli_large": ("g",),
    "families_small": ("g",),
    "families_large": ("g",),
    "sleepstudy": ("Subject",),
    "cbpp": ("herd", "period"),
    "VerbAgg": ("id", "item", "Gender", "btype", "situ", "r2"),
    "grouseticks": ("INDEX", "BROOD", "LOCATION", "YEAR"),
    "InstEval": ("s", "d", "dept", "service"),
    "Contraception": ("district", "urban", "livch", "use"),
    "Salamanders": ("site", "mined", "spp"),
}

SEED = 20240611


def load(name: str) -> pd.DataFrame:
    """One table, its grouping columns categorical."""
    path = STORE / f"{name}.feather"
    if not path.exists():
        _make(name)
    return pd.read_feather(path)


def available(name: str) -> bool:
    """Whether the table can be had on this machine."""
    if name in SIMULATED or any((STORE / f"{name}{e}").exists() for e in (".feather", ".csv")):
        return True
    return _reference_file(name) is not None or shutil.which("Rscript") is not None


def _make(name: str) -> None:
    STORE.mkdir(parents=True, exist_ok=True)
    if name in SIMULATED:
        frame = SIMULATED[name]()
        frame.to_csv(STORE / f"{name}.csv", index=False)
    else:
        frame = _derived(name, _exported(name))
        frame.to_csv(STORE / f"{name}.csv", index=False)
    frame.to_feather(STORE / f"{name}.feather")


def _exported(name: str) -> pd.DataFrame:
    if not (STORE / f"{name}.csv").exists() and shutil.which("Rscript"):
        subprocess.run(["Rscript", str(HERE / "export.R")], check=True)
    if (STORE / f"{name}.csv").exists():
        return _with_levels(pd.read_csv(STORE / f"{name}.csv"), STORE / f"{name}.levels")
    path = _reference_file(name)
    if path is None:
        raise FileNotFoundError(f"{name}: neither R with its packages nor a reference file is here")
    frame = pd.read_csv(path)
    for column in FACTORS[name]:
        frame[column] = frame[column].astype(str).astype("category")
    return frame


def _with_levels(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    for line in path.read_text(encoding="utf-8").splitlines():
        column, *levels = line.split("\t")
        frame[column] = pd.Categorical(frame[column].astype(str), categories=levels)
    return frame


def _reference_file(name: str) -> Path | None:
    found = [path for e in (".csv", ".csv.gz") if (path := REFERENCE / f"{name}{e}").exists()]
    return found[0] if found else None


def _derived(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Columns that spare the peers an expression in the formula that not all of them know."""
    if name == "cbpp":
        frame["failures"] = frame["size"] - frame["incidence"]
        frame["proportion"] = frame["incidence"] / frame["size"]
    if name == "Contraception":
        frame["age2"] = frame["age"] ** 2
        frame["used"] = (frame["use"] == "Y").astype(float)
    if name == "VerbAgg":
        frame["agrees"] = (frame["r2"] == "Y").astype(float)
    if name == "InstEval":
        frame["high"] = (frame["y"] >= 4).astype(float)
    return frame


def poisson_large() -> pd.DataFrame:
    """200,000 counts in 20,000 groups, a random intercept with SD 0.7, two covariates."""
    rng = np.random.default_rng(SEED)
    n, groups = 200_000, 20_000
    g = rng.integers(0, groups, n)
    x, z = rng.standard_normal(n), rng.integers(0, 2, n).astype(float)
    b = 0.7 * rng.standard_normal(groups)
    y = rng.poisson(np.exp(0.2 + 0.3 * x - 0.4 * z + b[g])).astype(float)
    return pd.DataFrame({"y": y, "x": x, "z": z, "g": _labels(g)})


def crossed_large() -> pd.DataFrame:
    """300,000 scores: 100,000 pupils, 4,500 teachers and 500 schools, partially crossed.

    Each pupil has a home school and three scores. Five scores in six are given by a teacher of the
    home school, the others by a teacher of its district (ten schools), one in a hundred by any
    teacher; one score in ten is taken at another school of the district.
    """
    rng = np.random.default_rng(SEED + 1)
    pupils, teachers, schools, district, scores = 100_000, 4_500, 500, 10, 3
    pupil = np.repeat(np.arange(pupils), scores)
    n = pupil.size
    home = rng.integers(0, schools, pupils)[pupil]
    near = home // district * district + rng.integers(0, district, n)
    staff = teachers // schools
    place = np.where(rng.random(n) < 5 / 6, home, near)
    teacher = place * staff + rng.integers(0, staff, n)
    teacher = np.where(rng.random(n) < 0.01, rng.integers(0, teachers, n), teacher)
    school = np.where(rng.random(n) < 0.9, home, near)
    x = rng.standard_normal(n)
    effects = (
        0.8 * rng.standard_normal(pupils)[pupil]
        + 0.5 * rng.standard_normal(teachers)[teacher]
        + 0.3 * rng.standard_normal(schools)[school]
    )
    y = 1.0 + 0.5 * x + effects + rng.standard_normal(n)
    return pd.DataFrame(
        {
            "y": y,
            "x": x,
            "pupil": _labels(pupil),
            "teacher": _labels(teacher),
            "school": _labels(school),
        }
    )


def bernoulli_large() -> pd.DataFrame:
    """1,000,000 zeros and ones in 50,000 groups, a random intercept with SD 1, two covariates."""
    rng = np.random.default_rng(SEED + 2)
    n, groups = 1_000_000, 50_000
    g = rng.integers(0, groups, n)
    x, z = rng.standard_normal(n), rng.integers(0, 2, n).astype(float)
    b = rng.standard_normal(groups)
    eta = -0.5 + 0.4 * x + 0.6 * z + b[g]
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    return pd.DataFrame({"y": y, "x": x, "z": z, "g": _labels(g)})


def _labels(codes: np.ndarray) -> pd.Categorical:
    """Codes as a categorical of texts, as a table read from a file would have them."""
    present, inverse = np.unique(codes, return_inverse=True)
    return pd.Categorical.from_codes(inverse, [f"g{level:06d}" for level in present])


SIMULATED = {
    "poisson_large": poisson_large,
    "crossed_large": crossed_large,
    "bernoulli_large": bernoulli_large,
    **{
        name: functools.partial(family_data.table, name, SEED + 3 + i)
        for i, name in enumerate(family_data.SIZES)
    },
}


if __name__ == "__main__":
    from benchmarks.suites import SUITES

    for table in sorted({case.table for suite in SUITES.values() for case in suite}):
        rows = len(load(table)) if available(table) else 0
        print(f"{table:20s}{rows:10d} rows" if rows else f"{table:20s}not available here")
