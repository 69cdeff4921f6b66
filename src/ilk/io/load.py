"""A fit from a file: read, checked, set up again, and compared with what the file says.

A file is data from a stranger.  Its values are decoded through a closed list, its arrays must have
the shapes and ranges of a design, its formulas pass the same gate as those of users, and the
likelihood computed at its estimates must be the one that it states.
"""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np

from ilk.design.random import covariance_of
from ilk.errors import ModelError
from ilk.estimation.run import marginal_likelihood
from ilk.fitted import Fitted, Lazy, SearchLog
from ilk.io.container import Container, read_file
from ilk.io.levels import with_levels
from ilk.io.manifest import agree, disagreement, open_file, read_bytes
from ilk.io.own import NOTHING, Own
from ilk.io.records import read_certificate, read_findings, read_penalty, read_verdict
from ilk.io.save import LAYOUT
from ilk.likelihood.penalized import check_penalty
from ilk.model import Model
from ilk.model.nodes import check_nodes

__all__ = ["fitted_from_bytes", "load_fitted"]


def load_fitted(path: str | PathLike[str], own: Own = NOTHING) -> Fitted:
    """Read a fit from a file.

    Parameters
    ----------
    path : str or path
        File that `save_fitted` wrote.
    own : Own
        Family and link of the user's own.

    Returns
    -------
    Fitted

    Raises
    ------
    DataError
        The file is none of ours, or damaged, or of a later version.
    """
    return fitted_from_bytes(read_file(path), str(path), own)


def fitted_from_bytes(content: bytes, name: str = "The content", own: Own = NOTHING) -> Fitted:
    """Make a fit from the bytes of its file.

    Parameters
    ----------
    content : bytes
        What `ilk.io.save.fit_bytes` made.
    name : str
        Name of the file, for messages.
    own : Own
        Family and link of the user's own.
    """
    return read_bytes(content, name, _restore, own)


def _restore(container: Container) -> Fitted:
    opened = open_file(container, LAYOUT)
    design, family, content = opened.design, opened.family, opened.content
    model = Model(
        design,
        family,
        with_levels(design, tuple(map(covariance_of, design.terms)), content.get("levels", {})),
        reml=_is(bool, content["reml"]),
        nodes=_nodes(content["nodes"]),
        penalty=read_penalty(content.get("penalty")),
    )
    try:
        possible = check_nodes(design, model.nodes)
    except ModelError:
        possible = False
    if not possible:
        raise container.damaged("it asks for more quadrature nodes than there can be")
    if [term.structure for term in design.terms] != list(content["structures"]):
        raise container.damaged("its terms have other structures than it says")
    check_penalty(model)
    return _evaluate(model, content, container)


def _nodes(value: Any) -> int | tuple[int, ...]:
    if type(value) is tuple:
        return tuple(_is(int, k) for k in value)
    count: int = _is(int, value)
    return count


def _is(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _evaluate(model: Model, content: dict[str, Any], container: Container) -> Fitted:
    """Set up the criterion and compare it, at the stored estimates, with what was stored."""
    psi, covariance = content["psi"], content["psi_covariance"]
    loglik, search = content["loglik"], content["search"]
    marginal = marginal_likelihood(model)
    widths = [term.width for term in marginal.scaled.data.terms]
    size = len(model.names) + int(model.linear)
    size += sum(c.size(q) for c, q in zip(model.covariances, widths, strict=True))
    sound = psi.shape == (size,) and psi.dtype == np.float64 and np.all(np.isfinite(psi))
    if not sound or covariance.shape != (size, size) or covariance.dtype != np.float64:
        raise container.damaged("its estimates do not fit its model")
    if not isinstance(search, SearchLog) or not isinstance(loglik, float):
        raise container.damaged("its log-likelihood is missing")
    point = marginal.at(psi)
    estimates = marginal.estimates(point)
    P = len(model.names)
    slack = 1e-6 * (np.abs(psi) + 1.0)
    same = bool(np.all(np.abs(estimates.psi - psi)[:P] <= slack[:P]))
    if not same or not agree(estimates.loglik, loglik):
        raise disagreement(
            container,
            f"the log-likelihood at the stored estimates is {estimates.loglik:.10g} but the file "
            f"says {loglik:.10g}",
        )
    verdict = read_verdict(content["status"], content["reasons"])
    verdict = replace(
        verdict,
        certificate=read_certificate(content.get("certificate")),
        flavor=model.design.flavor,
    )
    found = read_findings(content.get("findings", ()))
    return Fitted(
        model=model,
        estimates=replace(estimates, psi=psi, loglik=loglik),
        marginal=marginal,
        point=point,
        search=search,
        judged=Lazy(lambda: verdict),
        coef_covariance=Lazy(lambda: covariance[:P, :P]),
        psi_covariance=Lazy(lambda: covariance),
        mode_covariance=Lazy(lambda: marginal.mode_covariance(point)),
        mode_sensitivity=Lazy(lambda: marginal.mode_sensitivity(point)),
        findings=Lazy(lambda: found),
    )
