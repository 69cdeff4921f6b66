"""The parameters that can be profiled: their names, their values, and how users ask for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError, did_you_mean
from ilk.variance.components import (
    CORRELATION,
    DEVIATION,
    RESIDUAL,
    variance_components,
)
from ilk.variance.parameters import expanded

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.likelihood.joint import JointLikelihood
    from ilk.typing import FloatArray

__all__ = ["Parameter", "chosen_parameters", "labels_of", "listed", "parameters_of", "values_of"]


Kind: TypeAlias = Literal["coefficient", "sd", "correlation", "parameter", "residual"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter on the scale of the user's columns.

    Parameters
    ----------
    component : str
        Predictor that it belongs to.
    group : str or None
        Grouping factor of a variance component.
    term : str
        Name, as tables have it.
    kind : {"coefficient", "sd", "correlation", "parameter", "residual"}
        What it is; ``"parameter"`` is one of a covariance structure.
    place : tuple of int
        Position of a coefficient; term and effects of a variance component; term and number of a
        parameter.
    """

    component: str
    group: str | None
    term: str
    kind: Kind
    place: tuple[int, ...]


def parameters_of(fitted: Fitted) -> tuple[Parameter, ...]:
    """List the parameters of a fit in the order of its tables.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    tuple of Parameter
    """
    found = [
        Parameter(component, None, name, "coefficient", (j,))
        for j, (component, name) in enumerate(fitted.names)
    ]
    parts = variance_components(fitted)
    kinds: dict[str, Kind] = {DEVIATION: "sd", CORRELATION: "correlation"}
    for part in parts:
        if part.place:
            kind = kinds[part.kind] if len(part.place) == 3 else "parameter"
            place = part.place[:2] if kind == "sd" else part.place
            found.append(Parameter(part.component, part.group, part.label, kind, place))
    if fitted.model.linear:
        label, place = f"{DEVIATION}({RESIDUAL})", (len(fitted.names),)
        found.append(Parameter("dispersion", RESIDUAL, label, "residual", place))
    return tuple(found)


def values_of(
    parameters: Sequence[Parameter], joint: JointLikelihood, phi: FloatArray
) -> FloatArray:
    """Values (r,) of parameters at a point.

    Parameters
    ----------
    parameters : sequence of Parameter
        Those of `parameters_of`, or some of them.
    joint : JointLikelihood
        The likelihood whose coordinates phi are.
    phi : (m,) array
        The point.
    """
    coef = joint.coef(phi)
    squares = [root @ root.T for root in joint.roots(phi)]
    out = np.full(len(parameters), math.nan)
    for k, parameter in enumerate(parameters):
        t, *which = parameter.place
        if parameter.kind == "coefficient":
            out[k] = coef[t]
        elif parameter.kind == "residual":
            out[k] = math.exp(0.5 * coef[t])
        elif parameter.kind == "parameter":
            out[k] = _of_structure(joint, phi, t, which[0])
        elif parameter.kind == "sd":
            out[k] = math.sqrt(squares[t][which[0], which[0]])
        else:
            i, j = which
            size = math.sqrt(squares[t][i, i] * squares[t][j, j])
            out[k] = min(1.0, max(-1.0, squares[t][i, j] / size)) if size > 0.0 else math.nan
    return out


def _of_structure(joint: JointLikelihood, phi: FloatArray, t: int, k: int) -> float:
    """A parameter of the structure of a term."""
    covariance, q = joint.covariances[t], joint.widths[t]
    values = covariance.natural(phi[joint.theta_slice(t)], q)
    names = covariance.reported([str(i) for i in range(q)]).parameters
    return expanded(names, values)[1][k]


def labels_of(parameters: Sequence[Parameter]) -> tuple[str, ...]:
    """Unique names: terms, with component or group in front where several have the term.

    Parameters
    ----------
    parameters : sequence of Parameter
        All parameters of a fit.
    """
    terms = [parameter.term for parameter in parameters]
    out = []
    for parameter in parameters:
        where = parameter.group or parameter.component
        name = f"{where}: {parameter.term}"
        plain = terms.count(parameter.term) == 1 or where == "mean"
        out.append(parameter.term if plain else name)
    longer = [f"{p.component}, {name}" for p, name in zip(parameters, out, strict=True)]
    return tuple(a if out.count(a) == 1 else b for a, b in zip(out, longer, strict=True))


def chosen_parameters(parameters: Sequence[Parameter], names: Any) -> tuple[Parameter, ...]:
    """Find the parameters asked for.

    Parameters
    ----------
    parameters : sequence of Parameter
        All parameters of a fit.
    names : str, (str, str), sequence of these, or None
        Terms, labels, or pairs of component or group and term; None for all.

    Returns
    -------
    tuple of Parameter
        In the order of the fit.
    """
    if names is None:
        return tuple(parameters)
    wanted = [names] if isinstance(names, str) or _is_pair(names, parameters) else list(names)
    labels = labels_of(parameters)
    found: set[int] = set()
    for name in wanted:
        here = [
            i
            for i, (p, label) in enumerate(zip(parameters, labels, strict=True))
            if name in (p.term, label) or name in ((p.component, p.term), (p.group, p.term))
        ]
        if not here:
            known = {*labels, *(p.term for p in parameters)}
            raise ModelError(
                f"parameters={name!r:.80}: the fit has no parameter of this name; it has "
                f"{listed([repr(label) for label in labels[:12]])}"
                f"{', ...' if len(labels) > 12 else ''}."
                + did_you_mean(str(name[-1] if isinstance(name, tuple) else name), sorted(known)),
                code="unknown-parameter",
            )
        found.update(here)
    return tuple(parameters[i] for i in sorted(found))


def _is_pair(names: Any, parameters: Sequence[Parameter]) -> bool:
    """Whether names are one pair (component or group, term), not two terms."""
    if not isinstance(names, tuple) or len(names) != 2:
        return False
    return names[0] in {p.component for p in parameters} | {p.group for p in parameters}


def listed(names: Sequence[str]) -> str:
    """Put names into a sentence, each once."""
    return ", ".join(dict.fromkeys(names))
