r"""Whose variation is it? The variance of a response, divided among its sources.

Sources are the fixed part, each random term and the residual (or what stands for the distribution
of the response).  Shares are given on two scales and of two populations, which are different
questions (`ilk.variance.partition_scales`, `ilk.variance.partition_sources`):

* latent, **population**: of rows at average levels;
* latent, **realised**: of the variance among these very rows;
* response, **population**: all that a source explains alone;
* response, **additive**: what it explains linearly.

Standard errors and intervals are those of `ilk.variance.shares`, or intervals of the profile
likelihood (`ilk.variance.partition_profile`); none leaves [0, 1].  See
docs/derivations/partition.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.fitted import Status
from ilk.formula.spec import MEAN
from ilk.inference.wald import check_level
from ilk.late import Late
from ilk.prediction.levels import check_choice
from ilk.variance.distribution import Approximation
from ilk.variance.levels_of_variance import Sample, fewer_rows, is_additive, own_sample
from ilk.variance.partition_names import Named, name_shares
from ilk.variance.partition_scales import LatentVariances, latent_variances, observed_variances
from ilk.variance.partition_sources import RowForms, Source, sources_of
from ilk.variance.shares import Shares, ratio, shares_of

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

profiles: Any = Late("ilk.variance.partition_profile")

__all__ = ["FIXED", "PartitionScale", "Partitioned", "ShareRow", "partition"]

PartitionScale: TypeAlias = Literal["latent", "response", "both"]
"""Scale of the linear predictor, of the response, or both."""

Interval: TypeAlias = Literal["delta", "profile", "bootstrap"]
"""Where intervals come from."""

FIXED, RESIDUAL, DISTRIBUTION = "fixed part", "residual", "distribution"
TOGETHER = "together, beyond each"

_SLACK = 1e-12


@dataclass(frozen=True, slots=True)
class ShareRow:
    """What a share is of.

    Parameters
    ----------
    source : str
        Name of the source, or of the share.
    structure : str
        How the levels of a random term depend on each other; empty for other sources.
    scale : str
        ``"latent"`` or ``"response"``.
    measure : str
        ``"population"``, ``"realised"`` or ``"additive"``.
    """

    source: str
    structure: str
    scale: str
    measure: str


@dataclass(frozen=True, slots=True)
class Partitioned:
    """Variance of a response, divided.

    Parameters
    ----------
    sources : tuple of Source
        The random terms.
    rows : tuple of k ShareRow
        What each share is of.
    variances : (k,) array
        Variances of the sources; nan where there is none of that name.
    shares : Shares
        Shares and their intervals, those with a usual name after the k of the rows.
    named : tuple of Named
        Shares with a usual name.
    named_rows : tuple of ShareRow
        What each of those is of.
    fixed : bool
        Whether the variance of the fixed part is counted.
    level : float
        Coverage.
    """

    sources: tuple[Source, ...]
    rows: tuple[ShareRow, ...]
    variances: FloatArray
    shares: Shares
    named: tuple[Named, ...]
    named_rows: tuple[ShareRow, ...]
    fixed: bool
    level: float


@dataclass(frozen=True, slots=True)
class Division:
    """How the variance of a fit is divided: a function of its parameters.

    Parameters
    ----------
    forms : RowForms
        Variances of the random terms.
    sources : tuple of Source
        The random terms.
    named : tuple of Named
        Shares with a usual name.
    scales : tuple of str
        Scales asked for.
    fixed : bool
        Whether the variance of the fixed part is counted.
    approximation : {"lognormal", "trigamma", "delta"}
        For families with log link on the latent scale.
    sample : Sample
        Rows over which variances on the scale of the response are averaged.
    """

    forms: RowForms
    sources: tuple[Source, ...]
    named: tuple[Named, ...]
    scales: tuple[str, ...]
    fixed: bool
    approximation: Approximation
    sample: Sample

    def rows(self, fitted: Fitted) -> tuple[tuple[ShareRow, ...], tuple[ShareRow, ...]]:
        """What the shares are of: those of all sources, and those with a name.

        Parameters
        ----------
        fitted : Fitted
            The fit.
        """
        last = RESIDUAL if is_additive(fitted) else DISTRIBUTION
        head = [(FIXED, "")] if self.fixed else []
        terms = [(s.name, s.structure) for s in self.sources]
        rows: list[ShareRow] = []
        named: list[ShareRow] = []
        for scale in self.scales:
            same = scale == "latent" or is_additive(fitted)
            if same:
                listed = [*head, *terms, (last, "")]
                rows += [
                    ShareRow(*one, scale, m) for m in ("realised", "population") for one in listed
                ]
            else:
                beyond = [(TOGETHER, "")] if len(terms) > 1 else []
                listed = [*head, *terms, *beyond, (last, "")]
                rows += [ShareRow(*one, scale, "population") for one in listed]
                rows += [ShareRow(*one, scale, "additive") for one in terms]
            for one in self.named:
                name = " + ".join(self.sources[t].name for t in one.terms)
                measure = "additive" if one.linear and not same else "population"
                named.append(ShareRow(one.symbol, name, scale, measure))
        return tuple(rows), tuple(named)

    def values(self, fitted: Fitted, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Variances (k,) of all sources, and shares, those with a name after these.

        Parameters
        ----------
        fitted : Fitted
            The fit.
        psi : (m,) array
            Flat parameter vector.
        """
        variances: list[float] = []
        shares: list[float] = []
        named: list[float] = []
        latent = latent_variances(fitted, psi, self.forms, self.approximation)
        for scale in self.scales:
            if scale == "latent" or is_additive(fitted):
                for part in (latent.realised, latent.population):
                    self._add([latent.fixed], part, [latent.rest], variances, shares)
                named += self._named_latent(fitted, psi, latent)
                continue
            found = observed_variances(fitted, psi, self.sample)
            beyond = [found.together] if len(self.sources) > 1 else []
            tail = [*beyond, found.rest]
            whole = self._add([found.fixed], found.whole, tail, variances, shares)
            variances += found.additive.tolist()
            shares += [ratio(v, whole) for v in found.additive]
            adjusted = float(found.whole.sum()) + found.together + found.rest
            for one in self.named:
                parts = found.additive if one.linear else found.whole
                counted = one.factor(fitted, psi) * parts[list(one.terms)].sum()
                named.append(ratio(float(counted), adjusted))
        return np.array(variances), np.array([*shares, *named])

    def _add(
        self,
        head: list[float],
        terms: FloatArray,
        tail: list[float],
        variances: list[float],
        shares: list[float],
    ) -> float:
        """Append the parts of one whole, and give the whole."""
        parts = [*(head if self.fixed else []), *terms.tolist(), *tail]
        whole = float(sum(parts))
        variances += parts
        shares += [ratio(part, whole) for part in parts]
        return whole

    def _named_latent(
        self, fitted: Fitted, psi: FloatArray, latent: LatentVariances
    ) -> list[float]:
        whole = float(latent.population.sum()) + latent.rest
        return [
            ratio(
                one.factor(fitted, psi) * float(latent.population[list(one.terms)].sum()),
                whole,
            )
            for one in self.named
        ]


