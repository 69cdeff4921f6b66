"""Errors, warnings and the search for the nearest right spelling.

Every error of the package is an :class:`IlkError`.  Its message is one sentence or two that say
what is wrong, where (the column, the level, the argument) and what to do; its ``code`` is a short
stable string that programs may rely on.  Warnings have one class for each decision that the user
may want to take about them, not one for each event inside the package.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ApproximationWarning",
    "ConvergenceWarning",
    "DataError",
    "DataWarning",
    "FitError",
    "FormulaError",
    "IdentificationWarning",
    "IlkError",
    "IlkWarning",
    "ModelError",
    "SpeedWarning",
    "closest",
    "did_you_mean",
]


class IlkError(Exception):
    """Root of all errors raised by the package.

    Parameters
    ----------
    message : str
        What is wrong, where, and what to do.
    code : str, optional
        Stable identifier of the kind of error, e.g. ``"unknown-column"``; the default is
        that of the class.
    """

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = self.default_code if code is None else code

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild with the code in another process."""
        return (_rebuild, (type(self), self.message, self.code))


class FormulaError(IlkError):
    """The formula cannot be read, or asks for something that is not allowed."""

    default_code = "formula"


class DataError(IlkError):
    """A column, a weight or a level of the data cannot be used as asked."""

    default_code = "data"


class ModelError(IlkError):
    """The parts of the model (family, link, structure, options) do not fit together."""

    default_code = "model"


class FitError(IlkError):
    """The model is sound but could not be estimated, or the fit cannot answer the question."""

    default_code = "fit"


def _rebuild(kind: type[IlkError], message: str, code: str) -> IlkError:
    return kind(message, code=code)


class IlkWarning(UserWarning):
    """Root of all warnings issued by the package."""


class DataWarning(IlkWarning):
    """Rows or columns were left out; decide whether these are the data that you meant."""


class IdentificationWarning(IlkWarning):
    """The data do not determine a parameter (separation, collinearity); drop or penalize it."""


class ConvergenceWarning(IlkWarning):
    """The search did not end at a verified optimum; decide whether to trust the numbers."""


class ApproximationWarning(IlkWarning):
    """The approximation of the likelihood may be too coarse; consider more quadrature nodes."""


class SpeedWarning(IlkWarning):
    """A slow path was taken although a fast one exists; consider the compiled core."""


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """Nearest right spelling of a name.

    Parameters
    ----------
    name : str
        What the user wrote.
    candidates : iterable of str
        What would have been understood.

    Returns
    -------
    str or None
        The most similar candidate (case is ignored), or None if none is similar.

    Examples
    --------
    >>> from ilk.errors import closest
    >>> closest("possion", ["poisson", "binomial"])
    'poisson'
    """
    folded: dict[str, str] = {}
    for candidate in candidates:
        folded.setdefault(candidate.casefold(), candidate)
    near = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Sentence that proposes the nearest right spelling, to be appended to a message.

    Parameters
    ----------
    name : str
        What the user wrote.
    candidates : iterable of str
        What would have been understood.

    Returns
    -------
    str
        ``" Did you mean 'x'?"`` with a leading blank, or the empty string.
    """
    near = closest(name, candidates)
    return "" if near is None else f" Did you mean {near!r}?"
