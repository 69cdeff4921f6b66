r"""Families of distributions, as objects to pass to ``family=``.

Their names as text, ``family="poisson"``, do the same with the usual link.  The dispersion
:math:`\phi` grows with the variance in every family, and its linear predictor is log phi.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from ilk.family.adjacent_category import AdjacentCategory
from ilk.family.base import AbstractFamily
from ilk.family.beta import Beta
from ilk.family.beta_binomial import BetaBinomial
from ilk.family.binomial import Binomial
from ilk.family.categorical import check_levels
from ilk.family.continuation_ratio import ContinuationRatio
from ilk.family.conway_maxwell import ConwayMaxwellPoisson
from ilk.family.cumulative import Cumulative
from ilk.family.custom import CustomFamily, CustomMeanFamily
from ilk.family.exponential import Exponential
from ilk.family.gamma import Gamma
from ilk.family.gaussian import Gaussian
from ilk.family.generalized_poisson import GeneralizedPoisson
from ilk.family.inflation import ZeroInflated
from ilk.family.inflation import hurdle as _hurdle
from ilk.family.inverse_gaussian import InverseGaussian
from ilk.family.link import AbstractLink, AbstractPlainLink, Interval, find_link
from ilk.family.lognormal import Lognormal
from ilk.family.multinomial import Multinomial
from ilk.family.negative_binomial import NegativeBinomial1, NegativeBinomial2
from ilk.family.ordered_beta import Ends, OrderedBeta
from ilk.family.poisson import Poisson
from ilk.family.skew_normal import SkewNormal
from ilk.family.student import Student
from ilk.family.thresholds import Structure
from ilk.family.truncated import Truncated
from ilk.family.tweedie import Tweedie
from ilk.family.weibull import Weibull

__all__ = [
    "AbstractFamily",
    "AbstractLink",
    "AbstractPlainLink",
    "Interval",
    "adjacent_category",
    "beta",
    "beta_binomial",
    "binomial",
    "continuation_ratio",
    "conway_maxwell_poisson",
    "cumulative",
    "custom",
    "exponential",
    "gamma",
    "gaussian",
    "generalized_poisson",
    "hurdle",
    "inverse_gaussian",
    "lognormal",
    "multinomial",
    "negative_binomial_1",
    "negative_binomial_2",
    "ordered_beta",
    "poisson",
    "skew_normal",
    "student",
    "truncated",
    "tweedie",
    "weibull",
    "zero_inflated",
]


def gaussian(link: str | AbstractLink = "identity") -> Gaussian:
    """Gaussian responses; Var = phi.

    Parameters
    ----------
    link : str or AbstractLink
        ``"identity"``, ``"log"``, ``"inverse"``, ``"sqrt"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.gaussian(link="log")
    Gaussian(link=Log())
    """
    return Gaussian(find_link(link))


def student(link: str | AbstractLink = "identity", df: float | None = None) -> Student:
    """Responses with heavy tails, location-scale t; Var = phi nu / (nu - 2).

    Parameters
    ----------
    link : str or AbstractLink
        ``"identity"``, ``"log"``, ``"inverse"``, or a link of one's own.
    df : float, optional
        Degrees of freedom nu, above 1; by default they are estimated, and ``shape=`` may model
        them: its predictor is log(nu - 1).

    Returns
    -------
    AbstractFamily
        The family; the square root of phi is the scale, not the standard deviation.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.student().parameters
    ('mean', 'dispersion', 'shape')
    >>> ilk.families.student(df=4).parameters
    ('mean', 'dispersion')
    """
    return Student(find_link(link), df)


def skew_normal(link: str | AbstractLink = "identity") -> SkewNormal:
    """Responses that lean to one side, skew normal with mean and variance as parameters; Var = phi.

    Parameters
    ----------
    link : str or AbstractLink
        ``"identity"``, ``"log"``, ``"inverse"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family; ``shape=`` models Azzalini's alpha, whose sign is that of the skewness.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.skew_normal().parameters
    ('mean', 'dispersion', 'shape')
    """
    return SkewNormal(find_link(link))


def binomial(link: str | AbstractLink = "logit") -> Binomial:
    """Numbers of successes out of known numbers of trials, or 0/1; Var = n mu (1 - mu).

    Parameters
    ----------
    link : str or AbstractLink
        ``"logit"``, ``"probit"``, ``"cloglog"``, ``"log"``, ``"identity"``, or one's own.

    Returns
    -------
    AbstractFamily
        The family.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.binomial().parameters
    ('mean',)
    """
    return Binomial(find_link(link))


def poisson(link: str | AbstractLink = "log") -> Poisson:
    """Poisson counts; Var = mu.

    Parameters
    ----------
    link : str or AbstractLink
        ``"log"``, ``"identity"``, ``"sqrt"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.poisson().name
    'poisson'
    """
    return Poisson(find_link(link))


def negative_binomial_1(link: str | AbstractLink = "log") -> NegativeBinomial1:
    """Overdispersed counts with variance proportional to the mean; Var = mu (1 + phi).

    Parameters
    ----------
    link : str or AbstractLink
        ``"log"``, ``"sqrt"``, ``"identity"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.negative_binomial_1().parameters
    ('mean', 'dispersion')
    """
    return NegativeBinomial1(find_link(link))


def negative_binomial_2(link: str | AbstractLink = "log") -> NegativeBinomial2:
    """Overdispersed counts with variance quadratic in the mean; Var = mu + phi mu^2.

    Parameters
    ----------
    link : str or AbstractLink
        ``"log"``, ``"sqrt"``, ``"identity"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family; phi is one over what other programs call theta, or size.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.negative_binomial_2().parameters
    ('mean', 'dispersion')
    """
    return NegativeBinomial2(find_link(link))


def gamma(link: str | AbstractLink = "log") -> Gamma:
    """Positive responses with constant coefficient of variation; Var = phi mu^2.

    Parameters
    ----------
    link : str or AbstractLink
        ``"log"`` (the usual one in practice, although the inverse is the canonical one),
        ``"inverse"``, ``"identity"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.gamma().link.name
    'log'
    """
    return Gamma(find_link(link))


def inverse_gaussian(link: str | AbstractLink = "log") -> InverseGaussian:
    """Positive, strongly skewed responses; Var = phi mu^3.

    Parameters
    ----------
    link : str or AbstractLink
        ``"log"`` (the usual one in practice, although ``"inverse_squared"`` is canonical),
        ``"inverse"``, ``"inverse_squared"``, ``"identity"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.inverse_gaussian("inverse_squared").key
    'inverse_gaussian:inverse_squared'
    """
    return InverseGaussian(find_link(link))


def lognormal(link: str | AbstractLink = "log") -> Lognormal:
    """Positive responses with a normal logarithm; Var = mu^2 (exp(phi) - 1).

    Parameters
    ----------
    link : str or AbstractLink
        Link of the mean of the response (not of the logarithm): ``"log"``, ``"inverse"``,
        ``"identity"``, ``"softplus"``, ``"power(k)"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family; phi is the variance of the logarithm, whose mean is log mu - phi / 2.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.lognormal().scale("dispersion").label
    'standard deviation of the logarithm'
    """
    return Lognormal(find_link(link))


def exponential(link: str | AbstractLink = "log") -> Exponential:
    """Waiting times with constant hazard; Var = mu^2.

    Parameters
    ----------
    link : str or AbstractLink
        ``"log"``, ``"inverse"`` (effects on the hazard), ``"identity"``, ``"softplus"``,
        ``"power(k)"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.exponential().parameters
    ('mean',)
    """
    return Exponential(find_link(link))


def weibull(link: str | AbstractLink = "log") -> Weibull:
    """Waiting times with a hazard that is a power of time; phi is one over the shape.

    Parameters
    ----------
    link : str or AbstractLink
        Link of the mean: ``"log"``, ``"inverse"``, ``"identity"``, ``"softplus"``,
        ``"power(k)"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family; Var = mu^2 (Gamma(1 + 2 phi) / Gamma(1 + phi)^2 - 1).

    Examples
    --------
    >>> import ilk
    >>> ilk.families.weibull().unit_dispersion
    'exponential'
    """
    return Weibull(find_link(link))


def tweedie(link: str | AbstractLink = "log", power: float | None = None) -> Tweedie:
    """Amounts of which some are exactly zero, sums of a Poisson number of gammas; Var = phi mu^p.

    Parameters
    ----------
    link : str or AbstractLink
        ``"log"``, ``"inverse"``, ``"identity"``, ``"sqrt"``, ``"softplus"``, ``"power(k)"``, or a
        link of one's own.
    power : float, optional
        Power p, between 1 and 2; by default it is estimated, and ``shape=`` may model it: its
        predictor is the logit of p - 1.

    Returns
    -------
    AbstractFamily
        The family.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.tweedie().parameters
    ('mean', 'dispersion', 'shape')
    >>> ilk.families.tweedie(power=1.5).parameters
    ('mean', 'dispersion')
    """
    return Tweedie(find_link(link), power)


def beta(link: str | AbstractLink = "logit") -> Beta:
    """Proportions strictly between 0 and 1; Var = mu (1 - mu) phi / (1 + phi).

    Parameters
    ----------
    link : str or AbstractLink
        ``"logit"``, ``"probit"``, ``"cloglog"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family; 1 / phi is the precision.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.beta("probit").link.name
    'probit'
    """
    return Beta(find_link(link))


def ordered_beta(link: str | AbstractLink = "logit", *, ends: Ends = "both") -> OrderedBeta:
    """Shares from 0 to 1, of which some are 0 or 1: beta between two thresholds.

    Parameters
    ----------
    link : str or AbstractLink
        ``"logit"``, ``"probit"``, ``"cloglog"``, ``"loglog"``, ``"cauchit"``, or a link of one's
        own.
    ends : {"both", "zero", "one"}
        Which ends have probability: where no share is 0, or none is 1, that threshold has no
        finite estimate.

    Returns
    -------
    AbstractFamily
        The family; P(0) = 1 - F(eta - threshold_1), P(1) = F(eta - threshold_2), and shares
        between the ends are those of `beta`, with mean F(eta), F the inverse of the link.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.ordered_beta().parameters
    ('mean', 'dispersion', 'threshold_1', 'threshold_2')
    >>> ilk.families.ordered_beta(ends="one").parameters
    ('mean', 'dispersion', 'threshold_2')
    """
    return OrderedBeta(find_link(link), ends)


def beta_binomial(link: str | AbstractLink = "logit") -> BetaBinomial:
    """Overdispersed numbers of successes; Var = n mu (1 - mu) (1 + (n - 1) phi / (1 + phi)).

    Parameters
    ----------
    link : str or AbstractLink
        ``"logit"``, ``"probit"``, ``"cloglog"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family; 1 / phi is the precision of the probabilities' beta distribution.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.beta_binomial().takes_trials
    True
    """
    return BetaBinomial(find_link(link))


def cumulative(
    link: str | AbstractLink = "logit",
    *,
    levels: Sequence[Hashable] | None = None,
    thresholds: Structure = "flexible",
) -> Cumulative:
    """Ordered categories: P(Y <= j) = F(threshold_j - eta), F the inverse of the link.

    Parameters
    ----------
    link : str or AbstractLink
        ``"logit"`` (proportional odds), ``"probit"``, ``"cloglog"``, ``"loglog"``, ``"cauchit"``,
        or a link of one's own with means between 0 and 1.
    levels : sequence, optional
        The categories from lowest to highest; by default those of an ordered categorical column,
        in its order, or the whole numbers that a column holds.
    thresholds : {"flexible", "symmetric", "equidistant"}
        Whether every threshold is free, they lie at equal distances on both sides of the middle,
        or at equal distances from each other.

    Returns
    -------
    AbstractFamily
        The family.  A positive coefficient of the mean moves responses to higher categories; the
        mean has no intercept, whose place the thresholds take.  ``dispersion="~ x"`` is the
        logarithm of the scale of the latent variable, ``parameters={"threshold_1": "~ x"}`` an
        effect on one threshold, ``parameters={"thresholds": "~ x"}`` on each.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.cumulative(levels=["poor", "fair", "good"]).parameters
    ('mean', 'threshold_1', 'threshold_2')
    """
    known = () if levels is None else check_levels(levels)
    return Cumulative(find_link(link), known, thresholds)


def adjacent_category(
    link: str | AbstractLink = "logit",
    *,
    levels: Sequence[Hashable] | None = None,
    thresholds: Structure = "flexible",
) -> AdjacentCategory:
    """Ordered categories: log odds of each against the one below, eta - threshold_j.

    Parameters
    ----------
    link : str or AbstractLink
        ``"logit"``.
    levels, thresholds
        As of `cumulative`.

    Returns
    -------
    AbstractFamily
        The family.  A positive coefficient of the mean moves responses to higher categories.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.adjacent_category(levels=[0, 1, 2]).parameters
    ('mean', 'threshold_1', 'threshold_2')
    """
    known = () if levels is None else check_levels(levels)
    return AdjacentCategory(find_link(link), known, thresholds)


def continuation_ratio(
    link: str | AbstractLink = "logit",
    *,
    levels: Sequence[Hashable] | None = None,
    thresholds: Structure = "flexible",
) -> ContinuationRatio:
    """Ordered categories reached one after the other: P(Y = j | Y >= j) = F(threshold_j - eta).

    Parameters
    ----------
    link : str or AbstractLink
        ``"logit"``, ``"probit"``, ``"cloglog"`` (hazards of grouped times), ``"loglog"``,
        ``"cauchit"``, or a link of one's own with means between 0 and 1.
    levels, thresholds
        As of `cumulative`.

    Returns
    -------
    AbstractFamily
        The family.  A positive coefficient of the mean moves responses to higher categories.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.continuation_ratio("cloglog", levels=[0, 1, 2]).link.name
    'cloglog'
    """
    known = () if levels is None else check_levels(levels)
    return ContinuationRatio(find_link(link), known, thresholds)


def multinomial(
    link: str | AbstractLink = "logit",
    *,
    baseline: Hashable = None,
    levels: Sequence[Hashable] | None = None,
) -> Multinomial:
    """Unordered categories: log odds of each against a baseline.

    Parameters
    ----------
    link : str or AbstractLink
        ``"logit"``, which is part of the family.
    baseline : label, optional
        Category that the others are compared with; by default the first of the levels.
    levels : sequence, optional
        The categories; by default those of a categorical column in their order, or the values of
        other columns, sorted.

    Returns
    -------
    AbstractFamily
        The family.  The formula of the fit is that of every category but the baseline;
        ``parameters={"train": "~ x + z"}`` gives a category its own.

    Examples
    --------
    >>> import ilk
    >>> family = ilk.families.multinomial(baseline="car", levels=["bus", "car", "train"])
    >>> family.parameters
    ('bus', 'train')
    """
    known = () if levels is None else check_levels(levels)
    return Multinomial(find_link(link), known, baseline)


def zero_inflated(family: AbstractFamily) -> ZeroInflated:
    """Add excess zeros to a family; the same as ``zero_inflation="~ 1"`` beside it.

    Parameters
    ----------
    family : AbstractFamily
        Family of the counts that are not excess zeros.

    Returns
    -------
    AbstractFamily
        The family, with one more predictor: the logit of the probability of an excess zero.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.zero_inflated(ilk.families.poisson()).parameters
    ('mean', 'zero_inflation')
    """
    return ZeroInflated(family)


def truncated(family: AbstractFamily) -> Truncated:
    """Counts from one on: those of a family of which the zeros were never recorded.

    Parameters
    ----------
    family : AbstractFamily
        Family of the counts before zeros were lost; the coefficients are those of its mean.

    Returns
    -------
    AbstractFamily
        The family, also known as ``"truncated_poisson"`` and the like.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.truncated(ilk.families.poisson()).name
    'truncated_poisson'
    """
    return Truncated(family)


def hurdle(family: AbstractFamily) -> ZeroInflated:
    """Zeros with a cause of their own, and beyond them a family without zeros.

    Parameters
    ----------
    family : AbstractFamily
        Counts, of which the zeros are left out, or positive numbers, such as those of a gamma
        family.

    Returns
    -------
    AbstractFamily
        The family, with one more predictor: the logit of the probability of a zero.  Also known
        as ``"hurdle_poisson"``, ``"hurdle_gamma"`` and the like.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.hurdle(ilk.families.gamma()).parameters
    ('mean', 'dispersion', 'zero_inflation')
    """
    return _hurdle(family)


def generalized_poisson(link: str | AbstractLink = "log") -> GeneralizedPoisson:
    """Counts with variance proportional to the mean and a long tail; Var = phi mu.

    Parameters
    ----------
    link : str or AbstractLink
        ``"log"``, ``"sqrt"``, ``"identity"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family; Poisson at phi = 1.  For phi < 1 the formula is a distribution only nearly.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.generalized_poisson().parameters
    ('mean', 'dispersion')
    """
    return GeneralizedPoisson(find_link(link))


def conway_maxwell_poisson(link: str | AbstractLink = "log") -> ConwayMaxwellPoisson:
    """Counts with less or more variance than Poisson's; Var is about phi mu.

    Parameters
    ----------
    link : str or AbstractLink
        ``"log"``, ``"sqrt"``, ``"identity"``, or a link of one's own.

    Returns
    -------
    AbstractFamily
        The family, by its mean; phi is one over what other programs call nu.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.conway_maxwell_poisson().parameters
    ('mean', 'dispersion')
    """
    return ConwayMaxwellPoisson(find_link(link))


def custom(
    log_density: Callable[..., Any],
    *,
    parameters: Sequence[str] = ("mean",),
    derivatives: Callable[..., Any] | Sequence[Callable[..., Any]] | None = None,
    link: str | AbstractLink | None = "log",
    mean: Callable[..., Any] | None = None,
    variance: Callable[..., Any] | None = None,
    draw: Callable[..., Any] | None = None,
    cdf: Callable[..., Any] | None = None,
    start: Callable[..., Any] | None = None,
    check: Callable[..., Any] | None = None,
    support: Any = "counts",
    atoms: Sequence[float] = (),
    scales: Mapping[str, str | AbstractLink] | None = None,
    name: str = "custom",
    try_at: Any = None,
) -> CustomFamily | CustomMeanFamily:
    """Make a family of a log density in plain NumPy.

    Every function takes arrays of one number for each row, among them one linear predictor for
    each parameter, in the order of ``parameters``.  What is given is tried: the density has to add
    up to one, and everything else has to be that of the density.  What is not given is found from
    the density, more slowly.

    Parameters
    ----------
    log_density : callable
        Takes ``(y, eta, ...)`` to the log density, all (n,); not finite where it is not defined.
        Written with the functions of `ilk.num.jets` it is differentiated exactly.
    parameters : sequence of str
        Names of the parameters, ``"mean"`` first.  Each has a linear predictor and may have a
        formula: ``dispersion="~ x"``, ``shape="~ x"``, ``parameters={"other": "~ x"}``.
    derivatives : callable or sequence of up to three callables, optional
        First, second and third derivative of the log density in the predictor of the mean, each
        taking ``(y, eta, ...)``.  The others come from the complex step where the log density
        takes complex numbers, else from differences.
    link : str, AbstractLink or None
        What the first predictor is of the mean; None if it is something else, such as a location.
    mean, variance : callable, optional
        Take ``(eta, ...)``.  By default the mean is the inverse link of the first predictor, with
        ``link=None`` it is found by integration.
    draw : callable, optional
        Takes ``(rng, eta, ...)``, rng being a `numpy.random.Generator`, to random responses (n,).
    cdf : callable, optional
        Takes ``(y, eta, ...)`` to the probability of at most y.
    start : callable, optional
        Takes y to one number for each parameter, where the search begins.
    check : callable, optional
        Takes y to True where a response is possible.
    support : str, range or (low, high)
        Where responses may lie: ``"counts"``, ``"real"``, ``"positive"``, ``"unit"``, counts such
        as ``range(0, 11)``, or the ends of an interval.
    atoms : sequence of float
        Single numbers with a probability of their own, such as 0 and 1 beside ``"unit"``;
        ``log_density`` gives the logarithm of the probability there.
    scales : mapping of str to str or AbstractLink, optional
        Links of parameters other than the mean, for summaries: ``{"shape": "log"}``.  That of
        ``"dispersion"`` is the log.
    name : str
        Name for summaries.
    try_at : (m, K) array, optional
        Linear predictors at which everything is tried, where those around zero make no sense.

    Returns
    -------
    AbstractFamily
        The family, for ``family=``.

    Raises
    ------
    ModelError
        Says which of the functions fails, at which response and predictors, and by how much.

    Examples
    --------
    Geometric counts, by the logarithm of their mean:

    >>> import ilk, numpy as np
    >>> def log_density(y, eta):
    ...     return y * eta - (y + 1.0) * np.log1p(np.exp(eta))
    >>> geometric = ilk.families.custom(log_density, name="geometric")
    >>> geometric
    <custom family 'geometric': mean; whole numbers from 0; derivatives by complex step>
    >>> geometric.variance([np.array([0.0])], None).round(10)
    array([2.])
    """
    from ilk.family.custom_make import make_custom_family

    functions = {
        "log_density": log_density,
        "mean": mean,
        "variance": variance,
        "draw": draw,
        "cdf": cdf,
        "start": start,
        "check": check,
    }
    return make_custom_family(
        name, parameters, link, support, atoms, derivatives, scales, try_at, functions
    )
