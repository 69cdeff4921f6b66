"""Whose variation is it: the partition of variance as an answer, with its further questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.errors import ModelError
from ilk.late import Late
from ilk.show.answer import AbstractAnswer, Answer
from ilk.show.icc import share_notes
from ilk.show.numbers import plain, significant
from ilk.show.summary import Table
from ilk.variance.alike import Alike, alike, split_of
from ilk.variance.distribution import describe
from ilk.variance.levels_of_variance import is_additive
from ilk.variance.partition import Partitioned, partition
from ilk.variance.partition_sources import INDEPENDENT
from ilk.variance.partition_tests import permutation_test, source_tests

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.variance.alike import Split
    from ilk.variance.partition_tests import PermutationTest

__all__ = ["Partition", "partition_answer"]

pictures = Late("ilk.plot.partition")

_MEANING = {
    "realised": "among these very rows",
    "population": "in the population, of rows at average levels",
    "additive": "what a source explains linearly (Psi^2 v)",
}


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Partition(AbstractAnswer):
    """Answer to the question whose variation it is.

    Parameters
    ----------
    answer : Answer
        Shares of all sources: ``source, structure, scale, measure, variance, estimate, std_error,
        conf_low, conf_high, estimand``.
    named : Answer
        Shares by their usual names, such as ``h2``: ``name, source, scale, measure, estimate,
        std_error, conf_low, conf_high, meaning, estimand``; covariates are held.
    fitted : Fitted
        The fit, for further questions.
    found : Partitioned
        The numbers.
    """

    answer: Answer
    named: Answer
    fitted: Fitted
    found: Partitioned

    def alike(self, draws: int = 100, seed: int | None = 0) -> Answer:
        """How alike the sources are to the likelihood, and whether the data tell them apart.

        Parameters
        ----------
        draws : int
            Random draws of each source, where there are more than 2,000 rows.
        seed : int or None
            Makes them repeatable.

        Returns
        -------
        Answer
            A row for each pair of random terms: ``first, second, alike, alike_error, share,
            conf_low, conf_high, verdict``; alike is 0 for structures that have nothing to do with
            each other and 1 for those of which only the sum can be known.
        """
        return _alike_answer(self.fitted, alike(self.fitted, draws, seed))

    def tests(
        self,
        method: str = "auto",
        permutations: int = 0,
        draws: int | None = None,
        seed: int | None = 0,
        n_jobs: int | None = 1,
    ) -> Answer:
        """Test each random term: likelihood ratio on the boundary, permuted names of levels.

        Parameters
        ----------
        method : {"auto", "chi_bar", "simulated", "bootstrap"}
            Null distribution of the likelihood ratio, as in `Fit.test_random_effects`.
        permutations : int
            Permutations of the names of the levels of each structure, 0 for none.
        draws : int, optional
            Draws of simulated null distributions, or refits of a bootstrap.
        seed : int or None
            Makes draws and permutations repeatable.
        n_jobs : int or None
            Refits at one time.

        Returns
        -------
        Answer
            ``source, structure, statistic, df, p_value, null``, and with permutations ``p_permuted,
            permuted_error``.
        """
        return _tests_answer(self.fitted, method, permutations, draws, seed, n_jobs)

    def permutation(
        self, source: str, count: int = 999, *, statistic: str = "score", seed: int | None = 0
    ) -> PermutationTest:
        """Test whether a structure matters by permuting the names of its levels.

        Parameters
        ----------
        source : str
            Name of the source.
        count : int
            Number of permutations.
        statistic : {"score", "likelihood_ratio"}
            Score of the variance, which takes no fits, or the likelihood ratio.
        seed : int or None
            Makes the permutations repeatable.

        Returns
        -------
        PermutationTest
            With ``p_value, p_error, observed, permuted``.
        """
        return permutation_test(self.fitted, source, count, statistic=statistic, seed=seed)  # type: ignore[arg-type]


def partition_answer(fitted: Fitted, *, alikeness: bool = True, **options: Any) -> Partition:
    """Divide the variance among its sources, and put it into words.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    alikeness : bool
        Whether the text says how well sources are told apart.
    **options
        As `partition` takes them.

    Returns
    -------
    Partition
    """
    found = partition(fitted, **options)
    k = len(found.rows)
    shares, rows = found.shares, found.rows
    response = plain(fitted.design.response.name)
    notes = [*_notes(fitted, found, str(options.get("approximation", "lognormal")))]
    tables = []
    if len(found.named):
        tables.append(_named_table(found))
    if alikeness and len(found.sources) > 1:
        notes += _told_apart(fitted)
    answer = Answer(
        title=f"Whose variation is it? The variance of {response}, divided",
        question=(
            f"Which share of the variance of {response} comes from each source? Realised: of the "
            "variance among these very rows; population: of the variance of rows at average "
            "levels; additive: what the source explains linearly on the scale of the response."
        ),
        columns={
            "scale": [row.scale for row in rows],
            "measure": [row.measure for row in rows],
            "source": [row.source for row in rows],
            "structure": [row.structure for row in rows],
            "variance": found.variances,
            "estimate": shares.estimate[:k],
            "std_error": shares.std_error[:k],
            "conf_low": shares.conf_low[:k],
            "conf_high": shares.conf_high[:k],
            "estimand": ["population"] * k,
        },
        flavor=fitted.design.flavor,
        words=("scale", "measure", "source"),
        hidden=("structure", "estimand", "std_error"),
        heads={"estimate": "share"},
        notes=tuple(plain(note, 2000) for note in notes),
        level=found.level,
        tables=tuple(tables),
        picture=lambda ax: pictures.draw_partition(found, response, ax),
    )
    return Partition(answer, _named_answer(fitted, found), fitted, found)


def _notes(fitted: Fitted, found: Partitioned, approximation: str) -> list[str]:
    out = [
        f"{source.name}: {source.words}."
        for source in found.sources
        if source.structure != INDEPENDENT
    ]
    scales = {row.scale for row in found.rows}
    if is_additive(fitted):
        out.append("The scales of response and linear predictor are one.")
    else:
        if "latent" in scales:
            out.append(
                f"Variance of the distribution on the latent scale ({fitted.family.link.name}): "
                f"{describe(fitted.family, approximation)}."  # type: ignore[arg-type]
            )
        if "response" in scales:
            trial = " of a single trial" if fitted.family.takes_trials else ""
            out.append(
                f"Variances of the response{trial} by quadrature at the estimates; what sources "
                "explain alone does not add up on this scale. Additive: de Villemereuil and "
                "others 2016."
            )
    if any(source.structure != INDEPENDENT for source in found.sources):
        out.append(
            "Structures are scaled to an average variance of one, so that shares compare; the "
            "realised ones leave out what all rows have in common. They are exact, by sparse "
            "factors."
        )
    if not found.fixed:
        out.append("Covariates are held: their variance is not counted.")
    return [*out, *share_notes(fitted, found.shares)]


def _told_apart(fitted: Fitted) -> list[str]:
    """Sentences on pairs that the data do not tell apart."""
    try:
        found = alike(fitted, draws=60)
    except (ModelError, np.linalg.LinAlgError):
        return []
    return [text for split in _splits(fitted, found) if (text := _sentence(split))]


def _splits(fitted: Fitted, found: Alike) -> list[Split]:
    count = len(fitted.design.terms)
    return [split_of(found, i, j) for i in range(count) for j in range(i + 1, count)]


def _sentence(split: Split) -> str:
    """What is to be said of a pair; empty if it is told apart."""
    pair = f"{split.first} from {split.second}"
    between = f"between {100 * split.low:.0f} and {100 * split.high:.0f}%"
    if split.verdict == "not":
        return (
            f"These data cannot tell {pair}: to the likelihood the two are alike to "
            f"{split.alike:.2f}, and {between} of what they explain together may be that of "
            f"{split.first}. Report their sum."
        )
    if split.verdict == "no information":
        return (
            f"These data are too few to tell {pair}, though the two are not alike "
            f"({split.alike:.2f}): {between} of what they explain together may be that of "
            f"{split.first}."
        )
    if split.verdict == "roughly":
        return (
            f"These data tell {pair} only roughly (alike {split.alike:.2f}): {between} of what "
            f"they explain together is that of {split.first}."
        )
    return ""


def _alike_answer(fitted: Fitted, found: Alike) -> Answer:
    splits = _splits(fitted, found)
    if not splits:
        raise ModelError(
            "There is a single random term, so that there are no two to be told apart.",
            code="one-source",
        )
    pairs = [(found.names.index(s.first), found.names.index(s.second)) for s in splits]
    how = (
        "exact traces"
        if not found.draws
        else f"traces by {found.draws} random draws of each source, errors by the jackknife"
    )
    kept = ", ".join(
        f"{name} {100 * part:.0f}%" for name, part in zip(found.names, found.kept, strict=True)
    )
    notes = [
        "alike: cosine of the angle between two structures in the restricted likelihood, "
        f"tr(P K P K') / sqrt(...), {how}; share: of the first in what both explain together, with "
        "a 95% interval from the expected information.",
        f"Information that is left on each variance with all others unknown: {kept}.",
        "Parameters of structures, such as a range, are held at their estimates.",
        *filter(None, map(_sentence, splits)),
    ]
    return Answer(
        title="Can these data tell the sources apart?",
        question=(
            "How alike are the sources of variation to the likelihood (0: nothing to do with each "
            "other, 1: one and the same), and how well is what two explain together divided?"
        ),
        columns={
            "first": [s.first for s in splits],
            "second": [s.second for s in splits],
            "alike": np.array([s.alike for s in splits]),
            "alike_error": np.array([found.alike_error[pair] for pair in pairs]),
            "share": np.array([s.share for s in splits]),
            "conf_low": np.array([s.low for s in splits]),
            "conf_high": np.array([s.high for s in splits]),
            "verdict": [s.verdict for s in splits],
        },
        flavor=fitted.design.flavor,
        words=("first", "second", "verdict"),
        notes=tuple(plain(note, 2000) for note in notes),
    )


def _named_rows(found: Partitioned) -> list[dict[str, Any]]:
    k, shares = len(found.rows), found.shares
    meanings = [one.words for one in found.named] * (len(found.named_rows) // len(found.named))
    return [
        {
            "name": row.source,
            "source": row.structure,
            "scale": row.scale,
            "measure": row.measure,
            "estimate": float(shares.estimate[k + i]),
            "std_error": float(shares.std_error[k + i]),
            "conf_low": float(shares.conf_low[k + i]),
            "conf_high": float(shares.conf_high[k + i]),
            "meaning": meaning,
        }
        for i, (row, meaning) in enumerate(zip(found.named_rows, meanings, strict=True))
    ]


def _named_table(found: Partitioned) -> Table:
    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        numbers = [significant(row[name], 3) for name in ("estimate", "conf_low", "conf_high")]
        where = f"{row['scale']}, {row['measure']}"
        interval = f"{numbers[1]} to {numbers[2]}" if np.isfinite(row["conf_low"]) else ""
        return row["name"], plain(row["source"]), where, numbers[0], interval, row["meaning"]

    return Table(
        "By their usual names (covariates held)",
        ("", "source", "scale", "share", f"{100 * found.level:g}% interval", "meaning"),
        tuple(map(cells, _named_rows(found))),
    )


def _named_answer(fitted: Fitted, found: Partitioned) -> Answer:
    rows = _named_rows(found) if found.named else []
    names = ("name", "source", "scale", "measure", "estimate", "std_error", "conf_low", "conf_high")
    numeric = names[4:]
    columns: dict[str, Any] = {
        name: np.array([row[name] for row in rows], dtype=np.float64)
        if name in numeric
        else [row[name] for row in rows]
        for name in (*names, "meaning")
    }
    columns["estimand"] = ["population"] * len(rows)
    return Answer(
        title="Shares of variance by their usual names",
        question=(
            "Which share of the variance, covariates held, goes by a name of its own? Of rows at "
            "average levels, on the scale that each row says."
        ),
        columns=columns,
        flavor=fitted.design.flavor,
        words=("name", "source", "scale", "measure", "meaning"),
        hidden=("estimand",),
        notes=tuple(plain(note, 2000) for note in share_notes(fitted, found.shares)),
        level=found.level,
    )


def _tests_answer(
    fitted: Fitted,
    method: str,
    permutations: int,
    draws: int | None,
    seed: int | None,
    n_jobs: int | None,
) -> Answer:
    tests = source_tests(fitted, method, draws, seed, n_jobs)  # type: ignore[arg-type]
    columns: dict[str, Any] = {
        "source": [test.source.name for test in tests],
        "structure": [test.source.structure for test in tests],
        "statistic": np.array([test.ratio.statistic for test in tests]),
        "df": np.array([test.ratio.df for test in tests], dtype=np.float64),
        "p_value": np.array([test.ratio.p_value for test in tests]),
        "null": [test.ratio.null for test in tests],
    }
    notes = ["Likelihood ratio of the model without the term; a variance of zero is on the edge."]
    if permutations:
        done = _columns_of_permutations(
            tests, lambda name: permutation_test(fitted, name, permutations, seed=seed)
        )
        columns.update(done)
        notes.append(
            f"Permuted: names of the levels with data dealt out {permutations} times, score "
            f"statistics compared (seed {seed}); it asks whether the structure matters."
        )
    return Answer(
        title="Is each source needed?",
        question="Is the variance of each random term zero, all else in the model?",
        columns=columns,
        flavor=fitted.design.flavor,
        words=("source", "structure"),
        notes=tuple(plain(note, 2000) for note in notes),
    )


def _columns_of_permutations(
    tests: Sequence[Any], one: Callable[[str], PermutationTest]
) -> dict[str, Any]:
    found = [one(t.source.name) if t.source.levels is not None else None for t in tests]
    return {
        "p_permuted": np.array([np.nan if p is None else p.p_value for p in found]),
        "permuted_error": np.array([np.nan if p is None else p.p_error for p in found]),
    }
