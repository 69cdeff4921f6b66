"""What all fits have in common for those who hold one: the record's names, a frame, a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ilk.frame import answer

if TYPE_CHECKING:
    from os import PathLike

    from ilk.family.base import AbstractFamily
    from ilk.fitted import Verdict
    from ilk.formula.spec import FormulaSpec
    from ilk.inference import CoefficientCovariance, Labelled
    from ilk.show import Summary

__all__ = ["AbstractFit"]


class AbstractFit(ABC):
    """A fit as users hold it: a frozen record behind one-line methods.

    Attributes
    ----------
    fitted : AbstractFitted
        The record of what was learned; the functions of the package take it.
    """

    __slots__ = ()

    fitted: Any

    @property
    @abstractmethod
    def params(self) -> Labelled:
        """Coefficients, by name."""

    @property
    @abstractmethod
    def std_errors(self) -> Labelled:
        """Standard errors of the coefficients, by name."""

    @property
    @abstractmethod
    def cov(self) -> CoefficientCovariance:
        """Covariance matrix of the coefficients, with their names and the kind of estimator."""

    @property
    def nobs(self) -> int:
        """Number of observations in use; frequency weights count."""
        return int(self.fitted.nobs)

    @property
    def verdict(self) -> Verdict:
        """Whether the fit is to be trusted, with reasons and advice."""
        verdict: Verdict = self.fitted.verdict
        return verdict

    @property
    def formula(self) -> FormulaSpec:
        """The formula, as it was understood."""
        formula: FormulaSpec = self.fitted.formula
        return formula

    @property
    def family(self) -> AbstractFamily:
        """Distribution and link of the response; of a marginal model, its variance function."""
        family: AbstractFamily = self.fitted.family
        return family

    @abstractmethod
    def conf_int(self, level: float = 0.95) -> Any:
        """Intervals of the coefficients, in a frame."""

    @abstractmethod
    def tidy(self, level: float = 0.95) -> Any:
        """Frame with a row per coefficient."""

    @abstractmethod
    def glance(self) -> Any:
        """Frame with one row that describes the fit as a whole."""

    @abstractmethod
    def summary(self, level: float = 0.95) -> Summary:
        """Summary with ``.text`` and ``.html``; printing shows the text."""

    @abstractmethod
    def save(self, path: str | PathLike[str]) -> None:
        """Write the fit to one file of JSON and arrays, which `ilk.load` reads."""

    @abstractmethod
    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to other processes as the content of a file; nothing else is pickled."""

    @abstractmethod
    def __repr__(self) -> str: ...

    def _repr_html_(self) -> str:
        return self.summary().html

    def _frame(self, columns: dict[str, Any]) -> Any:
        return answer(columns, self.fitted.design.flavor)
