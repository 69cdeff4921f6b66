"""Which covariates vary within clusters, and the model that has their cluster means too.

A covariate that varies within clusters carries two comparisons: of rows of the same cluster, and of
clusters.  The extended model has the cluster mean of every such covariate as a term of its own
(Mundlak 1978); the coefficient of a mean is what the comparison of clusters says beyond that of
rows, between minus within.
"""

from __future__ import annotations

import itertools
import keyword
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.design.build import build
from ilk.design.fixed import INTERCEPT, FixedPart
from ilk.design.over_levels import with_structures
from ilk.design.within_between import level_means
from ilk.errors import ModelError, did_you_mean
from ilk.estimation.run import run
from ilk.formula import parse
from ilk.formula.language import Name
from ilk.formula.spec import MEAN, OLRE, Factor, Term
from ilk.likelihood.base import Search
from ilk.model import Model
from ilk.model.nodes import kept_nodes
from ilk.model.structures import over_levels, structures_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = [
    "ClusterColumns",
    "Extension",
    "choose_grouping",
    "cluster_columns",
    "estimate",
    "extend",
    "mean_groupings",
    "refit_as",
    "term_columns",
    "without_means",
]


def mean_groupings(fitted: Fitted) -> list[Grouping]:
    """Factors of the random terms of the mean, each once, single rows (``olre()``) left out.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.

    Raises
    ------
    ModelError
        There is none.
    """
    found: dict[str, Grouping] = {}
    for term in fitted.design.random_parts:
        if term.predictor == MEAN and term.grouping.name != OLRE:
            found.setdefault(term.grouping.name, term.grouping)
    if not found:
        raise ModelError(
            "The model has no random effects of clusters in the mean, so there is nothing that "
            "fixed effects could stand against; add a term such as (1 | hospital).",
            code="no-random-terms",
        )
    return list(found.values())


def choose_grouping(groupings: Sequence[Grouping], group: str) -> Grouping:
    """Find a grouping factor by its name.

    Parameters
    ----------
    groupings : sequence of Grouping
        Factors of the mean.
    group : str
        Name.
    """
    for grouping in groupings:
        if grouping.name == group:
            return grouping
    names = [grouping.name for grouping in groupings]
    raise ModelError(
        f"group={group!r} is no grouping factor of the mean; there are {', '.join(names)}."
        f"{did_you_mean(str(group), names)}",
        code="group",
    )


@final
@dataclass(frozen=True, slots=True)
class ClusterColumns:
    """Columns of a fixed part as seen from the clusters of one factor.

    Parameters
    ----------
    means : (n, p) array
        Cluster mean of each column, by row.
    varies : (p,) array of bool
        Whether a column varies within clusters; the intercept does not.
    share : (p,) array
        Share of the variance of a column that lies between clusters; nan for a constant.
    spread : (p,) array
        Standard deviation of the cluster means over clusters; zero if it is but rounding.
    """

    means: FloatArray
    varies: Any
    share: FloatArray
    spread: FloatArray


def cluster_columns(
    part: FixedPart, grouping: Grouping, weights: FloatArray | None
) -> ClusterColumns:
    """Split the columns of a fixed part into what varies within and between clusters.

    Parameters
    ----------
    part : FixedPart
        The columns.
    grouping : Grouping
        The clusters.
    weights : (n,) array or None
        Frequency weights.

    Returns
    -------
    ClusterColumns
    """
    size, codes, X = len(grouping.levels), grouping.codes, part.X
    w = np.ones(len(X)) if weights is None else weights
    counts = np.bincount(codes, w, size)
    used = counts > 0
    by_cluster = level_means(X, codes, size, w)[used]
    place = np.cumsum(used) - 1
    means = by_cluster[place[codes]]
    center = np.average(X, axis=0, weights=w)
    total = w @ (X - center) ** 2
    between = counts[used] @ (by_cluster - center) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(total > 0.0, between / total, np.nan)
    # rounding leaves eps times the magnitude of the values of what is constant
    noise = 64.0 * np.finfo(float).eps * np.abs(X).max(axis=0, initial=0.0)
    least = np.maximum(1e-8 * np.sqrt(total / w.sum()), noise)
    varies = np.sqrt(w @ (X - means) ** 2 / w.sum()) > least
    spread = by_cluster.std(axis=0)
    return ClusterColumns(means, varies, share, np.where(spread > least, spread, 0.0))


