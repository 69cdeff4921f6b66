"""`Fit`: what users hold.  A frozen record behind one-line methods; reading it never changes it.

Each method asks its question in the module that answers it and, where the answer is a table, puts
it into a frame of the kind that the data came in.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from ilk.estimation.run import refit
from ilk.facade import AbstractFit
from ilk.fitted import Fitted
from ilk.frame import answer
from ilk.late import Late

if TYPE_CHECKING:
    from ilk import diagnostics, inference, io, prediction, show, simulate
    from ilk.diagnostics import ResidualKind
    from ilk.inference import CoefficientCovariance, Labelled, chosen
    from ilk.inference.chosen import Cov, DegreesOfFreedom
    from ilk.inference.robust import covariance as robust
    from ilk.inference.robust.covariance import CovarianceKind
    from ilk.io import Own
    from ilk.prediction import Estimand, Interval, JointCovariance, NewLevels, Scale
    from ilk.prediction.quantities import Of
    from ilk.show import Summary, caveats, marginal, methods, predictions, standardization
    from ilk.show import adequacy as adequate
    from ilk.show import against_fixed as against
    from ilk.show import approximation as approximated
    from ilk.show import bootstrap as bootstraps
    from ilk.show import check as checked
    from ilk.show import cluster_report as togetherness
    from ilk.show import compare as comparisons
    from ilk.show import exogeneity as exogenous
    from ilk.show import exposure as exposed
    from ilk.show import icc as intraclass
    from ilk.show import influence as influential
    from ilk.show import league as leagues
    from ilk.show import lint as linted
    from ilk.show import means as grids
    from ilk.show import overdispersion as dispersed
    from ilk.show import partition as partitioned
    from ilk.show import power as powers
    from ilk.show import profile as profiles
    from ilk.show import r_squared as explained
    from ilk.show import sensitivity as sensitive
    from ilk.show import separation as separated
    from ilk.show import tests as tested
    from ilk.show import tidy as tables
    from ilk.show.adequacy import AdequacyAnswer
    from ilk.show.answer import Answer
    from ilk.show.bootstrap import BootstrapAnswer
    from ilk.show.caveats import Caveats
    from ilk.show.check import CheckAnswer
    from ilk.show.cluster_report import ClusterReportAnswer
    from ilk.show.exogeneity import ExogeneityAnswer
    from ilk.show.exposure import ExposureAnswer
    from ilk.show.influence import InfluenceAnswer
    from ilk.show.league import LeagueAnswer
    from ilk.show.lint import LintAnswer
    from ilk.show.methods import MethodsText
    from ilk.show.overdispersion import OverdispersionAnswer
    from ilk.show.partition import Partition
    from ilk.show.profile import ProfileAnswer
    from ilk.show.wording import Causes
    from ilk.typing import FloatArray
else:  # no fit needs them, so they are imported with the first question
    diagnostics = Late("ilk.diagnostics")
    inference = Late("ilk.inference")
    io = Late("ilk.io")
    robust = Late("ilk.inference.robust.covariance")
    chosen = Late("ilk.inference.chosen")
    prediction = Late("ilk.prediction")
    show = Late("ilk.show")
    simulate = Late("ilk.simulate")
    predictions = Late("ilk.show.predictions")
    standardization = Late("ilk.show.standardization")
    tables = Late("ilk.show.tidy")
    tested = Late("ilk.show.tests")
    against = Late("ilk.show.against_fixed")
    bootstraps = Late("ilk.show.bootstrap")
    checked = Late("ilk.show.check")
    caveats = Late("ilk.show.caveats")
    togetherness = Late("ilk.show.cluster_report")
    comparisons = Late("ilk.show.compare")
    exogenous = Late("ilk.show.exogeneity")
    exposed = Late("ilk.show.exposure")
    grids = Late("ilk.show.means")
    intraclass = Late("ilk.show.icc")
    leagues = Late("ilk.show.league")
    influential = Late("ilk.show.influence")
    linted = Late("ilk.show.lint")
    explained = Late("ilk.show.r_squared")
    powers = Late("ilk.show.power")
    dispersed = Late("ilk.show.overdispersion")
    partitioned = Late("ilk.show.partition")
    sensitive = Late("ilk.show.sensitivity")
    marginal = Late("ilk.show.marginal")
    separated = Late("ilk.show.separation")
    adequate = Late("ilk.show.adequacy")
    approximated = Late("ilk.show.approximation")
    methods = Late("ilk.show.methods")
    profiles = Late("ilk.show.profile")

__all__ = ["Fit"]


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Fit(AbstractFit):
    """A fitted model, as `ilk.fit` returns it.

    Parameters
    ----------
    fitted : Fitted
        The record of what was learned; the functions of the package take it.

    Examples
    --------
    >>> import ilk
    >>> fit = ilk.fit("score ~ prior + (1 | school)", ilk.datasets.load("classroom_scores"))
    >>> fit.params["prior"] > 0
    True
    >>> fit.verdict.converged
    True
    """

    fitted: Fitted

    # What was estimated

    @property
    def params(self) -> Labelled:
        """Coefficients, by name: ``fit.params["age"]``, ``fit.params["dispersion", "age"]``.

        A mapping and an array at once (`numpy.asarray`).  Those that the data do not determine
        are nan.  They are conditional effects: within a cluster, random effects held.
        """
        return inference.params(self.fitted)

    @property
    def std_errors(self) -> Labelled:
        """Standard errors of the coefficients, by name; `cov` says which estimator made them."""
        return inference.std_errors(self.fitted)

    @property
    def cov(self) -> CoefficientCovariance:
        """Covariance matrix of the coefficients, with their names and the kind of estimator."""
        return inference.coefficient_covariance(self.fitted)

    def cov_with(self, kind: CovarianceKind = "CR2", cluster: Any = None) -> CoefficientCovariance:
        """Covariance matrix of the coefficients by another estimator, with degrees of freedom.

        Model-based standard errors need the right variances and correlations.  Cluster-robust ones
        need independent clusters and the right mean only.

        Parameters
        ----------
        kind : {"CR2", "CR0", "CR1", "CR3", "model", "conditional"}
            ``"CR0"`` is the plain sandwich, too small with few clusters; ``"CR1"`` multiplies it by
            m / (m - 1) for m clusters; ``"CR2"`` (Bell and McCaffrey 2002; Pustejovsky and Tipton
            2018) has no bias if the model is right; ``"CR3"`` is close to the jackknife and errs
            on the large side.  ``"model"`` is `cov`; ``"conditional"`` holds the variance
            parameters at their estimates and is too small.
        cluster : str, array or sequence of them, optional
            Clusters that are independent: the name of a grouping factor or column in which every
            grouping factor is nested, or a label for each row; several of these if they cross.  The
            outermost grouping factors by default.

        Returns
        -------
        CoefficientCovariance
            ``matrix``, ``names``, ``kind`` in words, and ``df``, which takes a contrast of the
            coefficients to its degrees of freedom.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ prior + (1 | school)", ilk.datasets.load("classroom_scores"))
        >>> robust = fit.cov_with("CR2")
        >>> robust.kind
        "CR2, cluster-robust with bias-reduced linearization; 30 clusters of 'school'"
        >>> robust.coefficient_df().round(1)
        array([25.5, 24. ])
        """
        return robust.robust_covariance(self.fitted, kind, cluster)

    def conf_int(
        self,
        level: float = 0.95,
        method: Literal["wald", "profile", "bootstrap"] = "wald",
        **options: Any,
    ) -> Any:
        """Intervals of coefficients and variance components.

        **wald**: estimate and standard error, on the scale where each parameter is closest to
        normal.  Options: ``cov`` (kind of covariance matrix, see `cov_with`, or one from there) and
        ``df`` (``"satterthwaite"``, ``"kenward_roger"``, ``"residual"``, ``"normal"``).

        **profile**: the values that a likelihood-ratio test does not reject, for every parameter,
        by the full likelihood (ML) also after REML.  A standard deviation whose interval begins at
        0, or a correlation whose interval ends at 1, is not bounded away from there by the data; a
        limit is infinite where the likelihood flattens, as under separation.  Options:
        ``parameters`` (terms, or pairs of component or group and term; all by default) and
        ``n_jobs``.  `profile` keeps the curves.

        **bootstrap**: from refits to data like those of the fit, see `bootstrap`, which keeps the
        draws.  Options: ``draws``, ``seed``, ``kind``, ``interval`` (``"percentile"``,
        ``"basic"``, ``"bca"``, ``"normal"``), ``cluster``, ``n_jobs``, ``path``, ``estimand``.

        Parameters
        ----------
        level : float
            Coverage.
        method : {"wald", "profile", "bootstrap"}
            Kind of interval.
        **options
            Of the method.

        Returns
        -------
        frame
            Columns ``component, group, term, estimate, conf_low, conf_high, estimand, method``.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ prior + (1 | school)", ilk.datasets.load("classroom_scores"))
        >>> list(fit.conf_int(0.9).term)
        ['Intercept', 'prior', 'sd(Intercept)', 'sd(Residual)']
        >>> frame = fit.conf_int(method="profile", parameters="sd(Intercept)")
        >>> frame[["conf_low", "conf_high"]].round(2).values.tolist()
        [[2.18, 3.94]]
        """
        return self._frame(tables.intervals(self.fitted, level, method, **options))

    def profile(
        self, parameters: Any = None, *, level: float = 0.99, n_jobs: int = 1
    ) -> ProfileAnswer:
        """Profile likelihood of parameters, on the scale of the data's own columns.

        Each parameter is held at a series of values while all others are chosen best.  The signed
        root of twice the loss of log-likelihood, zeta, tells all intervals at once, and its shape
        tells whether a Wald interval would do: then it is a line.

        Parameters
        ----------
        parameters : str, (str, str) or sequence of these, optional
            Terms as `tidy` names them (``"Days"``, ``"sd(Days)"``), or pairs of component or group
            and term (``("dispersion", "Intercept")``); all by default.
        level : float
            Coverage up to which the curves are followed.
        n_jobs : int
            Number of parameters at one time (threads, through joblib).

        Returns
        -------
        ProfileAnswer
            ``.conf_int(level)``, ``.frame`` with the curves (``parameter, value, zeta, loglik`` and
            all parameters at each constrained optimum), ``.plot()``, ``.notes``.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ prior + (1 | school)", ilk.datasets.load("classroom_scores"))
        >>> profile = fit.profile(["prior", "sd(Intercept)"])
        >>> profile.conf_int(0.9)[["conf_low", "conf_high"]].round(2).values.tolist()
        [[0.57, 0.64], [2.28, 3.74]]
        """
        return profiles.profile_answer(self.fitted, parameters, level, n_jobs)

    def random_effects(
        self,
        group: str | None = None,
        level: float = 0.95,
        *,
        estimate: Literal["mode", "mean"] = "mode",
        uncertainty: Literal["conditional", "full"] = "conditional",
    ) -> Any:
        """Effects of the levels: modes or means given the data, their uncertainty, shrinkage.

        Parameters
        ----------
        group : str, optional
            Grouping factor; all by default.
        level : float
            Coverage of the intervals.
        estimate : {"mode", "mean"}
            Conditional modes, or conditional means; of a linear model they are the same.  Means are
            computed by quadrature where all random terms share one factor with at most three
            effects per level, or belong to two nested ones with one and at most two; elsewhere by
            a second-order expansion, with the standard deviations at the modes.
        uncertainty : {"conditional", "full"}
            Standard deviation given the parameters, or with the uncertainty of coefficients,
            variances and dispersion too (Booth and Hobert 1998).

        Returns
        -------
        frame
            A row per level and effect: ``component, group, level, term, estimate, std_error,
            conf_low, conf_high, n, shrinkage, kind``.  ``shrinkage`` is the weight of the level's
            own data, from 0 (nothing but the population's mean) to 1; ``kind`` is ``"mode"`` or
            ``"mean"``, which of the two the estimate is.

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("eczema_trial")
        >>> fit = ilk.fit("clear ~ treatment * week + (1 | patient)", data, family="binomial")
        >>> held = fit.random_effects(estimate="mean")
        >>> full = fit.random_effects(estimate="mean", uncertainty="full")
        >>> bool((full.std_error > held.std_error).all())
        True
        """
        return self._frame(
            tables.level_effects(
                self.fitted, group, level, estimate=estimate, uncertainty=uncertainty
            )
        )

    def joint_covariance(
        self,
        levels: Mapping[str, Any] | str | None = None,
        *,
        coefficients: bool = False,
        uncertainty: Literal["full", "conditional"] = "full",
    ) -> JointCovariance:
        """Joint covariance matrix of the random effects of some levels, and of the coefficients.

        Parameters
        ----------
        levels : dict of str to sequence, or str, optional
            Levels by grouping factor, ``{"school": ["A", "B"]}``, or the name of a factor for all
            of its levels; all levels by default, if they are at most 5,000 effects.
        coefficients : bool
            Whether the coefficients come first, for sums of fixed and random effects.
        uncertainty : {"full", "conditional"}
            With the uncertainty of coefficients, variances and dispersion, or given these.

        Returns
        -------
        JointCovariance
            ``.matrix`` of estimate minus truth (also `numpy.asarray`), ``.names``, ``.estimate``,
            and ``.combine(weights)`` for estimates and standard errors of combinations.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ prior + (1 | school)", ilk.datasets.load("classroom_scores"))
        >>> two = fit.joint_covariance({"school": fit.random_effects().level[:2].tolist()})
        >>> difference, error = two.combine([1, -1])
        >>> bool(error[0] > 0)
        True
        """
        return prediction.joint_covariance(
            self.fitted, levels, coefficients=coefficients, uncertainty=uncertainty
        )

    def variance_components(self, level: float = 0.95) -> Any:
        """Tabulate standard deviations and correlations of random effects, and the residual's.

        Parameters of covariance structures have rows of their own: ``rho`` of a series, the
        ``range`` of a field, Pagel's ``lambda``.

        Parameters
        ----------
        level : float
            Coverage of the intervals (Wald, on the scales of log sd, Fisher's z, log range, and
            the logit of what is between 0 and 1).

        Returns
        -------
        frame
            A row per component: ``component, group, term, kind, estimate, sd, variance,
            correlation, std_error, conf_low, conf_high, boundary``.
        """
        return self._frame(tables.variance_table(self.fitted, level))

    def league_table(
        self,
        group: str,
        *,
        term: str | None = None,
        order: Literal["low", "high"] = "low",
        threshold: float | None = None,
        best: int | None = None,
        worst: int | None = None,
        per: float = 1.0,
        expected: Literal["population", "typical"] = "population",
        adjust: Literal["case_mix", "within"] = "case_mix",
        level: float = 0.95,
        draws: int = 2000,
        seed: int = 0,
        category: Any = None,
    ) -> LeagueAnswer:
        """Compare the levels of a grouping factor and rank them by how good they really are.

        A raw rank puts small levels at both ends, by luck.  Here each level is compared with what
        is expected of its rows, its effect is shrunk as far as its data are few, and ranks come
        from joint draws of all levels, which carry the uncertainty of effects, coefficients and
        variances: expected rank, interval, probabilities of being among the first and last.

        Parameters
        ----------
        group : str
            Grouping factor.
        term : str, optional
            Random effect to rank by.  The name of a slope ranks the levels' trends, fixed slope
            included.  By default it is the level's overall effect, with random slopes at the mean
            of their columns.
        order : {"low", "high"}
            Which end is best and has rank 1.
        threshold : float, optional
            Rate (mean, slope, ratio) whose excess gets a probability, on the scale of the table.
        best, worst : int, optional
            How many levels the probabilities of being best and worst speak of; a tenth by default.
        per : float
            Units of exposure that rates are for, such as 1000.
        expected : {"population", "typical"}
            What the expected numbers are of: an average level of the population, for which
            observed over expected is about one over the table, or one with effects of zero.
        adjust : {"case_mix", "within"}
            Whether covariates that are constant within levels (the size of a hospital) are part of
            the case mix like all others, or part of what a level is ranked by.
        level : float
            Coverage of the intervals.
        draws : int
            Draws from the joint posterior.
        seed : int
            Makes them repeatable.
        category : label, optional
            Of responses that are ordered categories: levels are compared by the probability of
            this category or a higher one; by default of the one that is most nearly even.

        Returns
        -------
        LeagueAnswer
            ``frame`` has a row for each level, by expected rank; ``table`` the same as arrays, in
            the order of the fit; ``plot(kind=...)`` draws ``"ranks"``, ``"caterpillar"``,
            ``"shrinkage"`` or ``"funnel"``.

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("hospital_infections")
        >>> fit = ilk.fit(
        ...     "infections ~ (1 | hospital)", data, family="poisson", exposure="patient_days"
        ... )
        >>> league = fit.league_table("hospital", per=1000)
        >>> shown = ["level", "observed", "expected", "raw_rank", "rank_low", "rank_high"]
        >>> league.frame[shown].head(3).round(1)
          level  observed  expected  raw_rank  rank_low  rank_high
        0   H50      12.0      39.7       8.0       1.0       15.0
        1   H32      25.0      71.8      10.0       1.0       14.0
        2   H12      12.0      36.3       9.0       1.0       17.0
        >>> round(league.table.rankability, 2)
        0.79
        """
        return leagues.league_answer(
            self.fitted,
            group,
            term=term,
            order=order,
            threshold=threshold,
            best=best,
            worst=worst,
            per=per,
            expected=expected,
            adjust=adjust,
            level=level,
            draws=draws,
            seed=seed,
            category=category,
        )

    def icc(
        self,
        by: Sequence[str] | str | None = None,
        at: Mapping[str, Any] | None = None,
        *,
        scale: Literal["latent", "response"] = "latent",
        approximation: Literal["lognormal", "trigamma", "delta"] = "lognormal",
        baseline: Literal["fit", "null"] = "fit",
        uncertainty: Literal["delta", "bootstrap"] = "delta",
        level: float = 0.95,
        draws: int = 999,
        seed: int | None = None,
        n_jobs: int = 1,
    ) -> Answer:
        """Intraclass correlations: the share of the variance between the levels of each factor.

        Parameters
        ----------
        by : str or sequence of str, optional
            Columns of subgroups of the rows, each with correlations of its own.
        at : dict of str to values, optional
            Columns and values that all rows are set to, ``{"month": [0, 6]}``; with random slopes
            the correlation depends on them.  By default variances are averaged over the rows.
        scale : {"latent", "response"}
            Scale of the linear predictor, where the distribution adds the variance of a latent
            variable or an approximation (Nakagawa, Johnson and Schielzeth 2017), or of the
            response, where all variances are exact.
        approximation : {"lognormal", "trigamma", "delta"}
            How a distribution with log link is taken to the latent scale.
        baseline : {"fit", "null"}
            Mean level for that: the average mean of the rows, or that of a model without
            covariates, which is fitted for it.
        uncertainty : {"delta", "bootstrap"}
            Delta method with the covariance of all parameters, or refits to drawn responses.
        level : float
            Coverage of the intervals.
        draws, seed, n_jobs
            Of the bootstrap.

        Returns
        -------
        Answer
            With ``.frame``: a row per factor and measure, ``group, measure, estimate, std_error,
            conf_low, conf_high, scale, estimand``.  ``"adjusted"`` holds the covariates,
            ``"unadjusted"`` counts the variance that they explain; group ``"all"`` is of rows that
            share the levels of all factors.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ prior + (1 | school)", ilk.datasets.load("classroom_scores"))
        >>> fit.icc().frame.measure.tolist()
        ['adjusted', 'unadjusted']
        """
        return intraclass.icc_answer(
            self.fitted,
            by,
            at,
            scale=scale,
            approximation=approximation,
            baseline=baseline,
            uncertainty=uncertainty,
            level=level,
            draws=draws,
            seed=seed,
            n_jobs=n_jobs,
        )

    def r_squared(
        self,
        *,
        scale: Literal["latent", "response"] = "latent",
        approximation: Literal["lognormal", "trigamma", "delta"] = "lognormal",
        baseline: Literal["fit", "null"] = "fit",
        uncertainty: Literal["delta", "bootstrap"] = "delta",
        level: float = 0.95,
        draws: int = 999,
        seed: int | None = None,
        n_jobs: int = 1,
    ) -> Answer:
        """Variance explained by the covariates, and by covariates and clusters together.

        Parameters
        ----------
        scale, approximation, baseline, uncertainty, level, draws, seed, n_jobs
            As for `icc`.

        Returns
        -------
        Answer
            With ``.frame``: ``measure`` (``"marginal"``, ``"conditional"``), ``estimate,
            std_error, conf_low, conf_high, scale, estimand``; the text also shows the variance of
            each part.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ prior + (1 | school)", ilk.datasets.load("classroom_scores"))
        >>> marginal, conditional = fit.r_squared().frame.estimate
        >>> bool(marginal < conditional)
        True
        """
        return explained.r_squared_answer(
            self.fitted,
            scale=scale,
            approximation=approximation,
            baseline=baseline,
            uncertainty=uncertainty,
            level=level,
            draws=draws,
            seed=seed,
            n_jobs=n_jobs,
        )

    def partition(
        self,
        *,
        scale: Literal["latent", "response", "both"] = "both",
        fixed: bool = True,
        interval: Literal["delta", "profile", "bootstrap"] = "delta",
        level: float = 0.95,
        approximation: Literal["lognormal", "trigamma", "delta"] = "lognormal",
        draws: int = 999,
        seed: int | None = None,
        n_jobs: int = 1,
    ) -> Partition:
        """Whose variation is it? The variance of the response, divided among its sources.

        Sources are the covariates, each random term (independent levels, a tree, a pedigree, a
        field, ...) and the residual or the distribution.

        Parameters
        ----------
        scale : {"both", "latent", "response"}
            Scale of the linear predictor, of the response, or both; one and the same in linear
            models.
        fixed : bool
            Whether the variance that covariates explain is counted as a source.
        interval : {"delta", "profile", "bootstrap"}
            Where intervals come from: the delta method, the profile likelihood (which takes a
            while) or refits to responses drawn from the model.
        level : float
            Coverage of the intervals.
        approximation : {"lognormal", "trigamma", "delta"}
            How a distribution with log link is taken to the latent scale.
        draws, seed, n_jobs
            Of the bootstrap.

        Returns
        -------
        Partition
            With ``.frame``: ``scale, measure, source, structure, variance, estimate, std_error,
            conf_low, conf_high, estimand``. The measure is ``"realised"`` (of the variance among
            these very rows), ``"population"`` (of rows at average levels) or ``"additive"`` (what
            a source explains linearly, on the scale of the response). ``.named`` has heritability,
            repeatability and the like where these names apply; ``.alike()`` says whether the data
            tell the sources apart, ``.tests()`` and ``.permutation(source)`` test them.

        Examples
        --------
        >>> import ilk
        >>> scores = ilk.datasets.load("classroom_scores")
        >>> fit = ilk.fit("score ~ prior + (1 | school/classroom)", scores)
        >>> table = fit.partition().frame
        >>> realised = table[table.measure == "realised"]
        >>> realised.source.tolist()
        ['fixed part', 'school', 'school:classroom', 'residual']
        >>> round(float(realised.estimate.sum()), 10)
        1.0
        """
        return partitioned.partition_answer(
            self.fitted,
            scale=scale,
            fixed=fixed,
            interval=interval,
            level=level,
            approximation=approximation,
            draws=draws,
            seed=seed,
            n_jobs=n_jobs,
        )

    # How well

    @property
    def loglik(self) -> float:
        """Maximized log-likelihood with all constants; restricted after REML."""
        return self.fitted.loglik

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return inference.aic(self.fitted)

    @property
    def aicc(self) -> float:
        """Akaike's information criterion, corrected for small samples."""
        return inference.aicc(self.fitted)

    @property
    def bic(self) -> float:
        """Schwarz's information criterion."""
        return inference.bic(self.fitted)

    @property
    def df_model(self) -> int:
        """Number of estimated parameters."""
        return inference.df_model(self.fitted)

    @property
    def df_resid(self) -> int:
        """Number of observations minus number of estimated parameters."""
        return inference.df_resid(self.fitted)

    @property
    def sigma(self) -> float:
        """Residual standard deviation of the linear model; nan for all others."""
        return float(np.sqrt(self.fitted.estimates.sigma2))

    @property
    def dispersion(self) -> float:
        """Dispersion phi where it is one number (it grows with the variance), else nan."""
        return self.fitted.dispersion

    def random_effect_tests(
        self,
        method: Literal["auto", "chi_bar", "simulated", "bootstrap"] = "auto",
        *,
        draws: int | None = None,
        seed: int | None = 0,
        n_jobs: int | None = 1,
    ) -> Answer:
        """Test whether the random terms are needed: each part is left out and the model refitted.

        A variance of zero is the edge of its range, so that the likelihood ratio is not
        chi-square. For a single variance of a linear mixed model its exact distribution is drawn
        (Crainiceanu and Ruppert 2004; with other random effects, Greven and others 2008); else it
        is a mixture of chi-square distributions, with simulated weights where several variances
        go at once.

        Parameters
        ----------
        method : {"auto", "chi_bar", "simulated", "bootstrap"}
            Null distribution of a single variance: the mixture, or the exact one, which there is
            for linear mixed models only; ``"auto"`` takes the exact one where it can be had.
            ``"bootstrap"``: of every row by refits to responses drawn from the smaller model, which
            holds in few clusters too.
        draws : int, optional
            Number of draws of simulated null distributions, by default 10,000; of refits 999. No
            p-value of theirs is smaller than 1 / (draws + 1).
        seed : int, optional
            Makes the draws repeatable.
        n_jobs : int or None
            Refits of a bootstrap at one time.

        Returns
        -------
        Answer
            A row for each effect that can go alone, for the correlations, and for each term as a
            whole: ``component, group, term, sd, statistic, df, p_value, null, loglik_without,
            aic_difference, bar``. ``null`` says which null distribution was used.

        Examples
        --------
        >>> import ilk
        >>> scores = ilk.datasets.load("classroom_scores")
        >>> fit = ilk.fit("score ~ prior + (1 | school/classroom)", scores)
        >>> list(fit.random_effect_tests().frame.group)
        ['school', 'school:classroom']
        """
        return comparisons.random_effect_answer(self.fitted, method, draws, seed, n_jobs)

    # The rows of the fit

    @property
    def fitted_values(self) -> FloatArray:
        """(n,) fitted means, random effects at their modes; (n, J) probabilities of categories."""
        return tables.fitted_values(self.fitted)

    def residuals(self, kind: ResidualKind = "response", seed: int | None = 0) -> FloatArray:
        """Residuals around the fitted means.

        Parameters
        ----------
        kind : {"response", "pearson", "deviance", "quantile"}
            Quantile residuals are standard normal if the model is right.  Of ordered categories the
            others are of their numbers 0, 1, ... around the mean number.
        seed : int, optional
            For quantile residuals of counts, which are randomized.

        Returns
        -------
        (n,) array
        """
        return diagnostics.residuals(self.fitted, kind, seed)

    # How it would vary

    def bootstrap(
        self,
        statistic: Callable[[Fit], Any] | Sequence[str] | str | None = None,
        *,
        kind: Literal["parametric", "cluster"] = "parametric",
        draws: int = 999,
        cluster: str | None = None,
        seed: int | None = None,
        n_jobs: int | None = 1,
        path: str | PathLike[str] | None = None,
        estimand: Literal["population", "conditional"] = "population",
        level: float = 0.95,
    ) -> BootstrapAnswer:
        """Refit to data like those of the fit, and see how its numbers vary.

        Parameters
        ----------
        statistic : callable, str or sequence of str, optional
            What is looked at: a function that takes a `Fit` to a number, an array or a mapping of
            names to numbers; or ``"coefficients"``, ``"variance_components"``, ``"loglik"``.  All
            parameters by default.
        kind : {"parametric", "cluster"}
            Responses drawn from the fitted model, or whole clusters drawn from the data.
        draws : int
            Number of refits.
        cluster : str, optional
            Column whose levels are drawn; the outermost grouping factor by default.
        seed : int, optional
            Makes the draws repeatable, whatever `n_jobs` is.
        n_jobs : int or None
            Refits at one time, through joblib: in threads, or on the backend that
            ``joblib.parallel_config`` names.
        path : str or path, optional
            Directory that keeps the draws: the same call goes on where an earlier one stopped.
        estimand : {"population", "conditional"}
            Whether parametric responses come with new random effects or with the estimated ones.
        level : float
            Coverage of the intervals that are shown.

        Returns
        -------
        BootstrapAnswer
            ``.draws``, ``.std_errors``, ``.bias``, ``.failures``, ``.frame``, ``.plot()`` and
            ``.conf_int(level, method)`` with methods ``"percentile"``, ``"basic"``, ``"bca"`` and
            ``"normal"``.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ prior + (1 | school)", ilk.datasets.load("classroom_scores"))
        >>> found = fit.bootstrap(draws=99, seed=1)
        >>> found.draws.shape
        (99, 4)
        >>> list(found.conf_int(0.9, method="basic").term)
        ['Intercept', 'prior', 'sd(Intercept)', 'sd(Residual)']
        """
        return bootstraps.bootstrap_answer(
            self.fitted,
            statistic,
            Fit,
            kind=kind,
            draws=draws,
            cluster=cluster,
            seed=seed,
            n_jobs=n_jobs,
            path=path,
            estimand=estimand,
            level=level,
        )

    # Which terms matter

    def test(
        self,
        hypothesis: Any,
        rhs: Any = None,
        *,
        df: DegreesOfFreedom | None = None,
        cov: Cov = "model",
        method: Literal["wald", "likelihood_ratio", "bootstrap", "bartlett"] = "wald",
        level: float = 0.95,
        **options: Any,
    ) -> Answer:
        """Test linear hypotheses about the coefficients, each and all together.

        Parameters
        ----------
        hypothesis : str, mapping, sequence or (r, P) array
            Equations in the names of coefficients, ``"policy = 0, age + 2 * urban = 1"``; names may
            stand in backticks, and those of other predictors than the mean have its name before
            them (``dispersion.age``).  Or a mapping of names to weights, a list of these, or a
            matrix with a column for each estimated coefficient.
        rhs : float or (r,) array, optional
            Right sides of mappings and matrices; zero by default.
        df : {None, "satterthwaite", "kenward_roger", "residual", "normal"}
            Degrees of freedom, as in `tidy`.
        cov : {"model", "CR0", "CR1", "CR2", "CR3", "conditional"} or CoefficientCovariance
            Covariance matrix of the coefficients, or one from `cov_with`.
        method : {"wald", "likelihood_ratio", "bootstrap", "bartlett"}
            F (or chi-square) test of the distance of the estimates, or the model fitted again, by
            maximum likelihood, under the hypothesis: the likelihood ratio is compared with
            chi-square, or with those of responses drawn under the hypothesis (parametric
            bootstrap), or is corrected by their mean (Bartlett).
        level : float
            Coverage of the intervals of the left sides.
        **options
            Of the two methods that draw: ``draws`` (999), ``seed``, ``n_jobs``, ``path``, as in
            `bootstrap`.

        Returns
        -------
        Answer
            With ``.frame``: ``hypothesis, estimate, value, std_error, statistic, df_num, df,
            p_value, conf_low, conf_high, test, estimand``; the last of several rows is the joint
            test.

        Examples
        --------
        >>> import ilk
        >>> scores = ilk.datasets.load("classroom_scores")
        >>> fit = ilk.fit("score ~ method + prior + (1 | school/classroom)", scores)
        >>> answer = fit.test("method[T.usual] = 0, prior = 1")
        >>> list(answer.frame.hypothesis)
        ['method[T.usual] = 0', 'prior = 1', 'all together']

        With few clusters, a reference distribution that is drawn holds its level:

        >>> drawn = fit.test("method[T.usual] = 0", method="bartlett", draws=99, seed=1)
        >>> bool(0 < drawn.frame.p_value[0] < 1)
        True
        """
        return tested.hypothesis_answer(
            self.fitted,
            hypothesis,
            rhs,
            df=df,
            cov=cov,
            method=method,
            level=level,
            bootstrap=options,
        )

    def anova(
        self,
        type: Literal[2, 3] = 3,
        *,
        test: Literal["F", "chisq", "likelihood_ratio"] | None = None,
        df: DegreesOfFreedom | None = None,
        cov: Cov = "model",
    ) -> Answer:
        """Test each term of the formula.

        Parameters
        ----------
        type : {3, 2}
            3 tests a term given all others, main effects averaged over the levels of the factors
            that they interact with; it does not depend on the coding of factors.  2 tests a term
            given all terms that do not contain it.
        test : {None, "F", "chisq", "likelihood_ratio"}
            By default F where there are degrees of freedom (linear models), else chi-square.
        df, cov
            Degrees of freedom and covariance matrix, as in `tidy`.

        Returns
        -------
        Answer
            With ``.frame``: ``component, term, df_num, df, statistic, p_value, test``.

        Examples
        --------
        >>> import ilk
        >>> scores = ilk.datasets.load("classroom_scores")
        >>> fit = ilk.fit("score ~ method * prior + (1 | school/classroom)", scores)
        >>> list(fit.anova(2).frame.term)
        ['method', 'prior', 'method:prior']
        """
        return tested.anova_answer(self.fitted, type, test=test, df=df, cov=cov)

    def drop_one(
        self,
        *,
        test: Literal["F", "chisq", "likelihood_ratio"] | None = None,
        df: DegreesOfFreedom | None = None,
        cov: Cov = "model",
    ) -> Answer:
        """Drop each term that no interaction contains: tests and AIC of the smaller models.

        Parameters
        ----------
        test : {None, "F", "chisq", "likelihood_ratio"}
            By default F for linear models and likelihood ratios for all others.
        df, cov
            Degrees of freedom and covariance matrix, as in `tidy`.

        Returns
        -------
        Answer
            With ``.frame``: ``component, term, df_num, df, statistic, p_value, test, loglik, aic,
            aic_difference``, the last three of the model without the term, by maximum likelihood;
            ``aic_difference`` above zero speaks for the term.

        Examples
        --------
        >>> import ilk
        >>> scores = ilk.datasets.load("classroom_scores")
        >>> fit = ilk.fit("score ~ method + prior + (1 | school/classroom)", scores)
        >>> bool((fit.drop_one().frame.aic_difference > 0).all())
        True
        """
        return tested.drop_one_answer(self.fitted, test=test, df=df, cov=cov)

    # Two valid answers

    def marginal_coefficients(self, level: float = 0.95) -> Answer:
        """Population-averaged coefficients beside the conditional ones.

        A conditional coefficient says what a change does in one cluster, its random effects held;
        a marginal one what it does to the mean over the population of clusters.  The latter are
        the coefficients whose linear predictor comes nearest, by least squares over the rows of
        the fit, to the link of the population's mean (Hedeker, du Toit, Demirtas and Gibbons
        2018), computed by quadrature for any number of nested, crossed and sloped terms.  Their
        standard errors count the uncertainty of the variance parameters too.

        Parameters
        ----------
        level : float
            Coverage of the intervals.

        Returns
        -------
        Answer
            With ``.frame``: ``term, conditional, conditional_error, estimate, std_error,
            conf_low, conf_high, attenuation, estimand``.  Of a zero-inflated family both are of
            the counts proper.

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("eczema_trial")
        >>> fit = ilk.fit("clear ~ treatment * week + (1 | patient)", data, family="binomial")
        >>> answer = fit.marginal_coefficients()
        >>> bool((answer.frame.attenuation < 1).all())
        True
        """
        return marginal.marginal_table(self.fitted, level)

    def against_fixed(self, group: str | None = None, level: float = 0.95) -> Answer:
        """Set the fit beside fixed effects and correlated random effects of the clusters.

        The same fixed part is fitted to the same rows with one parameter per cluster (`ilk.fixed`),
        and with the cluster mean of every column that varies within clusters beside the random
        effects (Mundlak). Coefficients that differ say that clusters and covariate go together.

        Parameters
        ----------
        group : str, optional
            Factor whose means are added; by default the one with the most levels.
        level : float
            Coverage of the intervals.

        Returns
        -------
        Answer
            Frame with a row per term and model: ``term, model, estimate, std_error, conf_low,
            conf_high, varies_within, df_clusters, estimand``.

        Examples
        --------
        >>> import ilk
        >>> scores = ilk.datasets.load("classroom_scores")
        >>> fit = ilk.fit("score ~ prior + (1 | classroom)", scores)
        >>> list(fit.against_fixed().frame.model)
        ['fixed', 'random', 'correlated', 'correlated']
        """
        return against.three_ways(self.fitted, group, level)

    def exogeneity(self, group: str | None = None, level: float = 0.95) -> ExogeneityAnswer:
        """Test whether the random effects are unrelated to the covariates, and propose a refit.

        For each grouping factor the model is extended by the cluster mean of every covariate that
        varies within clusters (Mundlak). The coefficient of a mean is the contextual effect,
        between clusters minus within; it is zero if the random effects are unrelated to the
        covariate. The answer also has Hausman's test against fixed effects, and the bias of each
        coefficient as a function of the correlation between random intercept and cluster mean.

        Parameters
        ----------
        group : str, optional
            Grouping factor; all those of the mean by default.
        level : float
            Coverage of the intervals.

        Returns
        -------
        ExogeneityAnswer
            ``.frame`` has a row per factor and covariate, and one for all together: ``group, term,
            share_between, random, within, estimate, std_error, conf_low, conf_high, wald, df,
            p_value, likelihood_ratio, p_likelihood_ratio, implied_correlation, estimand``.
            ``.hausman``, ``.formula`` and ``.proposed`` (the refit), ``.curve`` (bias against
            correlation) and ``.plot()``.

        Examples
        --------
        >>> import ilk
        >>> scores = ilk.datasets.load("classroom_scores")
        >>> fit = ilk.fit("score ~ prior + (1 | classroom)", scores)
        >>> answer = fit.exogeneity()
        >>> answer.formula
        'score ~ prior + (1 | classroom) + between(prior, classroom)'
        >>> answer.proposed.verdict.converged
        True
        """
        return exogenous.exogeneity_answer(self.fitted, group, level, Fit)

    def cluster_report(
        self,
        group: Any = None,
        *,
        cov: CovarianceKind = "CR2",
        level: float = 0.95,
        simulate: int = 0,
        terms: str | Sequence[str] | None = None,
        alpha: float = 0.05,
        seed: int | None = None,
        n_jobs: int | None = 1,
    ) -> ClusterReportAnswer:
        """Say what it costs to ignore that rows come in clusters.

        Cluster sizes, intraclass correlations, design effects and effective sample sizes; and for
        each coefficient of the mean its standard error by four methods: the model without random
        effects (*ignoring clusters*), the same with a sandwich over clusters (*cluster-robust*),
        generalized estimating equations with exchangeable correlation and robust errors (*GEE*),
        and the *mixed model*, conditional and averaged over the population of clusters.

        Parameters
        ----------
        group : str or array, optional
            Clusters of the robust methods: a grouping factor, a column that the fit kept, or a
            label for each row (``data["school"]``).  By default the outermost grouping factor; of
            several that cross the one with the largest design effect.  A fit without random effects
            needs it, and is set beside the same model with ``(1 | group)``.
        cov : {"CR2", "CR0", "CR1", "CR3"}
            Kind of the sandwich, see `cov_with`.
        level : float
            Coverage of intervals.
        simulate : int
            Number of responses to draw from the mixed model with a coefficient set to zero, to see
            how often each method finds the effect that is not there; 0 for none.
        terms : str or sequence of str, optional
            Coefficients that are set to zero, one at a time; all but the intercept by default.
        alpha : float
            Level of the tests.
        seed : int, optional
            Makes the draws repeatable.
        n_jobs : int or None
            Draws at one time, through joblib.

        Returns
        -------
        ClusterReportAnswer
            ``.frame``: ``term, method, estimand, estimate, std_error, ratio`` (to the mixed model's
            standard error for the same estimand), ``design_effect`` (squared ratio to that of
            ignoring clusters).  Also ``.sizes, .correlations, .design_effects, .coefficients,
            .false_positives`` (each with its own ``.frame``), ``.mixed`` (the mixed model) and
            ``.plot()``.

        Examples
        --------
        >>> import ilk
        >>> scores = ilk.datasets.load("classroom_scores")
        >>> fit = ilk.fit("score ~ method + prior + (1 | school/classroom)", scores)
        >>> report = fit.cluster_report()
        >>> report.sizes.frame[["group", "clusters", "smallest", "largest"]].values.tolist()
        [['school', 30, 16, 85], ['school:classroom', 100, 4, 24]]
        >>> frame = report.frame[report.frame.method == "ignoring clusters"]
        >>> frame.ratio.round(2).tolist()
        [0.94, 0.64, 1.1]
        """
        return togetherness.cluster_report_answer(
            self.fitted,
            group,
            Fit,
            cov=cov,
            level=level,
            simulate=simulate,
            terms=terms,
            alpha=alpha,
            seed=seed,
            n_jobs=n_jobs,
        )

    def sensitivity(self, group: str | None = None, level: float = 0.95) -> Answer:
        """Whether the coefficients depend on what is assumed of the random effects.

        The model is fitted again with intercepts only, with independent and with correlated
        effects, with a random slope of each covariate that varies within clusters, and with
        heavier tails (t with 4 degrees of freedom, for models with one random term; outside linear
        models of one effect).

        Parameters
        ----------
        group : str, optional
            Grouping factor whose random effects are changed; each of those of the mean in turn by
            default.
        level : float
            Coverage of the intervals in the picture.

        Returns
        -------
        Answer
            With ``.frame``: a row per refit and coefficient, ``model, group, term, estimate,
            std_error, shift`` (in standard errors of this fit), ``error_ratio, loglik, aic,
            verdict, estimand``.  ``.notes`` warns of coefficients that move by more than one
            standard error; ``.plot()`` draws the moves.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ prior + (1 | classroom)", ilk.datasets.load("classroom_scores"))
        >>> answer = fit.sensitivity()
        >>> list(dict.fromkeys(answer.frame.model))
        ['as fitted', 'slope of prior too', 't(4) effects']
        """
        return sensitive.sensitivity_answer(self.fitted, group, level)

    def overdispersion(self, *, draws: int = 250, seed: int = 0) -> OverdispersionAnswer:
        """Ask whether counts vary more than their family says, and what describes it best.

        The Pearson ratio, a simulation test of the variance and one of the zeros; and the same
        formula fitted as Poisson, negative binomial 1 and 2, Poisson with an effect of each row
        (integrated by quadrature where that is possible), and with excess zeros; for counts among
        trials as binomial, beta-binomial and binomial with an effect of each row.

        Parameters
        ----------
        draws : int
            Simulated data sets of the tests.
        seed : int
            Makes them repeatable.

        Returns
        -------
        OverdispersionAnswer
            ``.frame`` has a row per model: ``model, loglik, df, aic, delta, integration, problem``,
            and ``estimate[name]`` and ``std_error[name]`` for each coefficient of the mean;
            ``.plot()`` draws variance against mean with the line of each model.  Of a fit with a
            dispersion and an effect of each row ``.profile`` is the profile of the two, which
            ``.plot()`` then draws.

        Examples
        --------
        >>> import ilk
        >>> newts = ilk.datasets.load("pond_newts")
        >>> fit = ilk.fit("newts ~ fish + (1 | pond)", newts, "poisson")
        >>> fit.overdispersion(draws=50).frame.columns[:5].tolist()
        ['model', 'loglik', 'df', 'aic', 'delta']
        """
        return dispersed.overdispersion_answer(self.fitted, draws, seed)

    def approximation(
        self,
        nodes: int | None = None,
        method: Literal["auto", "quadrature", "importance"] = "auto",
        *,
        draws: int | None = None,
        seed: int = 0,
    ) -> Answer:
        """Ask whether the Laplace approximation, or so few nodes, are good enough.

        The integral over the random effects is computed better, and the likelihood maximized again
        from where this fit ended: by enough quadrature nodes where all random effects can be
        integrated by them, else by importance sampling around the joint modes, with Monte Carlo
        errors.  Linear models are exact.

        Parameters
        ----------
        nodes : int, optional
            Quadrature nodes per dimension; by default as many as it takes.
        method : {"auto", "quadrature", "importance"}
            How the integral is computed.  In crossed designs quadrature integrates one factor and
            leaves the others to Laplace; importance sampling integrates all.
        draws : int, optional
            Draws in each of the five sets of importance sampling: by default 1000, or 100 where
            several grouping factors are integrated.
        seed : int
            Seed of the draws.

        Returns
        -------
        Answer
            With ``.frame``: a row per parameter, ``component, group, term, estimate, better,
            std_error, difference, shift`` (in standard errors), ``sampling_error`` (of the shift),
            ``method, estimand``.  The first of ``.notes`` is the judgment; ``.plot()`` draws the
            moves.

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("eczema_trial")
        >>> fit = ilk.fit("clear ~ treatment * week + (1 | patient)", data, family="binomial")
        >>> fit.approximation().notes[0]
        "sd(Intercept) of patient is too small by 0.54 standard errors: fit with quadrature='auto'."
        """
        return approximated.approximation_answer(self.fitted, nodes, method, draws=draws, seed=seed)

    # What would happen

    def adequacy(self, *, refits: bool = True) -> AdequacyAnswer:
        """Judge whether the data support the random part of the model.

        For each standard deviation and correlation: the levels behind it, also for each parameter
        of its term, and the number of levels that, had their effects been observed, would say as
        much about it. Models with simpler random parts are estimated and compared by AIC and by
        how far they move the coefficients.

        Parameters
        ----------
        refits : bool
            Whether to estimate simpler models.

        Returns
        -------
        AdequacyAnswer
            Columns ``component, group, term, estimate, std_error, levels, per_parameter,
            relative_error, effective, share, judgment``; ``.simpler`` has a row for each simpler
            model: ``change, formula, parameters, loglik, aic, aic_difference, shift, coefficient,
            status, judgment``.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ prior + (1 | school)", ilk.datasets.load("classroom_scores"))
        >>> fit.adequacy().simpler.columns["change"]
        ['no (1 | school)']
        """
        return adequate.adequacy_answer(self.fitted, refits=refits)

    def check(
        self,
        checks: Sequence[str] | str | None = None,
        *,
        group: Any = None,
        time: Any = None,
        coordinates: tuple[Any, Any] | None = None,
        distances: Mapping[str, Any] | None = None,
        relatedness: Mapping[str, Any] | None = None,
        neighbors: int = 8,
        covariates: Mapping[str, Any] | None = None,
        draws: int | None = None,
        seed: int = 0,
        alpha: float = 0.05,
        refits: int = 0,
        n_jobs: int | None = 1,
    ) -> CheckAnswer:
        """Ask whether the model is right, of many sides at once.

        Data sets are drawn from the fitted model, and the data are compared with them: by row
        (simulated residuals, uniform if the model is right), by counts of zeros and outliers, by
        variances, by totals of clusters, by neighbors in time, space or relatedness.  Parameters
        are held at their estimates, which makes the tests too mild; `refits` mends that.

        Parameters
        ----------
        checks : str or sequence of str, optional
            Names of checks; all by default.
        group : str or array, optional
            Factor whose levels are looked at as wholes, beside the grouping factors, and within
            which time runs.
        time : str or array, optional
            Column that orders the rows within groups.
        coordinates : pair of str or array, optional
            Columns of places in a plane.
        distances, relatedness : dict of str to matrix, optional
            Matrix between the levels of a factor, ``{"species": matrix}``: a frame whose index
            has the labels, a pair ``(labels, matrix)``, or a matrix in the order of the levels.
        neighbors : int
            Nearest places that count as neighbors.
        covariates : dict of str to array, optional
            Columns that the formulas do not have, to look at residuals against:
            ``{"fish": data["fish"]}``.
        draws : int, optional
            Data sets that are drawn: 250, fewer for large data.
        seed : int
            Makes the draws repeatable.
        alpha : float
            Probability of a false alarm.
        refits : int
            Refits to drawn responses, say 99, that p-values are calibrated by; none by default.
        n_jobs : int or None
            Refits at one time.

        Returns
        -------
        CheckAnswer
            ``.verdict``, ``.frame`` with a row per check (``verdict, code, title, where, estimand,
            statistic, expected, p_value, p_adjusted, sentence, advice``), ``.residuals``,
            ``.plot(kind)``, and ``["dispersion"]`` for the numbers behind one check.

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("hospital_infections")
        >>> right = "infections ~ policy + severity + month + (1 + month | hospital)"
        >>> fit = ilk.fit(right, data, family="poisson", exposure="patient_days")
        >>> found = fit.check(("dispersion", "zeros", "uniformity"))
        >>> found.verdict
        'ok'
        >>> found["dispersion"][0].sentence[:46]
        'The responses vary 1.01 times as much as the m'
        """
        return checked.check_answer(
            self.fitted,
            checks,
            group=group,
            time=time,
            coordinates=coordinates,
            distances=distances,
            relatedness=relatedness,
            neighbors=neighbors,
            covariates=covariates,
            draws=draws,
            seed=seed,
            alpha=alpha,
            refits=refits,
            n_jobs=n_jobs,
        )

    def influence(
        self,
        group: Any = None,
        *,
        exact: Any = False,
        level: float = 0.95,
        n_jobs: int | None = 1,
    ) -> InfluenceAnswer:
        """What the estimates would be without each cluster, or each row.

        By one step from the estimates of all rows, Newton's with a correction of second order,
        exact gradients and curvatures, whether factors are nested or cross; or by fitting again.
        All parameters move: coefficients, standard deviations, correlations, dispersion.

        Parameters
        ----------
        group : str or array, optional
            A grouping factor or another column whose levels are left out, one at a time, or a label
            for each row (``data["site"]``); single rows by default (``"rows"``).
        exact : bool, level or sequence of levels
            True fits the model again without each of them, levels such as ``("A", "B")`` without
            these.
        level : float
            A conclusion changes if a p-value crosses 1 - level.
        n_jobs : int or None
            Refits at one time, through joblib.

        Returns
        -------
        InfluenceAnswer
            ``.frame``: a row per level, the most influential first, with ``level, rows,
            cook_distance`` of the coefficients and ``cook_distance_spread`` of the variance
            components, ``displacement`` (twice the fall of the log-likelihood of all rows),
            ``covratio``, ``leverage``, the coefficient that moves ``most_moved`` with its
            ``dfbetas``, then ``dfbetas[...]`` of all, ``estimand, method, reason``.
            ``.estimates.frame``: a row per level and parameter with the estimate without the
            level, ``std_error, p_value, dfbetas, change``.  ``.plot()`` draws Cook's distances,
            ``.estimates.plot()`` the moves of the coefficients.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ prior + (1 | classroom)", ilk.datasets.load("classroom_scores"))
        >>> answer = fit.influence("classroom")
        >>> answer.frame[["level", "most_moved", "dfbetas"]].head(2).round(2)
           level most_moved  dfbetas
        0  S28-A      prior    -0.29
        1  S08-D  Intercept    -0.22
        >>> exact = fit.influence("classroom", exact=["S28-A"])
        >>> exact.frame[["level", "most_moved", "dfbetas", "method"]].head(1).round(2)
           level most_moved  dfbetas method
        0  S28-A      prior    -0.29  refit
        """
        return influential.influence_answer(
            self.fitted, group, exact=exact, level=level, n_jobs=n_jobs
        )

    def exposure_check(self, exposure: Any = None, *, level: float = 0.95) -> ExposureAnswer:
        """Compare an offset with a free coefficient of the log exposure.

        The logarithm of an exposure as an offset has coefficient one: the mean is proportional to
        the exposure.  The model with a free coefficient tests that.  For fits with the link log.

        Parameters
        ----------
        exposure : str or array, optional
            Column that the fit uses, or one value for each row.  By default the exposure of the
            fit, else a covariate that looks like one by its name or behavior.
        level : float
            Coverage of the interval of the free coefficient.

        Returns
        -------
        ExposureAnswer
            A row for each model: ``model, formula, estimate, std_error, conf_low, conf_high,
            parameters, loglik, aic, aic_difference, status, estimand``, where the estimate is the
            coefficient of the logarithm.  ``.tests`` has Wald and likelihood-ratio test of its
            being one; ``.verdict`` is ``"ok"``, ``"note"`` or ``"problem"``; ``.plot()`` shows
            observed over expected events by exposure.

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("hospital_infections")
        >>> fit = ilk.fit("infections ~ policy + patient_days + (1 | hospital)", data,
        ...               family="poisson")
        >>> check = fit.exposure_check()
        >>> check.verdict, check.frame.aic_difference.round(1).tolist()
        ('problem', [0.0, 1.4, 278.9])
        """
        return exposed.exposure_answer(self.fitted, exposure, level)

    def separation(self) -> Answer:
        """Say which coefficients have no finite estimate because the data are separated.

        The outcomes are separated where a combination of columns is never on the wrong side of
        them: a level without events, an arm without a count, a threshold. It is looked for in the
        data by linear programming (Albert and Anderson 1984; Konis 2007), not in how far a search
        went. `ilk.fit` does so itself; the verdict repeats what is found.

        Returns
        -------
        Answer
            Columns ``component, term, estimate, std_error, direction, finite, estimand``; estimates
            are infinite where they run there.

        Examples
        --------
        >>> import warnings
        >>> import ilk
        >>> data = {
        ...     "died": [0, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0],
        ...     "arm": ["a"] * 4 + ["b"] * 4 + ["a", "a", "c", "c"],
        ...     "ward": [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 3, 3],
        ... }
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     fit = ilk.fit("died ~ arm + (1 | ward)", data, family="binomial")
        >>> fit.separation().columns["finite"]
        [True, True, False]
        """
        return separated.separation_answer(self.fitted)

    def standardize(
        self,
        variable: str,
        levels: Any = None,
        *,
        measures: Sequence[str] | str | None = None,
        reference: Any = None,
        by: Sequence[str] | str | None = None,
        estimand: Estimand = "population",
        covariates: Literal["fixed", "sample"] = "fixed",
        data: Any = None,
        weights: Any = None,
        per: float = 1.0,
        step: float = 1.0,
        new_levels: NewLevels = "error",
        uncertainty: Literal["delta", "bootstrap"] = "delta",
        level: float = 0.95,
        draws: int = 999,
        cluster: str | None = None,
        seed: int | None = None,
        n_jobs: int | None = 1,
        path: str | PathLike[str] | None = None,
        trials: Any = None,
        exposure: Any = None,
        offset: Any = None,
        of: Of | None = None,
        scores: Any = None,
    ) -> Answer:
        """Standardized means: what the mean would be if a variable were set in everyone.

        Marginal standardization (g-computation): every row is predicted with the variable set to
        each level and all else as it is; the means are averaged over the rows and compared.

        Parameters
        ----------
        variable : str
            Column to set.
        levels : sequence, optional
            Its values. By default all levels of a factor, both values of a number that has two,
            and else the rows as they are against the same rows with `step` added.
        measures : str or sequence of str, optional
            How means are compared: ``"difference"``, ``"ratio"``, ``"odds_ratio"``, ``"nnt"``
            (number needed to treat); ``"slope"`` is the average derivative in the variable.  By
            default the difference and, where means are positive, the ratio.
        reference : Label, optional
            Level that the others are compared with; the first by default.
        by : str or sequence of str, optional
            Columns of subgroups, each averaged by itself.
        estimand : {"population", "conditional", "typical"}
            Averaged over the distribution of the random effects, for these clusters with their own
            estimated effects, or with random effects zero.
        covariates : {"fixed", "sample"}
            The rows are the population that is asked about, or a sample of clusters from it, whose
            sampling is then part of the uncertainty.
        data : frame, optional
            Target population to average over; the rows of the fit by default.
        weights : str or array, optional
            Weight of each row.  By default its frequency weight and its number of trials.
        per : float
            With an exposure, means are rates per so many units of it.
        step : float
            See `levels`.
        new_levels : {"error", "population", "typical"}
            What conditional means do about levels that were not in the data.
        uncertainty : {"delta", "bootstrap"}
            Delta method with the covariance of all parameters, or refits to resampled clusters.
        level : float
            Coverage of the intervals.
        draws, cluster, seed, n_jobs, path
            Of the bootstrap: number of refits, column whose levels are drawn (the outermost
            grouping factor by default), seed, refits at one time, directory that keeps the draws.
        trials, exposure, offset : str or array, optional
            For a target population, in place of the columns that the fit used.
        of, scores
            What is asked of responses that are categories, or of numbers, as for `predict`.

        Returns
        -------
        Answer
            With ``.frame``: ``measure``, the columns of `by`, ``level, reference, estimate,
            std_error, conf_low, conf_high, n`` (``weight`` if rows are weighed) and ``estimand``;
            ``.plot()`` shows the means.

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("hospital_infections")
        >>> fit = ilk.fit("infections ~ policy + severity + (1 | hospital)", data,
        ...               family="poisson", exposure="patient_days")
        >>> effect = fit.standardize("policy", per=1000)
        >>> list(effect.frame.measure)
        ['mean', 'mean', 'difference', 'ratio']
        >>> bool(effect.frame.conf_high[3] < 1)
        True
        """
        return standardization.standardization_answer(
            self.fitted,
            variable,
            levels,
            measures=measures,
            reference=reference,
            by=by,
            estimand=estimand,
            covariates=covariates,
            data=data,
            weights=weights,
            per=per,
            step=step,
            new_levels=new_levels,
            uncertainty=uncertainty,
            level=level,
            of=of,
            scores=scores,
            bootstrap={
                "draws": draws,
                "cluster": cluster,
                "seed": seed,
                "n_jobs": n_jobs,
                "path": path,
            },
            arguments={"trials": trials, "exposure": exposure, "offset": offset},
        )

    def counterfactuals(
        self,
        scenarios: Mapping[str, Any],
        data: Any = None,
        *,
        estimand: Estimand = "population",
        interval: Interval = None,
        level: float = 0.95,
        new_levels: NewLevels = "error",
        per: float | None = None,
        trials: Any = None,
        exposure: Any = None,
        offset: Any = None,
        of: Of | None = None,
        scores: Any = None,
    ) -> Any:
        """Predict every row under every scenario: the long table behind `standardize`.

        Parameters
        ----------
        scenarios : dict of str to sequence
            Columns and the values that each is set to; all combinations are made.
        data : frame, optional
            The rows; those of the fit by default.
        estimand, interval, level, new_levels, per
            As `predict` takes them.
        trials, exposure, offset : str or array, optional
            For new data, in place of the columns that the fit used.
        of, scores
            What is asked of responses that are categories, or of numbers, as for `predict`.

        Returns
        -------
        frame
            ``row`` (its position in the data), the columns that were set, ``estimate`` and
            ``estimand``; with an interval also its columns.

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("eczema_trial")
        >>> fit = ilk.fit("clear ~ treatment * week + (1 | patient)", data, family="binomial")
        >>> table = fit.counterfactuals({"treatment": ["placebo", "active"], "week": [4, 8]})
        >>> len(table) == 4 * fit.nobs
        True
        """
        return answer(
            *standardization.counterfactual_table(
                self.fitted,
                scenarios,
                data,
                estimand=estimand,
                interval=interval,
                level=level,
                new_levels=new_levels,
                per=per,
                of=of,
                scores=scores,
                arguments={"trials": trials, "exposure": exposure, "offset": offset},
            )
        )

    # Means, contrasts and slopes on grids

    def means(
        self,
        variables: Sequence[str] | str = (),
        *,
        by: Sequence[str] | str | None = None,
        at: Mapping[str, Any] | None = None,
        estimand: Estimand = "typical",
        scale: Scale = "response",
        average: Literal["predictor", "mean"] | None = None,
        weights: Literal["equal", "proportional", "outer", "cells", "flat"] | None = None,
        grid: Literal["reference", "observed"] | None = None,
        per: float = 1.0,
        level: float = 0.95,
        df: DegreesOfFreedom | None = None,
        of: Of | None = None,
        scores: Any = None,
    ) -> Answer:
        """Marginal means: the mean at each level of some factors, averaged over the others.

        Rows of a reference grid are averaged: all combinations of the levels of the other factors,
        with numbers at their mean (a number that has two values in the data counts as a factor).

        Parameters
        ----------
        variables : str or sequence of str
            Columns whose combinations of levels are asked about; none for the overall mean.
        by : str or sequence of str, optional
            Further columns, which set groups of means apart.
        at : dict of str to values, optional
            Values of columns, ``{"dose": [1, 2]}``: of numbers in place of their mean, or fewer
            levels of a factor.  A number that is asked about needs them.
        estimand : {"typical", "population", "conditional"}
            Of a cluster with random effects zero, averaged over the distribution of the random
            effects (by quadrature), or of these very clusters.
        scale : {"response", "link"}
            Scale of the means.
        average : {"predictor", "mean"}, optional
            Whether linear predictors are averaged and then taken to the scale of the response, or
            means are averaged.  Predictors by default; means where the mean is not a function of
            one predictor (zero inflation).
        weights : {"equal", "proportional", "outer", "cells", "flat"}, optional
            How the combinations of the other factors are weighed: equally (the default), by how
            often they occur, by how often each level occurs, by how often they occur at the levels
            asked about, or equally over those that do.
        grid : {"reference", "observed"}, optional
            ``"observed"`` averages over the rows of the fit with the factors asked about set and
            all else as it is.  It is the default for conditional means and for formulas with
            ``within`` and ``between``, which need clusters.
        per : float
            With an exposure, means are rates per so many units of it.
        level : float
            Coverage of the intervals.
        df : {None, "satterthwaite", "kenward_roger", "residual", "normal"}
            Degrees of freedom of linear models, as in `tidy`.
        of, scores
            What is asked of responses that are categories, or of numbers, as for `predict`.

        Returns
        -------
        Answer
            With ``.frame``: the columns asked about, ``estimate, std_error, df, conf_low,
            conf_high, scale, estimand``; what the data do not determine is nan and named below.

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("eczema_trial")
        >>> fit = ilk.fit("clear ~ treatment * week + (1 | patient)", data, family="binomial")
        >>> means = fit.means("treatment", by="week", at={"week": [4, 12]}, estimand="population")
        >>> means.frame.estimate.round(2).tolist()
        [0.38, 0.26, 0.72, 0.36]
        """
        return grids.means_answer(
            self.fitted,
            variables,
            by=by,
            at=at,
            estimand=estimand,
            scale=scale,
            average=average,
            weights=weights,
            grid=grid,
            of=of,
            scores=scores,
            per=per,
            level=level,
            df=df,
        )

    def contrasts(
        self,
        variables: Sequence[str] | str,
        kind: Literal["pairwise", "reference", "sequential", "effect", "polynomial"]
        | Mapping[str, Any] = "pairwise",
        *,
        by: Sequence[str] | str | None = None,
        at: Mapping[str, Any] | None = None,
        measure: Literal["difference", "ratio", "odds_ratio"] | None = None,
        reference: Any = None,
        slope: str | None = None,
        adjust: Literal["mvt", "holm", "bonferroni", "bh", "scheffe", "none"] = "mvt",
        estimand: Estimand = "typical",
        scale: Scale = "response",
        average: Literal["predictor", "mean"] | None = None,
        weights: Literal["equal", "proportional", "outer", "cells", "flat"] | None = None,
        grid: Literal["reference", "observed"] | None = None,
        per: float = 1.0,
        level: float = 0.95,
        df: DegreesOfFreedom | None = None,
        of: Of | None = None,
        scores: Any = None,
    ) -> Answer:
        """Compare marginal means, with p-values and intervals that hold for all comparisons.

        Parameters
        ----------
        variables : str or sequence of str
            Columns whose levels, or combinations of levels, are compared.
        kind : str or dict
            ``"pairwise"``: every level with every earlier one.  ``"reference"``: every level with
            one.  ``"sequential"``: every level with the one before.  ``"effect"``: every level with
            the average of all.  ``"polynomial"``: linear, quadratic, ... trends.  A dictionary
            gives weights by name, ``{"early": {"week 2": 1, "week 0": -1}}`` or one for each level.
        by : str or sequence of str, optional
            Columns; levels are compared within each combination of theirs, as a family of its own.
        at : dict of str to values, optional
            As for `means`.
        measure : {"difference", "ratio", "odds_ratio"}, optional
            By default the odds ratio for the logit link, the ratio for the log link, and else
            (also with ``scale="link"``) the difference.
        reference : Label, optional
            Level that ``"reference"`` compares with; the fit's own reference level by default.
        slope : str, optional
            Compare slopes in this number instead of means.
        adjust : {"mvt", "holm", "bonferroni", "bh", "scheffe", "none"}
            How a family is judged together: from the joint normal distribution of its contrasts
            (Tukey's and Dunnett's methods are cases of it), or by one of the other methods.
        estimand, scale, average, weights, grid, per, level
            As for `means`.
        df : {None, "satterthwaite", "kenward_roger", "residual", "normal"}
            Degrees of freedom of linear models, as in `tidy`.
        of, scores
            What is asked of responses that are categories, or of numbers, as for `predict`.

        Returns
        -------
        Answer
            With ``.frame``: ``measure``, the columns of `by`, ``level, reference, estimate,
            std_error, statistic, df, p_value, conf_low, conf_high, scale, estimand``.

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("eczema_trial")
        >>> fit = ilk.fit("clear ~ treatment * week + (1 | patient)", data, family="binomial")
        >>> odds = fit.contrasts("treatment", "reference", reference="placebo", by="week",
        ...                      at={"week": [4, 12]})
        >>> list(odds.frame.measure), list(odds.frame.level), list(odds.frame.reference)
        (['odds_ratio', 'odds_ratio'], ['active', 'active'], ['placebo', 'placebo'])
        """
        return grids.contrasts_answer(
            self.fitted,
            variables,
            kind,
            by=by,
            at=at,
            measure=measure,
            reference=reference,
            slope=slope,
            adjust=adjust,
            estimand=estimand,
            scale=scale,
            average=average,
            weights=weights,
            grid=grid,
            of=of,
            scores=scores,
            per=per,
            level=level,
            df=df,
        )

    def slopes(
        self,
        variable: str,
        *,
        by: Sequence[str] | str | None = None,
        at: Mapping[str, Any] | None = None,
        estimand: Estimand = "typical",
        scale: Scale = "response",
        average: Literal["predictor", "mean"] | None = None,
        weights: Literal["equal", "proportional", "outer", "cells", "flat"] | None = None,
        grid: Literal["reference", "observed"] | None = None,
        per: float = 1.0,
        level: float = 0.95,
        df: DegreesOfFreedom | None = None,
        of: Of | None = None,
        scores: Any = None,
    ) -> Answer:
        """Slopes: by how much the mean changes per unit of a number.

        The derivative goes through the whole formula: splines, polynomials, interactions and
        random slopes.  `contrasts` with ``slope=`` compares slopes.

        Parameters
        ----------
        variable : str
            A column of numbers.
        by : str or sequence of str, optional
            Columns; a slope for each combination of their levels.
        at : dict of str to values, optional
            As for `means`; values of the variable itself say where the slope is taken, by default
            at its mean.
        estimand, scale, average, weights, grid, per, level
            As for `means`; ``grid="observed"`` gives average slopes over the rows of the fit.
        df : {None, "satterthwaite", "kenward_roger", "residual", "normal"}
            Degrees of freedom of linear models, as in `tidy`.
        of, scores
            What is asked of responses that are categories, or of numbers, as for `predict`.

        Returns
        -------
        Answer
            With ``.frame``: ``term``, the columns of `by`, ``estimate, std_error, df, conf_low,
            conf_high, scale, estimand``.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ poly(prior, 2) + (1 | school)",
        ...               ilk.datasets.load("classroom_scores"))
        >>> len(fit.slopes("prior", at={"prior": [-1, 0, 1]}).frame)
        3
        """
        return grids.slopes_answer(
            self.fitted,
            variable,
            by=by,
            at=at,
            estimand=estimand,
            scale=scale,
            average=average,
            weights=weights,
            grid=grid,
            of=of,
            scores=scores,
            per=per,
            level=level,
            df=df,
        )

    # Predictions and draws

    def predict(
        self,
        data: Any = None,
        *,
        estimand: Estimand = "conditional",
        scale: Scale = "response",
        interval: Interval = None,
        level: float = 0.95,
        new_levels: NewLevels = "error",
        observed: Any = None,
        per: float | None = None,
        trials: Any = None,
        exposure: Any = None,
        offset: Any = None,
        of: Of | None = None,
        scores: Any = None,
    ) -> Any:
        """Predicted means, for these clusters, a typical one, or the population.

        Parameters
        ----------
        data : frame, optional
            Rows to predict; those of the fit by default.  Levels that a structure has without
            data (ancestors, animals without records) are predicted like all others, and new ones
            where the data say where they belong: places by the coordinate columns of the fit,
            individuals by ``sire`` and ``dam``, tips by ``parent`` and ``length``.  Series and
            fields (``ou(time | g)``) have effects at new times and places too.
        estimand : {"conditional", "typical", "population"}
            **conditional**: these clusters, with their own estimated effects.  **typical**: a
            cluster with random effects zero.  **population**: averaged over the distribution of
            the random effects.
        scale : {"response", "link"}
            Means, or linear predictors of the mean (of the population: the link of its mean).
        interval : {None, "confidence", "cluster", "prediction"}
            Interval of the mean, for the mean of a new cluster, or for a new observation.  Of a
            linear mixed model that of a typical or population mean is from the t distribution,
            with Satterthwaite's degrees of freedom; all others are normal.
        level : float
            Coverage of the interval.
        new_levels : {"error", "population", "typical"}
            What a conditional prediction does about a level that was not in the data: refuse,
            average over the distribution of its effects, or take them as zero.
        observed : frame, optional
            Rows with responses of clusters that came after the fit.  Their random effects are
            estimated from these rows at the parameters of the fit, without refitting, and
            conditional predictions for the same labels in `data` use them.
        per : float, optional
            For fits with an exposure: the mean per so many units of it, such as ``per=1000`` for
            events per 1,000 days.  By default means are those at each row's own exposure, and per
            one unit for new rows without the column of the exposure; ``per`` and ``unit`` of the
            answer say which.
        trials, exposure, offset : str or array, optional
            For new data, in place of the columns that the fit used.
        of : {"category", "at_most", "at_least", "score"} or dict, optional
            Of responses that are categories: the probability of each (the default), of all up to
            it, of it and all higher ones, or the mean of scores.  Of positive numbers, and of
            censored ones, ``{"beyond": c}`` is the probability of more than c, one or several.
        scores : dict or sequence, optional
            A number for each category, for the mean of scores; by default categories that are
            numbers stand for themselves.

        Returns
        -------
        frame
            A row per row of the data: ``estimate`` and ``estimand``; with an interval also
            ``std_error, conf_low, conf_high, interval``; with an exposure ``per`` and ``unit``, how
            much of it each mean is for (``1000``, ``"patient_days"``).  Rows that lack a
            value are nan; for one that lacks its cluster, `new_levels` decides.  A pandas frame
            keeps the index of the data; of the fit's own rows it has the positions in the data.

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("hospital_infections")
        >>> fit = ilk.fit("infections ~ policy + (1 | hospital)", data, family="poisson",
        ...               exposure="patient_days")
        >>> typical = fit.predict(data, estimand="typical")
        >>> population = fit.predict(data, estimand="population")
        >>> bool((population.estimate > typical.estimate).all())
        True

        Infections per 1,000 days, and where the rates of other hospitals lie:

        >>> rates = fit.predict({"policy": [0, 1]}, estimand="population", per=1000,
        ...                     interval="cluster")
        >>> rates.estimate.round(1).tolist(), rates.conf_high.round(1).tolist()
        ([3.1, 1.9], [8.5, 5.4])
        """
        return predictions.predicted(
            self.fitted,
            data,
            estimand=estimand,
            scale=scale,
            interval=interval,
            level=level,
            new_levels=new_levels,
            observed=observed,
            of=of,
            scores=scores,
            per=per,
            trials=trials,
            exposure=exposure,
            offset=offset,
        )

    def simulate(
        self, n: int = 1, *, estimand: Estimand = "population", seed: int | None = None
    ) -> FloatArray:
        """Draw new responses for the rows of the fit.

        Parameters
        ----------
        n : int
            Number of draws.
        estimand : {"population", "conditional", "typical"}
            Random effects drawn afresh, as estimated, or zero.
        seed : int, optional
            Makes the draws repeatable.

        Returns
        -------
        (rows, n) array
        """
        return simulate.simulate(self.fitted, n, estimand=estimand, seed=seed)

    def refit(self, response: Any) -> Fit:
        """Fit the same model to another response, starting from this fit.

        Parameters
        ----------
        response : (n,) array
            One value for each row of the fit (counts of successes where there are trials), such
            as a column of `simulate`.

        Returns
        -------
        Fit
        """
        return Fit(refit(self.fitted, prediction.new_response(self.fitted, response)))

    def power(
        self,
        effect: Mapping[str, float],
        n_clusters: int | Sequence[int],
        rows_per_cluster: int | None = None,
        *,
        cluster: str | None = None,
        alpha: float = 0.05,
        test: Literal["wald", "likelihood_ratio"] = "wald",
        level: float = 0.95,
        draws: int = 500,
        seed: int | None = None,
        n_jobs: int = 1,
    ) -> Answer:
        """Power of studies of other sizes to find an effect of a given size.

        Studies are drawn from the fit: clusters with their covariates, new random effects and new
        responses, with the coefficient set to the effect.  Each is fitted and tested.

        Parameters
        ----------
        effect : dict of str to float
            Coefficients of the mean and their assumed values, ``{"policy": -0.4}``.
        n_clusters : int or sequence of int
            Numbers of levels of the outermost grouping factor, or of `cluster`.
        rows_per_cluster : int, optional
            Rows of each cluster; as many as it has by default.
        cluster : str, optional
            Grouping factor whose levels are drawn, where factors cross: those nested in it are
            drawn along, all others keep their levels.
        alpha : float
            Level of the two-sided test.
        test : {"wald", "likelihood_ratio"}
            Wald's test with the degrees of freedom that tables have by default, or the likelihood
            ratio.
        level : float
            Coverage of the interval for the error of the simulation.
        draws : int
            Studies for each number of clusters.
        seed : int, optional
            Makes the draws repeatable; drawn at random by default, and reported.
        n_jobs : int
            Fits at one time (joblib).

        Returns
        -------
        Answer
            With ``.frame``: ``term, effect, n_clusters, rows, estimate`` (the power), ``conf_low,
            conf_high, draws, failed, test, alpha, estimand``; ``.plot()`` draws the power curve.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ prior + (1 | classroom)", ilk.datasets.load("classroom_scores"))
        >>> answer = fit.power({"prior": 0.1}, [5, 20], rows_per_cluster=4, draws=50, seed=1)
        >>> low, high = answer.frame.estimate
        >>> bool(low < high)
        True
        """
        return powers.power_answer(
            self.fitted,
            effect,
            n_clusters,
            rows_per_cluster=rows_per_cluster,
            cluster=cluster,
            alpha=alpha,
            test=test,
            level=level,
            draws=draws,
            seed=seed,
            n_jobs=n_jobs,
        )

    # Answers as tables and text

    def tidy(
        self,
        level: float = 0.95,
        *,
        cov: Cov = "model",
        df: DegreesOfFreedom | None = None,
    ) -> Any:
        """Frame with a row per parameter: coefficients, then variance components.

        Parameters
        ----------
        level : float
            Coverage of the intervals.
        cov : {"model", "CR0", "CR1", "CR2", "CR3", "conditional"} or CoefficientCovariance
            Covariance matrix of the coefficients, or one from `cov_with`.
        df : {None, "satterthwaite", "kenward_roger", "residual", "normal"}
            Degrees of freedom of t statistics.  By default Satterthwaite's for linear mixed
            models, n - p for linear models without random terms and infinite for all others.
            ``"kenward_roger"`` also adjusts the covariance matrix.

        Returns
        -------
        frame
            ``component, group, term, estimate, std_error, statistic, df, p_value, conf_low,
            conf_high, estimand``.

        Examples
        --------
        >>> import ilk
        >>> scores = ilk.datasets.load("classroom_scores")
        >>> fit = ilk.fit("score ~ method + (1 | school/classroom)", scores)
        >>> fit.tidy(df="kenward_roger").df[:2].round(1).tolist()
        [39.1, 69.6]
        """
        return self._frame(
            tables.tidy(self.fitted, level, chosen.chosen_covariance(self.fitted, cov, df))
        )

    def glance(self) -> Any:
        """Frame with one row that describes the fit as a whole."""
        return self._frame(tables.glance(self.fitted))

    def augment(self) -> Any:
        """Frame with the rows of the fit: response, groups, fitted means, residuals."""
        return self._frame(tables.augment(self.fitted))

    def summary(
        self,
        level: float = 0.95,
        *,
        design: Causes = None,
        cov: Cov = "model",
        df: DegreesOfFreedom | None = None,
    ) -> Summary:
        """Summary with ``.text`` and ``.html``; printing shows the text.

        Parameters
        ----------
        level : float
            Coverage of the intervals.
        design : {None, "observational", "randomized"}
            How the data came about: decides what the footer says of association and causation.
        cov, df
            Covariance matrix and degrees of freedom of the coefficients, as in `tidy`.
        """
        return show.summarize(
            self.fitted, level, design, chosen.chosen_covariance(self.fitted, cov, df)
        )

    def lint(self) -> LintAnswer:
        """What looks unintended in the model of this fit, as `ilk.lint` finds it.

        Columns of the data that the model does not use are looked at when this (or `summary`) is
        first called; values that were changed in place since the fit are seen as they are then.

        Returns
        -------
        LintAnswer
            A sequence of findings with ``code``, ``severity``, ``terms``, ``sentence`` and ``fix``;
            also ``.codes``, ``.frame``, ``.text`` and ``.html``.  ``silence=`` of `ilk.fit` keeps
            some of them away.

        Examples
        --------
        >>> import ilk
        >>> data = ilk.datasets.load("classroom_scores")
        >>> ilk.fit("score ~ prior", data).lint().codes
        ('ignored-clusters',)
        >>> ilk.fit("score ~ prior", data, silence=("ignored-clusters",)).lint().codes
        ()
        """
        return linted.lint_answer(self.fitted.findings(), self.fitted.design.flavor)

    def caveats(self, *, design: Causes = None) -> Caveats:
        """What the numbers of this fit assume and do not say, and what to do about it.

        Parameters
        ----------
        design : {None, "observational", "randomized"}
            How the data came about.

        Returns
        -------
        Caveats
            A sequence of items with ``code``, ``sentence`` and ``advice``; only those that apply
            to this fit.  Also ``.codes``, ``.frame``, ``.text`` and ``.html``.

        Examples
        --------
        >>> import ilk
        >>> fit = ilk.fit("score ~ prior + (1 | school)", ilk.datasets.load("classroom_scores"))
        >>> fit.caveats().codes[0]
        'association'
        """
        return caveats.caveats(self.fitted, design)

    def methods(
        self,
        *,
        level: float = 0.95,
        design: Causes = None,
        cov: Cov = "model",
        df: DegreesOfFreedom | None = None,
    ) -> MethodsText:
        """Describe model, estimator, estimand and intervals in a paragraph for a manuscript.

        Parameters
        ----------
        level : float
            Coverage of the intervals that are reported.
        design : {None, "observational", "randomized"}
            How the data came about; None leaves it out.
        cov, df
            Covariance matrix and degrees of freedom of the coefficients that are reported, as in
            `tidy`.

        Returns
        -------
        MethodsText
            Printing shows the text; ``.html`` is a paragraph.
        """
        return methods.methods(
            self.fitted, level, design, chosen.chosen_covariance(self.fitted, cov, df)
        )

    # Keeping

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fit to one file of JSON and arrays, which `ilk.load` reads.

        Parameters
        ----------
        path : str or path
            File to write.
        """
        io.save_fitted(self.fitted, path)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to other processes as the content of a file; nothing else is pickled."""
        return (_from_bytes, (io.fit_bytes(self.fitted), io.own_of(self.fitted.family)))

    def __repr__(self) -> str:
        return show.in_short(self.fitted)


def _from_bytes(content: bytes, own: Own) -> Fit:
    """Make a fit again in another process."""
    return Fit(io.fitted_from_bytes(content, own=own))


def _reduce(fitted: Fitted) -> tuple[Any, ...]:
    """Let a record travel as a fit does, in the work that is sent to other processes."""
    return (_fitted_from_bytes, (io.fit_bytes(fitted), io.own_of(fitted.family)))


def _fitted_from_bytes(content: bytes, own: Own) -> Fitted:
    """Make a record again in another process."""
    return io.fitted_from_bytes(content, own=own)


copyreg.pickle(Fitted, _reduce)
