"""What other diagnostics of the package have found already, and where they say more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ilk.diagnostics.checks.record import Check, skipped
from ilk.diagnostics.separation import separation
from ilk.model.quadrature import is_laplace

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import CheckVerdict

__all__ = ["check_approximation", "check_convergence", "check_separation"]

_NAN = float("nan")


def check_convergence(context: Context) -> tuple[Check, ...]:
    """Repeat the verdict of the fit.

    Parameters
    ----------
    context : Context
        The fit.

    Returns
    -------
    tuple of Check
    """
    found = context.fitted.verdict
    own = [r for r in found.reasons if r.code != "laplace" and r.severity != "note"]
    verdict: CheckVerdict = "ok" if found.converged and not own else "note"
    if not found.converged:
        verdict = "problem"
    said = " ".join(f"{reason.message[:1].upper()}{reason.message[1:]}" for reason in own)
    sentence = f"The fit is {found.status.value}. {said}".strip()
    advice = " ".join(reason.advice for reason in own if reason.advice)
    return (_plain("convergence", "The search ended at a maximum", verdict, sentence, advice),)


def check_separation(context: Context) -> tuple[Check, ...]:
    """Look for coefficients without a finite estimate.

    Parameters
    ----------
    context : Context
        The fit.

    Returns
    -------
    tuple of Check
    """
    title = "All coefficients have finite estimates"
    found = separation(context.fitted)
    if not found.names:
        sentence = "With this family and link no outcome is at a limit: nothing can be separated."
        return (skipped("separation", title, sentence),)
    lost = [name for (_, name), f in zip(found.names, found.finite, strict=True) if not f]
    if not lost:
        return (_plain("separation", title, "ok", "No columns separate the outcomes."),)
    sentence = (
        f"The data separate {', '.join(map(repr, lost[:4]))}"
        + (f" and {len(lost) - 4} more" if len(lost) > 4 else "")
        + (": the penalty alone holds their estimates." if found.penalized else ".")
    )
    verdict: CheckVerdict = "note" if found.penalized else "problem"
    return (_plain("separation", title, verdict, sentence, "fit.separation() shows more."),)


def check_approximation(context: Context) -> tuple[Check, ...]:
    """Repeat what the fit noted of its approximation of the likelihood.

    Parameters
    ----------
    context : Context
        The fit.

    Returns
    -------
    tuple of Check
    """
    title = "The likelihood is approximated well"
    model = context.fitted.model
    if model.linear or not model.design.terms:
        return (skipped("approximation", title, "The likelihood is exact."),)
    if not is_laplace(model.nodes):
        sentence = "The likelihood is integrated by quadrature."
        return (_plain("approximation", title, "ok", sentence, "fit.approximation() tells more."),)
    noted = [reason for reason in context.fitted.verdict.reasons if reason.code == "laplace"]
    if not noted:
        return (_plain("approximation", title, "ok", "Nothing speaks against Laplace here."),)
    reason = noted[0]
    sentence = f"{reason.message[:1].upper()}{reason.message[1:]}"
    return (_plain("approximation", title, "note", sentence, reason.advice),)


def _plain(code: str, title: str, verdict: CheckVerdict, sentence: str, advice: str = "") -> Check:
    """Make a check without a number."""
    return Check(code, title, "", None, verdict, _NAN, _NAN, _NAN, sentence, advice)
