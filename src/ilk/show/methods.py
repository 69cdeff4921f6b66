"""The paragraph on methods of a manuscript: model, estimator, estimand, intervals, versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, final

from ilk.effects.collapsibility import collapsibility
from ilk.family.inflation import ZeroInflated
from ilk.family.truncated import Truncated
from ilk.inference.wald import CoefficientCovariance, check_level, coefficient_covariance
from ilk.model.quadrature import is_laplace, listed, shares
from ilk.show.numbers import integer, plain, significant
from ilk.show.structure_sentences import over_levels, series_words
from ilk.show.structures import levels_in_all, levels_of
from ilk.show.wording import association, component_words, model_name, software

if TYPE_CHECKING:
    from ilk.covariance.levels.base import AbstractLevels
    from ilk.design.random import RandomTerm
    from ilk.family.base import AbstractFamily
    from ilk.fitted import Fitted
    from ilk.formula.spec import PredictorSpec
    from ilk.show.wording import Causes

__all__ = ["MethodsText", "methods"]

_DISTRIBUTIONS = {
    "gaussian": "a normal distribution",
    "binomial": "a binomial distribution",
    "poisson": "a Poisson distribution",
    "negative_binomial_1": "a negative binomial distribution with variance mu (1 + phi)",
    "negative_binomial_2": "a negative binomial distribution with variance mu + phi mu^2",
    "gamma": "a gamma distribution",
    "inverse_gaussian": "an inverse Gaussian distribution",
    "beta": "a beta distribution",
    "beta_binomial": "a beta-binomial distribution",
    "multinomial": "a multinomial distribution",
}

_LINKS = {
    "log": "log",
    "logit": "logit",
    "probit": "probit",
    "cloglog": "complementary log-log",
    "identity": "identity",
    "inverse": "inverse",
    "inverse_squared": "inverse squared",
    "sqrt": "square root",
    "loglog": "log-log",
    "softplus": "softplus",
    "power(0.5)": "square root",
}

_STRUCTURES = {
    "us": "correlated with each other",
    "diag": "independent of each other",
    "cs": "all equally correlated",
    "identity": "independent of each other and of one variance",
    "homcs": "all equally correlated and of one variance",
    "iid": "independent of each other and of one variance",
    "rr": "with a covariance matrix of reduced rank (Warton and others 2015)",
}

_ARGUMENTS = {
    "trials": ("The number of trials was {}.", "The numbers of trials were given."),
    "exposure": (
        "The logarithm of the exposure {} entered with coefficient one.",
        "The logarithm of the exposure entered with coefficient one.",
    ),
    "offset": (
        "The offset {} entered with coefficient one.",
        "An offset entered with coefficient one.",
    ),
    "frequency_weights": (
        "Each row stood for {} identical rows.",
        "Each row stood for a given number of identical rows.",
    ),
    "precision_weights": (
        "The variance of each row was divided by {}.",
        "The variance of each row was divided by a given weight.",
    ),
}
"""Row-wise arguments, by name of their column and without one."""


@final
@dataclass(frozen=True, slots=True, repr=False)
class MethodsText:
    """A paragraph for a manuscript; printing shows it.

    Parameters
    ----------
    text : str
        The paragraph.
    """

    text: str

    @property
    def html(self) -> str:
        """The paragraph as HTML."""
        return f"<p>{escape(self.text)}</p>"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def methods(
    fitted: Fitted,
    level: float = 0.95,
    design: Causes = None,
    covariance: CoefficientCovariance | None = None,
) -> MethodsText:
    """Describe how the numbers of a fit were made.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage of the intervals that are reported.
    design : {None, "observational", "randomized"}
        How the data came about; None leaves it out.
    covariance : CoefficientCovariance, optional
        Covariance matrix of the coefficients that is reported; the model's by default.

    Returns
    -------
    MethodsText
    """
    check_level(level)
    used = coefficient_covariance(fitted) if covariance is None else covariance
    cause = association(design)
    sentences = [
        _model(fitted),
        *_known_parts(fitted),
        *_redundant(fitted),
        *_random_part(fitted),
        *_other_parts(fitted),
        _estimation(fitted),
        *_rows(fitted),
        *_estimand(fitted),
        _inference(fitted, level, used),
        *([] if design is None else [cause]),
        f"Computations were done with {software()}.",
    ]
    return MethodsText(" ".join(sentences))


def _model(fitted: Fitted) -> str:
    """Response, kind of model, distribution, link, fixed part."""
    design, family = fitted.design, fitted.family
    base = family.base if isinstance(family, ZeroInflated) else family
    counts = base.base if isinstance(base, Truncated) else base
    words = plain(counts.name.replace("_", " "))
    distribution = _DISTRIBUTIONS.get(counts.name, f"the {words} distribution")
    if isinstance(base, Truncated):
        distribution = f"{distribution} without its zeros"
    if isinstance(family, ZeroInflated):
        distribution = f"{distribution}, mixed with {family.zero}s,"
    response = plain(fitted.formula.response.text, 200)
    if design.response.event is not None:
        response = f"The probability of {response} = {plain(repr(design.response.event))}"
    elif base.takes_trials:
        single = design.response.trials is None
        response = f"The probability of {response} = 1" if single else f"The proportion {response}"
    name = model_name(fitted).lower()
    article = "a" if name[0] not in "aeio" else "an"
    link = _LINKS.get(base.link.name, plain(base.link.name))
    mean = "mean" in family.parameters
    depends = f" {_depends('The mean', fitted.formula.predictor('mean'))}." if mean else ""
    return (
        f"{response} was modeled by {article} {name} with {distribution} and {_article(link)} link "
        f"({plain(fitted.formula.text, 400)}).{depends}"
    )


def _article(link: str) -> str:
    return f"{'an' if link[0] in 'aeio' else 'a'} {link}"


def _depends(what: str, spec: PredictorSpec | None) -> str:
    """Say which terms a predictor has."""
    terms = [] if spec is None else [plain(t.text) for t in spec.fixed.terms if t.factors]
    intercept = spec is None or spec.fixed.has_intercept
    if not terms:
        return f"{what} had an intercept only" if intercept else f"{what} had no fixed part"
    count = f"{_listed(terms)}" if len(terms) <= 12 else f"{len(terms)} terms"
    return f"{what} depended on {count}" + ("" if intercept else ", without an intercept")


def _known_parts(fitted: Fitted) -> list[str]:
    """Exposure, offsets, trials, weights."""
    design, out = fitted.design, []
    for name, column in design.arguments.items():
        kind = "trials" if name == "precision_weights" and design.binomial else name
        named, alone = _ARGUMENTS[kind]
        out.append(alone if column is None else named.format(plain(column)))
    known = [plain(f.text) for part in design.stated.predictors for f in part.offsets]
    if known:
        out.append(f"{_listed(known)} entered with coefficient one.")
    return out


def _redundant(fitted: Fitted) -> list[str]:
    """Columns that could not be estimated."""
    lost = [plain(name) for part in fitted.model.fitted_parts for name in part.dropped]
    if not lost:
        return []
    verb = "was" if len(lost) == 1 else "were"
    return [f"{_listed(lost)} {verb} left out, because other columns say the same."]


def _random_part(fitted: Fitted) -> list[str]:
    """Random terms in words."""
    terms = fitted.design.terms
    if not terms:
        return []
    over = {name: levels for name, (_, levels) in levels_of(fitted).items()}
    words = [
        _term(
            fitted.family, part, over.get(part.grouping.name) if part.structure != "iid" else None
        )
        for part in fitted.design.random_parts
    ]
    distribution = (
        "taken to be normally distributed with mean zero"
        if len(terms) == 1
        else "taken to be normally distributed with mean zero and independent between terms"
    )
    joined = [
        f" Those of {plain(term.grouping.name)} in the "
        f"{_listed([component_words(fitted.family, name) for name in parts])} were correlated with "
        "each other."
        for term in terms
        if len(parts := tuple(dict.fromkeys(term.predictors))) > 1
    ]
    said = f"Random effects were {_listed(words)}. They were {distribution}.{''.join(joined)}"
    return [said, *over_levels(fitted)]


def _term(family: AbstractFamily, term: RandomTerm, over: AbstractLevels | None) -> str:
    whole, columns = _columns(term)
    slopes = [plain(name) for name in columns]
    levels = term.used
    group = plain(term.grouping.name)
    of_all = levels_in_all(term.grouping, over)
    count = integer(levels)
    if levels < of_all and not term.by:
        count += f" with data, {integer(of_all)} in all"
    where = (
        "for each row"
        if term.grouping.name == "olre()"
        else f"for each level of {group} (n = {count})"
    )
    where += "".join(f" where {plain(c)} = {plain(label)}" for c, label in term.by)
    if term.structure == "iid":
        where += ", independent of other levels,"
    part = "" if term.predictor == "mean" else f" in the {component_words(family, term.predictor)}"
    series = series_words(term)
    if series is not None:
        return f"{series} {where}{part}"
    if not slopes:
        return f"an intercept {where}{part}"
    what = f"slopes of {_listed(slopes)}" if len(slopes) > 1 else f"a slope of {slopes[0]}"
    if whole:
        what = f"an intercept and {what}"
    structure = _STRUCTURES.get(term.structure, f"of structure {plain(term.structure)}")
    if term.own is not None:
        structure = "with a covariance structure of our own"
    return f"{what} {where}{part}" + (f", {structure}" if len(term.column_names) > 1 else "")


def _columns(term: RandomTerm) -> tuple[bool, list[str]]:
    """Whether a term has an intercept, and its other columns, by those of ``by=``."""
    own = ":".join(f"{column}[{label}]" for column, label in term.by)
    names = [name.removeprefix(f"{own}:") for name in term.column_names]
    if not term.by:
        return term.has_intercept, [name for name in names if name != "Intercept"]
    return own in names, [name for name in names if name != own]


def _other_parts(fitted: Fitted) -> list[str]:
    """Predictors of the family's other parameters that have a formula."""
    return [
        f"{_depends(f'The {component_words(fitted.family, part.name)}', part)}."
        for part in fitted.formula.predictors
        if part.name != "mean"
    ]


