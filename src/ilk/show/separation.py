"""The answer to "do the data separate?" as a table with its sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.separation import Separation, separation
from ilk.show.answer import Answer
from ilk.show.numbers import integer, plain

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["separation_answer"]


def separation_answer(fitted: Fitted) -> Answer:
    """Write which coefficients have no finite estimate.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    Answer
    """
    found = separation(fitted)
    columns = {
        "component": [component for component, _ in found.names],
        "term": [name for _, name in found.names],
        "estimate": found.estimate,
        "std_error": found.std_error,
        "direction": found.direction,
        "finite": found.finite.tolist(),
        "estimand": ["conditional"] * len(found.names),
    }
    single = len(set(columns["component"])) < 2
    return Answer(
        title="Separation",
        question="Which coefficients have no finite estimate, because columns predict the outcome "
        "of some rows perfectly?",
        columns=columns,
        flavor=fitted.design.flavor,
        words=("component", "term"),
        notes=_notes(found),
        hidden=("estimand", "component") if single else ("estimand",),
        heads={"finite": "finite estimate"},
    )


def _notes(found: Separation) -> tuple[str, ...]:
    if not found.names:
        return ("With this family and link no outcome is at a limit: nothing can be separated.",)
    if found.finite.all():
        return ("No direction of the coefficients separates the outcomes (linear program).",)
    lost = [plain(name) for (_, name), f in zip(found.names, found.finite, strict=True) if not f]
    notes = [
        f"In {integer(int(found.rows.max()))} of {integer(found.total)} rows the outcome is "
        f"predicted perfectly along the direction shown. {_stand(found)}"
    ]
    if np.any(np.isnan(found.estimate)):
        notes.append("Where no sign is given, the limit depends on the other coefficients.")
    if found.penalized:
        notes.append(f"The penalty holds {', '.join(lost)}: without it they would be infinite.")
    return tuple(notes)


def _stand(found: Separation) -> str:
    if not found.finite.any():
        return "No coefficient has a finite estimate."
    return "The estimates of coefficients marked finite stand."
