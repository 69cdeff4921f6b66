"""From what users write to a design and a family: what `ilk.fit` and `ilk.lint` have in common.

`plan` reads formulas and family without looking at the data; `set_up` builds the design and checks
the response against the family.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ilk.covariance import AbstractCovariance
from ilk.design.build import Design, build
from ilk.design.categories import find_categories
from ilk.design.exposure import exposure_argument
from ilk.design.response import Response
from ilk.errors import DataError, IlkError, ModelError
from ilk.family import AbstractFamily, make_family, refuse_foreign_arguments
from ilk.family.categorical import AbstractCategorical
from ilk.family.censored import Censored
from ilk.family.registry import make_censored
from ilk.formula import check_arguments, parse
from ilk.formula.spec import MEAN, FormulaSpec, ResponseSpec
from ilk.formula.spread import spread
from ilk.frame import Tabular, columns

__all__ = ["Plan", "name_formulas", "plan", "set_up", "take_as_numbers"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A model as it was asked for.

    Parameters
    ----------
    spec : FormulaSpec
        What the formulas say.
    family : AbstractFamily
        Distribution and link.
    frame : Frame or Kept
        The data, opened; nothing is copied.
    """

    spec: FormulaSpec
    family: AbstractFamily
    frame: Tabular


def name_formulas(others: Mapping[str, str] | None, **named: str | None) -> dict[str, str | None]:
    """Gather the formulas of a family's parameters by their names.

    Parameters
    ----------
    others : mapping of str to str, or None
        Those that were given in a mapping, ``parameters=``.
    **named : str or None
        Those that have an argument of their own.

    Raises
    ------
    ModelError
        It is no mapping, or a parameter has two formulas.
    """
    if others is None:
        return named
    if not isinstance(others, Mapping):
        raise ModelError(
            "parameters= takes formulas by the names of the parameters, as in "
            "{'threshold_1': '~ x'}, "
            f"not {type(others).__name__}.",
            code="parameters",
        )
    for name in others:
        if name == MEAN or named.get(name) is not None:
            where = "the first argument" if name == MEAN else f"{name}="
            raise ModelError(
                f"parameters= has a formula of {name!r}, which {where} has already; leave one out.",
                code="parameters",
            )
    return {**named, **{str(name): text for name, text in others.items()}}


def plan(
    formula: str,
    data: Any,
    family: str | AbstractFamily,
    link: str | None,
    *,
    formulas: Mapping[str, str | None],
    trials: Any,
    functions: Mapping[str, Callable[..., Any]] | None,
    structures: Mapping[str, AbstractCovariance] | None = None,
) -> Plan:
    """Read formulas and family, and open the data.

    Parameters
    ----------
    formula, data, family, link, trials, functions
        As `ilk.fit` takes them.
    formulas : mapping of str to str or None
        Formulas of the family's other parameters, by their names; None for none.
    structures : mapping, optional
        Covariance structures of the user's own, by their names in the formulas.

    Returns
    -------
    Plan
    """
    check_arguments(formula, data)
    given = {name: text for name, text in formulas.items() if text is not None}
    distribution = make_family(family, link, zero_inflated="zero_inflation" in given)
    frame = columns(data)
    if isinstance(distribution, AbstractCategorical):
        response = parse(formula, functions=functions, structures=structures).response
        distribution = with_categories(distribution, response, frame, given)
        given = distribution.spread_formulas(given)
    refuse_foreign_arguments(distribution, trials=trials, formulas=given)
    spec = parse(formula, functions=functions, structures=structures, **given)
    spec = spread(spec, distribution.main_parameters)
    if spec.response.kind == "censored":
        distribution = make_censored(distribution)
    return Plan(spec, distribution, frame)