@final
@dataclass(frozen=True, slots=True)
class Extension:
    """A model extended by cluster means.

    Parameters
    ----------
    formula : str
        Its formula.
    model : Model
        Design, family and covariance structures, options as in the fit.
    columns : dict of str to tuple of int
        Places of the new columns among those of the mean, by the term whose mean they are.
    pairs : dict of str to tuple of (int, int)
        Places of cluster means that the fit has already, by covariate, each with the place of the
        deviation from it (``within(x, g)``), or -1 where the covariate itself is in the model.
    given : tuple of str
        Terms that vary within clusters and whose cluster means are combinations of columns of the
        model already.
    centered : tuple of str
        Terms that vary within clusters and have the same mean in all.
    constant : tuple of str
        Terms that do not vary within clusters.
    """

    formula: str
    model: Model
    columns: dict[str, tuple[int, ...]]
    pairs: dict[str, tuple[tuple[int, int], ...]]
    given: tuple[str, ...]
    centered: tuple[str, ...]
    constant: tuple[str, ...]


def extend(fitted: Fitted, groupings: Sequence[Grouping]) -> Extension:
    """Add the cluster mean of every term that varies within clusters.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    groupings : sequence of Grouping
        The clusters; of several factors the means of each are added.

    Returns
    -------
    Extension
        Without new columns if there is nothing to add.
    """
    part = fitted.model.parts[MEAN]
    wanted: list[tuple[str, str]] = []  # (term, text of the mean)
    given: dict[str, None] = {}
    centered: dict[str, None] = {}
    varying: set[str] = set()
    for grouping in groupings:
        seen = cluster_columns(part, grouping, fitted.design.frequency_weights)
        for term, places in term_columns(part).items():
            if not seen.varies[places].any():
                continue
            varying.add(term.text)
            if not seen.spread[places].any():
                centered.setdefault(term.text)
                continue
            wanted += [(term.text, text) for text in _mean_texts(term, part, grouping)]
    pairs = _pairs(part, groupings)
    paired = {name for key in pairs for name in _names_of(key, groupings)}
    constant = [t.text for t in term_columns(part) if t.text not in varying | paired]
    text, model = fitted.formula.text, fitted.model
    columns: dict[str, tuple[int, ...]] = {}
    if wanted:
        wider = _with_terms(fitted, [mean for _, mean in wanted])
        useful = [pair for pair in wanted if _places(wider.parts[MEAN], pair[1], part)]
        if useful and len(useful) < len(wanted):
            wider = _with_terms(fitted, [mean for _, mean in useful])
        if useful:
            model, text = wider, wider.design.spec.text
        for term_text, mean in useful:
            found = (*columns.get(term_text, ()), *_places(wider.parts[MEAN], mean, part))
            columns[term_text] = found
        given.update((term_text, None) for term_text, _ in wanted if term_text not in columns)
    return Extension(
        text,
        model,
        columns,
        pairs,
        tuple(name for name in given if name not in pairs),
        tuple(name for name in centered if name not in paired),
        tuple(constant),
    )


def _names_of(covariate: str, groupings: Sequence[Grouping]) -> list[str]:
    """Terms that are deviations from, or means of, a covariate."""
    return [
        f"{function}({covariate}, {':'.join(map(_quoted, grouping.columns))})"
        for grouping in groupings
        for function in ("within", "between")
    ]


def _pairs(
    part: FixedPart, groupings: Sequence[Grouping]
) -> dict[str, tuple[tuple[int, int], ...]]:
    """Cluster means that are terms already, each with its covariate or the deviation from it."""
    places = {term.text.replace("`", ""): js for term, js in term_columns(part).items()}
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for grouping in groupings:
        end = f", {':'.join(map(_quoted, grouping.columns))})"
        for text, means in places.items():
            if not text.startswith("between(") or not text.endswith(end.replace("`", "")):
                continue
            covariate = text[len("between(") : len(text) - len(end.replace("`", ""))]
            deviations = places.get(f"within({covariate}{end}".replace("`", ""), [])
            if len(deviations) == len(means):
                found[covariate] = tuple(zip(means, deviations, strict=True))
            elif covariate in places:
                found[covariate] = tuple((mean, -1) for mean in means)
    return found


def term_columns(part: FixedPart) -> dict[Term, list[int]]:
    """Places of the estimable columns of each term, the intercept left out.

    Parameters
    ----------
    part : FixedPart
        Fixed part.
    """
    found: dict[Term, list[int]] = {}
    for place, name in enumerate(part.names):
        if name == INTERCEPT:
            continue
        for term in part.recipe.terms.terms:
            if term.factors and _belongs(name, [factor.text for factor in term.factors]):
                found.setdefault(term, []).append(place)
                break
    return found


