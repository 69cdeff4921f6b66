r"""Whether a column looks like an exposure: time at risk, population, opportunities.

The expected count is proportional to an exposure, :math:`E y = x \exp(\eta)`, so that the
coefficient b of :math:`\log x` in

.. math:: \log E y = a + b \log x

is near one.  A column is suspected by its name (``patient_days``, ``personTime``, ``population``)
or by this behavior.  b is the quasi-Poisson estimate, its standard error from the Pearson
dispersion :math:`\phi = \sum_i (y_i - \mu_i)^2 / \mu_i / (n - 2)` (McCullagh and Nelder 1989).

A suspicion is a question and not a finding: whether events happen in proportion to a column is
known to those who collected the data.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from ilk.typing import FloatArray

__all__ = ["ExposureLike", "NameKind", "exposure_like", "exposure_name", "log_coefficient"]

NameKind: TypeAlias = Literal["clear", "possible", "other", "silent"]
"""What a name says: an exposure; perhaps one; something else; nothing."""


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_CLEAR = _listed(
    """
    exposure exposures exposed atrisk timeatrisk risktime persontime personyears personmonths
    personweeks persondays personhours pyears pyrs pyar patientdays patientyears patientmonths
    patienthours beddays bednights devicedays catheterdays ventilatordays linedays
    staffhours hoursworked manhours followup followuptime fu futime opportunities opportunity
    denominator denom effort trapnights trapdays animaldays animalyears cowdays
    """
)
"""Names (without separators) that say time at risk or opportunities."""

_POSSIBLE = _listed(
    """
    n trials days hours minutes seconds weeks months years nights population pop popn popsize
    inhabitants area hectares acres km miles distance volume duration attempts occasions
    admissions discharges visits encounters contacts loads load eligible births livebirths
    patients persons people staff beds traps hauls plots quadrats transects sessions shifts
    """
)
"""Names that are exposures in some data and covariates in others."""

_MEASURES = _listed("time days hours minutes weeks months years nights")
_RISK = _listed(
    """
    patient patients person persons bed device catheter ventilator line risk observed observation
    followup follow fu trap staff nurse exposure surveillance survey sampling search study animal
    worked total number num sum in under obs
    """
)
"""Words that make a measure of time one of time at risk."""

_NUMBER = _listed("n no num number count total nb of the")

_GROUPS = _listed("brood litter clutch herd flock group batch team colony village sample")
"""Words before ``size`` that make it a number of opportunities; alone it may be one, too."""

_OTHER = _listed(
    """
    age year date month day week hour quarter season id identifier code number no nr zip postcode
    income wage salary price cost costs score rating grade lat latitude lon long longitude
    weight height bmi pressure temperature temp dose density rate ratio share percent percentage
    pct fraction proportion index rank class education school since lag log level ph rain
    rainfall elevation altitude speed depth
    """
)
"""Words that say that a column is something else."""

_WEAKEST, _STRONGEST = 0.75, 1.25
"""Between these a coefficient is near one."""

_SEEN = 5.0
"""Standard errors from zero at which a relation is beyond doubt."""

_SPREAD = 0.2
"""Standard deviation of the logarithm below which a column hardly varies."""

_ENOUGH = 20
"""Rows below which behavior says nothing."""


@dataclass(frozen=True, slots=True)
class ExposureLike:
    """A column that looks like an exposure.

    Parameters
    ----------
    column : str
        The column.
    by_name, by_behavior : bool
        What says so.
    coefficient, std_error : float
        Coefficient of its logarithm for the count, and standard error; nan where it is not known.
    """

    column: str
    by_name: bool
    by_behavior: bool
    coefficient: float = math.nan
    std_error: float = math.nan

    @property
    def words(self) -> str:
        """Why, as a part of a sentence after the name of the column."""
        why = ["is named like time at risk or a number of opportunities"] if self.by_name else []
        if self.by_behavior:
            why.append(
                "the counts grow in proportion to it (coefficient of its logarithm "
                f"{self.coefficient:.2f}, standard error {self.std_error:.2f})"
            )
        return ", and ".join(why)


def exposure_like(
    name: str, values: FloatArray, response: FloatArray | None = None
) -> ExposureLike | None:
    """Say whether a numeric column looks like an exposure of counts.

    Parameters
    ----------
    name : str
        The column.
    values : (n,) array
        Its values; nan where missing.
    response : (n,) array, optional
        Counts.  With them, a name that could be that of an exposure must not be contradicted by
        the data, and a name that says nothing is made up for by a clear relation.

    Returns
    -------
    ExposureLike or None
        None if it does not look like one.

    Examples
    --------
    >>> import numpy as np
    >>> days = np.array([31.0, 365.0, 120.0])
    >>> exposure_like("patient_days", days).words
    'is named like time at risk or a number of opportunities'
    >>> exposure_like("age_in_years", days) is None
    True
    """
    kind = exposure_name(name)
    x = np.asarray(values, dtype=np.float64)
    seen = np.isfinite(x)
    if kind == "other" or not _could_be(x[seen]):
        return None
    b, error = math.nan, math.nan
    if response is not None:
        b, error = log_coefficient(x, np.asarray(response, dtype=np.float64))
    proportional = _proportional(b, error)
    if kind == "silent":
        known = proportional and abs(b) > _SEEN * error and not _is_index(x[seen])
        return ExposureLike(name, False, True, b, error) if known else None
    if kind == "possible" and math.isfinite(b) and not proportional:
        return None
    behaves = proportional and abs(b) > _SEEN * error
    return ExposureLike(name, True, behaves, b, error)


def exposure_name(name: str) -> NameKind:
    """Say what a name says of its column.

    Parameters
    ----------
    name : str
        Name of a column, in any spelling: ``patient_days``, ``patientDays``, ``Patient days``.

    Returns
    -------
    {"clear", "possible", "other", "silent"}

    Examples
    --------
    >>> [exposure_name(name) for name in ("personYears", "days", "year", "x1")]
    ['clear', 'possible', 'other', 'silent']
    """
    words = _words(name)
    joined = "".join(words)
    if joined in _CLEAR:
        return "clear"
    if joined in _POSSIBLE:
        return "possible"
    if not words or set(words) & _OTHER - _NUMBER:
        return "other"
    if any(word in _CLEAR for word in words) or "atrisk" in joined or "followup" in joined:
        return "clear"
    rest = [word for word in words if word not in _NUMBER]
    if words[-1] in _MEASURES and any(word in _RISK for word in words[:-1]):
        return "clear"
    if len(rest) == 1 and rest[0] in _POSSIBLE:
        return "possible"
    if words[-1] == "size" and set(words[:-1]) <= _GROUPS:
        return "possible"
    return "possible" if len(words) > 1 and words[-1] in _POSSIBLE - _MEASURES else "silent"


def _words(name: str) -> list[str]:
    """Lower-case words of a name: at separators and at capitals, without digits."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[a-z]+", spaced.lower())


