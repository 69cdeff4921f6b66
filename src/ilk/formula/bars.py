"""Random terms: ``(expression | grouping)``, ``||``, nesting, and calls of covariance structures.

A nested grouping is expanded here, ``(1 | a/b)`` to ``(1 | a) + (1 | a:b)``; two bars make the
components independent, the columns of a factor too (lme4 2 writes ``diag`` for that).  A name
between two bars, ``(1 |p| g)``, correlates the terms of that name, of other predictors too.  After
the grouping may stand ``by=factor``, covariance parameters for each of its levels, and numbers that
the structure takes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from ilk.covariance import STRUCTURES, AbstractCovariance, covariance_structure
from ilk.covariance.registry import POSITIONAL
from ilk.errors import FormulaError, ModelError, closest
from ilk.formula.functions import FUNCTIONS
from ilk.formula.membership import MM, Membership, read_membership
from ilk.formula.pointing import pointed
from ilk.formula.scan import Word, inside, scan, settings, split
from ilk.formula.spec import OLRE, RandomSpec, Sum, Term

PLANNED = ("mat", "homtoep", "hetar1", "propto", "spde")
"""Structures known by name that this version does not have."""

MAX_NESTING = 20
"""Most columns of one grouping factor."""

MAX_RANDOM = 1_000
"""Most random terms of one predictor."""

ReadSum = Callable[[Sequence[Word], str], Sum]
"""Reads the words of a sum of terms with its implicit intercept."""


def has_bar(words: Sequence[Word]) -> bool:
    """Whether a bar stands outside the parentheses among these words.

    Parameters
    ----------
    words : sequence of Word
        Part of a formula.

    Returns
    -------
    bool
    """
    return len(split(words, "| ||")) > 1


def is_structure(word: Word, text: str, own: Collection[str] = ()) -> bool:
    """Whether a call is a covariance structure around a random term.

    Parameters
    ----------
    word : Word
        A word of kind ``"call"``.
    text : str
        The formula.
    own : collection of str
        Names of structures of the user's own.

    Returns
    -------
    bool
        True for a known structure that cannot be a function, and for any call that holds a bar
        and is not one of the functions.
    """
    name = word.function
    known = name in STRUCTURES or name in PLANNED or name in own
    if known and name not in FUNCTIONS:
        return True
    if not word.text.endswith(")") or "|" not in word.text or (name in FUNCTIONS and not known):
        return False
    try:
        return has_bar(_argument(word, text))
    except FormulaError:
        return known


def read_random(
    words: Sequence[Word],
    text: str,
    read_sum: ReadSum,
    structure: str = "us",
    own: AbstractCovariance | None = None,
) -> list[RandomSpec]:
    """Read the words between the parentheses of a random term.

    Parameters
    ----------
    words : sequence of Word
        ``expression | grouping``.
    text : str
        The formula.
    read_sum : callable
        Reads the expression.
    structure : str
        Covariance structure.
    own : AbstractCovariance, optional
        The structure, if it is the user's own.

    Returns
    -------
    list of RandomSpec
        One, or one for each level of nesting.
    """
    words, given = settings(words)
    by, numbers = _read_settings(given, text)
    if own is None:
        covariance_structure(structure, numbers)  # refuses numbers that it does not take
    elif numbers:
        raise ModelError(
            f"{structure}(...) has no setting {numbers[0][0]!r}; it is your own and takes none.",
            code="unknown-argument",
        )
    pieces = split(words, "| ||")
    name = None
    if len(pieces) == 3:
        name = _name_between(pieces, text, structure)
        pieces = [pieces[0], (pieces[1][0], pieces[2][1])]
    if len(pieces) != 2:
        second = pieces[2][0] if len(pieces) > 2 else None
        position = second.start if second is not None else words[0].start
        raise FormulaError(
            pointed("A random term has one bar, as in (1 + x | g).", text, position), code="bar"
        )
    (_, left), (bar, right) = pieces
    assert bar is not None
    if not left:
        raise FormulaError(
            pointed(
                "The random term has nothing left of its bar; write (1 | g) for an intercept.",
                text,
                bar.start,
            ),
            code="bar",
        )
    if not right:
        raise FormulaError(
            pointed("The random term has no grouping factor right of its bar.", text, bar.start),
            code="bar",
        )
    if bar.text == "||":
        if structure not in ("us", "diag"):
            raise FormulaError(
                pointed(
                    f"'||' means independent components and cannot go with {structure}(...); write "
                    "one bar.",
                    text,
                    bar.start,
                    2,
                ),
                code="bar",
            )
        structure = "diag"
    effects = read_sum(left, text)
    if not effects.terms:
        raise FormulaError(
            pointed("The random term has no effect left of its bar.", text, left[0].start),
            code="bar",
        )
    if name is not None and by:
        raise FormulaError(
            pointed(
                f"by= cannot go with a name that correlates terms; leave the name {name!r} or by= "
                "out.",
                text,
                given[0][0].start,
            ),
            code="bar",
        )
    made = [
        RandomSpec(effects, grouping, structure, "", name, numbers, by, (), own, membership)
        for grouping, membership in _factors(right, text)
    ]
    return [replace(spec, label=label_of(spec, bar.text)) for spec in made]


def _name_between(
    pieces: Sequence[tuple[Word | None, list[Word]]], text: str, structure: str
) -> str:
    """Name of a term with two bars, (1 |p| g)."""
    (_, _), (first, middle), (second, _) = pieces
    assert first is not None
    assert second is not None
    if "||" in (first.text, second.text):
        raise FormulaError(
            pointed(
                "'||' makes effects independent and cannot go with a name that correlates them; "
                "write (1 + x |p| g) or (1 + x || g).",
                text,
                first.start if first.text == "||" else second.start,
                2,
            ),
            code="bar",
        )
    touching = bool(middle) and first.stop == middle[0].start and middle[0].stop == second.start
    if len(middle) != 1 or middle[0].kind != "name" or not touching:
        raise FormulaError(
            pointed(
                "A random term has one bar, as in (1 | g); between two of them, without blanks, "
                "stands a name that other terms may share, as in (1 |p| g).",
                text,
                second.start,
            ),
            code="bar",
        )
    if structure != "us":
        raise FormulaError(
            pointed(
                f"Terms that share a name have correlations of their own and cannot go with "
                f"{structure}(...); leave the name {middle[0].text!r} or {structure}() out.",
                text,
                first.start,
            ),
            code="bar",
        )
    return middle[0].text


def check_names(predictors: Sequence[tuple[str, Sequence[RandomSpec]]]) -> None:
    """Terms of one name must have one grouping.

    Parameters
    ----------
    predictors : sequence of (str, sequence of RandomSpec)
        Random terms by predictor.

    Raises
    ------
    FormulaError
        A name stands between two groupings; the message has both.
    """
    known: dict[str, tuple[str, str]] = {}
    for part, random in predictors:
        written: dict[str, tuple[str, ...]] = {}  # of a nested one, a/b, the innermost, a:b
        for spec in random:
            if spec.name is not None:
                before = written.get(spec.name, ())
                nested = spec.grouping[: len(before)] == before
                if before and not nested:
                    raise _two_groupings(spec.name, ":".join(before), part, spec, part)
                written[spec.name] = spec.grouping
        for spec in random:
            if spec.name is None:
                continue
            plain = ":".join(written[spec.name])
            other, where = known.setdefault(spec.name, (plain, part))
            if other != plain:
                raise _two_groupings(spec.name, other, where, spec, part)


def _two_groupings(name: str, other: str, where: str, spec: RandomSpec, part: str) -> FormulaError:
    places = "" if where == part else f" in the {where.replace('_', ' ')}"
    return FormulaError(
        f"The name {name!r} stands before the grouping {other!r}{places} and before "
        f"{':'.join(spec.grouping)!r} in the {part.replace('_', ' ')}: effects are correlated "
        "within the levels of one factor. Give the terms one grouping, or two names.",
        code="bar",
    )


def read_structure(
    word: Word, text: str, read_sum: ReadSum, own: Mapping[str, AbstractCovariance] | None = None
) -> list[RandomSpec]:
    """Read a covariance structure around a random term, such as ``cs(1 + x | g)``.

    Parameters
    ----------
    word : Word
        The call.
    text : str
        The formula.
    read_sum : callable
        Reads the expression left of the bar.
    own : mapping, optional
        Structures of the user's own, by name.

    Returns
    -------
    list of RandomSpec
    """
    name = word.function
    mine = (own or {}).get(name)
    if name not in STRUCTURES and mine is None:
        if name in PLANNED:
            raise ModelError(
                pointed(
                    f"The covariance structure {name}(...) is not available in this version; there "
                    f"are {', '.join(STRUCTURES)}.",
                    text,
                    word.start,
                    len(name),
                ),
                code="not-available",
            )
        near = closest(name, [*STRUCTURES, *PLANNED, *(own or ())])
        raise ModelError(
            pointed(
                f"Unknown covariance structure {name!r}; there are {', '.join(STRUCTURES)}."
                + (f" Did you mean {near!r}?" if near else ""),
                text,
                word.start,
                len(name),
            ),
            code="unknown-covariance",
        )
    words = _argument(word, text) if "|" in word.text else ()
    if not has_bar(words):
        raise FormulaError(
            pointed(
                f"{name}(...) is a covariance structure and holds a random term, as in "
                f"{name}(1 + x | g)."
                + (" The natural cubic spline is cr()." if name == "cs" else ""),
                text,
                word.start,
                len(word.text),
            ),
            code="bar",
        )
    return read_random(words, text, read_sum, name, mine)


def _argument(word: Word, text: str) -> Sequence[Word]:
    """Words between the parentheses of a call."""
    return scan(text, word.start + len(word.function) + 1, word.stop - 1)


def _read_settings(
    found: Sequence[tuple[Word, list[Word]]], text: str
) -> tuple[tuple[str, ...], tuple[tuple[str, float], ...]]:
    """Factor of ``by=``, and numbers that the structure takes."""
    by: tuple[str, ...] = ()
    numbers: list[tuple[str, float]] = []
    for setting, value in found:
        said = text[setting.stop : value[-1].stop].strip() if value else ""
        if not said:
            raise FormulaError(
                pointed(f"{setting.text}= is set to nothing.", text, setting.start), code="syntax"
            )
        if setting.text == "by":
            by = _interaction(value, text)
            continue
        try:
            numbers.append((setting.text, float(said)))
        except ValueError:
            raise FormulaError(
                pointed(f"{setting.text}= takes a number.", text, value[0].start), code="syntax"
            ) from None
    return by, tuple(numbers)


def observation_level() -> RandomSpec:
    """Random intercept of every row, ``olre()``.

    Returns
    -------
    RandomSpec
    """
    return RandomSpec(Sum((Term(),)), (OLRE,), "us", f"1 | {OLRE}")


def label_of(spec: RandomSpec, bar: str = "|") -> str:
    """Label of a random term.

    Parameters
    ----------
    spec : RandomSpec
        The term, whatever its label is.
    bar : {"|", "||"}
        What stands before the grouping, unless that is a name.

    Returns
    -------
    str
    """
    what = spec.effects.text
    if spec.structure in POSITIONAL:  # positions, not slopes: there is no intercept
        what = what.removeprefix("0 + ").removeprefix("1 + ")
    sign = bar if spec.name is None else spec.bar
    label = f"{what} {sign} {':'.join(spec.grouping)}{spec.said}"
    if spec.structure == "us" or sign != "|":
        return label
    return f"{spec.structure}({label})"


def _factors(words: Sequence[Word], text: str) -> list[tuple[tuple[str, ...], Membership | None]]:
    """Groupings that the right of a bar names."""
    only = words[0]
    if len(words) == 1 and only.kind == "call" and only.function == MM:
        membership = read_membership(only, text)
        return [((membership.name,), membership)]
    return [(grouping, None) for grouping in _groupings(words, text)]


def check_memberships(random: Sequence[RandomSpec]) -> None:
    """Terms of one ``mm(...)`` must have one set of weights.

    Parameters
    ----------
    random : sequence of RandomSpec
        Random terms of all predictors.

    Raises
    ------
    FormulaError
        Two terms of the same columns have different weights.
    """
    known: dict[str, Membership] = {}
    for spec in random:
        if spec.membership is None:
            continue
        before = known.setdefault(spec.membership.name, spec.membership)
        if before != spec.membership:
            raise FormulaError(
                f"{before.text} and {spec.membership.text} are one grouping factor with two sets "
                "of weights; give all its terms the same.",
                code="membership",
            )


def _groupings(words: Sequence[Word], text: str) -> list[tuple[str, ...]]:
    """Read the right of a bar; ``a/b`` gives ``a`` and ``a:b``."""
    if len(words) > 2 * MAX_NESTING:
        raise FormulaError(
            pointed(
                f"A grouping factor may combine at most {MAX_NESTING} columns.",
                text,
                words[0].start,
            ),
            code="grouping",
        )
    groupings: list[tuple[str, ...]] = []
    combined: tuple[str, ...] = ()
    for operator, piece in split(words, "/"):
        if not piece:
            raise _misplaced(operator, words, text)
        combined = tuple(dict.fromkeys((*combined, *_interaction(piece, text))))
        groupings.append(combined)
    return groupings


def _interaction(words: Sequence[Word], text: str) -> tuple[str, ...]:
    """Columns of ``a:b``."""
    inner = inside(words)
    if inner is not None:
        return _interaction(inner, text)
    names: list[str] = []
    for operator, piece in split(words, ":"):
        if not piece:
            raise _misplaced(operator, words, text)
        first = piece[0]
        if len(piece) == 1 and first.kind == "name":
            names.append(first.text)
        elif len(piece) > 1 and inside(piece) is not None:
            names.extend(_interaction(piece, text))
        else:
            raise _not_a_grouping(piece, text)
    return tuple(dict.fromkeys(names))


def _misplaced(operator: Word | None, words: Sequence[Word], text: str) -> FormulaError:
    culprit = operator if operator is not None else words[0] if words else None
    return FormulaError(
        pointed(
            "A grouping factor is missing beside this operator.",
            text,
            None if culprit is None else culprit.start,
        ),
        code="grouping",
    )


def _not_a_grouping(words: Sequence[Word], text: str) -> FormulaError:
    """Make the error that says what a grouping factor may be."""
    first = words[0]
    call = next((word for word in words if word.kind == "call"), None)
    sign = next((word for word in words if word.kind == "operator"), None)
    if call is not None and call.function == MM:
        return FormulaError(
            pointed(
                "mm(...) stands alone right of its bar, as in (1 | mm(g1, g2)).",
                text,
                call.start,
                len(call.text),
            ),
            code="grouping",
        )
    advice = {
        "+": "write one term for each factor: (1 | a) + (1 | b).",
        "*": "write (1 | a) + (1 | b) + (1 | a:b).",
    }.get(sign.text if sign is not None else "", "it is a column, a:b or a/b.")
    if call is not None:
        advice = "it is a column; make that column in the data first."
        if call.function in ("C", "factor", "as.factor", "I"):
            advice = f"name the column alone, without {call.function}(); it is a factor anyway."
    elif first.kind == "number":
        advice = "it is a column, not a number."
    culprit = call or sign or first
    return FormulaError(
        pointed(f"This cannot be a grouping factor: {advice}", text, culprit.start), code="grouping"
    )
