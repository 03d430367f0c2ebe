"""From the text of an annotation to the type that pydantic checks and describes.

Nothing is evaluated: names that are not listed here stand for any value.
"""

from __future__ import annotations

import ast
import types
from typing import Annotated, Any, Literal, Optional, Union

from pydantic import Strict, WithJsonSchema

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
    arguments = node.elts if isinstance(node, ast.Tuple) else [node]
    if name == "Literal":
        return Literal[tuple(ast.literal_eval(argument) for argument in arguments)]
    inner = [_type(argument) for argument in arguments]
    if name == "Optional":
        return _union([*inner, None])
    if name == "Union":
        return _union(inner)
    if name in ("Annotated", "Final"):
        return inner[0]
    base = _NAMED.get(name)
    return types.GenericAlias(base, tuple(inner)) if isinstance(base, type) else Any


def _union(members: list[Any]) -> Any:
    return Union[tuple(members)]  # noqa: UP007


def or_none(kind: Any) -> Any:
    return Optional[kind]  # noqa: UP045
