"""Power as an answer: the question in words, the table, the picture of the power curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.inference.power import Power, power
from ilk.inference.robust.units import ROW
from ilk.late import Late
from ilk.show.answer import Answer
from ilk.show.numbers import counted, plain

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["power_answer"]

pictures = Late("ilk.plot.power")


def power_answer(fitted: Fitted, effect: Any, n_clusters: Any, **options: Any) -> Answer:
    """Compute power, and put it into words.

    Columns: ``term, effect, n_clusters, rows, estimate, conf_low, conf_high, draws, failed, test,
    alpha, estimand``.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    effect, n_clusters, **options
        As `power` takes them.

    Returns
    -------
    Answer
    """
    found = power(fitted, effect, n_clusters, **options)
    level = float(options.get("level", 0.95))
    k = len(found.terms)
    alone = found.unit == ROW
    unit = "rows" if alone else f"levels of {plain(found.unit)}"
    return Answer(
        title=f"How often would a study of {plain(fitted.design.response.name)} find the effect?",
        question=(
            f"Which share of studies with so many {unit}, drawn from the fit with the coefficient "
            f"set to the effect, rejects that it is zero at the level {found.alpha:g}?"
        ),
        columns={
            "term": list(found.terms),
            "effect": [float(value) for value in found.effect],
            "n_clusters": found.clusters,
            "rows": np.rint(found.rows).astype(np.int64),
            "estimate": found.power,
            "conf_low": found.conf_low,
            "conf_high": found.conf_high,
            "draws": found.studies,
            "failed": found.failed,
            "test": [found.test] * k,
            "alpha": np.full(k, found.alpha),
            "estimand": ["conditional"] * k,
        },
        flavor=fitted.design.flavor,
        words=("term", "effect"),
        hidden=(
            *("test", "alpha", "estimand"),
            *(("rows",) if alone else ()),  # said by n_clusters
            *(() if found.failed.any() else ("failed",)),
        ),
        heads={
            "term": "coefficient",
            "estimate": "power",
            "n_clusters": "rows" if alone else "clusters",
            "draws": "studies",
        },
        notes=tuple(plain(note, 2000) for note in _notes(found, unit)),
        level=level,
        picture=lambda ax: pictures.draw_power(pictures.power_picture(found), ax),
    )


def _notes(found: Power, unit: str) -> list[str]:
    alone = found.unit == ROW
    new = " and new responses" if alone else ", new random effects and new responses"
    notes = [
        f"Each study draws {unit} of the fit with replacement, with their covariates{new}; "
        f"{found.tested_by}. The interval is that of the simulation (Wilson); seed {found.seed}."
    ]
    if found.kept:
        names = " and ".join(plain(name) for name in found.kept)
        drawn = "Rows" if alone else "Clusters"
        notes.append(f"{drawn} are drawn within the values of {names}, whose shares are kept.")
    if found.fixed:
        names = " and ".join(plain(name) for name in found.fixed)
        notes.append(f"The levels of {names} are those of the fit, with new random effects.")
    notes.append(
        f"{'All other parameters' if alone else 'Variances and all other coefficients'} are taken "
        "as estimated: how uncertain they are is not part of these numbers."
    )
    if found.test == "likelihood_ratio" and int(found.clusters.min()) < 30:
        notes.append(
            f"With few {'rows' if alone else 'clusters'} the likelihood-ratio test rejects too "
            "often, so that part of its power is false."
        )
    if found.failed.any():
        notes.append(
            f"{counted(int(found.failed.sum()), 'fit')} failed and "
            f"{'are' if found.failed.sum() > 1 else 'is'} left out, the first because: "
            f"{found.reasons[0]}."
        )
    return notes
