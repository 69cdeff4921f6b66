"""Marginal models by geepack and statsmodels: makes the ``gee-sim-*`` cases of tests/reference.

    python -m validation.gee_peers          # needs statsmodels, and R with geepack

Simulates one data set (clusters out of order, waves missing), fits it with both packages, and puts
data and results into tests/reference. Nothing here is computed by ilk.
"""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

REFERENCE = Path(__file__).resolve().parent.parent / "tests" / "reference"
DATA = "data/gee_a.csv"

TOLERANCE = {
    "fixed.estimate": {"abs": 1e-6, "rel": 0, "se_mult": 0.001},
    "fixed.se": {"abs": 1e-7, "rel": 0.001},
    "correlation": {"abs": 1e-4, "rel": 0.001},
    "scale": {"abs": 1e-6, "rel": 0.001},
}

GEEPACK = r"""
suppressMessages(library(geepack))
arguments <- commandArgs(TRUE)
d <- read.csv(arguments[1]); d <- d[order(d$g, d$wave), ]; d$cluster <- as.integer(factor(d$g))
epil <- read.csv(arguments[2]); epil$trt <- factor(epil$trt)
exact <- geese.control(epsilon = 1e-12, maxit = 200)
say <- function(case, fit) {
  v <- sqrt(diag(fit$geese$vbeta)); n <- sqrt(diag(fit$geese$vbeta.naiv))
  for (i in seq_along(coef(fit))) cat(case, ",fixed,", names(coef(fit))[i],
    sprintf(",%.17g,%.17g,%.17g\n", coef(fit)[i], v[i], n[i]), sep = "")
  cat(case, "scale", "", sprintf("%.17g", fit$geese$gamma), sep = ","); cat("\n")
  cat(case, "alpha", "", paste(sprintf("%.17g", fit$geese$alpha), collapse = ","), sep = ",")
  cat("\n")
}
say("gee-sim-ar1-gaps", geeglm(z ~ trt + x, id = cluster, waves = wave, data = d,
  corstr = "ar1", control = exact))
say("gee-sim-poisson-ar1-offset", geeglm(count ~ trt + x + offset(log(days)), id = cluster,
  waves = wave, data = d, family = poisson, corstr = "ar1", control = exact))
say("gee-sim-cloglog-exchangeable", geeglm(y ~ trt + x, id = cluster, data = d,
  family = binomial("cloglog"), corstr = "exchangeable", control = exact))
say("gee-epil-poisson-unstructured", geeglm(y ~ lbase * trt + lage + V4, id = subject, data = epil,
  family = poisson, corstr = "unstructured", control = exact))
cat("version", packageVersion("geepack") |> as.character(), R.version.string, sep = ",")
"""


def simulate() -> pd.DataFrame:
    """Binary, count, positive and continuous responses in 45 clusters of up to 6 waves."""
    rng = np.random.default_rng(5)
    rows = []
    for k in range(45):
        level = rng.normal(0, 0.6)
        inner = [rng.normal(0, 0.5) for _ in range(3)]
        trt = k % 2
        for wave in range(1, 7):
            if rng.random() < 0.2:
                continue
            s, x = int(rng.integers(0, 3)), float(rng.normal())
            eta = 0.3 + 0.4 * x - 0.5 * trt + level + inner[s]
            rows.append(
                {
                    "g": f"c{(k * 7) % 45:02d}",
                    "s": f"s{s}",
                    "wave": wave,
                    "trt": trt,
                    "x": round(x, 6),
                    "y": int(rng.random() < 1 / (1 + np.exp(-eta))),
                    "count": int(rng.poisson(np.exp(0.5 * eta))),
                    "z": round(eta + float(rng.normal()), 6),
                    "cost": round(float(np.exp(0.3 * eta) * rng.gamma(2, 0.5)), 6),
                    "days": round(float(rng.uniform(0.5, 3)), 6),
                }
            )
    return pd.DataFrame(rows).sample(frac=1, random_state=1).reset_index(drop=True)


