r"""What a family is: a log density with one linear predictor for each of its parameters.

The first predictor is the mean's, through a link; then, where the family has one, the logarithm
of the dispersion :math:`\phi`, which always grows with the variance; wrappers add theirs.  A
family of one's own subclasses :class:`AbstractFamily` and writes its ``log_density`` with the
functions of :mod:`ilk.num.jets`; fits need nothing more.  What else a family can do (draws,
distribution function, ...) is optional, and a question that needs a missing part says so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NoReturn, final

import numpy as np

from ilk.errors import DataError, ModelError
from ilk.family.link import AbstractLink, Interval, is_registered, link_kind
from ilk.family.scale import SCALES, ParameterScale
from ilk.num.jets import NumberT
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["AbstractFamily", "refuse_rows", "require_link", "weighted_mean"]


class AbstractFamily(ABC):
    r"""Distribution of the response given its linear predictors.

    Attributes
    ----------
    name : str
        Name that users write.
    link : AbstractLink
        Link of the mean.
    parameters : tuple of str
        Names of the predictors: ``"mean"``, then ``"dispersion"``, ``"shape"``, others, and
        ``"zero_inflation"`` where the family has them.
    links : tuple of str
        Links that make sense, the usual one first; links of the user's own are always accepted.
    compiled_links : tuple of str
        Links for which the compiled engine has the density.
    mean_range : Interval
        Possible means.
    discrete : bool
        Whether the response is a count.
    takes_trials : bool
        Whether the response is a count out of a number of trials; the mean is then a probability.
    has_unit_deviance : bool
        Whether :meth:`unit_deviance` is defined.
    categorical : bool
        Whether the response is one of several categories, see `ilk.family.categorical`.
    has_latent : bool
        Whether the response is a latent variable cut at thresholds, which the link names.
    without_intercept : tuple of str
        Predictors that have no intercept, because other parameters take its place.
    location_scale : bool
        Whether the response is its mean and a scale times an error whose distribution depends on
        neither, so that under the identity link it may be shifted and scaled.
    log_scale : (str, float)
        Parameter whose predictor is this many times the logarithm of that scale; by default the
        dispersion, which is the square of the scale.
    several_modes : bool
        Whether the log density may have several maxima in the predictor of the mean, so that a fit
        looks for other optima than the one it has found.
    has_zero : bool
        Whether a response may be zero; where not, zero inflation is a hurdle.
    atoms : tuple of float
        Numbers that have probability, in order, where most have not.
    parallel_cuts : tuple of str
        Thresholds between ordered categories on all of which a covariate of the mean acts alike,
        which a check compares with effects that differ.
    dispersion_limit : str or None
        Name of the family that this one becomes as the dispersion goes to zero.
    unit_dispersion : str or None
        Name of the family that this one is where the dispersion is one.

    Examples
    --------
    A Laplace (double exponential) distribution, smoothed at its peak:

    >>> from dataclasses import dataclass
    >>> from ilk.family.base import AbstractFamily
    >>> from ilk.family.link import AbstractLink, Identity
    >>> from ilk.num import jets
    >>> @dataclass(frozen=True)
    ... class DoubleExponential(AbstractFamily):
    ...     name = "double_exponential"
    ...     parameters = ("mean", "dispersion")
    ...     link: AbstractLink = Identity()
    ...     def log_density(self, y, trials, eta):
    ...         z = (y - eta[0]) * jets.exp(-0.5 * eta[1])
    ...         return -jets.sqrt(z * z + 0.01) - 0.5 * eta[1]
    >>> DoubleExponential().predictors
    2
    """

    __slots__ = ()

    name: ClassVar[str]
    links: ClassVar[tuple[str, ...]] = ()
    compiled_links: ClassVar[tuple[str, ...]] = ()
    mean_range: ClassVar[Interval] = Interval(-np.inf, np.inf)
    discrete: ClassVar[bool] = False
    takes_trials: ClassVar[bool] = False
    has_unit_deviance: ClassVar[bool] = False
    categorical: ClassVar[bool] = False
    has_latent: ClassVar[bool] = False
    without_intercept: ClassVar[tuple[str, ...]] = ()
    location_scale: ClassVar[bool] = False
    log_scale: ClassVar[tuple[str, float]] = ("dispersion", 2.0)
    several_modes: ClassVar[bool] = False
    has_zero: ClassVar[bool] = True
    atoms: ClassVar[tuple[float, ...]] = ()
    dispersion_limit: ClassVar[str | None] = None
    unit_dispersion: ClassVar[str | None] = None
    parallel_cuts: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[tuple[str, ...]]
    link: AbstractLink

    @abstractmethod
    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density by row, up to terms that depend on the response and trials only.

        Parameters
        ----------
        y : ndarray (n,)
            Response; the number of successes where there are trials.
        trials : ndarray (n,) or None
            Number of trials; None stands for ones.
        eta : sequence of jets, or of ndarrays (n,)
            Linear predictors, one for each of ``parameters``.

        Returns
        -------
        jet or ndarray (n,)
            Log density, of the kind of ``eta``; not finite where the mean is impossible.
        """

    @property
    def key(self) -> str | None:
        """Name of the compiled density, None if there is none."""
        if self.link.name in self.compiled_links and is_registered(self.link):
            return f"{self.name}:{self.link.name}"
        return None

    @property
    def predictor_link(self) -> AbstractLink:
        """Link on whose scale the effects on the first predictor are."""
        return self.link

    @property
    @final
    def predictors(self) -> int:
        """Number of linear predictors."""
        return len(self.parameters)

    @property
    def has_atoms(self) -> bool:
        """Whether single numbers have probability: all counts, or zero alone."""
        return self.discrete or bool(self.atoms)

    @property
    @final
    def has_dispersion(self) -> bool:
        """Whether there is a dispersion parameter."""
        return "dispersion" in self.parameters

    @property
    def mean_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that the mean of the response depends on."""
        plain = type(self).mean is AbstractFamily.mean
        return self.parameters[:1] if plain else self.parameters

    @property
    def main_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that the formula of a fit is for, unless they have their own."""
        return self.parameters[:1]

    def event(self, parameter: str) -> tuple[float, float] | None:
        """Responses that grow certain as a linear predictor grows, and as all fall.

        Parameters
        ----------
        parameter : str
            One of ``parameters``.

        Returns
        -------
        tuple of float, or None
            None unless the parameter is that of one category.
        """
        return None

    def predictor_words(self, parameter: str) -> str | None:
        """Name a linear predictor in words; None if its scale or its name does.

        Parameters
        ----------
        parameter : str
            One of ``parameters``.
        """
        return None

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale on which readers know a parameter; None if it is that of its linear predictor.

        Parameters
        ----------
        parameter : str
            One of ``parameters`` other than the mean.
        """
        return SCALES.get(parameter)

    def row_label(self, parameter: str) -> str | None:
        """What a parameter is called as a row of the table of thresholds; None for its own table.

        Parameters
        ----------
        parameter : str
            One of ``parameters``.
        """
        return None

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Terms (n,) in the response only that complete the log density."""
        return np.zeros_like(y)

    def mean(self, eta: Sequence[NumberT]) -> NumberT:
        """Mean (n,) of the response; the mean proportion where there are trials.

        Parameters
        ----------
        eta : sequence of jets, or of ndarrays (n,)
            Linear predictors.  A mean of one's own that takes arrays only is differentiated
            numerically where its derivatives are needed.
        """
        return self.link.inverse(eta[0])

    def effects_on(self) -> str | None:
        """Say what effects of the first predictor are on; None if that is the mean by its link."""
        return None

    def phrase(self, response: str) -> str | None:
        """Say what the mean is, as a part of a sentence; None for the usual words.

        Parameters
        ----------
        response : str
            Name of the response.
        """
        return None

    def values(self, y: FloatArray) -> FloatArray:
        """Numbers, of responses of any shape, that the mean is the mean of: the responses."""
        return y

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance (n,) of the response; of the count where there are trials."""
        self._lacks("variance")

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random responses (n,)."""
        self._lacks("random draws")

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Probability (n,) of a response of at most y."""
        self._lacks("distribution function")

    def cdf_below(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Probability (n,) of a response of less than y."""
        return self.cdf(y - 1.0, trials, eta) if self.discrete else self.cdf(y, trials, eta)

    def log_survival(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability (n,) of more than y, for responses that may be censored."""
        self._lacks("logarithm of the survival function")

    def log_cdf(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability (n,) of at most y, for responses that may be censored."""
        self._lacks("logarithm of the distribution function")

    def too_variable(self) -> str | None:
        """What to try where responses vary more than the family says; None for the usual advice."""
        return None

    def caveat(self, trials: FloatArray | None, eta: Sequence[FloatArray]) -> str | None:
        """Say what does not hold of the family at such predictors; None if all does."""
        return None

    def unit_deviance(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        mu: FloatArray,
        phi: FloatArray | float | None = None,
    ) -> FloatArray:
        """Return the unit deviance (n,), phi times twice the gain of a perfect mean.

        Parameters
        ----------
        y : ndarray (n,)
            Response.
        trials : ndarray (n,) or None
            Number of trials.
        mu : ndarray (n,)
            Means; probabilities where there are trials.
        phi : ndarray (n,) or float, optional
            Dispersion; needed by the negative binomial families only.
        """
        self._lacks("deviance")

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse responses that the family cannot have produced.

        Parameters
        ----------
        y : ndarray (n,)
            Response.
        trials : ndarray (n,) or None
            Number of trials.
        name : str
            Column of the response, for the message.
        rows : ndarray (n,) of int, optional
            Positions in the user's table, for the message; by default 0, 1, ...

        Raises
        ------
        DataError
            Names the column, the first offending row, its value, and what would take it.
        """
        refuse_rows(self, y, ~np.isfinite(y), name, "finite numbers", "", rows)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Start of the intercept of each linear predictor.

        Parameters
        ----------
        y : ndarray (n,)
            Response.
        trials : ndarray (n,) or None
            Number of trials.
        offset : ndarray (n,) or None
            Offset of the mean's predictor.
        weights : ndarray (n,) or None
            Weights of the rows.
        """
        center = weighted_mean(y, weights)
        inside = bool(self.link.range.contains(np.array(center)))
        first = float(self.link.link(np.array(center))) if inside else 0.0
        return (first, *(0.0 for _ in self.parameters[1:]))

    @final
    def _lacks(self, what: str) -> NoReturn:
        raise ModelError(
            f"The family {self.name!r} does not define its {what}, which this question needs.",
            code="family-incomplete",
        )


def require_link(family: AbstractFamily) -> None:
    """Refuse one of the package's links that makes no sense with a family.

    Raises
    ------
    ModelError
        Names the links that do.
    """
    link = family.link
    if is_registered(link) and link_kind(link) not in family.links:
        raise ModelError(
            f"The family {family.name!r} does not go with link {link.name!r}; "
            f"use one of {', '.join(family.links)}.",
            code="link-not-for-family",
        )


def refuse_rows(
    family: AbstractFamily,
    y: FloatArray,
    bad: BoolArray,
    name: str,
    takes: str,
    advice: str,
    rows: IntArray | None,
) -> None:
    """Raise for the first offending row of a response, if there is one.

    Parameters
    ----------
    family : AbstractFamily
        Family that refuses.
    y : ndarray (n,)
        Response.
    bad : ndarray (n,) of bool
        Rows that the family cannot have produced.
    name : str
        Column of the response.
    takes : str
        What the family takes, in words.
    advice : str
        Which family, or argument, would help.
    rows : ndarray (n,) of int or None
        Positions in the user's table.
    """
    positions = np.flatnonzero(bad)
    if not len(positions):
        return
    first = int(positions[0])
    row = first if rows is None else int(rows[first])
    more = f" ({len(positions)} such rows)" if len(positions) > 1 else ""
    raise DataError(
        f"Column {name!r} has {y[first]:g} in row {row}{more}, but family {family.name!r} takes "
        f"{takes}.{' ' if advice else ''}{advice}",
        code="response-out-of-range",
    )


def weighted_mean(x: FloatArray, weights: FloatArray | None) -> float:
    """Mean of x (n,), each row counted ``weights`` times."""
    return float(np.mean(x)) if weights is None else float(weights @ x / weights.sum())
