r"""Families of distributions, as objects to pass to ``family=``.

Their names as text, ``family="poisson"``, do the same with the usual link.  The dispersion
:math:`\phi` grows with the variance in every family, and its linear predictor is log phi.
"""

from __future__ import annotations

from ilk.family.base import AbstractFamily
from ilk.family.beta import Beta
from ilk.family.beta_binomial import BetaBinomial
from ilk.family.binomial import Binomial
from ilk.family.gamma import Gamma
from ilk.family.gaussian import Gaussian
from ilk.family.inflation import ZeroInflated
from ilk.family.inverse_gaussian import InverseGaussian
from ilk.family.link import AbstractLink, AbstractPlainLink, Interval, find_link
from ilk.family.negative_binomial import NegativeBinomial1, NegativeBinomial2
from ilk.family.poisson import Poisson

__all__ = [
    "AbstractFamily",
    "AbstractLink",
    "AbstractPlainLink",
    "Interval",
    "beta",
    "beta_binomial",
    "binomial",
    "gamma",
    "gaussian",
    "inverse_gaussian",
    "negative_binomial_1",
    "negative_binomial_2",
    "poisson",
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
