"""What a bootstrap looks at: numbers of a fit with names.

By default all parameters on the scale of the user's columns: coefficients, standard deviations and
correlations of the random effects, and the residual standard deviation of the linear model.  A
function of the user's own takes what users hold and gives a number, an array, or a mapping of names
to numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import ModelError, did_you_mean
from ilk.variance.components import VarianceComponent, component_values, variance_components

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Labels", "NamedStatistic", "choose_statistic"]

STATISTICS = ("parameters", "coefficients", "variance_components", "loglik")
"""Names of the statistics that need no function."""

CONDITIONAL = "conditional"


@dataclass(frozen=True, slots=True)
class Labels:
    """Names of the k numbers of a statistic.

    Parameters
    ----------
    component, group, term, estimand : tuples of (str or None)
        As in the table of parameters.
    lowest, highest : tuples of float
        Bounds of the numbers: 0 for standard deviations, -1 and 1 for correlations.
    title : str
        What the numbers are, in a few words.
    """

    component: tuple[str | None, ...]
    group: tuple[str | None, ...]
    term: tuple[str, ...]
    estimand: tuple[str | None, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    title: str = ""

    @classmethod
    def plain(cls, terms: Sequence[str]) -> Labels:
        """Names of numbers that are no parameters."""
        none, k = (None,) * len(terms), len(terms)
        return cls(none, none, tuple(terms), none, (-math.inf,) * k, (math.inf,) * k)

    def __add__(self, other: Labels) -> Labels:
        pairs = ((getattr(self, name), getattr(other, name)) for name in self.__slots__)
        return Labels(*(a + b for a, b in pairs))


@dataclass(frozen=True, slots=True)
class NamedStatistic:
    """A statistic, its name, and those of its numbers.

    Parameters
    ----------
    compute : callable
        Takes a `Fitted` to (k,) numbers.
    name : str
        Of the statistic.
    labels : Labels
        Of the numbers.
    """

    compute: Callable[[Fitted], FloatArray]
    name: str
    labels: Labels


@dataclass(frozen=True, slots=True)
class Builtin:
    """Numbers that every fit has.

    Parameters
    ----------
    parts : tuple of str
        Names of statistics.
    components : tuple of VarianceComponent
        Those of the fit.
    """

    parts: tuple[str, ...]
    components: tuple[VarianceComponent, ...]

    def __call__(self, fitted: Fitted) -> FloatArray:
        """The numbers of a fit."""
        numbers: list[float] = []
        for part in self.parts:
            if part in ("parameters", "coefficients"):
                numbers += fitted.coef.tolist()
            if part in ("parameters", "variance_components"):
                numbers += self._components(fitted)
            if part == "loglik":
                numbers.append(fitted.loglik)
        return np.array(numbers)

    def _components(self, fitted: Fitted) -> list[float]:
        estimates, start = fitted.estimates, len(fitted.coef)
        theta = estimates.psi[start : start + len(fitted.point.theta)]
        values = component_values(
            self.components, fitted.model, estimates.covariances, theta, estimates.sigma2
        )
        return [float(value) for value in values]


@dataclass(frozen=True, slots=True)
class OwnFunction:
    """A function of the user's.

    Parameters
    ----------
    function : callable
        Takes what users hold.
    wrap : callable
        Makes that of a `Fitted`.
    names : tuple of str
        Names in its mapping; one that a refit lacks is nan there.  Empty if it gives an array.
    """

    function: Callable[[Any], Any]
    wrap: Callable[[Fitted], Any]
    names: tuple[str, ...] = ()

    def __call__(self, fitted: Fitted) -> FloatArray:
        """The numbers of a fit."""
        value = self.function(self.wrap(fitted))
        if not self.names:
            return _named(value)[0]
        numbers = dict(zip(map(str, value), _array(list(value.values())), strict=True))
        return np.array([numbers.get(name, math.nan) for name in self.names])


def choose_statistic(
    fitted: Fitted, statistic: Any = None, wrap: Callable[[Fitted], Any] | None = None
) -> NamedStatistic:
    """Make ready what was asked for.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    statistic : None, str, sequence of str or callable
        Nothing for all parameters, names of `STATISTICS`, or a function.
    wrap : callable, optional
        Makes of a `Fitted` what a function takes.

    Returns
    -------
    NamedStatistic
    """
    if callable(statistic):
        value = statistic((wrap or _as_it_is)(fitted))
        names = _named(value)[1]
        fixed = names if isinstance(value, Mapping) else ()
        compute = OwnFunction(statistic, wrap or _as_it_is, fixed)
        name = getattr(statistic, "__qualname__", type(statistic).__qualname__)
        return NamedStatistic(compute, name, Labels.plain(names))
    parts = ("parameters",) if statistic is None else statistic
    parts = (parts,) if isinstance(parts, str) else tuple(parts)
    for part in parts:
        if part not in STATISTICS:
            raise ModelError(
                f"statistic={part!r:.60}: give a function of a fit, or one or more of "
                f"{', '.join(map(repr, STATISTICS))}." + did_you_mean(str(part), STATISTICS),
                code="statistic",
            )
    components = variance_components(fitted)
    labels = Labels.plain(())
    for part in parts:
        if part in ("parameters", "coefficients"):
            labels += _of_coefficients(fitted)
        if part in ("parameters", "variance_components"):
            labels += _of_components(components)
        if part == "loglik":
            labels += Labels.plain(("loglik",))
    compute_parts = Builtin(parts, components)
    return NamedStatistic(compute_parts, " and ".join(parts), labels)


def _as_it_is(fitted: Fitted) -> Any:
    return fitted


def _of_coefficients(fitted: Fitted) -> Labels:
    k = len(fitted.names)
    return Labels(
        tuple(component for component, _ in fitted.names),
        (None,) * k,
        tuple(name for _, name in fitted.names),
        (CONDITIONAL,) * k,
        (-math.inf,) * k,
        (math.inf,) * k,
    )


def _of_components(components: Sequence[VarianceComponent]) -> Labels:
    return Labels(
        tuple(c.component for c in components),
        tuple(c.group for c in components),
        tuple(c.label for c in components),
        (None,) * len(components),
        tuple(c.lowest for c in components),
        tuple(c.highest for c in components),
    )


def _named(value: Any) -> tuple[FloatArray, tuple[str, ...]]:
    """Numbers of what a function gave, and their names."""
    if isinstance(value, Mapping):
        return _array(list(value.values())), tuple(map(str, value))
    array, index = _array(value), getattr(value, "index", None)
    if array.ndim == 1 and index is not None and not callable(index):
        return array, tuple(map(str, index))
    names = ("statistic",) if array.ndim == 0 else tuple(f"[{i}]" for i in range(array.size))
    return array.ravel(), names


def _array(value: Any) -> FloatArray:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ModelError(
            f"The statistic gave a {type(value).__name__} that is not made of numbers; give a "
            "function whose result is a number, an array, or a mapping of names to numbers.",
            code="statistic",
        ) from None