def _nodes(fitted: Fitted) -> str:
    """Numbers of nodes, and what is left to the Laplace approximation."""
    words = shares(fitted.model)
    counts = dict(words.quadrature)
    text = listed(f"{k} nodes per dimension over {name}" for name, k in counts.items())
    if len(set(counts.values())) == 1:
        text = f"{next(iter(counts.values()))} nodes per dimension"
        if words.laplace or len(counts) > 1:
            text += f" over {listed(counts)}"
    if words.laplace:
        text += f" and by the Laplace approximation over {listed(words.laplace)}"
    return text


def _estimation(fitted: Fitted) -> str:
    model = fitted.model
    if model.linear:
        how = "restricted maximum likelihood (REML)" if model.reml else "maximum likelihood"
    elif model.reml:
        integrated = "random effects and " if fitted.design.terms else ""
        how = (
            f"restricted maximum likelihood (REML), integrating over {integrated}the coefficients "
            "of the mean by the Laplace approximation"
        )
    elif not fitted.design.terms:
        how = "maximum likelihood"
    elif is_laplace(model.nodes):
        how = "maximum likelihood, integrating over random effects by the Laplace approximation"
    else:
        how = (
            "maximum likelihood, integrating over random effects by adaptive Gauss-Hermite "
            f"quadrature with {_nodes(fitted)}"
        )
    if model.penalty is not None:
        how = how.replace("maximum", "maximum penalized", 1) + f"; penalty: {model.penalty.words}"
    doubt = "" if fitted.verdict.converged else f"; the fit was {fitted.verdict.status.value}"
    return f"Parameters were estimated by {how}{doubt}."