def _belongs(name: str, texts: list[str]) -> bool:
    """Whether a column is one of a product, by its name: each factor with or without ``[...]``."""
    if not texts:
        return name == ""
    first, rest = texts[0], texts[1:]
    if not name.startswith(first):
        return False
    name = name[len(first) :]
    if not rest:
        return name == "" or _is_bracket(name)
    cuts = [i for i, char in enumerate(name) if char == ":"]
    return any((i == 0 or _is_bracket(name[:i])) and _belongs(name[i + 1 :], rest) for i in cuts)


def _is_bracket(text: str) -> bool:
    return text[0] == "[" and text[-1] == "]" and "]:" not in text


def _mean_texts(term: Term, part: FixedPart, grouping: Grouping) -> list[str]:
    """Terms that together hold the cluster means of all columns of a term.

    The mean of a product has the factors of the product without their reference levels; what the
    term says of these too, where its factors have all levels, are means of smaller products.
    """
    levels = [factor for factor in term.factors if factor.text in part.recipe.levels]
    known = {frozenset(other.factors) for other in part.recipe.terms.terms}
    clusters = ":".join(map(_quoted, grouping.columns))
    texts = []
    for count in range(len(levels) + 1):
        for left_out in itertools.combinations(levels, count):
            kept = [factor for factor in term.factors if factor not in left_out]
            if kept and (not left_out or frozenset(kept) not in known):
                texts.append(f"between({':'.join(map(_factor_text, kept))}, {clusters})")
    return texts


def _factor_text(factor: Factor) -> str:
    return _quoted(factor.text) if isinstance(factor.expression, Name) else factor.text


def _quoted(name: str) -> str:
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"`{name}`"


def _places(part: FixedPart, text: str, old: FixedPart) -> list[int]:
    """Columns of a term that the fit did not have."""
    plain = text.replace("`", "")
    return [
        i
        for i, name in enumerate(part.names)
        if name not in old.names
        and ((bare := name.replace("`", "")) == plain or bare.startswith(plain + "["))
    ]


def _with_terms(fitted: Fitted, terms: Sequence[str]) -> Model:
    text = " + ".join((fitted.formula.text, *dict.fromkeys(terms)))
    return refit_as(fitted, text)


def refit_as(fitted: Fitted, formula: str, data: Any = None, **changes: Any) -> Model:
    """Make the model of another formula for the same rows, other things as in the fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    formula : str
        Formula of the mean.
    data : Kept, optional
        The rows of the fit, with more columns than it has.
    **changes
        Row-wise arguments that are not as in the fit.

    Returns
    -------
    Model
    """
    old = fitted.formula
    others = {part.name: part.text for part in old.predictors[1:]}
    spec = parse(formula, functions=old.functions, structures=old.structures, **others)
    arguments: dict[str, Any] = {**fitted.design.argument_columns, **changes}
    design = build(
        spec,
        fitted.design.data if data is None else data,
        parameters=fitted.family.parameters,
        binomial=fitted.family.takes_trials,
        **arguments,
    )
    if len(design.response.y) != fitted.model.rows:
        raise ModelError(
            "The formula uses rows that are not part of the fit (lag()), so that it cannot be "
            "extended; put the lagged values into a column of the data and fit again.",
            code="lag",
        )
    design, over = with_structures(design, over_levels(fitted.model), design.data)
    model = Model(design, fitted.family, structures_of(design.terms, over))
    return replace(model, reml=fitted.model.reml, nodes=kept_nodes(fitted.model, design))


def without_means(model: Model, pairs: Sequence[tuple[int, int]]) -> Model:
    """Take the effects within and between clusters of some covariates as equal.

    Parameters
    ----------
    model : Model
        The model.
    pairs : sequence of (int, int)
        Columns of the mean: a cluster mean, and the deviation from it, which the mean is added to;
        -1 where the covariate itself is in the model.
    """
    part = model.parts[MEAN]
    X = part.X.copy(order="F")
    for mean, deviation in pairs:
        if deviation >= 0:
            X[:, deviation] += X[:, mean]
    gone = {mean for mean, _ in pairs}
    keep = [j for j in range(X.shape[1]) if j not in gone]
    names = tuple(part.names[j] for j in keep)
    smaller = replace(
        part, X=np.asfortranarray(X[:, keep]), names=names, all_names=names, dropped=()
    )
    fixed = tuple(smaller if p.predictor == MEAN else p for p in model.design.fixed)
    return replace(model, design=replace(model.design, fixed=fixed))


def estimate(model: Model, start: FloatArray | None = None) -> Fitted:
    """Estimate a model with the usual settings.

    Parameters
    ----------
    model : Model
        The model.
    start : (m,) array, optional
        Where to begin.
    """
    return run(model, Search(), start)
