"""The answer to "is the mean proportional to the exposure?": models, tests, sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from ilk.diagnostics.exposure import exposure_check
from ilk.diagnostics.exposure_words import WHY_FREE, WHY_OFFSET, judge
from ilk.late import Late
from ilk.show.answer import AbstractAnswer, Answer, table_of
from ilk.show.numbers import plain

if TYPE_CHECKING:
    from ilk.diagnostics.exposure_record import ExposureCheck
    from ilk.fitted import Fitted
    from ilk.plot import exposure as pictures
else:  # only for who looks at pictures
    pictures = Late("ilk.plot.exposure")

__all__ = ["ExposureAnswer", "exposure_answer"]


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ExposureAnswer(AbstractAnswer):
    """Whether the mean is proportional to an exposure.

    Parameters
    ----------
    answer : Answer
        A row for each model: the coefficient of the logarithm, and how well it fits.
    tests : Answer
        Tests of the coefficient being one.
    verdict : {"ok", "note", "problem"}
        In one word.
    """

    answer: Answer
    tests: Answer
    verdict: str


def exposure_answer(fitted: Fitted, exposure: Any = None, level: float = 0.95) -> ExposureAnswer:
    """Ask whether the mean is proportional to an exposure.

    Parameters
    ----------
    fitted : Fitted
        A fit with the link log.
    exposure, level
        As `ilk.diagnostics.exposure.exposure_check` takes them.

    Returns
    -------
    ExposureAnswer
    """
    found = exposure_check(fitted, exposure, level)
    said = judge(found)
    flavor = fitted.design.flavor
    tests = {
        "test": ["Wald", "likelihood ratio"],
        "hypothesis": [f"coefficient of log({found.exposure}) = 1"] * 2,
        "statistic": [found.wald, found.ratio],
        "df": [math.inf, 1.0],
        "p_value": [found.wald_p, found.ratio_p],
    }
    shown = {"test": tests["test"], "statistic": tests["statistic"], "p_value": tests["p_value"]}
    title = f"Is the coefficient of log({plain(found.exposure)}) one?"
    unsound = [m for m in found.models if not m.status.startswith("converged")]
    answer = Answer(
        title=f"Is the mean of {plain(fitted.design.response.name)} proportional to "
        f"{plain(found.exposure)}?",
        question=f"Is an offset meant, which fixes the coefficient of log({plain(found.exposure)}) "
        "at one, or a free coefficient?",
        columns=_columns(found),
        flavor=flavor,
        words=("model", "formula"),
        notes=tuple(
            plain(note, 2000)
            for note in (
                said.role,
                said.test,
                *((said.advice,) if said.advice else ()),
                WHY_OFFSET,
                WHY_FREE,
                *found.notes,
                *(f"The model {m.name!r} is {m.status}: no guide." for m in unsound),
            )
        ),
        level=level,
        hidden=("formula", "status", "estimand", "parameters", "aic_difference"),
        heads={"estimate": "coefficient", "loglik": "log-lik.", "aic": "AIC"},
        tables=(table_of(title, shown, ("test",), heads={"p_value": "p"}),),
        picture=lambda ax: pictures.draw_exposure(
            found.groups,
            (found.coefficient, found.conf_low, found.conf_high),
            plain(found.exposure),
            ax,
        ),
    )
    return ExposureAnswer(
        answer,
        Answer(
            title=title,
            question="Two tests of the same hypothesis.",
            columns=tests,
            flavor=flavor,
            words=("test", "hypothesis"),
        ),
        said.verdict,
    )


def _columns(found: ExposureCheck) -> dict[str, Any]:
    nan = math.nan
    numbers = {
        "offset": (1.0, nan, nan, nan),
        "free coefficient": (
            found.coefficient,
            found.std_error,
            found.conf_low,
            found.conf_high,
        ),
    }
    rows = [numbers.get(model.name, (nan,) * 4) for model in found.models]
    best = min(model.aic for model in found.models)
    return {
        "model": [model.name for model in found.models],
        "formula": [model.formula for model in found.models],
        **{
            name: [row[j] for row in rows]
            for j, name in enumerate(("estimate", "std_error", "conf_low", "conf_high"))
        },
        "parameters": [model.parameters for model in found.models],
        "loglik": [model.loglik for model in found.models],
        "aic": [model.aic for model in found.models],
        "aic_difference": [model.aic - best for model in found.models],
        "status": [model.status for model in found.models],
        "estimand": ["conditional"] * len(rows),
    }