def columns(data: pd.DataFrame, names: list[str]) -> dict[str, Any]:
    """Kinds of the columns of a case."""
    kinds: dict[str, Any] = {}
    for name in names:
        if data[name].dtype.kind in "iu":
            kinds[name] = {"kind": "integer"}
        elif data[name].dtype.kind == "f":
            kinds[name] = {"kind": "numeric"}
        else:
            kinds[name] = {"kind": "factor", "levels": sorted(data[name].unique().tolist())}
    return kinds


def case(name: str, model: dict[str, Any], engine: dict[str, Any], results: dict[str, Any]) -> Any:
    """One case; the data are filled in later."""
    return {
        "id": name,
        "kind": "gee",
        "description": None,
        "tags": ["gee", model["corstr"]],
        "model": model,
        "engine": engine,
        "results": results,
        "tolerance": TOLERANCE,
    }


def by_geepack(path: Path) -> list[Any]:
    """The cases that geepack fits."""
    models = {
        "gee-sim-ar1-gaps": ("z ~ trt + x", "gaussian", "identity", "ar1", {"order": "wave"}),
        "gee-sim-poisson-ar1-offset": (
            "count ~ trt + x",
            "poisson",
            "log",
            "ar1",
            {"order": "wave", "exposure": "days"},
        ),
        "gee-sim-cloglog-exchangeable": ("y ~ trt + x", "binomial", "cloglog", "exchangeable", {}),
        "gee-epil-poisson-unstructured": (
            "y ~ lbase * trt + lage + V4",
            "poisson",
            "log",
            "unstructured",
            {},
        ),
    }
    with tempfile.NamedTemporaryFile("w", suffix=".R") as script:
        script.write(GEEPACK)
        script.flush()
        arguments = ["Rscript", script.name, str(path), str(REFERENCE / "data/epil.csv")]
        text = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    lines = [line for line in csv.reader(text.splitlines()) if line]
    (version,) = (line for line in lines if line[0] == "version")
    engine = {"package": "geepack", "function": "geeglm", "version": version[1], "R": version[2]}
    found = []
    for name, (formula, family, link, corstr, call) in models.items():
        mine = [line[1:] for line in lines if line[0] == name]
        fixed = [
            {
                "name": row[1],
                "estimate": float(row[2]),
                "se": float(row[3]),
                "se_naive": float(row[4]),
            }
            for row in mine
            if row[0] == "fixed"
        ]
        scale = next(float(row[2]) for row in mine if row[0] == "scale")
        alpha = next([float(a) for a in row[2:]] for row in mine if row[0] == "alpha")
        model = {"formula": formula, "family": family, "link": link, "corstr": corstr}
        model |= {"id": "subject" if "epil" in name else "g", "call": call}
        results = {"fixed": fixed, "scale": scale, "correlation": {"alpha": alpha}}
        found.append(case(name, model, engine, results))
    return found