def _could_be(x: FloatArray) -> bool:
    """Whether values are positive and vary."""
    return len(x) > 1 and bool(np.all(x > 0.0)) and bool(np.ptp(x) > 0.0)


def _is_index(x: FloatArray) -> bool:
    """Whether values are whole numbers without gaps, each once or equally often: 1, 2, 3, ..."""
    found, times = np.unique(x, return_counts=True)
    return len(found) > 2 and bool(np.all(np.diff(found) == 1.0) and np.ptp(times) == 0)


def _proportional(b: float, error: float) -> bool:
    """Whether a coefficient is near one, as far as can be seen."""
    if not math.isfinite(error):
        return False
    return _WEAKEST <= b <= _STRONGEST or abs(b - 1.0) <= 2.0 * min(error, 0.5)


def log_coefficient(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Coefficient of the logarithm of a column in a quasi-Poisson regression of counts.

    Parameters
    ----------
    x, y : (n,) arrays
        Column and counts; rows without a value are left out.

    Returns
    -------
    coefficient, std_error : float
        nan if the column does not vary enough, or there are too few rows.
    """
    rows = np.isfinite(x) & np.isfinite(y)
    rows &= x > 0.0
    z, y = np.log(x[rows]), y[rows]
    if len(z) < _ENOUGH or np.std(z) < _SPREAD or np.any(y < 0.0) or not np.any(y > 0.0):
        return math.nan, math.nan
    z = z - z.mean()
    a, b = math.log(y.mean()), 0.0
    for _ in range(50):  # Newton's method, with steps short enough to be safe
        mu = np.exp(np.minimum(a + b * z, 700.0))
        gradient = np.array([np.sum(y - mu), z @ (y - mu)])
        information = np.array([[mu.sum(), z @ mu], [z @ mu, (z * z) @ mu]])
        if not np.linalg.det(information) > 0.0:
            return math.nan, math.nan
        step = np.linalg.solve(information, gradient)
        step /= max(1.0, float(np.abs(step).max()))
        a, b = a + float(step[0]), b + float(step[1])
        if np.abs(step).max() < 1e-10:
            break
    mu = np.exp(np.minimum(a + b * z, 700.0))
    phi = max(float(np.sum((y - mu) ** 2 / mu)) / (len(y) - 2), 0.0)
    information = np.array([[mu.sum(), z @ mu], [z @ mu, (z * z) @ mu]])
    return b, math.sqrt(phi * float(np.linalg.inv(information)[1, 1]))
