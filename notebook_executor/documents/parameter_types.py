"""From the text of an annotation to the type that pydantic checks and describes.

Nothing is evaluated: names that are not listed here stand for any value. ``Annotated`` takes
bounds as pydantic and annotated-types write them, ``Annotated[float, Field(ge=0, le=1)]`` or
``Annotated[int, Ge(0), Lt(10)]``, and words that explain, ``Annotated[str, "whose fleet"]``.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Optional, Union

from pydantic import Field, PydanticSchemaGenerationError, Strict, TypeAdapter, WithJsonSchema
from pydantic_core import SchemaError

_NUMBER = Annotated[
    Union[Annotated[int, Strict()], Annotated[float, Strict()]],  # noqa: UP007
    WithJsonSchema({"type": "number"}),
]
# Scalars are strict, so that "5" is no number and 1 no boolean. Containers are not: YAML and JSON
# have lists where an annotation may say tuple.
_NAMED: dict[str, Any] = {
    "bool": Annotated[bool, Strict()],
    "float": Annotated[float, Strict()],
    "int": Annotated[int, Strict()],
    "str": Annotated[str, Strict()],
    "None": None,
    "NoneType": None,
    "dict": dict,
    "Dict": dict,
    "Mapping": dict,
    "list": list,
    "List": list,
    "Sequence": list,
    "set": set,
    "Set": set,
    "tuple": tuple,
    "Tuple": tuple,
}
_COMPARED = {"gt", "ge", "lt", "le", "multiple_of"}
_MEASURED = {"min_length", "max_length", "pattern"}
# The classes of annotated-types, and the bounds that their arguments are.
_BOUND_CLASSES: dict[str, tuple[str, ...]] = {
    "Field": (),
    "StringConstraints": (),
    "Interval": (),
    "Gt": ("gt",),
    "Ge": ("ge",),
    "Lt": ("lt",),
    "Le": ("le",),
    "MultipleOf": ("multiple_of",),
    "MinLen": ("min_length",),
    "MaxLen": ("max_length",),
    "Len": ("min_length", "max_length"),
}


@dataclass(frozen=True)
class Restrictions:
    """What an annotation says beyond the type.

    Attributes:
        choices: The values of ``Literal``; empty where any will do.
        bounds: By pydantic's names: ``ge``, ``lt``, ``max_length``, ``pattern`` and so on.
        help: The words of ``Annotated``; empty without any.
    """

    choices: tuple[Any, ...] = ()
    bounds: dict[str, Any] = field(default_factory=dict)
    help: str = ""


def restrictions(annotation: str) -> Restrictions:
    """The choices, bounds and words in an annotation; none where it cannot be read."""
    try:
        node = ast.parse(annotation.strip(), mode="eval").body
        _, extras = _annotated(node)
        return Restrictions(tuple(_choices(node) or ()), _bounds(extras), _words(extras))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return Restrictions()


def _annotated(node: ast.expr) -> tuple[ast.expr, list[ast.expr]]:
    """What an ``Annotated``, also one that may be None, is of, and what it adds to that."""
    for member in _members(node):
        if isinstance(member, ast.Subscript) and _name(member.value) == "Annotated":
            first, *extras = _arguments(member.slice)
            return first, extras
    return node, []


def _members(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from _members(node.left)
        yield from _members(node.right)
    elif isinstance(node, ast.Subscript) and _name(node.value) in ("Optional", "Union", "Final"):
        for argument in _arguments(node.slice):
            yield from _members(argument)
        if _name(node.value) == "Optional":
            yield ast.Constant(None)
    else:
        yield node


def _choices(node: ast.expr) -> list[Any] | None:
    """The values that there are to choose from; None where there are others too."""
    found: list[Any] = []
    for member in _members(node):
        if isinstance(member, ast.Subscript) and _name(member.value) == "Literal":
            found += [ast.literal_eval(argument) for argument in _arguments(member.slice)]
        elif isinstance(member, ast.Subscript) and _name(member.value) == "Annotated":
            found += _choices(_arguments(member.slice)[0]) or [...]
        elif isinstance(member, ast.Constant) and member.value is None:
            found.append(None)
        else:
            return None
    return found if ... not in found and found != [None] else None


def _bounds(extras: Iterable[ast.expr]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for extra in extras:
        if not isinstance(extra, ast.Call) or _name(extra.func) not in _BOUND_CLASSES:
            continue
        names = _BOUND_CLASSES[_name(extra.func)]
        given = [*zip(names, extra.args, strict=False)]
        given += [(keyword.arg or "", keyword.value) for keyword in extra.keywords]
        found |= {
            name: ast.literal_eval(value) for name, value in given if name in _COMPARED | _MEASURED
        }
    return found


def _words(extras: Iterable[ast.expr]) -> str:
    for extra in extras:
        texts = [extra]
        if isinstance(extra, ast.Call):
            texts = extra.args if _name(extra.func) == "Doc" else []
            texts += [word.value for word in extra.keywords if word.arg == "description"]
        for text in texts:
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                return text.value
    return ""


def declared_type(annotation: str) -> Any:
    """The type that an annotation names; ``Any`` for those not known here."""
    try:
        return _type(ast.parse(annotation.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return Any


def inferred_type(name: str) -> Any:
    """The type of parameters whose default has the type of that name: for ``int`` any number."""
    return _NUMBER if name in ("int", "float") else declared_type(name)


def _type(node: ast.expr) -> Any:
    if isinstance(node, ast.Subscript):
        return _generic(_name(node.value), node.slice)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([_type(node.left), _type(node.right)])
    if isinstance(node, ast.Constant):
        return declared_type(node.value) if isinstance(node.value, str) else _constant(node)
    return _NAMED.get(_name(node), Any)


def _constant(node: ast.Constant) -> Any:
    if node.value is None or node.value is Ellipsis:
        return node.value
    return Any


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _generic(name: str, node: ast.expr) -> Any:
    arguments = _arguments(node)
    if name == "Literal":
        return Literal[tuple(ast.literal_eval(argument) for argument in arguments)]
    if name == "Annotated":
        return _bounded(_type(arguments[0]), _bounds(arguments[1:]))
    inner = [_type(argument) for argument in arguments]
    if name == "Optional":
        return _union([*inner, None])
    if name == "Union":
        return _union(inner)
    if name == "Final":
        return inner[0]
    base = _NAMED.get(name)
    return types.GenericAlias(base, tuple(inner)) if isinstance(base, type) else Any


def _arguments(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _bounded(kind: Any, bounds: dict[str, Any]) -> Any:
    """The type within bounds; without those that have no meaning for it."""
    fitting = _COMPARED if kind in (_NAMED["int"], _NAMED["float"]) else _MEASURED
    if kind != _NAMED["str"]:
        fitting = fitting - {"pattern"}
    meant = {name: value for name, value in bounds.items() if name in fitting}
    if kind is Any or not meant:
        return kind
    bounded = Annotated[kind, Field(**meant)]
    try:
        TypeAdapter(bounded)
    except (TypeError, PydanticSchemaGenerationError, SchemaError):
        return kind
    return bounded


def _union(members: list[Any]) -> Any:
    return Union[tuple(members)]  # noqa: UP007


def or_none(kind: Any) -> Any:
    return Optional[kind]  # noqa: UP045