def by_statsmodels(data: pd.DataFrame) -> list[Any]:
    """The cases that statsmodels fits; its corrected covariance is that of Mancl and DeRouen."""
    import statsmodels
    import statsmodels.api as sm

    F, C = sm.families, sm.cov_struct
    engine = {
        "package": "statsmodels",
        "function": "GEE",
        "version": statsmodels.__version__,
    }
    wanted = [
        ("gee-sim-logit-exchangeable", "y", "binomial", "logit", F.Binomial(), C.Exchangeable()),
        ("gee-sim-poisson-independence", "count", "poisson", "log", F.Poisson(), C.Independence()),
        ("gee-sim-poisson-offset", "count", "poisson", "log", F.Poisson(), C.Exchangeable()),
        (
            "gee-sim-gamma-exchangeable",
            "cost",
            "gamma",
            "log",
            F.Gamma(F.links.Log()),
            C.Exchangeable(),
        ),
        ("gee-sim-nested", "z", "gaussian", "identity", F.Gaussian(), C.Nested()),
    ]
    found = []
    for name, y, family, link, theirs, structure in wanted:
        X = np.column_stack([np.ones(len(data)), data.trt, data.x])
        options: dict[str, Any] = {}
        call: dict[str, Any] = {}
        if name == "gee-sim-poisson-offset":
            options["offset"], call["exposure"] = np.log(data.days.to_numpy()), "days"
        if name == "gee-sim-nested":
            codes = data.s.astype("category").cat.codes.to_numpy()
            options["dep_data"], call["subgroups"] = codes[:, None], "s"
        model = sm.GEE(data[y], X, data.g, family=theirs, cov_struct=structure, **options)
        setting = {"maxiter": 500, "ctol": 1e-12, "ddof_scale": 0}
        fit = model.fit(**setting)
        corrected = model.fit(**setting, cov_type="bias_reduced")
        names = ["(Intercept)", "trt", "x"]
        robust, naive = (np.sqrt(np.diag(c)) for c in (fit.cov_robust, fit.cov_naive))
        derouen = np.sqrt(np.diag(corrected.cov_params()))
        fixed = [
            {
                "name": names[i],
                "estimate": float(fit.params.iloc[i]),
                "se": float(robust[i]),
                "se_mancl_derouen": float(derouen[i]),
            }
            for i in range(3)
        ]
        results: dict[str, Any] = {"fixed": fixed}
        if family in ("gamma", "gaussian"):  # others have their scale fixed at one there
            results["scale"] = float(fit.scale)
            for row, error in zip(fixed, naive, strict=True):
                row["se_naive"] = float(error)
        corstr = {"Exchangeable": "exchangeable", "Independence": "independence"}
        kind = corstr.get(type(structure).__name__, "nested")
        if kind == "exchangeable":
            results["correlation"] = {"alpha": [float(structure.dep_params)]}
        spec = {"formula": f"{y} ~ trt + x", "family": family, "link": link, "corstr": kind}
        one = case(name, spec | {"id": "g", "call": call}, engine, results)
        if kind == "nested":
            one["tolerance"] = {
                "fixed.estimate": {"abs": 0, "rel": 0, "se_mult": 0.02},
                "fixed.se": {"abs": 0, "rel": 0.01},
                "scale": {"abs": 0, "rel": 0.001},
            }
            one["notes"] = (
                "statsmodels divides the residual variance inside of the nested correlation by "
                "n - p, so its correlations are 1.5 % smaller here."
            )
        found.append(one)
    return found


def main() -> None:
    """Write data, cases and fingerprints."""
    data = simulate()
    path = REFERENCE / DATA
    data.to_csv(path, index=False)
    epil = pd.read_csv(REFERENCE / "data/epil.csv")
    fresh = [*by_geepack(path), *by_statsmodels(data)]
    for one in fresh:
        mine = "epil" not in one["id"]
        table = data if mine else epil
        one["data"] = DATA if mine else "data/epil.csv"
        one["data_source"] = "simulated (validation/gee_peers.py)" if mine else "MASS"
        one["n_rows"] = len(table)
        text = one["model"]["formula"].replace("~", " ").replace("*", " ").replace("+", " ")
        names = [*text.split(), one["model"]["id"], *one["model"]["call"].values()]
        one["columns"] = columns(table, list(dict.fromkeys(names)))
    listed = REFERENCE / "cases.json"
    new = {one["id"] for one in fresh}
    old = [line.rstrip(",") for line in listed.read_text(encoding="utf-8").splitlines()[1:-1]]
    kept = [line for line in old if json.loads(line)["id"] not in new]
    lines = ",\n".join([*kept, *map(json.dumps, fresh)])
    listed.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    sums = REFERENCE / "SHA256SUMS"
    recorded = dict(
        reversed(line.split("  ", 1)) for line in sums.read_text(encoding="utf-8").splitlines()
    )
    for name in ("cases.json", DATA):
        recorded[name] = hashlib.sha256((REFERENCE / name).read_bytes()).hexdigest()
    sums.write_text("".join(f"{v}  {k}\n" for k, v in sorted(recorded.items())), encoding="utf-8")


if __name__ == "__main__":
    main()
