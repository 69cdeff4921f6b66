"""The script that drew the data sets: models with known truth, one function each.

Run ``python -m ilk.datasets.simulate DIRECTORY`` to write all of them as CSV. Draws come from
``numpy.random.RandomState``, the one generator whose stream NumPy has promised never to change
(NEP 19), so the files can be made again, byte for byte, with any NumPy.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.random import RandomState

from ilk.datasets.truth import (
    CLASSROOM_SCORES,
    COUNSELING_RATES,
    ECZEMA_TRIAL,
    ESSAY_MARKS,
    GULL_MASS,
    HOSPITAL_INFECTIONS,
    POND_NEWTS,
)

__all__ = ["RECIPES", "as_csv", "main"]

Columns = Mapping[str, Sequence[object]]


def hospital_infections() -> Columns:
    """Draw monthly infection counts of 60 hospitals; a policy starts at different months.

    Poisson; log rate = intercept + policy + severity + month + hospital's own level and trend.
    """
    truth = HOSPITAL_INFECTIONS
    rng = RandomState(20260101)
    hospitals, months = 60, 24
    beds = np.maximum(2, np.exp(rng.normal(2.5, 1.5, hospitals)).round()).astype(int)
    level = rng.normal(0.0, 1.0, hospitals)
    trend = truth["correlation"] * level + np.sqrt(1 - truth["correlation"] ** 2) * rng.normal(
        0.0, 1.0, hospitals
    )
    level, trend = truth["sd_level"] * level, truth["sd_month"] * trend
    start = rng.permutation(np.repeat(np.arange(4, 28, 2), hospitals // 12))
    case_mix = rng.normal(0.0, 0.5, hospitals)
    age = rng.normal(64.0, 4.0, hospitals)
    rows: dict[str, list[object]] = {
        name: []
        for name in (
            "hospital", "beds", "month", "policy", "severity", "age", "patient_days", "infections"
        )
    }  # fmt: skip
    for j in range(hospitals):
        for month in range(months):
            days = max(3, round(float(beds[j] * 30.4 * rng.beta(3.0, 3.0))))
            severity = round(case_mix[j] + rng.normal(0.0, 0.4), 2)
            policy = int(month >= start[j])
            rate = np.exp(
                truth["intercept"]
                + truth["policy"] * policy
                + truth["severity"] * severity
                + truth["month"] * month
                + level[j]
                + trend[j] * month
            )
            values = (
                f"H{j + 1:02d}",
                int(beds[j]),
                month,
                policy,
                f"{severity:.2f}",
                f"{age[j] + rng.normal(0.0, 1.5):.1f}",
                days,
                int(rng.poisson(days * rate)),
            )
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    return rows


def classroom_scores() -> Columns:
    """Draw test scores of students in classrooms in schools; the method is set by the classroom.

    Gaussian; score = intercept + method + prior + school + classroom + residual.
    """
    truth = CLASSROOM_SCORES
    rng = RandomState(20260102)
    rows: dict[str, list[object]] = {
        name: [] for name in ("school", "classroom", "method", "prior", "score")
    }
    for school in range(30):
        b_school = rng.normal(0.0, truth["sd_school"])
        for classroom in range(rng.randint(2, 6)):
            b_classroom = rng.normal(0.0, truth["sd_classroom"])
            new = int(rng.random_sample() < 0.5)
            for _ in range(rng.randint(4, 25)):
                prior = round(50.0 + 0.5 * b_school + rng.normal(0.0, 9.0), 1)
                score = (
                    truth["intercept"]
                    + truth["method"] * new
                    + truth["prior"] * (prior - 50.0)
                    + b_school
                    + b_classroom
                    + rng.normal(0.0, truth["sd_residual"])
                )
                rows["school"].append(f"S{school + 1:02d}")
                rows["classroom"].append(f"S{school + 1:02d}-{'ABCDE'[classroom]}")
                rows["method"].append("new" if new else "usual")
                rows["prior"].append(f"{prior:.1f}")
                rows["score"].append(f"{score:.1f}")
    return rows


def essay_marks() -> Columns:
    """Draw marks of essays by raters, partially crossed: each essay is read by 4 of 25 raters.

    Binomial counts; logit of a point = intercept + prompt + experience + essay + rater.
    """
    truth = ESSAY_MARKS
    rng = RandomState(20260103)
    essays, raters, readings = 150, 25, 4
    b_essay = rng.normal(0.0, truth["sd_essay"], essays)
    b_rater = rng.normal(0.0, truth["sd_rater"], raters)
    experience = rng.randint(0, 21, raters)
    rows: dict[str, list[object]] = {
        name: [] for name in ("essay", "rater", "prompt", "experience", "points", "items")
    }
    for essay in range(essays):
        argue = essay % 2
        for rater in np.sort(rng.permutation(raters)[:readings]):
            eta = (
                truth["intercept"]
                + truth["prompt"] * argue
                + truth["experience"] * experience[rater]
                + b_essay[essay]
                + b_rater[rater]
            )
            rows["essay"].append(f"E{essay + 1:03d}")
            rows["rater"].append(f"R{rater + 1:02d}")
            rows["prompt"].append("argue" if argue else "describe")
            rows["experience"].append(int(experience[rater]))
            rows["points"].append(int(rng.binomial(12, _expit(eta))))
            rows["items"].append(12)
    return rows


def eczema_trial() -> Columns:
    """Draw a randomized trial with a yes/no outcome at five visits and some missed visits.

    Bernoulli; logit of clear skin = intercept + week + active x week + severity + patient.
    """
    truth = ECZEMA_TRIAL
    rng = RandomState(20260104)
    rows: dict[str, list[object]] = {
        name: [] for name in ("patient", "treatment", "severity", "week", "clear")
    }
    treatment = rng.permutation(np.repeat([0, 1], 120))
    for patient, active in enumerate(treatment):
        b = rng.normal(0.0, truth["sd_patient"])
        severity = round(float(rng.normal(0.0, 1.0)), 2)
        for week in (0, 2, 4, 8, 12):
            eta = (
                truth["intercept"]
                + truth["week"] * week
                + truth["active_by_week"] * active * week
                + truth["severity"] * severity
                + b
            )
            clear = int(rng.random_sample() < _expit(eta))
            missed = week > 0 and rng.random_sample() < 0.06
            if missed:
                continue
            rows["patient"].append(patient + 1)
            rows["treatment"].append("active" if active else "placebo")
            rows["severity"].append(f"{severity:.2f}")
            rows["week"].append(week)
            rows["clear"].append(clear)
    return rows


def pond_newts() -> Columns:
    """Draw newt counts in ponds: overdispersed, and with more zeros where there are fish.

    Zero-inflated negative binomial; log rate per minute = intercept + cover + depth + pond;
    logit of an excess zero = zero_intercept + zero_fish; Var = mu + dispersion mu^2.
    """
    truth = POND_NEWTS
    rng = RandomState(20260105)
    rows: dict[str, list[object]] = {
        name: [] for name in ("pond", "visit", "fish", "cover", "depth", "minutes", "newts")
    }
    size = 1.0 / truth["dispersion"]
    for pond in range(70):
        b = rng.normal(0.0, truth["sd_pond"])
        fish = int(rng.random_sample() < 0.4)
        cover = float(rng.beta(2.0, 2.0))
        depth = round(float(np.exp(rng.normal(-0.2, 0.4))), 2)
        for visit in range(1, 7):
            here = round(float(np.clip(cover + rng.normal(0.0, 0.1), 0.0, 1.0)), 2)
            minutes = int(rng.choice([20, 30, 45, 60]))
            mu = minutes * np.exp(
                truth["intercept"] + truth["cover"] * here + truth["depth"] * depth + b
            )
            absent = rng.random_sample() < _expit(
                truth["zero_intercept"] + truth["zero_fish"] * fish
            )
            count = int(rng.poisson(mu * rng.gamma(size, 1.0 / size)))
            rows["pond"].append(f"P{pond + 1:02d}")
            rows["visit"].append(visit)
            rows["fish"].append("yes" if fish else "no")
            rows["cover"].append(f"{here:.2f}")
            rows["depth"].append(f"{depth:.2f}")
            rows["minutes"].append(minutes)
            rows["newts"].append(0 if absent else count)
    return rows


def gull_mass() -> Columns:
    """Draw the mass of gulls from year to year; light gulls die young.

    Gaussian; mass = intercept + age + age squared (from age 8) + terminal year + gull + residual.
    The log odds of survival to the next year rise with the gull's own effect and fall with age.
    """
    truth = GULL_MASS
    rng = RandomState(20260108)
    rows: dict[str, list[object]] = {name: [] for name in ("gull", "year", "age", "alive", "mass")}
    for gull in range(400):
        quality = rng.normal(0.0, 1.0)
        records: list[tuple[int, int, int]] = []
        alive, age = True, 4
        for year in range(1990 + rng.randint(0, 14), 2011):
            chance = _expit(1.0 - 0.10 * (age - 8) + truth["survival"] * quality)
            alive = bool(rng.random_sample() < chance)
            since = age - 8
            mass = (
                truth["intercept"]
                + truth["age"] * since
                + truth["age_squared"] * since**2
                + truth["terminal"] * (not alive)
                + truth["sd_gull"] * quality
                + rng.normal(0.0, truth["sd_residual"])
            )
            records.append((year, age, round(mass)))
            age += 1
            if not alive:
                break
        for year, age, grams in records:
            for name, value in zip(
                rows, (f"G{gull + 1:03d}", year, age, int(alive), grams), strict=True
            ):
                rows[name].append(value)
    return rows


def counseling_rates() -> Columns:
    """Draw monthly counts of counseling by clinicians whose loads differ; half are trained late.

    Poisson; log rate = intercept + training + month + clinician's own level and trend.
    """
    truth = COUNSELING_RATES
    rng = RandomState(20260109)
    clinicians, months = 60, 12
    usual = np.exp(rng.normal(3.4, 0.9, clinicians))
    level = rng.normal(0.0, 1.0, clinicians)
    trend = truth["correlation"] * level + np.sqrt(1 - truth["correlation"] ** 2) * rng.normal(
        0.0, 1.0, clinicians
    )
    level, trend = truth["sd_level"] * level, truth["sd_month"] * trend
    start = rng.permutation(np.repeat([0, 3, 6, 9, 12, 12], clinicians // 6))
    rows: dict[str, list[object]] = {
        name: [] for name in ("clinician", "month", "training", "opportunities", "counseled")
    }
    for j in range(clinicians):
        for month in range(months):
            load = max(1, round(float(usual[j] * np.exp(rng.normal(0.0, 0.5)))))
            training = int(month >= start[j])
            eta = (
                truth["intercept"]
                + truth["training"] * training
                + (truth["month"] + trend[j]) * month
                + level[j]
            )
            rows["clinician"].append(f"C{j + 1:02d}")
            rows["month"].append(month)
            rows["training"].append(training)
            rows["opportunities"].append(load)
            rows["counseled"].append(int(rng.poisson(load * np.exp(eta))))
    return rows


RECIPES: Mapping[str, Callable[[], Columns]] = {
    "hospital_infections": hospital_infections,
    "classroom_scores": classroom_scores,
    "essay_marks": essay_marks,
    "eczema_trial": eczema_trial,
    "pond_newts": pond_newts,
    "gull_mass": gull_mass,
    "counseling_rates": counseling_rates,
}


def as_csv(columns: Columns) -> str:
    """Text of a CSV file.

    Parameters
    ----------
    columns : mapping of str to sequence
        Columns of equal length.

    Returns
    -------
    str
        Header and rows, each line ended by a line feed.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue()


def main(arguments: Sequence[str]) -> None:
    """Write all data sets into a directory.

    Parameters
    ----------
    arguments : sequence of str
        The directory.
    """
    (directory,) = arguments
    for name, draw in RECIPES.items():
        Path(directory, f"{name}.csv").write_text(as_csv(draw()), encoding="utf-8")


def _expit(eta: float) -> float:
    return float(1.0 / (1.0 + np.exp(-eta)))


if __name__ == "__main__":
    main(sys.argv[1:])
