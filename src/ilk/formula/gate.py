"""The gate: a formula is not code.

A factor such as ``log(x + 1)`` or ``C(g, Treatment("b"))`` is read with `ast` and translated into
a closed little language of four kinds of expression: a column name, a literal, a call of a known
function, an arithmetic or comparison operation.  Whatever has no translation is refused, so nothing
else can ever reach an evaluator; and nothing here evaluates anything.  Names are columns only, of
any spelling between backticks; functions come from `FUNCTIONS` or from those that the caller
passes by name.  Length, depth and sizes are bounded, and the work is linear in the text.
"""

from __future__ import annotations

import ast
import copy
import functools
import re
import warnings
from dataclasses import dataclass
from typing import NoReturn

from ilk.errors import FormulaError
from ilk.formula.functions import (
    CONTRASTS,
    FUNCTIONS,
    LEFT_EXAMPLES,
    LEFT_SIDE,
    advice,
    check_call,
)
from ilk.formula.language import Call, Expression, Literal, Name, Operation, is_number

MAX_LENGTH = 100_000
"""Longest formula, in characters."""

MAX_DEPTH = 200
"""Deepest nesting of parentheses, and of operations inside a function call."""

MAX_ITEMS = 1_000
"""Longest list of numbers or labels."""

MAX_EXPRESSION = 10_000
"""Longest single factor, in characters."""


