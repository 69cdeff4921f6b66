"""Functions that a formula may call, and what they take. The list is closed."""

from __future__ import annotations

from dataclasses import dataclass

from ilk.errors import FormulaError, did_you_mean
from ilk.formula.language import Call, Expression, Literal, Name, is_number


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes.

    Parameters
    ----------
    data : int
        Number of leading arguments that are expressions of columns.
    options : tuple of str
        Names of the arguments after those, which must be literals.
    """

    data: int = 1
    options: tuple[str, ...] = ()


_SPLINE = ("df", "knots", "degree", "include_intercept", "lower_bound", "upper_bound")
_CUBIC = ("df", "knots", "lower_bound", "upper_bound", "constraints", "extrapolation")

FUNCTIONS: dict[str, Signature] = {
    **dict.fromkeys(
        ("log", "log1p", "log2", "log10", "exp", "expm1", "sqrt", "abs", "sign", "floor", "ceil"),
        Signature(),
    ),
    **dict.fromkeys(("sin", "cos", "tan", "tanh", "I"), Signature()),
    "round": Signature(1, ("decimals",)),
    "minimum": Signature(2),
    "maximum": Signature(2),
    "clip": Signature(1, ("lower", "upper")),
    "center": Signature(),
    "scale": Signature(1, ("center", "scale", "ddof")),
    "standardize": Signature(1, ("center", "rescale", "ddof")),
    "poly": Signature(1, ("degree", "raw")),
    "bs": Signature(1, (*_SPLINE, "extrapolation")),
    "cr": Signature(1, _CUBIC),
    "cc": Signature(1, _CUBIC),
    "lag": Signature(1, ("k",)),
    "C": Signature(1, ("contrasts", "levels")),
    "within": Signature(2),
    "between": Signature(2),
}
"""Functions that a formula may call, and what they take."""

CONTRASTS: dict[str, tuple[str, ...]] = {
    "Treatment": ("reference",),
    "Sum": (),
    "Helmert": (),
    "Diff": (),
    "Poly": (),
    "contr.treatment": ("base",),
    "contr.SAS": (),
    "contr.sum": (),
    "contr.helmert": (),
    "contr.diff": (),
    "contr.poly": (),
}
"""Codings of a factor, as the second argument of ``C``, and their options."""

LEFT_SIDE: dict[str, Signature] = {
    "cbind": Signature(2),
    "censored": Signature(2, ("kind",)),
}
"""Functions of the left side only."""

LEFT_EXAMPLES = {"cbind": "cbind(successes, failures)", "censored": "censored(time, status)"}
"""How they are written."""

CENSORING = ("right", "left", "interval")
"""What the second argument of ``censored`` says: status of two kinds, or another end."""


_ELSEWHERE = {
    "ns": "cr",
    "s": "bs",
    "factor": "C",
    "as.factor": "C",
    "pmin": "minimum",
    "pmax": "maximum",
    "min": "minimum",
    "max": "maximum",
    "ln": "log",
    "Q": "`column name` between backticks",
    "demean": "within",
    "Surv": "censored(time, status) left of '~'",
    "cens": "censored(time, status) left of '~'",
    "surv": "censored(time, status) left of '~'",
}


def advice(name: str, known: set[str]) -> str:
    """Sentence with the function that was probably meant, or the empty string.

    Parameters
    ----------
    name : str
        Function asked for.
    known : set of str
        Functions that there are.

    Returns
    -------
    str
    """
    if name in _ELSEWHERE:
        return f" Did you mean {_ELSEWHERE[name]}?"
    return did_you_mean(name, known)


def check_call(call: Call) -> None:
    """Check number and kind of the arguments of a function of ours.

    Parameters
    ----------
    call : Call
        A call of a function of `FUNCTIONS`, `CONTRASTS` or `LEFT_SIDE`.

    Raises
    ------
    FormulaError
        An argument is missing, unknown, or not of the kind that the function takes.
    """
    name = call.function
    signature = _signature(name)
    given = len(call.arguments)
    if given < signature.data or given > signature.data + len(signature.options):
        wanted = str(signature.data)
        if signature.options:
            wanted = f"{signature.data} to {signature.data + len(signature.options)}"
        raise FormulaError(
            f"{call.text} has {given} argument{'' if given == 1 else 's'}; "
            f"{name}() takes {wanted}.",
            code="arguments",
        )
    for keyword, _ in call.keywords:
        if keyword not in signature.options:
            raise FormulaError(
                f"{name}() in {call.text} takes no argument {keyword!r}."
                f"{did_you_mean(keyword, signature.options)}",
                code="arguments",
            )
    options = call_options(call)
    if len(options) < given - signature.data + len(call.keywords):
        raise FormulaError(f"{call.text} gives an argument twice.", code="arguments")
    for option, value in options.items():
        _check_option(call, option, value)
    for argument in call.arguments[: signature.data]:
        _check_data(call, argument)


def call_options(call: Call) -> dict[str, Expression]:
    """Arguments of a call that follow its data, by name.

    Parameters
    ----------
    call : Call
        A call of a function of ours.

    Returns
    -------
    dict
        Name of the option to its expression, as given.
    """
    signature = _signature(call.function)
    given = zip(signature.options, call.arguments[signature.data :], strict=False)
    return dict((*given, *call.keywords))


def _signature(name: str) -> Signature:
    if name in CONTRASTS:
        return Signature(0, CONTRASTS[name])
    return FUNCTIONS.get(name) or LEFT_SIDE[name]


def _check_option(call: Call, option: str, value: Expression) -> None:
    if call.function == "C" and option == "contrasts":
        if isinstance(value, Call) and value.function in CONTRASTS:
            return
        if isinstance(value, Name) and value.column in CONTRASTS:
            return
        raise FormulaError(
            f"The coding in {call.text} is not known; there are "
            f"{', '.join(name for name in CONTRASTS if '.' not in name)}, as in "
            "C(g, Treatment('b')).",
            code="arguments",
        )
    if not isinstance(value, Literal):
        raise FormulaError(
            f"The argument {option!r} of {call.text} must be a number, text, True, False, None "
            "or a list of those.",
            code="arguments",
        )
    if call.function == "censored" and value.value not in CENSORING:
        raise FormulaError(
            f"kind={value.value!r} in {call.text} is not known; choose 'right' (status 0 is "
            "right-censored, the default), 'left' (status 0 is left-censored) or 'interval' (the "
            "second column is the upper end).",
            code="arguments",
        )


def _check_data(call: Call, argument: Expression) -> None:
    if isinstance(argument, Call) and argument.function in CONTRASTS:
        raise FormulaError(
            f"{argument.function}() belongs into C(g, {argument.function}()).", code="arguments"
        )
    if isinstance(argument, Literal) and not is_number(argument):
        raise FormulaError(
            f"{call.text}: {argument.value!r} is neither a column nor a number; columns with "
            "odd names go between backticks.",
            code="arguments",
        )
