"""Compares a marginal model (GEE) with its case."""

from __future__ import annotations

from typing import Any

import numpy as np

import ilk

from . import tolerances
from .data import Case, table
from .translate import FAMILIES, python_formula, same_name

_OF_KIND = {"se": "robust", "se_naive": "model", "se_mancl_derouen": "mancl_derouen"}
"""Kind of standard error of each column of a case."""


def fit_marginal(found: Case) -> Any:
    """The fit of a case."""
    model = found["model"]
    return ilk.gee(
        python_formula(model["formula"]),
        table(found),
        groups=model["id"],
        family=FAMILIES.get(model["family"], model["family"]),
        link=model["link"],
        covariance=model["corstr"],
        **model.get("call", {}),
    )


def quantities(found: Case) -> dict[str, list[tuple[str, float, float]]]:
    """Quantity to (where, difference, allowed difference)."""
    fit = fit_marginal(found)
    results = found["results"]
    out: dict[str, list[tuple[str, float, float]]] = {}

    def add(quantity: str, key: str, where: str, mine: float, reference: float, se: float) -> None:
        allowed = tolerances.allowed(tolerances.entry(found, key), reference, standard_error=se)
        out.setdefault(quantity, []).append((where, abs(mine - reference), allowed))

    names = [same_name(name) for name in fit.params.labels]
    for row in results["fixed"]:
        i = names.index(same_name(row["name"]))
        mine = float(fit.params.array[i])
        add("coef", "fixed.estimate", row["name"], mine, row["estimate"], row["se"])
        for column, kind in _OF_KIND.items():
            if column in row:
                error = float(np.sqrt(fit.cov_with(kind).matrix[i, i]))
                add(f"se ({kind})", "fixed.se", row["name"], error, row[column], 0.0)
    for i, row in enumerate(results.get("vcov", ())):
        places = [names.index(same_name(r["name"])) for r in results["fixed"]]
        for j, reference in enumerate(row):
            mine = float(fit.cov.matrix[places[i], places[j]])
            size = float(np.sqrt(results["vcov"][i][i] * results["vcov"][j][j]))
            out.setdefault("vcov", []).append((f"{i},{j}", abs(mine - reference), 2e-3 * size))
    if "scale" in results:
        add("scale", "scale", "", fit.scale, results["scale"], 0.0)
    alpha = (results.get("correlation") or {}).get("alpha", [])
    for i, reference in enumerate(alpha):
        mine = float(fit.working_correlation().columns["estimate"][i])
        add("alpha", "correlation", str(i), mine, reference, 0.0)
    if "qic" in results:
        columns = fit.qic().columns
        for key, name in (("QIC", "qic"), ("QICu", "qicu"), ("CIC", "cic")):
            add("qic", "qic", key, float(columns[name][0]), results["qic"][key], 0.0)
    for i, reference in enumerate(results.get("fitted_first10", ())):
        add("fitted", "fitted", str(i), float(fit.fitted_values[i]), reference, 0.0)
    return out