_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
}
_UNARY: dict[type[ast.unaryop], str] = {
    ast.USub: "neg",
    ast.UAdd: "pos",
    ast.Invert: "not",
    ast.Not: "not",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_REFUSED: dict[type[ast.AST], str] = {
    ast.Attribute: "attributes (a.b)",
    ast.Subscript: "subscripts (a[b])",
    ast.Lambda: "functions written in place (lambda)",
    ast.JoinedStr: "formatted text",
    ast.IfExp: "conditions (a if b else c)",
    ast.NamedExpr: "assignments (:=)",
    ast.Starred: "starred arguments",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.ListComp: "comprehensions",
    ast.SetComp: "comprehensions",
    ast.DictComp: "comprehensions",
    ast.GeneratorExp: "comprehensions",
    ast.Dict: "dictionaries",
    ast.Set: "sets",
    ast.BoolOp: "'and' and 'or' (use & and | between parentheses)",
    ast.MatMult: "matrix products",
    ast.LShift: "shifts",
    ast.RShift: "shifts",
    ast.BitXor: "'^' inside a function (use **)",
    ast.In: "'in'",
    ast.NotIn: "'not in'",
    ast.Is: "'is'",
    ast.IsNot: "'is not'",
}

_CLUSTERED = ("within", "between")
"""Functions whose arguments may be products of columns."""

_CLUSTER_CALL = re.compile(r"\b(within|between)\s*\(")
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_COLONS = re.compile(_QUOTED.pattern + "|:(?!=)")
_BACKTICKS = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`([^`]*)`")


@functools.lru_cache(maxsize=1024)
def read_factor(
    text: str, functions: frozenset[str] = frozenset(), left: bool = False
) -> tuple[Expression, str]:
    """Translate one factor of a formula.

    Parameters
    ----------
    text : str
        The factor, such as ``"log(x + 1)"``.
    functions : frozenset of str
        Names of the functions that the caller provides.
    left : bool
        Whether the factor stands on the left of ``~``, where ``cbind`` and ``censored`` are known.

    Returns
    -------
    expression : Expression
        The translation.
    text : str
        The factor in normal form, which names its columns.

    Raises
    ------
    FormulaError
        The factor holds anything but names, literals, operations and known functions.
    """
    if len(text) > MAX_EXPRESSION:
        raise FormulaError(
            f"The factor {text[:40]!r}... has {len(text)} characters; at most {MAX_EXPRESSION} are "
            "allowed.",
            code="formula-too-long",
        )
    code, names = _hide_backticks(text)
    marked = _mark_products(code)
    tree = _parse(marked, text)
    reader = _Reader(text, names, functions, left, products=marked != code)
    expression = reader.read(tree, MAX_DEPTH)
    return expression, reader.show(tree)


def _hide_backticks(text: str) -> tuple[str, dict[str, str]]:
    """Put plain identifiers in the place of names between backticks."""
    prefix = "_quoted"
    while prefix in text:
        prefix += "_"
    names: dict[str, str] = {}
    by_name: dict[str, str] = {}

    def hide(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return match.group(0)
        if name not in by_name:
            by_name[name] = f"{prefix}{len(by_name)}_"
            names[by_name[name]] = name
        return f" {by_name[name]} "

    return _BACKTICKS.sub(hide, text).strip(), names


def _mark_products(code: str) -> str:
    """Write the colons of ``between(x:z, a:b)`` as an operator that Python can read.

    Text that has this operator already is left alone, so that it is refused.
    """
    if _CLUSTER_CALL.search(code) is None:
        return code
    outside = _QUOTED.sub("", code)
    if "@" in outside or "lambda" in outside:
        return code
    return _COLONS.sub(_as_operator, code)


def _as_operator(match: re.Match[str]) -> str:
    return "@" if match.group(0) == ":" else match.group(0)


def _parse(code: str, text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code, mode="eval").body
    except (RecursionError, MemoryError):
        raise FormulaError(
            f"The factor {text[:40]!r}... is nested too deeply.", code="formula-too-deep"
        ) from None
    except (SyntaxError, ValueError) as error:
        raise FormulaError(
            f"The factor {_short(text)} cannot be read: {_reason(error)}.", code="syntax"
        ) from None


def _reason(error: Exception) -> str:
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    return reason.split(". Perhaps")[0].rstrip(".").split(" (")[0] or "invalid syntax"


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


class _Colons(ast.NodeTransformer):
    """Puts products back as the formula has them."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Write a product with a colon."""
        self.generic_visit(node)
        if not isinstance(node.op, ast.MatMult):
            return node
        return ast.Name(id=f"{ast.unparse(node.left)}:{ast.unparse(node.right)}", ctx=ast.Load())


@dataclass(frozen=True, slots=True)
class _Reader:
    """Translates the tree of one factor."""

    text: str
    names: dict[str, str]
    functions: frozenset[str]
    left: bool
    products: bool = False

    def read(self, node: ast.AST, depth: int) -> Expression:
        """Translate a node, or refuse it."""
        if depth == 0:
            raise FormulaError(
                f"The factor {_short(self.text)} is nested more than {MAX_DEPTH} deep.",
                code="formula-too-deep",
            )
        match node:
            case ast.Name():
                return Name(self.names.get(node.id, node.id))
            case ast.Constant():
                return self._constant(node)
            case ast.List() | ast.Tuple():
                return self._sequence(node)
            case ast.UnaryOp():
                inner = self.read(node.operand, depth - 1)
                if isinstance(node.op, ast.USub) and is_number(inner):
                    assert isinstance(inner, Literal)
                    return Literal(-inner.value)
                return Operation(_UNARY[type(node.op)], (inner,))
            case ast.BinOp() if type(node.op) in _BINARY:
                operands = (self.read(node.left, depth - 1), self.read(node.right, depth - 1))
                return Operation(_BINARY[type(node.op)], operands)
            case ast.Compare() if len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
                right = self.read(node.comparators[0], depth - 1)
                return Operation(
                    _COMPARISONS[type(node.ops[0])], (self.read(node.left, depth - 1), right)
                )
            case ast.Call():
                return self._call(node, depth)
            case ast.Attribute() if ast.unparse(node) in CONTRASTS:
                return Call(ast.unparse(node), (), (), ast.unparse(node))
        self._refuse(node)

    def _constant(self, node: ast.Constant) -> Literal:
        value = node.value
        if value is None or isinstance(value, (bool, str, float)):
            return Literal(value)
        if isinstance(value, int):
            if abs(value) > 2**63:
                raise FormulaError(
                    f"The factor {_short(self.text)} holds a number beyond 2**63.", code="syntax"
                )
            return Literal(value)
        raise FormulaError(
            f"The factor {_short(self.text)} holds {value!r:.40}, which is neither a number nor "
            "text.",
            code="not-allowed",
        )

    def _sequence(self, node: ast.List | ast.Tuple) -> Literal:
        if len(node.elts) > MAX_ITEMS:
            raise FormulaError(
                f"The factor {_short(self.text)} lists {len(node.elts)} values; at most "
                f"{MAX_ITEMS} are allowed.",
                code="formula-too-long",
            )
        items = [self.read(item, 3) for item in node.elts]
        for item in items:
            if not isinstance(item, Literal) or isinstance(item.value, tuple):
                raise FormulaError(
                    f"A list in {_short(self.text)} may hold numbers and text only.",
                    code="not-allowed",
                )
        return Literal(tuple(item.value for item in items if isinstance(item, Literal)))

    def _call(self, node: ast.Call, depth: int) -> Call:
        name = self._function(node.func)
        read = self._product if name in _CLUSTERED and name not in self.functions else self.read
        arguments = tuple(read(argument, depth - 1) for argument in node.args)
        keywords = []
        for keyword in node.keywords:
            if keyword.arg is None:
                self._refuse(ast.Starred(value=keyword.value, ctx=ast.Load()))
            keywords.append((keyword.arg, self.read(keyword.value, depth - 1)))
        call = Call(name, arguments, tuple(keywords), self.show(node))
        if name not in self.functions:
            check_call(call)
        return call

    def _product(self, node: ast.AST, depth: int) -> Expression:
        """Argument of ``within`` or ``between``, which may be a product ``a:b``."""
        product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
        if not (self.products and product) or depth == 0:
            return self.read(node, depth)
        assert isinstance(node, ast.BinOp)
        left, right = self._product(node.left, depth - 1), self._product(node.right, depth - 1)
        return Operation(":", (left, right))

    def _function(self, node: ast.expr) -> str:
        """Name of a function that may be called, or an error with the nearest one."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if name in CONTRASTS:
                return name
            if node.value.id in ("np", "numpy", "math") and node.attr in FUNCTIONS:
                raise FormulaError(
                    f"{name} in {_short(self.text)}: write {node.attr}(...) without the module; "
                    "formulas know their own functions.",
                    code="not-allowed",
                )
        if not isinstance(node, ast.Name):
            self._refuse(node)
        name = self.names.get(node.id, node.id)
        known = {*FUNCTIONS, *CONTRASTS, *self.functions}
        if self.left:
            known |= set(LEFT_SIDE)
        if name in known:
            return name
        if name in LEFT_SIDE:
            raise FormulaError(
                f"{name}() belongs on the left of '~', as in {LEFT_EXAMPLES[name]} ~ x.",
                code="not-allowed",
            )
        raise FormulaError(
            f"Formulas know no function {name!r}.{advice(name, known)} Your own functions go into "
            f"functions={{{name!r}: ...}}.",
            code="unknown-function",
        )

    def show(self, node: ast.expr) -> str:
        """Text of a node in normal form, names between backticks restored."""
        try:
            shown = _Colons().visit(copy.deepcopy(node)) if self.products else node
            text = ast.unparse(shown).replace("\n", " ")
        except RecursionError:
            raise FormulaError(
                f"The factor {_short(self.text)} is nested too deeply.", code="formula-too-deep"
            ) from None
        for hidden, name in self.names.items():
            text = text.replace(hidden, f"`{name}`")
        return text

    def _refuse(self, node: ast.AST) -> NoReturn:
        kind = type(node)
        if isinstance(node, ast.BinOp):
            kind = type(node.op)
        elif isinstance(node, ast.Compare):
            kind = type(node.ops[0])
            if len(node.ops) > 1:
                raise FormulaError(
                    f"{_short(self.text)}: write a chain of comparisons as (a < b) & (b < c).",
                    code="not-allowed",
                )
        what = _REFUSED.get(kind, f"{kind.__name__} expressions")
        raise FormulaError(
            f"Formulas hold names of columns, numbers and known functions; {what} in "
            f"{_short(self.text)} are not allowed.",
            code="not-allowed",
        )
