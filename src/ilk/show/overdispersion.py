"""Overdispersion as an answer: tests, the usual answers side by side, a sentence, the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.overdispersion import Overdispersion, overdispersion
from ilk.formula.spec import MEAN, OLRE
from ilk.late import Late
from ilk.show.answer import Answer
from ilk.show.numbers import fixed, p_value, plain, significant
from ilk.show.summary import Table

if TYPE_CHECKING:
    from ilk.diagnostics.overdispersion import Alternative
    from ilk.fitted import Fitted
    from ilk.plot import overdispersion as pictures
else:
    pictures = Late("ilk.plot.overdispersion")

__all__ = ["overdispersion_answer"]

_SHOWN = ("model", "loglik", "df", "aic", "delta")

_CLOSE = 2.0
"""Differences of AIC below which two models are about as good."""


def overdispersion_answer(fitted: Fitted, draws: int = 250, seed: int = 0) -> Answer:
    """Look for overdispersion, fit the usual answers to it, and put both into words.

    Columns: ``model, loglik, df, aic, delta``, for each coefficient of the mean ``estimate[name]``
    and ``std_error[name]``, and ``problem``.

    Parameters
    ----------
    fitted, draws, seed
        As `ilk.diagnostics.overdispersion.overdispersion` takes them.

    Returns
    -------
    Answer
    """
    found = overdispersion(fitted, draws, seed)
    response = plain(fitted.design.response.name)
    values = found.aic
    smallest = np.nan if found.best is None else float(np.nanmin(values))
    fits = [one.fitted if one.sound else None for one in found.alternatives]
    names = [name for part, name in fitted.names if part == MEAN]
    columns: dict[str, Any] = {
        "model": [one.name for one in found.alternatives],
        "loglik": np.array([np.nan if f is None else f.loglik for f in fits]),
        "df": np.array([np.nan if f is None else f.parameter_count for f in fits]),
        "aic": values,
        "delta": values - smallest,
    }
    for name in names:
        pairs = [_coefficient(f, name) for f in fits]
        columns[f"estimate[{name}]"] = np.array([pair[0] for pair in pairs])
        columns[f"std_error[{name}]"] = np.array([pair[1] for pair in pairs])
    columns["problem"] = [one.why for one in found.alternatives]

    def picture(ax: Any = None) -> Any:
        return pictures.draw_variances(found, ax)

    return Answer(
        title=f"Overdispersion of {response}",
        question=(
            f"Does {response} vary more than its family says, and which of the usual answers "
            "describes it best? The same formula with each of them."
        ),
        columns=columns,
        flavor=fitted.design.flavor,
        words=("model",),
        hidden=tuple(name for name in columns if name not in _SHOWN),
        heads={"loglik": "log-lik.", "df": "df", "aic": "AIC"},
        notes=_notes(found),
        tables=(_tests(found), _coefficients(found, names)),
        picture=picture,
    )


def _coefficient(fitted: Fitted | None, name: str) -> tuple[float, float]:
    if fitted is None or (MEAN, name) not in fitted.names:
        return np.nan, np.nan
    place = fitted.names.index((MEAN, name))
    return float(fitted.coef[place]), float(np.sqrt(fitted.vcov[place, place]))


def _tests(found: Overdispersion) -> Table:
    rows = [
        (
            plain(check.title),
            plain(check.estimand),
            significant(check.statistic, 3),
            significant(check.expected, 3),
            p_value(check.p_value) if np.isfinite(check.p_value) else "",
        )
        for check in found.checks
        if np.isfinite(check.statistic)
    ]
    return Table(
        "Tests of the fit as it is",
        ("", "estimand", "observed", "expected", "p"),
        tuple(rows),
    )


def _coefficients(found: Overdispersion, names: list[str]) -> Table:
    slopes = [name for name in names if name != INTERCEPT] or names
    rows = []
    for one in found.alternatives:
        if not one.sound:
            continue
        cells = []
        for name in slopes:
            estimate, error = _coefficient(one.fitted, name)
            cells.append(f"{significant(estimate, 3)} ({significant(error, 2)})")
        rows.append((plain(one.name), *cells))
    return Table(
        "Coefficients of the mean (standard error)",
        ("", *(plain(name) for name in slopes)),
        tuple(rows),
    )


def _notes(found: Overdispersion) -> tuple[str, ...]:
    notes = [_sentence(found)]
    if any(_has_row_effects(one) for one in found.alternatives):
        notes.append(
            "With an effect of each row (olre()) coefficients are those of a row with a typical "
            "effect: with a log link slopes compare with the others, the intercept does not."
        )
    notes += [f"{plain(one.name)}: {plain(one.why, 300)}." for one in found.alternatives if one.why]
    return tuple(notes)


def _has_row_effects(one: Alternative) -> bool:
    terms = () if one.fitted is None else one.fitted.design.terms
    return any(term.grouping.name == OLRE for term in terms)


def _sentence(found: Overdispersion) -> str:
    """Which answer is best, and by how much."""
    best = found.best
    if best is None:
        return "None of the models could be fitted."
    values = found.aic
    order = [i for i in np.argsort(values) if np.isfinite(values[i])]
    close = [
        plain(found.alternatives[i].name)
        for i in order[1:]
        if values[i] - values[order[0]] < _CLOSE
    ]
    first = found.alternatives[0]
    text = f"Smallest AIC: {plain(best.name)}"
    if close:
        text += f"; {' and '.join(close)} {'is' if len(close) == 1 else 'are'} about as good"
    if best is first:
        return f"{text}. There is no sign of overdispersion that one of the others would describe."
    if np.isfinite(values[0]):
        text += f"; {plain(first.name)} is worse by {fixed(values[0] - values[order[0]], 1)}"
    return (
        f"{text}. AIC chooses between descriptions of the variance; coefficients that differ "
        "between close models are as uncertain as that difference."
    )
