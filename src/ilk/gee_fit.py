"""`GeeFit`: what `ilk.gee` returns.  A frozen record behind one-line methods.

Every mean and coefficient of a marginal model is the population's, so there is no `estimand` to
choose; each table names it, and the kind of its standard errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, final

from ilk.facade import AbstractFit
from ilk.frame import answer
from ilk.late import Late

if TYPE_CHECKING:
    from ilk.gee.fitted import GeeFitted
    from ilk.gee.sandwich import StandardErrors
    from ilk.inference import CoefficientCovariance, Labelled
    from ilk.inference import marginal as inference
    from ilk.io import Own
    from ilk.io import gee as io
    from ilk.prediction import Interval, Scale
    from ilk.show import Summary
    from ilk.show import gee as show
    from ilk.show.answer import Answer
    from ilk.show.wording import Causes
    from ilk.typing import FloatArray
else:  # no fit needs them, so they are imported with the first question
    inference = Late("ilk.inference.marginal")
    io = Late("ilk.io.gee")
    show = Late("ilk.show.gee")

__all__ = ["GeeFit"]


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class GeeFit(AbstractFit):
    """A marginal model fitted by generalized estimating equations, as `ilk.gee` returns it.

    Parameters
    ----------
    fitted : GeeFitted
        The record of what was learned; the functions of the package take it.

    Examples
    --------
    >>> import ilk
    >>> data = ilk.datasets.load("hospital_infections")
    >>> fit = ilk.gee("infections ~ policy", data, groups="hospital", family="poisson",
    ...               exposure="patient_days", covariance="exchangeable")
    >>> fit.verdict.converged
    True
    """

    fitted: GeeFitted

    # What was estimated

    @property
    def params(self) -> Labelled:
        """Coefficients, by name; nan where the data do not determine one.

        They are the population's: of means over all clusters.
        """
        return inference.marginal_params(self.fitted)

    @property
    def std_errors(self) -> Labelled:
        """Standard errors of the kind that the fit was asked for, by name."""
        return inference.marginal_std_errors(self.fitted)

    @property
    def cov(self) -> CoefficientCovariance:
        """Covariance matrix of the coefficients, with their names and the kind of estimator."""
        return inference.marginal_covariance(self.fitted)

    def cov_with(self, kind: StandardErrors) -> CoefficientCovariance:
        """Covariance matrix of the coefficients by another estimator.

        Parameters
        ----------
        kind : {"robust", "model", "kauermann_carroll", "mancl_derouen", "fay_graubard", "morel"}
            Which; see `ilk.gee`.

        Returns
        -------
        CoefficientCovariance
        """
        return inference.marginal_covariance(self.fitted, kind)

    def conf_int(self, level: float = 0.95, std_errors: StandardErrors | None = None) -> Any:
        """Intervals of the coefficients.

        Parameters
        ----------
        level : float
            Coverage.
        std_errors : str, optional
            Kind of standard errors; that of the fit by default.

        Returns
        -------
        frame
            Columns ``component, group, term, estimate, conf_low, conf_high, estimand, method``.
        """
        return self._frame(show.intervals_gee(self.fitted, level, std_errors))

    def working_correlation(self) -> Answer:
        """Parameters and matrix of the working correlation.

        Returns
        -------
        Answer
            Its frame has the parameters; text and HTML show the matrix too.
        """
        return show.working_table(self.fitted)

    @property
    def scale(self) -> float:
        """Scale phi: mean of the squared Pearson residuals; the variance is phi v(mean)."""
        return self.fitted.scale

    @property
    def dispersion(self) -> float:
        """Dispersion of families that have it inside of the variance function, else the scale."""
        return self.fitted.dispersion

    # How well

    def qic(self, scale: float = 1.0) -> Answer:
        """Quasi-likelihood criteria QIC, QICu and CIC.

        Parameters
        ----------
        scale : float
            Scale of the quasi-likelihood; give the same for all models that are compared.

        Returns
        -------
        Answer
            One row: ``covariance, qic, qicu, cic, quasi_loglik, df_model, scale``.
        """
        return show.criteria_table(self.fitted, scale)

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return self.fitted.clusters.count

    # Means

    @property
    def fitted_values(self) -> FloatArray:
        """(n,) fitted means of the population."""
        return self.fitted.mean

    def predict(
        self,
        data: Any = None,
        *,
        scale: Scale = "response",
        interval: Interval = None,
        level: float = 0.95,
        per: float | None = None,
        exposure: Any = None,
        offset: Any = None,
    ) -> Any:
        """Predicted means of the population.

        Parameters
        ----------
        data : frame, optional
            Rows to predict; those of the fit by default.  Clusters and order are not needed.
        scale : {"response", "link"}
            Means, or linear predictors.
        interval : {None, "confidence"}
            Interval of the mean.  There is none for a new observation: a marginal model has means
            and variances but no distribution.
        level : float
            Coverage of the interval.
        per : float, optional
            For fits with an exposure: the mean per so many units of it.
        exposure, offset : str or array, optional
            For new data, in place of the columns that the fit used.

        Returns
        -------
        frame
            A row per row of the data: ``estimate`` and ``estimand``; with an interval also
            ``std_error, conf_low, conf_high, interval``.  Rows that lack a value are nan.  A pandas
            frame keeps the index of the data; of the fit's own rows it has the positions.
        """
        return show.predicted_gee(
            self.fitted,
            data,
            scale=scale,
            interval=interval,
            level=level,
            per=per,
            exposure=exposure,
            offset=offset,
        )

    def standardize(
        self,
        variable: str,
        levels: Any = None,
        *,
        measures: Sequence[str] | str | None = None,
        reference: Any = None,
        by: Sequence[str] | str | None = None,
        covariates: Literal["fixed", "sample"] = "fixed",
        data: Any = None,
        weights: Any = None,
        per: float = 1.0,
        step: float = 1.0,
        level: float = 0.95,
        trials: Any = None,
        exposure: Any = None,
        offset: Any = None,
    ) -> Answer:
        """Standardized means: what the mean would be if a variable were set in everyone.

        As `Fit.standardize`, with the population's means of this model and standard errors of the
        kind of the fit.

        Parameters
        ----------
        variable : str
            Column to set.
        levels : sequence, optional
            Its values.
        measures : str or sequence of str, optional
            ``"difference"``, ``"ratio"``, ``"odds_ratio"``, ``"nnt"``, ``"slope"``.
        reference : Label, optional
            Level that the others are compared with; the first by default.
        by : str or sequence of str, optional
            Columns of subgroups, each averaged by itself.
        covariates : {"fixed", "sample"}
            The rows are the population that is asked about, or a sample of clusters from it.
        data : frame, optional
            Target population to average over; the rows of the fit by default.
        weights : str or array, optional
            Weight of each row.
        per : float
            With an exposure, means are rates per so many units of it.
        step : float
            How far a number is moved whose levels are not given.
        level : float
            Coverage of the intervals.
        trials, exposure, offset : str or array, optional
            For a target population, in place of the columns that the fit used.

        Returns
        -------
        Answer

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("eczema_trial")
        >>> fit = ilk.gee("clear ~ treatment * week", data, groups="patient", family="binomial")
        >>> fit.standardize("treatment", reference="placebo").frame.measure.tolist()
        ['mean', 'mean', 'difference', 'ratio']
        """
        return show.standardized_gee(
            self.fitted,
            variable,
            levels,
            measures=measures,
            reference=reference,
            by=by,
            covariates=covariates,
            data=data,
            weights=weights,
            per=per,
            step=step,
            level=level,
            arguments={"trials": trials, "exposure": exposure, "offset": offset},
        )

    def counterfactuals(
        self,
        scenarios: Mapping[str, Any],
        data: Any = None,
        *,
        interval: Interval = None,
        level: float = 0.95,
        per: float | None = None,
        exposure: Any = None,
        offset: Any = None,
    ) -> Any:
        """Predict every row under every scenario: the long table behind `standardize`.

        Parameters
        ----------
        scenarios : dict of str to sequence
            Columns and the values that each is set to; all combinations are made.
        data : frame, optional
            The rows; those of the fit by default.
        interval, level, per
            As `predict` takes them.
        exposure, offset : str or array, optional
            For new data, in place of the columns that the fit used.

        Returns
        -------
        frame
            ``row`` (its position in the data), the columns that were set, ``estimate`` and
            ``estimand``; with an interval also its columns.
        """
        return answer(
            *show.counterfactuals_gee(
                self.fitted,
                scenarios,
                data,
                interval=interval,
                level=level,
                per=per,
                arguments={"exposure": exposure, "offset": offset},
            )
        )

    # Answers as tables and text

    def tidy(self, level: float = 0.95, std_errors: StandardErrors | None = None) -> Any:
        """Frame with a row per coefficient.

        Parameters
        ----------
        level : float
            Coverage of the intervals.
        std_errors : str, optional
            Kind of standard errors; that of the fit by default.

        Returns
        -------
        frame
            ``component, group, term, estimate, std_error, statistic, df, p_value, conf_low,
            conf_high, estimand, std_error_kind``.
        """
        return self._frame(show.tidy_gee(self.fitted, level, std_errors))

    def glance(self) -> Any:
        """Frame with one row that describes the fit as a whole."""
        return self._frame(show.glance_gee(self.fitted))

    def augment(self) -> Any:
        """Frame with the rows of the fit: response, clusters, fitted means, residuals."""
        return self._frame(show.augment_gee(self.fitted))

    def summary(
        self,
        level: float = 0.95,
        std_errors: StandardErrors | None = None,
        *,
        design: Causes = None,
    ) -> Summary:
        """Summary with ``.text`` and ``.html``; printing shows the text.

        Parameters
        ----------
        level : float
            Coverage of the intervals.
        std_errors : str, optional
            Kind of standard errors; that of the fit by default.
        design : {None, "observational", "randomized"}
            How the data came about: decides what the footer says of association and causation.
        """
        return show.summarize_gee(self.fitted, level, std_errors, design)

    # Keeping

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fit to one file of JSON and arrays, which `ilk.load` reads.

        Parameters
        ----------
        path : str or path
            File to write.
        """
        io.save_gee(self.fitted, path)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to other processes as the content of a file; nothing else is pickled."""
        return (_from_bytes, (io.gee_bytes(self.fitted), io.own_of(self.fitted.family)))

    def __repr__(self) -> str:
        return show.gee_in_short(self.fitted)


def _from_bytes(content: bytes, own: Own) -> GeeFit:
    """Make a fit again in another process."""
    return GeeFit(io.gee_from_bytes(content, own=own))