def _rows(fitted: Fitted) -> list[str]:
    rows = fitted.design.rows
    used = len(rows.kept)
    weighted = (
        f", standing for {integer(fitted.nobs)} observations,"
        if fitted.design.frequency_weights is not None
        else ""
    )
    if used == rows.total:
        return [f"All {integer(used)} rows{weighted} were used."]
    lost = "; ".join(f"{plain(name)}: {integer(count)}" for name, count in rows.dropped.items())
    return [
        f"Of {integer(rows.total)} rows {integer(used)}{weighted} were used; the others lacked "
        f"values or information ({lost})."
    ]


def _estimand(fitted: Fitted) -> list[str]:
    """Which question the coefficients answer."""
    main = [p for p in fitted.family.main_parameters if _has_random(fitted, p)]
    if not main:
        return []
    found = collapsibility(fitted, main[0])
    proper = f" of the {fitted.family.proper}" if isinstance(fitted.family, ZeroInflated) else ""
    head = (
        f"Coefficients{proper} are conditional effects: changes within a cluster, its random "
        "effects held"
    )
    mean = f"the mean{proper} in the population" if proper else "the mean of the population"
    if fitted.family.categorical:
        mean = "the probabilities of the population"
    link = fitted.family.link.name
    tail = {
        "collapsible": "; here they are effects on the mean of the population of clusters as well.",
        "slopes_collapse": _of_slopes(fitted.model.fitted_parts[0].names),
        "attenuated": f"; under the {_LINKS.get(link, link)} link effects on the mean of the "
        f"population are smaller (about {significant(found.factor, 2)} times these).",
        "depends_on_covariates": "; effects on the mean of the population differ from them and "
        "depend on the covariates.",
        "no_population_mean": "; under this link they have no counterpart in the population.",
    }
    return [(head + tail[found.kind]).replace("the mean of the population", mean)]


