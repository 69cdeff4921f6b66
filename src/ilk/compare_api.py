"""`ilk.compare`: several fits in, information criteria and likelihood-ratio tests out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ilk.late import Late

if TYPE_CHECKING:
    from ilk.fit import Fit
    from ilk.inference.comparison.likelihood_ratio import NullMethod
    from ilk.show import compare as show
    from ilk.show.compare import ComparisonAnswer
else:  # only comparisons need it
    show = Late("ilk.show.compare")

__all__ = ["compare"]


def compare(
    *fits: Fit,
    names: Sequence[str] | None = None,
    method: NullMethod = "auto",
    draws: int | None = None,
    seed: int | None = 0,
    n_jobs: int | None = 1,
    refits: int = 500,
) -> ComparisonAnswer:
    """Compare models of the same responses by information criteria and likelihood-ratio tests.

    Which models are nested is found by itself. Where the smaller of two sets variances to zero,
    the edge of their range, the test uses the null distribution that is right there: a mixture of
    chi-square distributions, or for a single variance of a linear mixed model the exact one, by
    simulation.

    Parameters
    ----------
    *fits : Fit
        Two or more fits of the same rows.
    names : sequence of str, optional
        What to call them.
    method : {"auto", "chi_bar", "simulated", "bootstrap"}
        Null distribution of a single variance of a linear mixed model: the mixture for large
        samples, or the exact one (also ``"auto"``). ``"bootstrap"``: of every test by refits to
        responses drawn from the smaller model, which holds in few clusters too.
    draws : int, optional
        Number of draws of simulated null distributions, by default 10,000; of refits 999.
    seed : int, optional
        Makes the draws repeatable.
    n_jobs : int or None
        Refits of a bootstrap at one time.
    refits : int
        Most refits that may be spent on the conditional AIC of a Poisson or binomial model.

    Returns
    -------
    ComparisonAnswer
        ``.frame`` has a row per model: ``model, formula, family, estimator, loglik, df, aic, aicc,
        bic, caic`` (conditional AIC), ``conditional_df, delta, akaike_weight, verdict``; ``.tests``
        one per pair of models: ``smaller, larger, statistic, df, null, p_value``, where ``null``
        is the null distribution, or the reason why there is no test. Also ``.text``, ``.html``,
        ``.notes`` and ``.plot()``.

    Raises
    ------
    ModelError
        The models cannot be compared; the message names two of them and says why.

    Examples
    --------
    >>> import ilk
    >>> scores = ilk.datasets.load("classroom_scores")
    >>> one = ilk.fit("score ~ prior + (1 | school)", scores)
    >>> two = ilk.fit("score ~ prior + (1 | school/classroom)", scores)
    >>> answer = ilk.compare(one, two, names=["schools", "classrooms"])
    >>> answer.frame.model[answer.frame.aic.idxmin()]
    'classrooms'
    >>> bool(answer.tests.p_value[0] < 0.001)
    True
    """
    models: list[Any] = [getattr(fit, "fitted", fit) for fit in fits]
    return show.comparison_answer(
        models, names, method=method, draws=draws, seed=seed, n_jobs=n_jobs, refits=refits
    )
