r"""Responses that are one of J categories.

The response is coded 0, ..., J - 1 in the order of ``levels``.  What a category has is a
probability, not a mean: predictions are probabilities of every category, and what needs a mean is
refused.  How many parameters there are depends on the number of categories, so a family gets its
levels, from the user or from the data, before anything is built (:meth:`with_levels`).
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, ClassVar, NoReturn, Self, final

import numpy as np

from ilk.errors import DataError, ModelError, did_you_mean
from ilk.family.base import AbstractFamily
from ilk.family.thresholds import Structure, structure
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.typing import FloatArray, IntArray

__all__ = [
    "AbstractCategorical",
    "AbstractOrdinal",
    "category_shares",
    "check_levels",
    "rows_of",
    "unknown_level",
]


class AbstractCategorical(AbstractFamily):
    """Distribution of a response that is one of J categories.

    Attributes
    ----------
    ordered : bool
        Whether the order of the categories means something.
    optional_parameters : tuple of str
        Parameters that the family has only if they have a formula.
    levels : tuple
        Labels of the categories, in order; empty until they are known.
    """

    __slots__ = ()

    optional_parameters: ClassVar[tuple[str, ...]] = ()
    categorical: ClassVar[bool] = True
    discrete: ClassVar[bool] = True
    ordered: ClassVar[bool] = True
    levels: tuple[Hashable, ...]

    @property
    def key(self) -> str | None:
        """Name of the compiled density, which ends in the number of categories."""
        name, key = self.compiled_name, super().key
        return None if name is None or key is None else f"{name}:{self.link.name}:{self.categories}"

    @property
    def compiled_name(self) -> str | None:
        """Name of the compiled density without link and categories, None if there is none."""
        return self.name

    @property
    @final
    def categories(self) -> int:
        """Number J of categories."""
        return len(self.levels)

    @final
    def with_levels(self, levels: Sequence[Hashable]) -> Self:
        """Return the same family for these categories.

        Parameters
        ----------
        levels : sequence
            Labels, in order.
        """
        checked = check_levels(levels)
        changed: Self = dataclasses.replace(self, levels=checked)  # type: ignore[type-var]
        return changed

    def with_formulas(self, names: Collection[str]) -> Self:
        """Return the same family with the parameters that it has only if they have a formula.

        Parameters
        ----------
        names : collection of str
            Parameters that have a formula.
        """
        return self

    def spread_formulas(self, formulas: Mapping[str, str]) -> dict[str, str]:
        """Give each parameter its formula where one formula was given for several.

        Parameters
        ----------
        formulas : mapping of str to str
            By the names that users write.
        """
        return dict(formulas)

    def effects_on(self) -> str:
        """Say what effects on the linear predictor are effects on."""
        return "the odds of categories"

    def cut_links(self, eta: Sequence[NumberT]) -> Sequence[NumberT]:
        """Linear predictors (n,) of P(Y <= j), j before the last category, by the link.

        Empty where these probabilities are not the inverse link of one predictor each.
        """
        return ()

    @final
    def probability(self, category: int, eta: Sequence[NumberT]) -> NumberT:
        """Probability (n,) of one category.

        Parameters
        ----------
        category : int
            Which, from 0.
        eta : sequence of jets, or of ndarrays (n,)
            Linear predictors.
        """
        log_probability: NumberT = self.log_probability(category, eta)
        return jets.exp(log_probability)

    @abstractmethod
    def log_probability(self, category: int, eta: Sequence[Any]) -> Any:
        """Logarithm of the probability (n,) of one category; arguments as `probability`."""

    @final
    def probabilities(self, eta: Sequence[FloatArray]) -> FloatArray:
        """Probabilities (J, n) of all categories."""
        return np.stack([self.probability(j, eta) for j in range(self.categories)])

    def mean(self, eta: Sequence[NumberT]) -> NumberT:
        """Refuse: categories have no mean."""
        self._no_mean()

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Refuse: categories have no variance."""
        self._no_mean()

    def _no_mean(self) -> NoReturn:
        raise ModelError(
            f"The response of family {self.name!r} is a category and has no mean, which this "
            "question needs; predict(), means() and standardize() give probabilities of categories "
            "or, with scores=, means of scores.",
            code="no-mean",
        )

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Probability (n,) of a category up to the one coded y."""
        below = np.cumsum(self.probabilities(eta), axis=0)
        below[-1] = 1.0
        code = np.clip(y, 0.0, self.categories - 1.0).astype(int)
        return np.where(y < 0.0, 0.0, np.minimum(below[code, np.arange(len(y))], 1.0))

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random categories (n,), as codes."""
        below = np.cumsum(self.probabilities(eta), axis=0)
        drawn: FloatArray = np.sum(rng.random(len(eta[0])) * below[-1] > below, axis=0)
        return np.where(np.isfinite(below[-1]), drawn, np.nan).astype(np.float64)

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse codes that are none, and categories that no row has."""
        codes = y[np.isfinite(y)]
        outside = (codes < 0) | (codes >= self.categories) | (codes != np.floor(codes))
        if len(codes) < len(y) or np.any(outside):
            raise DataError(
                f"The response {name!r} has other values than codes of the {self.categories} "
                f"categories of family {self.name!r}.",
                code="response-out-of-range",
            )
        counts = np.bincount(codes.astype(int), minlength=self.categories)
        empty = [level for level, count in zip(self.levels, counts, strict=True) if count == 0]
        if empty:
            shown = ", ".join(map(repr, empty[:5])) + (", ..." if len(empty) > 5 else "")
            several = len(empty) > 1
            lost = "threshold" if self.ordered else "coefficient"
            raise DataError(
                f"No row used has the categor{'ies' if several else 'y'} {shown} of the response "
                f"{name!r}: {'their probabilities' if several else 'its probability'} would be "
                f"zero and no {lost} be finite. Leave "
                f"{'them' if several else 'it'} out of the levels, or merge categories.",
                code="empty-category",
            )


class AbstractOrdinal(AbstractCategorical):
    """Ordered categories with a threshold between each and the next.

    Attributes
    ----------
    thresholds : {"flexible", "symmetric", "equidistant"}
        How the thresholds depend on each other.
    """

    __slots__ = ()

    without_intercept: ClassVar[tuple[str, ...]] = ("mean", "dispersion")
    thresholds: Structure

    @property
    def compiled_name(self) -> str | None:
        """Name of the compiled density, for thresholds that are free."""
        if self.thresholds != "flexible":
            return None
        return self.name if self.location == ("mean",) else f"scaled_{self.name}"

    @property
    def location(self) -> tuple[str, ...]:
        """Parameters that are no thresholds."""
        return ("mean",)

    @property
    def parameters(self) -> tuple[str, ...]:  # type: ignore[override]
        """Mean, scale if it has a formula, free parameters of the thresholds."""
        return (*self.location, *structure(self.thresholds, self.categories)[0])

    @property
    def parallel_cuts(self) -> tuple[str, ...]:  # type: ignore[override]
        """Thresholds, if each is free."""
        free = self.thresholds == "flexible"
        return structure(self.thresholds, self.categories)[0] if free else ()

    @final
    def spread_formulas(self, formulas: Mapping[str, str]) -> dict[str, str]:
        """Give ``thresholds``, a formula of all thresholds, to each of them."""
        given = dict(formulas)
        common = given.pop("thresholds", None)
        if common is None:
            return given
        if self.thresholds != "flexible":
            raise ModelError(
                f"thresholds={self.thresholds!r} of the family leaves no room for a formula of "
                "each threshold; use flexible thresholds.",
                code="thresholds",
            )
        names = structure(self.thresholds, self.categories)[0]
        return {**dict.fromkeys(names, common), **given}

    @final
    def row_label(self, parameter: str) -> str | None:
        """Name a threshold by the categories at both sides, such as ``"poor | fair"``."""
        if parameter in self.location:
            return None
        kind, _, number = parameter.partition("_")
        if kind != "threshold":
            return parameter.replace("_", " ")
        j = int(number)
        return f"{self.levels[j - 1]} | {self.levels[j]}"

    @final
    def free_start(self, cuts: FloatArray, offset: FloatArray | None) -> tuple[float, ...]:
        """Start of all parameters from the thresholds (J - 1,) of data without covariates."""
        cuts = cuts + (0.0 if offset is None else float(np.mean(offset)))
        A = structure(self.thresholds, self.categories)[1]
        free = np.linalg.lstsq(A, cuts, rcond=None)[0]
        return (*(0.0 for _ in self.location), *map(float, free))


def check_levels(levels: Any) -> tuple[Hashable, ...]:
    """Labels as a tuple, refused if they are fewer than two or repeat.

    Parameters
    ----------
    levels : sequence
        What the user gave, or the data have.
    """
    given: Any = levels.tolist() if hasattr(levels, "tolist") else levels  # an array, an index
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ModelError(
            f"levels= takes a list of categories in their order, not {levels!r}.", code="levels"
        )
    labels = tuple(given)
    repeated = next((x for i, x in enumerate(labels) if x in labels[:i]), None)
    if repeated is not None:
        raise ModelError(f"levels= has {repeated!r} twice.", code="levels")
    if len(labels) == 1:
        raise DataError(
            f"The response has the single category {labels[0]!r}; there is nothing to explain.",
            code="response-levels",
        )
    return labels


def unknown_level(label: object, levels: Sequence[Hashable], name: str, row: int) -> DataError:
    """Make the error that names a value which is none of the categories."""
    shown = ", ".join(map(repr, levels[:8])) + (", ..." if len(levels) > 8 else "")
    words = [x for x in levels if isinstance(x, str)]
    hint = did_you_mean(label, words) if isinstance(label, str) else ""
    return DataError(
        f"Column {name!r} has {label!r} in row {row}, which is none of the categories {shown}."
        f"{hint}",
        code="response-levels",
    )


def category_shares(y: FloatArray, categories: int, weights: FloatArray | None) -> FloatArray:
    """Share (J,) of each category among weighted rows, none of them zero.

    Parameters
    ----------
    y : ndarray (n,)
        Codes.
    categories : int
        Number J of categories.
    weights : ndarray (n,) or None
        Weights of the rows.
    """
    counts = np.bincount(y.astype(int), weights=weights, minlength=categories) + 0.5
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def rows_of(y: FloatArray, categories: int) -> list[IntArray]:
    """Rows of each category."""
    return [np.flatnonzero(y == j) for j in range(categories)]
