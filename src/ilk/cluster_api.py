"""`ilk.cluster_report`: a fit in, what ignoring its clusters costs out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ilk.errors import ModelError
from ilk.fit import Fit

if TYPE_CHECKING:
    from ilk.show.cluster_report import ClusterReportAnswer

__all__ = ["cluster_report"]


def cluster_report(fit: Fit, group: Any = None, **options: Any) -> ClusterReportAnswer:
    """Say what it costs to ignore that rows come in clusters.

    Parameters
    ----------
    fit : Fit
        A mixed model; or one without random effects, with `group`.
    group : str or array, optional
        Clusters: a grouping factor of the fit, or a label for each row.
    **options
        As `Fit.cluster_report` takes them: ``cov, level, simulate, terms, alpha, seed, n_jobs``.

    Returns
    -------
    ClusterReportAnswer

    Examples
    --------
    >>> import ilk
    >>> scores = ilk.datasets.load("classroom_scores")
    >>> plain = ilk.fit("score ~ method + prior", scores)
    >>> report = ilk.cluster_report(plain, group=scores["school"])
    >>> report.design_effects.frame[["group", "design_effect", "effective"]].round(1).values
    array([['school', 11.0, 122.0]], dtype=object)
    """
    if not isinstance(fit, Fit):
        raise ModelError(
            f"cluster_report takes a fit of ilk.fit, not {type(fit).__name__}.", code="not-a-fit"
        )
    return fit.cluster_report(group, **options)
