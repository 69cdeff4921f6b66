"""`ilk.lint`: a formula, data and a family in, what looks unintended out; nothing is fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import ilk.lint  # noqa: F401  (now: later it would take the place of the function `ilk.lint`)
from ilk.errors import DataError
from ilk.family import AbstractFamily
from ilk.late import Late
from ilk.model.setup import name_formulas, plan, set_up, take_as_numbers

if TYPE_CHECKING:
    from ilk.lint import registry
    from ilk.lint import run as rules
    from ilk.show import lint as show
    from ilk.show.lint import LintAnswer
else:
    registry = Late("ilk.lint.registry")
    rules = Late("ilk.lint.run")
    show = Late("ilk.show.lint")

__all__ = ["lint"]


def lint(
    formula: str,
    data: Any,
    family: str | AbstractFamily = "gaussian",
    link: str | None = None,
    *,
    dispersion: str | None = None,
    shape: str | None = None,
    zero_inflation: str | None = None,
    parameters: Mapping[str, str] | None = None,
    trials: Any = None,
    exposure: Any = None,
    offset: Any = None,
    frequency_weights: Any = None,
    precision_weights: Any = None,
    missing: Literal["drop", "error"] = "drop",
    functions: Mapping[str, Callable[..., Any]] | None = None,
    silence: Sequence[str] = (),
) -> LintAnswer:
    """Look for what is probably not meant in a model, without fitting it.

    An exposure that enters as a covariate, an identifier used as a number, clusters left out,
    labels that begin anew in each school, proportions without their numbers of trials, and more:
    docs/reference/findings.md lists all.  `fit` looks for the same, and its summary shows it.

    Parameters
    ----------
    formula, data, family, link
        As in `fit`.
    dispersion, shape, zero_inflation, parameters
        As in `fit`.
    trials, exposure, offset, frequency_weights, precision_weights
        As in `fit`.
    missing, functions
        As in `fit`.
    silence : sequence of str
        Identifiers of findings that are not wanted.

    Returns
    -------
    LintAnswer
        A sequence of findings, each with ``code``, ``severity``, ``terms``, ``sentence`` and
        ``fix``; also ``.codes``, ``.frame``, ``.text`` and ``.html``.  Where the response does not
        suit the family, so that `fit` would refuse it, ``.refusal`` says so.

    Raises
    ------
    FormulaError, DataError, ModelError
        The model cannot be set up for another reason; the message is that of `fit`.

    Examples
    --------
    >>> import ilk
    >>> data = ilk.datasets.load("hospital_infections")
    >>> found = ilk.lint("infections ~ severity + patient_days + (1 | hospital)", data, "poisson")
    >>> found.codes
    ('exposure-as-covariate',)
    >>> print(found[0].fix)
    Give exposure='patient_days' and leave it out of the formula; fit.exposure_check() compares
    both models.
    """
    silenced = registry.check_silence(silence) if silence else ()
    asked = plan(
        formula,
        data,
        family,
        link,
        formulas=name_formulas(
            parameters, dispersion=dispersion, shape=shape, zero_inflation=zero_inflation
        ),
        trials=trials,
        functions=functions,
    )
    arguments = {
        "trials": trials,
        "exposure": exposure,
        "offset": offset,
        "frequency_weights": frequency_weights,
        "precision_weights": precision_weights,
        "missing": missing,
    }
    refusal: DataError | None = None
    try:
        design = set_up(asked, **arguments)
    except DataError as error:
        refusal, design = error, take_as_numbers(asked, error, **arguments)
    found = rules.findings(design, asked.family, asked.frame, silenced)
    if refusal is not None and not any(finding.code in registry.REFUSED for finding in found):
        raise refusal
    return show.lint_answer(found, design.flavor, None if refusal is None else refusal.message)