def _has_random(fitted: Fitted, predictor: str) -> bool:
    return any(term.reaches(predictor) for term in fitted.design.terms)


def _of_slopes(names: Sequence[str]) -> str:
    """How coefficients relate to the population's with a log link and a constant variance."""
    if "Intercept" not in names:
        return "; ratios of means are the same in the population."
    if len(names) == 1:
        return "; the mean of the population is higher."
    return "; apart from the intercept they are effects on the mean of the population as well."


def _inference(fitted: Fitted, level: float, used: CoefficientCovariance) -> str:
    """Standard errors, intervals and degrees of freedom."""
    known = next((text for start, text in _ERRORS.items() if used.kind.startswith(start)), None)
    errors = known or f"come from {plain(used.kind, 200)}"
    if used.kind.startswith("CR"):
        name, _, clusters = plain(used.kind, 200).partition("; ")
        errors = f"of coefficients are {name} ({clusters})"
    deviations = " (standard deviations on the logarithmic scale)" if fitted.design.terms else ""
    freedom = next(text for start, text in _REFERENCES.items() if used.df_kind.startswith(start))
    return (
        f"Standard errors {errors}; {100 * level:g}% intervals are Wald intervals{deviations} and "
        f"p-values are two-sided; those of coefficients use {freedom}."
    )


_ERRORS = {
    "joint observed": "come from the observed information of all parameters jointly",
    "least squares": "come from least squares",
    "variance parameters held": "of coefficients take the variance parameters as known",
}
"""Estimators of the covariance matrix, by the start of their names, as sentences go on."""

_REFERENCES = {
    "Satterthwaite, of": "t distributions with Satterthwaite's degrees of freedom of the robust "
    "variance",
    "Satterthwaite": "t distributions with Satterthwaite's degrees of freedom",
    "Kenward-Roger": "t distributions with Kenward-Roger degrees of freedom",
    "clusters - 1": "the t distribution with clusters - 1 degrees of freedom (of the factor with "
    "the fewest)",
    "residual": "the t distribution with n - p degrees of freedom",
    "infinite": "the normal distribution (infinite degrees of freedom)",
}
"""Reference distributions by the start of the name of the degrees of freedom."""


def _listed(words: Sequence[str]) -> str:
    """Words with commas and a last "and"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))