def with_categories(
    family: AbstractCategorical,
    response: ResponseSpec,
    frame: Tabular,
    formulas: Collection[str] = (),
) -> AbstractCategorical:
    """Tell a family which categories its response has, unless the user did.

    Parameters
    ----------
    family : AbstractCategorical
        The family.
    response : ResponseSpec
        Left side of the formula.
    frame : Frame or Kept
        The data.
    formulas : collection of str
        Parameters that have a formula.

    Returns
    -------
    AbstractCategorical
    """
    if not family.levels:
        levels = find_categories(response, frame, family.name, ordered=family.ordered)
        family = family.with_levels(levels)
    return family.with_formulas(formulas)


def set_up(asked: Plan, *, exposure: Any = None, **arguments: Any) -> Design:
    """Build the design, and check the response against the family.

    Parameters
    ----------
    asked : Plan
        What was asked for.
    exposure : str, array or None
        Exposure; it may be an offset of the formula instead.
    **arguments
        Row-wise arguments and ``missing``, as `ilk.design.build.build` takes them.

    Returns
    -------
    Design

    Raises
    ------
    DataError
        The data, or the response, cannot be used as asked.
    """
    family = asked.family
    if arguments.get("precision_weights") is not None:
        _refuse_precision(family)
    if MEAN not in family.parameters:
        _refuse_known(family, offset=arguments.get("offset"), exposure=exposure)
    design = build(
        asked.spec,
        asked.frame,
        parameters=family.parameters,
        binomial=family.takes_trials,
        categories=family.levels if isinstance(family, AbstractCategorical) else None,
        censored=isinstance(family, Censored),
        without_intercept=family.without_intercept,
        exposure=exposure_argument(asked.spec, exposure, family.link.name),
        **arguments,
    )
    response = design.response
    family.check(response.y, response.second, response.name, design.rows.kept)
    _refuse_constant(family, response)
    return design


def _refuse_constant(family: AbstractFamily, response: Response) -> None:
    """Refuse one single value of a continuous response, whose dispersion would be zero."""
    if family.discrete or not family.has_dispersion or response.other is not None:
        return
    atoms = family.atoms or ((0.0,) if family.has_atoms else ())
    rest = response.y[~np.isin(response.y, atoms)]
    if len(rest) and rest.min() == rest.max():
        others = f" that are not {' or '.join(f'{x:g}' for x in atoms)}" if atoms else ""
        raise DataError(
            f"All values of the response {response.name!r}{others} are {rest[0]:g}: there is "
            f"nothing to explain, and no dispersion of family {family.name!r}.",
            code="response-constant",
        )


def _refuse_known(family: AbstractFamily, **known: Any) -> None:
    """Refuse known parts of a mean where there is a predictor of each category instead."""
    for name, value in known.items():
        if value is not None:
            raise ModelError(
                f"{name}= is part of a mean, and family {family.name!r} has a predictor of each "
                "category instead; write offset(...) into the formula for all of them, or into "
                "those of single categories.",
                code=name,
            )


def _refuse_precision(family: AbstractFamily) -> None:
    """Refuse weights that divide a dispersion where there is none; proportions have trials."""
    what = "variance" if family.categorical else "dispersion"
    if family.categorical or not (family.has_dispersion or family.takes_trials):
        raise ModelError(
            f"precision_weights= divide a {what}, which family {family.name!r} does not have; rows "
            "that stand for several identical ones are frequency_weights=, and how long or how "
            "many a count was taken over is exposure=.",
            code="precision-weights",
        )


def take_as_numbers(asked: Plan, refusal: DataError, *, trials: Any, **arguments: Any) -> Design:
    """Build the design with the response as it stands, whether it suits the family or not.

    Parameters
    ----------
    asked : Plan
        What was asked for.
    refusal : DataError
        Why `set_up` did not build it; raised again if the reason is not the response.
    trials : str, array or None
        Numbers of trials, which are left out.
    **arguments
        As in `set_up`.

    Returns
    -------
    Design
    """
    given = {**arguments, "exposure": None}
    try:
        return build(asked.spec, asked.frame, parameters=asked.family.parameters, **given)
    except IlkError:
        raise refusal from None
