"""``alert_if``: an expression over scraps, in a small part of Python, that cannot do anything else.

Names are scraps, ``scraps["any name"]`` is one whose name is no word; ``table["rows"]``,
``table.rows`` and ``values[0]`` reach into them. There are numbers, text, ``true``,
``false``, ``null`` (Python's spelling too), lists, comparisons, ``and or not in``,
``+ - * / // %`` on numbers, ``a if b else c``, the functions of ``_FUNCTIONS``, and
``has("name")``. Nothing is called that a scrap brings along, and no operation grows without bound.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from notebook_executor.errors import UsageError
from notebook_executor.references import is_reference
from notebook_executor.text import one_line

_LONGEST = 1000
_DEEPEST = 50
_WORDS = {"true": True, "false": False, "null": None}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: function
    for function, name in ((f, f.__name__) for f in (abs, all, any, len, max, min, round, sum))
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, many: item in many,
    ast.NotIn: lambda item, many: item not in many,
}
_PARTS = (
    *(ast.Name, ast.Constant, ast.List, ast.Tuple, ast.Attribute, ast.Subscript, ast.Call),
    *(ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp),
)
_WITHIN = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)


class UndecidedError(UsageError):
    """A condition says nothing of these scraps: one is missing, or is of another kind."""


@dataclass(frozen=True)
class Condition:
    """An expression that has been checked; ``parse_condition`` makes it."""

    text: str
    _tree: ast.expr

    def holds(self, scraps: Mapping[str, Any]) -> bool:
        """Whether it is true of the scraps.

        Args:
            scraps: By name, in their JSON form.

        Raises:
            UndecidedError: A scrap that it needs is not there, or cannot be compared so.
        """
        try:
            return bool(_value(self._tree, dict(scraps)))
        except UndecidedError:
            raise
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise UndecidedError(
                f"{self.text!r} cannot be told: {one_line(str(error), 200)}",
                hint="Does the notebook glue scraps of this kind?",
            ) from error


def parse_condition(text: str) -> Condition:
    """Read an expression, and check that it can be evaluated.

    Raises:
        UsageError: It cannot; ``details["column"]``, from 0 on, says where.
    """
    if len(text) > _LONGEST:
        raise UsageError(f"The condition has {len(text)} characters; {_LONGEST} are allowed")
    try:
        # Lines may be broken, as YAML's block texts are.
        tree = ast.parse(text.replace("\n", " ").lstrip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = getattr(error, "msg", str(error))
        column = max((getattr(error, "offset", 1) or 1) - 1, 0)
        raise UsageError(
            f"{text!r} is not an expression: {message}", hint=_HINT, column=column
        ) from error
    _check(tree, text, 0)
    return Condition(text, tree)


_HINT = 'Compare scraps with values, such as "health_score < 0.8 and alert_count > 0".'


def _check(node: ast.expr, text: str, depth: int) -> None:
    if depth > _DEEPEST:
        _refuse(node, text, "it is nested too deeply")
    if not isinstance(node, _PARTS):
        _refuse(node, text, f"{ast.unparse(node)!r} is not allowed here")
    if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | float | None):
        _refuse(node, text, f"{node.value!r} is not allowed here")
    if isinstance(node, ast.BinOp) and type(node.op) not in _ARITHMETIC:
        _refuse(node, text, "of arithmetic there is + - * / // %")
    if isinstance(node, ast.UnaryOp) and type(node.op) not in _UNARY:
        _refuse(node, text, "of signs there is - + not")
    if isinstance(node, ast.Call):
        _check_call(node, text)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and not (isinstance(node, ast.Call) and child is node.func):
            _check(child, text, depth + 1)
        elif not isinstance(child, (*_WITHIN, ast.expr)):
            _refuse(node, text, f"{ast.unparse(node)!r} is not allowed here")


def _check_call(node: ast.Call, text: str) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    if name not in _FUNCTIONS and name != "has":
        _refuse(node, text, f"there is no function {name!r}, but has, {', '.join(_FUNCTIONS)}")
    texts = [
        arg for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
    ]
    if name == "has" and not (len(node.args) == len(texts) == 1):
        _refuse(node, text, 'has takes the name of a scrap: has("health_score")')
    if node.keywords or not node.args:
        _refuse(node, text, f"{name} takes values, without names")


def _refuse(node: ast.expr, text: str, why: str) -> NoReturn:
    raise UsageError(f"{text!r}: {why}", hint=_HINT, column=node.col_offset)


def _value(node: ast.expr, scraps: dict[str, Any]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return _named(node.id, scraps)
        case ast.List() | ast.Tuple():
            return [_value(item, scraps) for item in node.elts]
        case ast.Attribute():
            return _item(_value(node.value, scraps), node.attr)
        case ast.Subscript():
            return _item(_value(node.value, scraps), _value(node.slice, scraps))
        case ast.BoolOp():
            return _both_or_one(node, scraps)
        case ast.Compare():
            return _compared(node, scraps)
        case ast.IfExp():
            chosen = node.body if _value(node.test, scraps) else node.orelse
            return _value(chosen, scraps)
        case _:
            return _computed(node, scraps)


def _named(name: str, scraps: dict[str, Any]) -> Any:
    if name in scraps:
        return _plain(name, scraps[name])
    if name in _WORDS:
        return _WORDS[name]
    if name == "scraps":
        return scraps
    there = ", ".join(list(scraps)[:20]) or "none"
    raise UndecidedError(f"There is no scrap {name!r}; there are {there}")


def _plain(name: str, value: Any) -> Any:
    if is_reference(value):
        raise UndecidedError(f"The scrap {name!r} is a {value['$scrap']}, not a value")
    return value


def _item(value: Any, key: Any) -> Any:
    """A member of an object by its name, or of a list by its number; of text there is neither."""
    if not isinstance(value, dict | list):
        raise TypeError(f"{one_line(repr(value), 50)} has no members")
    return value[key]


def _both_or_one(node: ast.BoolOp, scraps: dict[str, Any]) -> Any:
    value: Any = None
    for item in node.values:
        value = _value(item, scraps)
        if bool(value) is isinstance(node.op, ast.Or):
            break
    return value


def _compared(node: ast.Compare, scraps: dict[str, Any]) -> bool:
    left = _value(node.left, scraps)
    for how, item in zip(node.ops, node.comparators, strict=True):
        right = _value(item, scraps)
        if left != left or right != right:
            raise ValueError("NaN compares with nothing")
        if not _COMPARISONS[type(how)](left, right):
            return False
        left = right
    return True


def _computed(node: ast.expr, scraps: dict[str, Any]) -> Any:
    if isinstance(node, ast.UnaryOp):
        return _UNARY[type(node.op)](_value(node.operand, scraps))
    if isinstance(node, ast.BinOp):
        left, right = _number(node.left, scraps), _number(node.right, scraps)
        return _ARITHMETIC[type(node.op)](left, right)
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    if node.func.id == "has":
        assert isinstance(node.args[0], ast.Constant)
        return node.args[0].value in scraps
    return _FUNCTIONS[node.func.id](*(_value(item, scraps) for item in node.args))


def _number(node: ast.expr, scraps: dict[str, Any]) -> int | float:
    """An operand; text and lists would be repeated and joined instead."""
    value = _value(node, scraps)
    if not isinstance(value, int | float):
        raise TypeError(f"{one_line(repr(value), 50)} is not a number")
    return value
