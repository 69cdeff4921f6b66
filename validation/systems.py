"""Simulated health systems whose true effects, rates and ranks are known.

Five designs, each with its own parameters; how many levels there are and how large they are differs
between systems, from hospitals that hardly report to ones with half of all patients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .draws import INVERSE, response


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """Data of one system and the truth about its levels.

    Attributes
    ----------
    table : DataFrame
        The data.
    effect : (L,) array
        True effects on the link's scale, in the order of the levels: what is ranked.
    rate : (L,) array or None
        True rates with the rows of all levels; None where slopes are ranked.
    size : (L,) array
        Exposure, trials or rows of each level.
    observed : (L,) array
        Sums of the response.
    """

    table: pd.DataFrame
    effect: np.ndarray
    rate: np.ndarray | None
    size: np.ndarray
    observed: np.ndarray


@dataclass(frozen=True, slots=True)
class Design:
    """How systems are drawn, fitted and asked.

    Attributes
    ----------
    formula, arguments
        Of `ilk.fit`.
    group : str
        Factor whose levels are ranked.
    draw : callable
        Takes a source of randomness to a `System`.
    asked : dict
        Arguments of `fit.league_table`.
    words : str
        What it is, for the documentation.
    """

    formula: str
    arguments: dict[str, Any]
    group: str
    draw: Callable[[np.random.Generator], System]
    asked: dict[str, Any]
    words: str


def _system(
    table: pd.DataFrame, group: str, effect: np.ndarray, rate: np.ndarray | None, size: np.ndarray
) -> System:
    codes, levels = table[group].to_numpy(), len(effect)
    return System(
        table=table,
        effect=effect,
        rate=rate,
        size=np.bincount(codes, size, levels),
        observed=np.bincount(codes, table["y"], levels),
    )


def _standardized(link: str, fixed: np.ndarray, effect: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Mean over all rows of what each level's effect would give, weighted by their units."""
    means = INVERSE[link](fixed[None, :] + effect[:, None])
    return np.asarray(means @ unit / unit.sum())


def infections(rng: np.random.Generator) -> System:
    """Counts by quarter: 1.4 infections per 1,000 patient days, some hospitals with 100 days."""
    levels = int(rng.integers(30, 61))
    effect = 0.4 * rng.normal(size=levels)
    days = np.exp(rng.normal(np.log(1500.0), 1.2, levels)).clip(100.0)
    hospital = np.repeat(np.arange(levels), 4)
    n = len(hospital)
    table = pd.DataFrame(
        {
            "hospital": hospital,
            "days": days[hospital] / 4 * rng.uniform(0.7, 1.3, n),
            "x": 0.5 * rng.normal(size=levels)[hospital] + rng.normal(size=n),
        }
    )
    fixed = np.log(1.4e-3) + 0.3 * table.x.to_numpy()
    mean = np.exp(fixed + effect[hospital]) * table.days.to_numpy()
    table["y"] = response("poisson", mean, 1.0, rng)
    unit = table.days.to_numpy()
    return _system(table, "hospital", effect, _standardized("log", fixed, effect, unit), unit)


def deaths(rng: np.random.Generator) -> System:
    """Deaths among operated patients, 8 %: 5 to 500 patients per hospital, in two risk groups."""
    levels = int(rng.integers(25, 51))
    effect = 0.5 * rng.normal(size=levels)
    patients = np.exp(rng.uniform(np.log(5.0), np.log(500.0), levels))
    hospital = np.repeat(np.arange(levels), 2)
    risk = np.tile([0.0, 1.0], levels)
    share = rng.uniform(0.2, 0.6, levels)[hospital]
    trials = np.maximum(np.rint(patients[hospital] * np.where(risk > 0, share, 1.0 - share)), 1.0)
    table = pd.DataFrame({"hospital": hospital, "risk": risk, "patients": trials})
    fixed = -2.8 + 0.9 * risk
    mean = INVERSE["logit"](fixed + effect[hospital])
    table["y"] = response("binomial", mean, 1.0, rng, trials)
    return _system(table, "hospital", effect, _standardized("logit", fixed, effect, trials), trials)


