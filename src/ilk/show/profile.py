"""The answer of `Fit.profile`: curves, the intervals that they tell, and their picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from ilk.frame import answer
from ilk.inference.intervals import CONDITIONAL, of_profile
from ilk.inference.profile.profile import profile
from ilk.late import Late
from ilk.show.answer import Answer
from ilk.show.tidy import interval_table

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.inference.profile.profile import Profile

__all__ = ["ProfileAnswer", "profile_answer"]

pictures = Late("ilk.plot.profile")


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ProfileAnswer:
    """Profile likelihood of some parameters of a fit.

    Parameters
    ----------
    found : Profile
        The curves.
    flavor : str
        Make of the frame that the caller uses.
    level : float
        Coverage of the intervals that text, HTML and picture show.
    """

    found: Profile
    flavor: str
    level: float

    @property
    def frame(self) -> Any:
        """The curves: a row for each constrained maximum.

        Columns ``parameter, value, zeta, loglik, estimand``, then one for each parameter of the
        fit with its value there.
        """
        curves = self.found.curves
        count = [len(curve.zeta) for curve in curves]
        labels = [curve.label for curve in curves]
        kinds = [CONDITIONAL if c.parameter.kind == "coefficient" else None for c in curves]
        columns: dict[str, Any] = {
            "parameter": [label for label, n in zip(labels, count, strict=True) for _ in range(n)],
            "value": np.concatenate([curve.value for curve in curves]),
            "zeta": np.concatenate([curve.zeta for curve in curves]),
            "loglik": np.concatenate([curve.loglik for curve in curves]),
            "estimand": [kind for kind, n in zip(kinds, count, strict=True) for _ in range(n)],
        }
        others = np.concatenate([curve.others for curve in curves])
        for label, values in zip(self.found.labels, others.T, strict=True):
            columns[f"{label}_" if label in columns else label] = values
        return answer(columns, self.flavor)

    def conf_int(self, level: float = 0.95) -> Any:
        """Intervals that the curves tell.

        Parameters
        ----------
        level : float
            Coverage, not above that of the profile.

        Returns
        -------
        frame
            Columns ``component, group, term, estimate, conf_low, conf_high, estimand, method``.
        """
        return answer(interval_table(of_profile(self.found, level)), self.flavor)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was profiled, and how limits that are not crossings are to be read."""
        return self.found.notes(self.level)

    @property
    def text(self) -> str:
        """The intervals as text."""
        return self._answer().text

    @property
    def html(self) -> str:
        """The intervals as an HTML fragment that brings its own style."""
        return self._answer().html

    def plot(
        self,
        ax: Any = None,
        *,
        kind: Literal["zeta", "loglik"] = "zeta",
        level: float | None = None,
    ) -> Any:
        """Draw the curves, a panel for each parameter, with the intervals marked.

        Parameters
        ----------
        ax : matplotlib axes or sequence of them, optional
            Where to draw, one for each parameter; a new figure by default.
        kind : {"zeta", "loglik"}
            The signed root, a line where a Wald interval would do; or the log-likelihood.
        level : float, optional
            Coverage of the intervals.

        Returns
        -------
        matplotlib axes, or array of them
        """
        table = pictures.profile_picture(self.found, self.level if level is None else level, kind)
        return pictures.draw_profile(table, ax)

    def _answer(self) -> Answer:
        limits = self.found.limits(self.level)
        curves = self.found.curves
        return Answer(
            title="Profile likelihood",
            question=(
                "Which values of each parameter does a likelihood-ratio test not reject, all "
                "others chosen best?"
            ),
            columns={
                "parameter": [curve.label for curve in curves],
                "estimate": np.array([curve.estimate for curve in curves]),
                "conf_low": limits[:, 0],
                "conf_high": limits[:, 1],
            },
            flavor=self.flavor,
            words=("parameter",),
            notes=self.notes,
            level=self.level,
        )

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def profile_answer(
    fitted: Fitted, parameters: Any = None, level: float = 0.99, n_jobs: int = 1
) -> ProfileAnswer:
    """Profile parameters of a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    parameters : str, (str, str) or sequence of these, optional
        As for `ilk.inference.profile.profile.profile`.
    level : float
        Coverage up to which the curves are followed.
    n_jobs : int
        Number of parameters at one time.

    Returns
    -------
    ProfileAnswer
    """
    found = profile(fitted, parameters, level=level, n_jobs=n_jobs)
    return ProfileAnswer(found, fitted.design.flavor, min(level, 0.95))
