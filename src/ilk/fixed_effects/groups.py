"""Which factors define the clusters, from `groups=` or from the formula.

The fixed part of the formula is that of any other fit.  A random intercept ``(1 | g)`` in it names
the clusters where `groups=` is left out, so that the formula of a mixed model can be used as it
stands; any other random term is refused, because here every cluster has its own parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ilk.design.clusters import ONE, cluster_columns, name_list, with_intercepts
from ilk.errors import ModelError
from ilk.formula.spec import OLRE, FormulaSpec, PredictorSpec

__all__ = ["with_factors", "with_groups"]

_GROUPS = "give the name of a column, such as 'hospital', or a list of names for crossed factors."


def with_groups(
    spec: FormulaSpec, groups: Any, names: Sequence[str], *, several: bool
) -> FormulaSpec:
    """Make the clusters a part of the specification, as random intercepts are.

    The design that is built from the answer has one term for each factor, and an intercept, which
    the clusters' own parameters contain.

    Parameters
    ----------
    spec : FormulaSpec
        The formula.
    groups : str, sequence of str or None
        Factors; ``"a:b"`` stands for the combinations of two columns.
    names : sequence of str
        Columns of the data.
    several : bool
        Whether more than one factor is possible.

    Returns
    -------
    FormulaSpec

    Raises
    ------
    ModelError
        There is no factor, or there are too many, or a random term that cannot be honored.
    DataError
        There is no such column.
    """
    mean = spec.predictors[0]
    if groups is None:
        factors = _from_formula(mean)
    else:
        _refuse_random(mean, groups)
        factors = _from_argument(groups, names)
    if len(factors) > 1 and not several:
        raise ModelError(
            f"The conditional likelihood is that within the levels of one factor, but there are "
            f"{len(factors)}: {', '.join(map(':'.join, factors))}. Give one as groups=, or use "
            "ilk.fixed.",
            code="groups",
        )
    return with_factors(spec, factors)


def with_factors(spec: FormulaSpec, factors: Sequence[tuple[str, ...]]) -> FormulaSpec:
    """Make the mean of the formula, with an intercept, and factors the whole specification.

    Parameters
    ----------
    spec : FormulaSpec
        The formula.
    factors : sequence of tuple of str
        Columns whose combinations are the levels, by factor.

    Returns
    -------
    FormulaSpec
    """
    return with_intercepts(replace(spec, predictors=spec.predictors[:1]), factors, intercept=True)


def _from_formula(mean: PredictorSpec) -> list[tuple[str, ...]]:
    if not mean.random:
        raise ModelError(
            "groups= is missing: name the column of the clusters, such as groups='hospital', or "
            "write (1 | hospital) in the formula.",
            code="groups",
        )
    for term in mean.random:
        if term.effects != ONE or term.grouping == (OLRE,):
            raise ModelError(
                f"The random term ({term.label}) has no counterpart among fixed effects, where "
                "each cluster has one parameter, its level. Only terms such as (1 | g) name "
                "clusters; interactions such as x:g let a slope differ.",
                code="random-term",
            )
    return list(dict.fromkeys(term.grouping for term in mean.random))


def _refuse_random(mean: PredictorSpec, groups: Any) -> None:
    if mean.random:
        raise ModelError(
            f"The formula has the random term ({mean.random[0].label}) and groups={groups!r} is "
            "given too: fixed effects have no random terms. Leave one of the two out.",
            code="random-term",
        )


def _from_argument(groups: Any, names: Sequence[str]) -> list[tuple[str, ...]]:
    given = name_list(groups, "groups", _GROUPS)
    found = [cluster_columns(name, "groups", names) for name in given]
    if len(set(found)) < len(found):
        raise ModelError(f"groups={groups!r} names a factor twice.", code="groups")
    return found