def scores(rng: np.random.Generator) -> System:
    """Test scores of pupils: 3 to 60 per school, intraclass correlation 0.14."""
    levels = int(rng.integers(20, 51))
    effect = 4.0 * rng.normal(size=levels)
    school = np.repeat(np.arange(levels), rng.integers(3, 61, levels))
    n = len(school)
    table = pd.DataFrame({"school": school, "x": rng.normal(size=n)})
    fixed = 50.0 + 3.0 * table.x.to_numpy()
    table["y"] = fixed + effect[school] + 10.0 * rng.normal(size=n)
    return _system(
        table, "school", effect, _standardized("identity", fixed, effect, np.ones(n)), np.ones(n)
    )


def readmissions(rng: np.random.Generator) -> System:
    """Readmissions by hospital and doctor: a doctor works in one to three hospitals."""
    levels, doctors = int(rng.integers(30, 51)), int(rng.integers(60, 101))
    effect, other = 0.5 * rng.normal(size=levels), 0.5 * rng.normal(size=doctors)
    home = np.concatenate([np.arange(levels), rng.integers(0, levels, doctors)])[:doctors]
    pairs = [
        (h, d)
        for d in range(doctors)
        for h in {int(home[d]), *rng.integers(0, levels, rng.integers(0, 3)).tolist()}
    ]
    hospital, doctor = (np.array(column) for column in zip(*pairs, strict=True))
    hospital = np.concatenate([hospital, np.arange(levels)])  # each hospital has a row
    doctor = np.concatenate([doctor, rng.integers(0, doctors, levels)])
    n = len(hospital)
    trials = rng.integers(3, 41, n).astype(float)
    table = pd.DataFrame(
        {"hospital": hospital, "doctor": doctor, "patients": trials, "x": rng.normal(size=n)}
    )
    fixed = -1.6 + 0.3 * table.x.to_numpy() + other[doctor]
    mean = INVERSE["logit"](fixed + effect[hospital])
    table["y"] = response("binomial", mean, 1.0, rng, trials)
    return _system(table, "hospital", effect, _standardized("logit", fixed, effect, trials), trials)


def trends(rng: np.random.Generator) -> System:
    """Counselling by month of clinicians with changing loads: whose rate rises fastest."""
    levels, months = int(rng.integers(30, 51)), 8
    b = rng.normal(size=(levels, 2)) @ np.array([[0.5, 0.0], [-0.03, 0.1]]).T
    clinician = np.repeat(np.arange(levels), months)
    month = np.tile(np.arange(months) - 3.5, levels)
    keep = rng.random(len(month)) > 0.15
    clinician, month = clinician[keep], month[keep]
    load = np.exp(rng.normal(np.log(12.0), 0.8, levels))[clinician]
    visits = np.maximum(rng.poisson(load), 1).astype(float)
    table = pd.DataFrame({"clinician": clinician, "month": month, "visits": visits})
    slope = 0.04 + b[:, 1]
    eta = -1.2 + b[clinician, 0] + slope[clinician] * month
    table["y"] = response("poisson", np.exp(eta) * visits, 1.0, rng)
    codes, kept = np.unique(clinician, return_inverse=True)
    table["clinician"] = kept
    return _system(table, "clinician", slope[codes], None, visits)


DESIGNS: dict[str, Design] = {
    "infections": Design(
        "y ~ x + (1 | hospital)",
        {"family": "poisson", "exposure": "days"},
        "hospital",
        infections,
        {"threshold": 2e-3},
        "infections per patient day, Poisson, 30-60 hospitals with 100 to 50,000 days",
    ),
    "deaths": Design(
        "y ~ risk + (1 | hospital)",
        {"family": "binomial", "trials": "patients"},
        "hospital",
        deaths,
        {"threshold": 0.12},
        "deaths out of patients, binomial, 25-50 hospitals with 5 to 500 patients",
    ),
    "scores": Design(
        "y ~ x + (1 | school)",
        {},
        "school",
        scores,
        {"threshold": 52.0, "order": "high"},
        "test scores, linear, 20-50 schools with 3 to 60 pupils",
    ),
    "readmissions": Design(
        "y ~ x + (1 | hospital) + (1 | doctor)",
        {"family": "binomial", "trials": "patients"},
        "hospital",
        readmissions,
        {"threshold": 0.25},
        "readmissions, binomial, 30-50 hospitals crossed with 60-100 doctors",
    ),
    "trends": Design(
        "y ~ month + (1 + month | clinician)",
        {"family": "poisson", "exposure": "visits"},
        "clinician",
        trends,
        {"term": "month", "order": "high"},
        "trends of counselling rates, Poisson with random slopes, 30-50 clinicians, 8 months",
    ),
}
