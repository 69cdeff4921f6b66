"""What the numbers of a fit assume and do not say, each with what to do about it.

Only what applies to the fit at hand is said: a list that is always the same is never read.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, final, overload

import numpy as np

from ilk.covariance.levels.neighbors import Neighbors
from ilk.covariance.levels.space import Space
from ilk.effects.collapsibility import collapsibility
from ilk.family.inflation import ZeroInflated
from ilk.family.link import Cloglog, Logit, Probit
from ilk.formula.language import column_names
from ilk.frame import answer
from ilk.inference.wald import default_df
from ilk.prediction.rates import is_rate
from ilk.show.html import STYLE
from ilk.show.numbers import integer, plain
from ilk.show.structure_sentences import assumed, vecchia_words
from ilk.show.structures import levels_of
from ilk.show.text import WIDTH
from ilk.show.wording import association

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.fitted import Fitted
    from ilk.show.wording import Causes
    from ilk.typing import FloatArray, IntArray

__all__ = ["Caveat", "Caveats", "caveats"]

_FEW, _SOME = 10, 30
"""Levels of a factor below which normal intervals are misleading, and somewhat short."""

_NAMED = 4
"""Columns that a sentence names at most."""


@final
@dataclass(frozen=True, slots=True)
class Caveat:
    """One thing that the numbers assume or do not say.

    Parameters
    ----------
    code : str
        Stable identifier, such as ``"few_clusters"``.
    sentence : str
        What is assumed or not said.
    advice : str
        What to do about it.
    """

    code: str
    sentence: str
    advice: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.advice}"


@final
@dataclass(frozen=True, slots=True, repr=False)
class Caveats:
    """Caveats of a fit; a sequence of them.

    Parameters
    ----------
    items : tuple of Caveat
        The caveats.
    flavor : str
        Make of the frame that the caller uses.
    """

    items: tuple[Caveat, ...]
    flavor: str

    @property
    def codes(self) -> tuple[str, ...]:
        """Identifiers, in order."""
        return tuple(item.code for item in self.items)

    @property
    def frame(self) -> Any:
        """A row for each: ``code, sentence, advice``."""
        columns = {
            "code": list(self.codes),
            "sentence": [item.sentence for item in self.items],
            "advice": [item.advice for item in self.items],
        }
        return answer(columns, self.flavor)

    @property
    def text(self) -> str:
        """The list as text."""
        blocks = ["What these numbers assume and do not say"]
        for item in self.items:
            lines = [f"  {item.code}"]
            for text in (item.sentence, f"-> {item.advice}"):
                lines += textwrap.wrap(
                    text,
                    WIDTH,
                    initial_indent="    ",
                    subsequent_indent="       " if text.startswith("->") else "    ",
                    break_on_hyphens=False,
                )
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)

    @property
    def html(self) -> str:
        """The list as an HTML fragment that brings its own style."""
        items = "".join(
            f"<li><p><b>{escape(item.code)}</b>: {escape(item.sentence)}</p>"
            f'<p class="ilk-note">{escape(item.advice)}</p></li>'
            for item in self.items
        )
        return (
            f'<div class="ilk-summary"><style>{STYLE}</style>'
            f"<h3>What these numbers assume and do not say</h3><ul>{items}</ul></div>"
        )

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Caveat]:
        return iter(self.items)

    @overload
    def __getitem__(self, index: int) -> Caveat: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Caveat, ...]: ...
    def __getitem__(self, index: int | slice) -> Caveat | tuple[Caveat, ...]:
        return self.items[index]

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def caveats(fitted: Fitted, design: Causes = None) -> Caveats:
    """List what the numbers of a fit assume and do not say.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    design : {None, "observational", "randomized"}
        How the data came about.

    Returns
    -------
    Caveats
    """
    items = [
        _causes(design),
        *_verdict(fitted),
        *_estimand(fitted),
        *_covariates(fitted),
        *_omitted(fitted),
        *_clusters(fitted),
        *_random_effects(fitted),
        *_structures(fitted),
        *_rows(fitted),
        *_columns(fitted),
        *_references(fitted),
        *_known_parts(fitted),
        *_range(fitted),
    ]
    return Caveats(
        tuple(Caveat(i.code, plain(i.sentence, 2000), plain(i.advice, 2000)) for i in items),
        fitted.design.flavor,
    )


def _causes(design: Causes) -> Caveat:
    advice = {
        None: "Say how the data came about: design='observational' or 'randomized'.",
        "observational": "Name what may influence both, and adjust for it or discuss it.",
        "randomized": "Compare as assigned, and report who was lost.",
    }
    return Caveat("association", association(design), advice[design])


def _verdict(fitted: Fitted) -> list[Caveat]:
    """Reasons behind the verdict, but those that are said elsewhere."""
    return [
        Caveat(
            reason.code,
            reason.message[:1].upper() + reason.message[1:],
            reason.advice or "See the verdict of the fit.",
        )
        for reason in fitted.verdict.reasons
        if reason.code != "few_levels"
    ]


def _estimand(fitted: Fitted) -> list[Caveat]:
    """Which question the coefficients answer."""
    items = []
    if _terms(fitted):
        found = collapsibility(fitted)
        if found.kind != "collapsible":
            advice = (
                "Ask fit.marginal_coefficients() or fit.standardize() for effects on the "
                "population, and say which of the two answers is reported."
            )
            if found.kind == "no_population_mean":
                advice = "Report them as effects in one cluster."
            sentence = f"Coefficients are effects in one cluster. {found.reason}"
            sentence = sentence.replace(" (see fit.marginal_coefficients())", "")
            items.append(Caveat("conditional", sentence, advice))
    if isinstance(fitted.family, ZeroInflated):
        items.append(
            Caveat(
                "zero_inflation",
                f"Coefficients of the mean are of the {fitted.family.proper}, those of the zero "
                f"inflation of the odds of {_article(fitted.family.zero)}; neither alone is the "
                f"effect on the mean of all {fitted.family.responses}.",
                "Ask fit.standardize() or fit.predict() for means of all "
                f"{fitted.family.responses}.",
            )
        )
    if isinstance(fitted.family.link, (Logit, Probit, Cloglog)):
        items.append(
            Caveat(
                "noncollapsible",
                f"Under the {fitted.family.link.name} link a coefficient changes when covariates "
                "of the response are added, even if they are independent of all others; "
                "coefficients of models with different covariates are not comparable.",
                "Compare risks or their differences: fit.standardize().",
            )
        )
    return items


def _covariates(fitted: Fitted) -> list[Caveat]:
    """Random effects that may go with covariates."""
    varying = _varying(fitted)
    if not varying:
        return []
    groups = _listed(dict.fromkeys(group for group, _ in varying))
    names = _listed(dict.fromkeys(_variable(name) for _, name in varying))
    return [
        Caveat(
            "exogeneity",
            f"The effects of {groups} are assumed to be independent of the covariates. If they "
            f"are not, coefficients of what varies within clusters ({names}) are biased.",
            _EXOGENEITY[bool(levels_of(fitted))],
        )
    ]


_EXOGENEITY = {
    False: "Test it: fit.exogeneity(); the remedy is within() and between() in the formula.",
    True: "The remedy is within() and between() in the formula.",
}
"""Advice where levels are independent, and where they depend on each other."""


def _omitted(fitted: Fitted) -> list[Caveat]:
    """Covariates that vary within clusters, without a random slope."""
    if any(term.positions is not None for term in _terms(fitted)):
        return []
    slopes = {name for term in _terms(fitted) for name in term.column_names}
    alike = [(group, name) for group, name in _varying(fitted) if name not in slopes]
    groups = [term.grouping.name for term in _terms(fitted)]
    if not alike or len(set(groups)) > 1:
        return []
    names = _listed(dict.fromkeys(_variable(name) for _, name in alike))
    return [
        Caveat(
            "same_slopes",
            f"Effects of {names} are assumed to be the same in every level of {groups[0]}. "
            "If they are not, standard errors are too small.",
            "Try a random slope for the covariate that matters.",
        )
    ]


def _clusters(fitted: Fitted) -> list[Caveat]:
    """Few levels, and intervals that are normal."""
    counts = {t.grouping.name: t.grouping.used for t in fitted.design.terms if t.positions is None}
    few = {group: count for group, count in counts.items() if count < _SOME}
    if not few:
        return []
    words = _listed(f"{group}: {integer(count)} levels" for group, count in few.items())
    worst = min(few.values())
    if default_df(fitted) == "satterthwaite":
        return [_few_with_df(words, worst)]
    return [
        Caveat(
            "few_clusters",
            f"There are few clusters ({words}), and intervals and p-values use the normal "
            "distribution: "
            + (
                "they are too optimistic for covariates that vary between clusters, and the "
                "variance is poorly determined."
                if worst < _FEW
                else "they are somewhat too narrow for covariates that vary between clusters."
            ),
            "Treat borderline results as open"
            + (
                "; a factor with few levels may be better as a fixed effect."
                if worst < _FEW
                else "."
            ),
        )
    ]


def _few_with_df(words: str, worst: int) -> Caveat:
    """Few levels in a linear mixed model, whose coefficients have degrees of freedom."""
    poor = worst < _FEW
    return Caveat(
        "few_clusters",
        f"There are few clusters ({words}); the degrees of freedom of coefficients count that, "
        "but "
        + ("the variance is poorly determined" if poor else "intervals of variances are rough")
        + ".",
        "Compare tidy(df='kenward_roger'), which also widens standard errors"
        + (
            "; a factor with few levels may be better as a fixed effect."
            if poor
            else ", and profile the variances."
        ),
    )


def _random_effects(fitted: Fitted) -> list[Caveat]:
    """Their distribution is part of every answer for the population."""
    names = dict.fromkeys(t.grouping.name for t in fitted.design.terms if not t.grouping.structured)
    if not names:
        return []
    groups = _listed(names)
    return [
        Caveat(
            "normal_random_effects",
            f"The effects of {groups} are taken to be a sample from a normal distribution whose "
            "variance is the same everywhere; answers for the population and for new clusters "
            "rest on it.",
            "Look at fit.random_effects() for outliers and separate groups.",
        )
    ]


def _structures(fitted: Fitted) -> list[Caveat]:
    """Levels that depend on each other: what is taken for granted, and whose answer is whose."""
    items, found = [], levels_of(fitted)
    for name, (_, levels) in found.items():
        items.append(Caveat("structure_known", *assumed(name, levels)))
        approximate = vecchia_words(fitted, name)
        if approximate is not None:
            items.append(
                Caveat(
                    "approximate_field",
                    approximate,
                    "Fit again with twice the neighbors; if numbers move, take more.",
                )
            )
    if found:
        groups = _listed(found)
        items.append(
            Caveat(
                "whose_answer",
                f"Answers for the population are of a level of {groups} drawn at random, whatever "
                "its relatives or neighbors; those of a level borrow from levels that are like it.",
                "Say which of the two is reported: estimand='population' or 'conditional'.",
            )
        )
    fields = [n for n, (_, one) in found.items() if isinstance(one, (Space, Neighbors))]
    spatial = _vary_in_space(fitted, fields)
    if spatial:
        items.append(
            Caveat(
                "spatial_confounding",
                f"What varies from place to place alone ({_listed(spatial)}) shares its variation "
                f"with the field of {_listed(fields)}: coefficients are effects given the field, "
                "with wider intervals.",
                "Compare with a fit without the field, and report both.",
            )
        )
    return items


def _vary_in_space(fitted: Fitted, groups: Sequence[str]) -> list[str]:
    """Columns of the mean that are constant within the places of a field."""
    part = fitted.model.fitted_parts[0]
    found = levels_of(fitted)
    return [
        name
        for j, name in enumerate(part.names)
        if name != "Intercept"
        and any(
            not _varies(part.X[:, j], found[g][0].codes, len(found[g][0].levels)) for g in groups
        )
    ]


def _rows(fitted: Fitted) -> list[Caveat]:
    rows = fitted.design.rows
    if rows.note is None:
        return []
    return [
        Caveat(
            "dropped_rows",
            f"{rows.note} The rest are taken to speak for them, which holds if what made values "
            "missing is in the model.",
            "Compare rows with and without missing values.",
        )
    ]


def _columns(fitted: Fitted) -> list[Caveat]:
    lost = [name for part in fitted.model.fitted_parts for name in part.dropped]
    if not lost:
        return []
    return [
        Caveat(
            "dropped_columns",
            f"Not estimable and left out, because other columns say the same: {_listed(lost)}. "
            "Coefficients of the others include what they would have said.",
            "Leave out redundant columns, so that it is you who decides which one stays.",
        )
    ]


def _references(fitted: Fitted) -> list[Caveat]:
    levels = {
        factor: label
        for part in fitted.model.fitted_parts
        for factor, label in part.reference_levels.items()
    }
    if not levels:
        return []
    words = _listed(f"{plain(factor)} = {plain(repr(label))}" for factor, label in levels.items())
    return [
        Caveat(
            "reference_levels",
            f"Coefficients of factors are differences from a reference level ({words}), and the "
            "intercept belongs to it.",
            "Compare other levels by their contrasts, not by their p-values.",
        )
    ]


def _known_parts(fitted: Fitted) -> list[Caveat]:
    """Terms whose coefficient is not estimated."""
    design, items = fitted.design, []
    given = {name: column or f"{name}=" for name, column in design.arguments.items()}
    if "exposure" in given:
        items.append(_exposure(fitted, plain(given["exposure"])))
    known = [given["offset"]] if "offset" in given else []
    known += [factor.text for part in design.stated.predictors for factor in part.offsets]
    if known:
        items.append(
            Caveat(
                "offset",
                f"The coefficient of {_listed(known)} is fixed at one.",
                "If in doubt, add it as a covariate: its coefficient should be near zero.",
            )
        )
    return items


def _exposure(fitted: Fitted, name: str) -> Caveat:
    if is_rate(fitted.design, fitted.family):
        return Caveat(
            "exposure",
            f"The mean is taken to be proportional to {name}: the coefficient of its logarithm is "
            "one.",
            "If in doubt, see fit.exposure_check(), which compares it with a free coefficient.",
        )
    return Caveat(
        "exposure",
        f"The logarithm of {name} is a known term with coefficient one; under the link "
        f"{fitted.family.link.name!r} the mean is not proportional to {name}.",
        "If in doubt, add the logarithm as a covariate: its coefficient should be near zero.",
    )


def _range(fitted: Fitted) -> list[Caveat]:
    """Numbers beyond whose range predictions are extrapolations."""
    data = fitted.design.data
    main = fitted.family.main_parameters
    parts = (part for part in fitted.formula.predictors if part.name in main)
    factors = dict.fromkeys(factor for part in parts for factor in part.fixed.factors)
    coded = {
        name for f in factors if f.text.startswith("C(") for name in column_names(f.expression)
    }
    names = dict.fromkeys(name for f in factors for name in column_names(f.expression))
    groups = {group for term in fitted.design.terms for group in term.grouping.name.split(":")}
    ranges = []
    for name in names:
        if name in coded | groups:
            continue
        column = data.column(name)
        if column.kind in ("float", "integer"):
            values = np.asarray(column.values, dtype=np.float64)
            if len(np.unique(values)) > 2:
                low, high = float(np.nanmin(values)), float(np.nanmax(values))
                ranges.append(f"{plain(name)} from {low:.4g} to {high:.4g}")
    if not ranges:
        return []
    return [
        Caveat(
            "extrapolation",
            f"The data hold {_listed(ranges)}; beyond, and in combinations that do not occur, "
            "predictions continue the formula and not the data.",
            "Predict and compare inside the data.",
        )
    ]


def _terms(fitted: Fitted) -> list[RandomTerm]:
    """Random terms of the mean, or of the predictors of categories."""
    return [t for t in fitted.design.random_parts if t.predictor in fitted.family.main_parameters]


def _varying(fitted: Fitted) -> list[tuple[str, str]]:
    """Grouping factor and column of the mean that varies within its levels."""
    part = fitted.model.fitted_parts[0]
    found = []
    for term in {term.grouping.name: term for term in _terms(fitted)}.values():
        if term.grouping.weights is not None:
            continue
        codes = term.grouping.codes
        for j, name in enumerate(part.names):
            if name != "Intercept" and _varies(part.X[:, j], codes, len(term.grouping.levels)):
                found.append((term.grouping.name, name))
    return found


def _varies(values: FloatArray, codes: IntArray, levels: int) -> bool:
    one = np.empty(levels)
    one[codes] = values
    return bool(np.any(one[codes] != values))


def _variable(name: str) -> str:
    """Column of the data behind a column of the design: ``period`` of ``period[T.2]``."""
    return re.sub(r"\[T\..*?\](?=:|$)", "", name)


def _listed(names: Any) -> str:
    """Some names, and how many more."""
    words = [plain(name) for name in names]
    if len(words) > _NAMED:
        return f"{', '.join(words[: _NAMED - 1])} and {len(words) - _NAMED + 1} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