def partition(
    fitted: Fitted,
    *,
    scale: PartitionScale = "both",
    fixed: bool = True,
    interval: Interval = "delta",
    level: float = 0.95,
    approximation: Approximation = "lognormal",
    **options: Any,
) -> Partitioned:
    """Divide the variance of a response among its sources.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    scale : {"latent", "response", "both"}
        Scale of the linear predictor, of the response, or both.
    fixed : bool
        Whether the variance that covariates explain is counted as a source.
    interval : {"delta", "profile", "bootstrap"}
        Where intervals come from.
    level : float
        Their coverage.
    approximation : {"lognormal", "trigamma", "delta"}
        How a distribution with log link is taken to the latent scale.
    **options
        Of the bootstrap: ``draws, seed, n_jobs``.

    Returns
    -------
    Partitioned

    Raises
    ------
    ModelError
        The model has no random terms in the mean, or an option is not known.
    """
    check_choice("scale", scale, PartitionScale)
    check_choice("interval", interval, Interval)
    check_choice("approximation", approximation, Approximation)
    check_level(level)
    _check(fitted, scale)
    division = divide(fitted, scale, fixed=fixed, approximation=approximation)
    shares = _shares(fitted, division, interval, level, options)
    rows, named_rows = division.rows(fitted)
    return Partitioned(
        sources=division.sources,
        rows=rows,
        variances=division.values(fitted, fitted.estimates.psi)[0],
        shares=shares,
        named=division.named,
        named_rows=named_rows,
        fixed=fixed,
        level=level,
    )


def divide(
    fitted: Fitted,
    scale: PartitionScale = "both",
    *,
    fixed: bool = True,
    approximation: Approximation = "lognormal",
) -> Division:
    """Say how the variance of a fit is divided.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    scale, fixed, approximation
        As in `partition`.

    Returns
    -------
    Division
    """
    scales: tuple[str, ...] = ("latent", "response") if scale == "both" else (scale,)
    if is_additive(fitted):
        scales = ("response",)
    elif scale == "both" and not fitted.family.link.averages:
        scales = ("latent",)
    sources, sample = sources_of(fitted), own_sample(fitted)
    return Division(
        forms=RowForms(fitted),
        sources=sources,
        named=name_shares(fitted, sources),
        scales=scales,
        fixed=fixed,
        approximation=approximation,
        sample=fewer_rows(fitted, sample) if "response" in scales else sample,
    )


def _shares(
    fitted: Fitted, division: Division, interval: Interval, level: float, options: dict[str, Any]
) -> Shares:
    def function(fit: Fitted, psi: FloatArray) -> FloatArray:
        return division.values(fit, psi)[1]

    if interval == "profile":
        found: Shares = profiles.profiled_shares(fitted, function, level, fixed=division.fixed)
        return found
    return shares_of(fitted, function, level, interval, **options)


def _check(fitted: Fitted, scale: str) -> None:
    """Refuse models whose variance has no such parts."""
    if MEAN not in fitted.family.parameters:
        raise ModelError(
            f"Family {fitted.family.name!r} has a predictor of each category and none that they "
            "share, so there is no one variance to divide; variance_components() has those of "
            "each category.",
            code="no-predictor",
        )
    other = {term.predictor for term in fitted.design.random_parts} - {MEAN}
    if other:
        raise ModelError(
            f"The predictor of {sorted(other)[0].replace('_', ' ')} has random effects of its own, "
            "for which shares of variance are not defined; fit the model without them to ask.",
            code="random-elsewhere",
        )
    if not fitted.design.terms:
        raise ModelError(
            "The model has no random terms, so there is nothing to divide beside covariates and "
            "residual; see r_squared().",
            code="no-random-terms",
        )
    if fitted.verdict.status is Status.SEPARATED:
        raise ModelError(
            "The fit is separated: coefficients run to infinity, and with them the variance of the "
            "fixed part. Fit with a penalty (penalty='firth') to ask for shares of variance.",
            code="separated",
        )
    if scale == "response" and not fitted.family.link.averages:
        raise ModelError(
            f"scale='response': under link {fitted.family.link.name!r} normal random effects reach "
            "infinite means, so that a response has no variance; ask for scale='latent'.",
            code="population-mean",
        )
