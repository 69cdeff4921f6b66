"""`FixedFit` and `ConditionalFit`: what `ilk.fixed` and `ilk.conditional` return.

Frozen records behind one-line methods.  Every effect is conditional: between rows of one cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, NoReturn, final

import numpy as np

from ilk.facade import AbstractFit
from ilk.frame import answer, row_labels
from ilk.late import Late

if TYPE_CHECKING:
    from ilk import diagnostics
    from ilk.diagnostics import ResidualKind
    from ilk.fixed_effects import ConditionalFitted, FixedFitted
    from ilk.inference import CoefficientCovariance, Labelled
    from ilk.inference import within as inference
    from ilk.io import within as io
    from ilk.prediction import Interval, Scale
    from ilk.prediction import fixed as prediction
    from ilk.show import Summary
    from ilk.show import tidy as tables
    from ilk.show import within as show
    from ilk.show.wording import Causes
    from ilk.typing import FloatArray
else:  # no fit needs them, so they are imported with the first question
    diagnostics = Late("ilk.diagnostics")
    inference = Late("ilk.inference.within")
    io = Late("ilk.io.within")
    prediction = Late("ilk.prediction.fixed")
    show = Late("ilk.show.within")
    tables = Late("ilk.show.tidy")

__all__ = ["ConditionalFit", "FixedFit"]


class AbstractWithinFit(AbstractFit):
    """What fits by comparisons within clusters have in common."""

    __slots__ = ()

    @property
    def params(self) -> Labelled:
        """Coefficients, by name; nan for what is constant within clusters."""
        return inference.within_params(self.fitted)

    @property
    def std_errors(self) -> Labelled:
        """Standard errors of the coefficients, by name; `cov` says which estimator made them."""
        return inference.within_std_errors(self.fitted)

    @property
    def cov(self) -> CoefficientCovariance:
        """Covariance matrix of the coefficients, with their names and the kind of estimator."""
        return inference.within_covariance(self.fitted)

    def conf_int(self, level: float = 0.95) -> Any:
        """Intervals of the coefficients.

        Parameters
        ----------
        level : float
            Coverage.

        Returns
        -------
        frame
            Columns ``component, group, term, estimate, conf_low, conf_high, estimand, method``.
        """
        return self._frame(show.within_intervals(self.fitted, level))

    def ratios(self, level: float = 0.95) -> Any:
        """Odds ratios or rate ratios: the exponentials of the coefficients.

        Parameters
        ----------
        level : float
            Coverage of the intervals.

        Returns
        -------
        frame
            ``term, measure, estimate, std_error, p_value, conf_low, conf_high, estimand``.
        """
        return self._frame(show.ratios(self.fitted, level))

    @property
    def loglik(self) -> float:
        """Maximized log-likelihood with all constants, of the rows in use."""
        return float(self.fitted.loglik)

    @property
    def df_model(self) -> int:
        """Number of estimated parameters: coefficients, clusters that have any, dispersion."""
        return int(self.fitted.parameter_count)

    def tidy(self, level: float = 0.95) -> Any:
        """Frame with a row per coefficient; those that are not estimable are marked.

        Parameters
        ----------
        level : float
            Coverage of the intervals.

        Returns
        -------
        frame
            ``component, group, term, estimate, std_error, statistic, df, p_value, conf_low,
            conf_high, estimand, note``.
        """
        return self._frame(show.tidy_within(self.fitted, level))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fit to one file of JSON and arrays, which `ilk.load` reads.

        Parameters
        ----------
        path : str or path
            File to write.
        """
        io.save_within(self.fitted, path)

    def __repr__(self) -> str:
        return show.within_in_short(self.fitted)


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class FixedFit(AbstractWithinFit):
    """A fit with one parameter for each cluster, as `ilk.fixed` returns it.

    Parameters
    ----------
    fitted : FixedFitted
        The record of what was learned; the functions of the package take it.

    Examples
    --------
    >>> import ilk
    >>> data = ilk.datasets.load("classroom_scores")
    >>> fit = ilk.fixed("score ~ method + prior", data, groups="classroom")
    >>> fit.df_clusters == data.classroom.nunique()
    True
    """

    fitted: FixedFitted

    def effects(self, group: str | None = None, level: float = 0.95) -> Any:
        """Estimated parameters of the clusters, on the scale of the link, not shrunken.

        Of one factor they are the clusters' intercepts. Of several, the first factor has the
        intercepts and the others are deviations with mean zero over the observations.

        Parameters
        ----------
        group : str, optional
            Factor; all by default.
        level : float
            Coverage of the intervals.

        Returns
        -------
        frame
            ``group, level, term, estimate, std_error, conf_low, conf_high, n, estimand``. Clusters
            whose outcome does not vary have an infinite estimate.
        """
        return self._frame(show.cluster_effects(self.fitted, group, level))

    # How well

    @property
    def aic(self) -> float:
        """Akaike's information criterion, every cluster counted."""
        return float(show.glance_fixed(self.fitted)["aic"][0])

    @property
    def bic(self) -> float:
        """Schwarz's information criterion, every cluster counted."""
        return float(show.glance_fixed(self.fitted)["bic"][0])

    @property
    def df_clusters(self) -> int:
        """Degrees of freedom that the clusters spend."""
        return self.fitted.cluster_count

    @property
    def df_resid(self) -> int:
        """Number of observations minus number of estimated parameters."""
        return self.fitted.nobs - self.fitted.parameter_count

    @property
    def sigma(self) -> float:
        """Residual standard deviation of a Gaussian model; nan for all others."""
        gaussian = self.fitted.family.name == "gaussian"
        return float(np.sqrt(self.fitted.dispersion)) if gaussian else float("nan")

    @property
    def dispersion(self) -> float:
        """Dispersion phi (it grows with the variance); nan if the family has none."""
        return self.fitted.dispersion

    # Means

    @property
    def fitted_values(self) -> FloatArray:
        """(n,) fitted means of the rows in use."""
        return self.fitted.mean

    def residuals(self, kind: ResidualKind = "response", seed: int | None = 0) -> FloatArray:
        """Residuals of the rows in use.

        Parameters
        ----------
        kind : {"response", "pearson", "deviance", "quantile"}
            Quantile residuals are standard normal if the model is right.
        seed : int, optional
            For quantile residuals of counts, which are randomized.

        Returns
        -------
        (n,) array
        """
        sample = self.fitted.sample
        return diagnostics.row_residuals(
            self.fitted.family,
            sample.y,
            sample.trials,
            self.fitted.predictors,
            sample.precision,
            kind,
            seed,
        )

    def predict(
        self,
        data: Any = None,
        *,
        estimand: str = "conditional",
        scale: Scale = "response",
        interval: Interval = None,
        level: float = 0.95,
        trials: Any = None,
        exposure: Any = None,
        offset: Any = None,
        per: float | None = None,
    ) -> Any:
        """Predicted means of clusters that were in the data.

        Parameters
        ----------
        data : frame, optional
            Rows to predict; those of the data by default, those of clusters without information
            too. A cluster that the fit has not seen is an error: fixed effects say nothing about
            it.
        estimand : {"conditional"}
            These clusters, with their own estimated parameters; there is no other.
        scale : {"response", "link"}
            Means, or linear predictors.
        interval : {None, "confidence", "prediction"}
            Interval of the mean, or for a new observation. Always by the model, whatever the
            standard errors of the coefficients.
        level : float
            Coverage of the interval.
        trials, exposure, offset : str or array, optional
            For new data, in place of the columns that the fit used.
        per : float, optional
            For fits with an exposure: the mean per so many units of it. By default means are those
            at each row's own exposure, and per one unit for new rows without its column.

        Returns
        -------
        frame
            A row per row of the data: ``estimate`` and ``estimand``; with an interval also
            ``std_error, conf_low, conf_high, interval``; with an exposure ``per`` and ``unit``, how
            much of it each mean is for. Rows that lack a value are nan. A pandas
            frame keeps the index of the data; of the fit's own rows it has the positions.
        """
        cases = prediction.fixed_cases(
            self.fitted, data, trials=trials, exposure=exposure, offset=offset, per=per
        )
        means = prediction.predict_fixed(
            self.fitted, cases, estimand=estimand, scale=scale, interval=interval, level=level
        )
        index = self.fitted.design.rows.kept if data is None else row_labels(data)
        unit = self.fitted.design.exposure_name
        shown = tables.predictions(means, cases.exposure, unit)
        return answer(cases.spread(shown), cases.flavor, index)

    # Answers as tables and text

    def glance(self) -> Any:
        """Frame with one row that describes the fit as a whole."""
        return self._frame(show.glance_fixed(self.fitted))

    def augment(self) -> Any:
        """Frame with the rows in use: response, clusters, fitted means, residuals."""
        return self._frame(show.within_augment(self.fitted))

    def summary(self, level: float = 0.95, *, design: Causes = None) -> Summary:
        """Summary with ``.text`` and ``.html``; printing shows the text.

        Parameters
        ----------
        level : float
            Coverage of the intervals.
        design : {None, "observational", "randomized"}
            How the data came about: decides what the footer says of association and causation.
        """
        return show.summarize_fixed(self.fitted, level, design)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to other processes as the content of a file; nothing else is pickled."""
        return (_fixed_from_bytes, (io.within_bytes(self.fitted),))


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ConditionalFit(AbstractWithinFit):
    """A fit by the likelihood given each cluster's total, as `ilk.conditional` returns it.

    Parameters
    ----------
    fitted : ConditionalFitted
        The record of what was learned; the functions of the package take it.

    Examples
    --------
    >>> import ilk
    >>> data = ilk.datasets.load("hospital_infections")
    >>> fit = ilk.conditional("infections ~ policy", data, groups="hospital", family="poisson",
    ...                       exposure="patient_days")
    >>> fit.ratios().measure[0]
    'rate ratio'
    """

    fitted: ConditionalFitted

    @property
    def aic(self) -> float:
        """Akaike's information criterion, by the conditional likelihood."""
        return float(show.glance_conditional(self.fitted)["aic"][0])

    def predict(self, *args: Any, **keywords: Any) -> NoReturn:
        """Refuse, with the reason: without the clusters' parameters there are no means.

        Raises
        ------
        FitError
            Always; `ratios` gives odds or rate ratios.
        """
        _ = self.fitted.mean
        raise AssertionError

    def glance(self) -> Any:
        """Frame with one row that describes the fit as a whole."""
        return self._frame(show.glance_conditional(self.fitted))

    def summary(self, level: float = 0.95, *, design: Causes = None) -> Summary:
        """Summary with ``.text`` and ``.html``; printing shows the text.

        Parameters
        ----------
        level : float
            Coverage of the intervals.
        design : {None, "observational", "randomized"}
            How the data came about: decides what the footer says of association and causation.
        """
        return show.summarize_conditional(self.fitted, level, design)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to other processes as the content of a file; nothing else is pickled."""
        return (_conditional_from_bytes, (io.within_bytes(self.fitted),))


def _fixed_from_bytes(content: bytes) -> FixedFit:
    """Make a fit again in another process."""
    return FixedFit(io.within_from_bytes(content))


def _conditional_from_bytes(content: bytes) -> ConditionalFit:
    """Make a fit again in another process."""
    return ConditionalFit(io.within_from_bytes(content))
