"""Studies drawn from a fit: clusters with their covariates, new random effects, new responses.

Clusters of one grouping factor are drawn with replacement, within the values of effects that are
constant in clusters and few.  Factors nested in it are drawn along, others keep their levels.  Each
study is fitted, and the effects are tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.resample import resample
from ilk.errors import FitError, ModelError, did_you_mean
from ilk.estimation.run import refit_rows
from ilk.formula.spec import MEAN
from ilk.frame import factor_integers
from ilk.inference.bootstrap.attempts import Outcome, attempt, sound
from ilk.inference.bootstrap.clusters import members_of, resampled_unit
from ilk.inference.clusters import is_nested, outermost_groupings
from ilk.inference.hypotheses.restricted import restricted
from ilk.inference.wald import coefficient_table
from ilk.model.dependence import refuse_dependent
from ilk.num.stable import special
from ilk.num.triangular import rank
from ilk.simulate import response_drawer

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["Studies", "drawn_unit", "strata_of"]

_ARMS = 6
"""Values of a column that count as few."""


@dataclass(frozen=True, slots=True)
class Studies:
    """Work on sources of randomness: draw a study, fit it, test the effects.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    places : tuple of int
        Coefficients that are tested.
    effects : (k,) array
        Values that they are assumed to have.
    strata : tuple of tuples of arrays
        Rows of the clusters of each stratum.
    size : int
        Number of clusters of a study.
    per : int or None
        Rows of a cluster.
    test : str
        Which test.
    fixed : frozenset of str
        Grouping factors that keep their levels.
    """

    fitted: Fitted
    places: tuple[int, ...]
    effects: FloatArray
    strata: tuple[tuple[IntArray, ...], ...]
    size: int
    per: int | None
    test: str
    fixed: frozenset[str] = frozenset()

    def __call__(self, sources: list[np.random.Generator]) -> list[Outcome]:
        """p-values of each study, then its number of rows."""
        count, assumed = len(self.places) + 1, self._assumed()
        return [
            attempt(lambda rng=rng: self._study(assumed, rng), self._tested, count)  # type: ignore[misc]
            for rng in sources
        ]

    def _assumed(self) -> Fitted:
        """The fit with the effects set; it does not travel, for its numbers are no optimum."""
        psi = self.fitted.estimates.psi.copy()
        psi[list(self.places)] = self.effects
        return replace(self.fitted, estimates=replace(self.fitted.estimates, psi=psi))

    def _study(self, assumed: Fitted, rng: np.random.Generator) -> Fitted:
        chosen: list[IntArray] = []
        for members, share in zip(self.strata, self._shares(), strict=True):
            for c in rng.integers(len(members), size=share):
                rows = members[c]
                if self.per is not None:
                    rows = rng.choice(rows, self.per, replace=self.per > len(rows))
                chosen.append(rows)
        copies = np.repeat(np.arange(len(chosen)), [len(rows) for rows in chosen])
        design = self._with_kept(resample(assumed.design, np.concatenate(chosen), copies), chosen)
        if any(rank(part.X) < part.X.shape[1] for part in design.fixed):
            raise FitError("the study lacks what a coefficient needs", code="rank")
        drawn = replace(assumed, model=replace(assumed.model, design=design))
        y = response_drawer(drawn)(rng)
        return sound(refit_rows(assumed, replace(design, response=replace(design.response, y=y))))

    def _with_kept(self, design: Design, chosen: Sequence[IntArray]) -> Design:
        """The design of a study, in which some factors have the levels that they had."""
        if not self.fixed:
            return design
        rows = np.concatenate(chosen)
        groupings = {}
        for term in self.fitted.design.terms:
            old = term.grouping
            if old.name in self.fixed:
                codes, present = factor_integers(old.codes[rows].astype(np.int64))
                levels = tuple(old.levels[int(code)] for code in present)
                groupings[old.name] = replace(old, members=codes, levels=levels)
        terms = tuple(
            replace(term, grouping=groupings.get(term.grouping.name, term.grouping))
            for term in design.terms
        )
        return replace(design, terms=terms)

    def _shares(self) -> list[int]:
        """Clusters of each stratum, in the proportions of the fit, at least one each."""
        sizes = np.array([len(members) for members in self.strata], dtype=np.float64)
        exact = self.size * sizes / sizes.sum()
        shares = np.maximum(np.floor(exact), 1.0)
        while shares.sum() < self.size:
            shares[np.argmax(exact - shares)] += 1.0
        while shares.sum() > self.size:
            shares[np.argmax(np.where(shares > 1.0, shares - exact, -np.inf))] -= 1.0
        return [int(share) for share in shares]

    def _tested(self, study: Fitted) -> FloatArray:
        rows = float(study.model.rows)
        if self.test == "wald":
            table = coefficient_table(study)
            names = [table.names.index(study.names[place]) for place in self.places]
            return np.append(table.p_value[names], rows)
        P = len(study.coef)
        full = study.loglik
        if study.model.reml:
            full = restricted(study, np.zeros((0, P)), reml=False).loglik
        p = []
        for place in self.places:
            null = restricted(study, np.eye(P)[place], reml=False).loglik
            p.append(float(special().chdtrc(1.0, max(2.0 * (full - null), 0.0))))
        return np.array([*p, rows])


def drawn_unit(fitted: Fitted, cluster: Any) -> tuple[str, IntArray, frozenset[str]]:
    """Find what is drawn.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cluster : str or None
        Grouping factor; the outermost by default.

    Returns
    -------
    name : str
        Of the factor, or ``"row"``.
    codes : (n,) array of int
        Level of each row.
    fixed : frozenset of str
        Grouping factors that keep their levels.
    """
    refuse_dependent(
        fitted.design,
        "A study of other clusters",
        "Simulate studies with a structure of their own: fit.simulate() and refit().",
    )
    groupings = {term.grouping.name: term.grouping for term in fitted.design.terms}
    if cluster is None:
        outermost = outermost_groupings(fitted.design)
        if len(outermost) > 1:
            names = [grouping.name for grouping in outermost]
            raise ModelError(
                f"The grouping factors {' and '.join(map(repr, names))} cross: say which of them "
                f"the study is to have more of, such as cluster={names[0]!r}; the others keep "
                "their levels.",
                code="crossed",
            )
        return (*resampled_unit(fitted, None), frozenset())
    if cluster not in groupings:
        known = ", ".join(map(repr, groupings)) or "none"
        raise ModelError(
            f"cluster={cluster!r:.80} is no grouping factor of the model; there are {known}."
            f"{did_you_mean(str(cluster), groupings)}",
            code="cluster",
        )
    codes = groupings[cluster].codes
    fixed = frozenset(
        name for name, other in groupings.items() if not is_nested(other.codes, codes)
    )
    return cluster, codes, fixed


def strata_of(
    fitted: Fitted, places: list[int], codes: IntArray
) -> tuple[tuple[tuple[IntArray, ...], ...], tuple[str, ...]]:
    """Sort clusters by the values of effects that are constant in clusters and few.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    places : list of int
        Coefficients of the effects.
    codes : (n,) array of int
        Cluster of each row.

    Returns
    -------
    strata : tuple of tuples of arrays
        Rows of the clusters of each stratum.
    kept : tuple of str
        Effects that make the strata.
    """
    members = members_of(codes)
    part = fitted.model.parts[MEAN]
    first = fitted.model.slices[MEAN].start
    labels, kept = np.zeros(len(members), dtype=np.intp), []
    for place in places:
        column = part.X[:, place - first]
        values = np.array([column[rows[0]] for rows in members])
        constant = all(np.ptp(column[rows]) == 0.0 for rows in members)
        found, inverse = np.unique(values, return_inverse=True)
        if constant and 1 < len(found) <= _ARMS:
            labels = labels * len(found) + inverse.ravel()
            kept.append(part.names[place - first])
    strata = [
        tuple(members[c] for c in np.flatnonzero(labels == label)) for label in np.unique(labels)
    ]
    return tuple(strata), tuple(kept)
