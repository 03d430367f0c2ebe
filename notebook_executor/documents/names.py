"""Which names a cell binds and which it needs, as far as its text can tell.

Made for few false alarms: what may bind names that are not in the text (a star import, ``exec``,
an unknown magic) makes a cell opaque, and nothing is said about names from there on.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field

from notebook_executor.documents.python_source import Code, is_foreign, parse_cell

_WORD = re.compile(r"[^\W\d]\w*")
_ASSIGNED_MAGIC = re.compile(r"\s*([\w\s,]+?)\s*=\s*[%!]")
_CAPTURED = re.compile(r"--(?:out|err|proc)[ =](\w+)")
# Line magics that run the rest of the line as Python; the second ones keep what it binds.
_PASSING = {"timeit", "memit", "lprun", "mprun"}
_KEEPING = {"time", "prun"}
_OPTIONS = re.compile(r"(?:\s*-\w+(?:\s*\d+)?)+\s*")
_HARMLESS = {
    *("alias", "autoreload", "bash", "capture", "cat", "cd", "cmd", "colors", "conda", "config"),
    *("cp", "debug", "dirs", "echo", "env", "file", "gui", "head", "help", "history", "html"),
    *("javascript", "js", "latex", "ll", "load_ext", "ls", "magic", "man", "markdown"),
    *("matplotlib", "mkdir", "more", "mv", "pdb", "perl", "pip", "pinfo", "precision", "pwd"),
    *("reload_ext", "rm", "rmdir", "ruby", "script", "set_env", "sh", "svg", "sx", "system"),
    *("tb", "time", "timeit", "uv", "who", "whos", "writefile", "xmode"),
}
_OPAQUE_CALLS = {"exec", "eval", "get_ipython", "globals", "locals", "vars"}
_ALWAYS = {
    *dir(builtins),
    *("In", "Out", "display", "exit", "get_ipython", "quit"),
    *("__annotations__", "__builtin__", "__builtins__", "__class__", "__doc__", "__loader__"),
    *("__module__", "__name__", "__package__", "__qualname__", "__spec__"),
}
_HISTORY = re.compile(r"_+|_\d+|_i+|_i\d+|_[dio]h")
_COMPREHENSIONS = ("listcomp", "setcomp", "dictcomp", "genexpr")


@dataclass
class CellNames:
    """The module-level names of one cell.

    Attributes:
        bound: Assigned, imported, defined.
        needed: Looked up while the cell runs, each with its first line.
        needed_later: Looked up by functions when somebody calls them.
        mentioned: Words of magics and of other languages, which may or may not be names.
        opaque: It may bind or use more than its text says.
    """

    bound: set[str] = field(default_factory=set)
    needed: dict[str, int] = field(default_factory=dict)
    needed_later: dict[str, int] = field(default_factory=dict)
    mentioned: set[str] = field(default_factory=set)
    opaque: bool = False


def is_predefined(name: str) -> bool:
    """Whether a kernel has the name before any cell runs."""
    return name in _ALWAYS or _HISTORY.fullmatch(name) is not None


def foreign_names(source: str) -> CellNames:
    """The names of a cell that a magic gives to another language."""
    magic = source.split(maxsplit=1)[0]
    first_line = source.lstrip().partition("\n")[0]
    return CellNames(
        bound=set(_CAPTURED.findall(first_line)),
        mentioned=set(_WORD.findall(source)),
        opaque=magic.lstrip("%!") not in _HARMLESS,
    )


def cell_names(code: Code) -> CellNames:
    """The names of a cell of Python.

    Raises:
        SyntaxError: The text can be parsed, but not compiled.
    """
    names = CellNames()
    _read_scopes(symtable.symtable(code.text, "<cell>", "exec"), names, _lines(code.tree))
    for name in _guarded(code.tree):
        names.needed.pop(name, None)
        names.needed_later.pop(name, None)
    names.opaque = any(map(_is_opaque, ast.walk(code.tree)))
    for number, text in code.magics.items():
        _read_magic(text, number, names)
    return names


def _lines(tree: ast.Module) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found[node.id] = min(node.lineno, found.get(node.id, node.lineno))
    return found


def _read_scopes(module: symtable.SymbolTable, names: CellNames, lines: dict[str, int]) -> None:
    names.bound = {
        symbol.get_name()
        for symbol in module.get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    }
    for table, later in _scopes(module, later=False):
        for symbol in table.get_symbols():
            if not symbol.is_global():
                continue
            name = symbol.get_name()
            if symbol.is_assigned() and symbol.is_declared_global():
                names.bound.add(name)
            if symbol.is_referenced():
                place = names.needed_later if later else names.needed
                place.setdefault(name, lines.get(name, 1))
    for symbol in module.get_symbols():
        if symbol.is_referenced():
            names.needed.setdefault(symbol.get_name(), lines.get(symbol.get_name(), 1))


def _scopes(
    table: symtable.SymbolTable, *, later: bool
) -> Iterator[tuple[symtable.SymbolTable, bool]]:
    for child in table.get_children():
        evaluated_now = child.get_type() == "class" or child.get_name() in _COMPREHENSIONS
        child_later = later or not evaluated_now
        yield child, child_later
        yield from _scopes(child, later=child_later)


def _guarded(tree: ast.Module) -> set[str]:
    """Names looked up where a NameError is caught."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(map(_catches_name_error, node.handlers)):
            inside = (name for statement in node.body for name in ast.walk(statement))
            found |= {name.id for name in inside if isinstance(name, ast.Name)}
    return found


def _catches_name_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    caught = {kind.id for kind in kinds if isinstance(kind, ast.Name)}
    return bool(caught & {"NameError", "Exception", "BaseException"})


def _is_opaque(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return any(alias.name == "*" for alias in node.names)
    return isinstance(node, ast.Name) and node.id in _OPAQUE_CALLS


def _read_magic(text: str, line: int, names: CellNames) -> None:
    names.mentioned |= set(_WORD.findall(text))
    assigned = _ASSIGNED_MAGIC.match(text)
    if assigned is not None:
        names.bound |= set(_WORD.findall(assigned[1]))
        text = text[assigned.end() - 1 :]
    magic, _, rest = text.strip().partition(" ")
    name = magic.lstrip("%")
    if not magic.startswith("%"):
        return  # a command of the shell, or a question
    if magic.startswith("%%"):
        if name == "capture":
            names.bound |= {word for word in rest.split() if word.isidentifier()}
    elif name in _PASSING | _KEEPING:
        _read_statement(rest, line, names, keeps=name in _KEEPING)
    elif name not in _HARMLESS:
        names.opaque = True


def _read_statement(text: str, line: int, names: CellNames, *, keeps: bool) -> None:
    try:
        inner = cell_names(parse_cell(_OPTIONS.sub("", text, count=1)))
    except (SyntaxError, ValueError, RecursionError):
        names.opaque = True
        return
    names.bound |= inner.bound if keeps else set()
    for name in inner.needed:
        if name not in inner.bound:
            names.needed.setdefault(name, line)
    names.needed_later |= dict.fromkeys(inner.needed_later, line)
    names.opaque |= inner.opaque


def names_of(source: str, code: Code | None) -> CellNames:
    """The names of a cell, in whatever language; ``code`` is what ``parse_cell`` made of it."""
    if is_foreign(source):
        return foreign_names(source)
    try:
        return cell_names(code) if code is not None else CellNames(opaque=True)
    except (SyntaxError, ValueError, RecursionError):
        return CellNames(opaque=True)
