"""What is wrong with a notebook's code, as far as its text can tell: syntax, names, parameters."""

from __future__ import annotations

import ast
import difflib
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from notebook_executor.documents.cells import has_tag
from notebook_executor.documents.issues import Issue
from notebook_executor.documents.kernel_metadata import is_python
from notebook_executor.documents.names import CellNames, is_predefined, names_of
from notebook_executor.documents.parameters_cell import Parameters, read_parameters
from notebook_executor.documents.python_source import Code, is_foreign, parse_cell
from notebook_executor.errors import DocumentError

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TAG = "parameters"
_COMPILED = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class _Cell(NamedTuple):
    """A code cell of Python, and what was found in it."""

    position: int
    checked: bool  # its names are expected to be there
    names: CellNames


def check_code(nb: NotebookNode) -> Iterator[Issue]:
    """Cells that cannot be compiled, names that nobody defines, parameters that mean nothing.

    Only notebooks in Python 3 are looked at.

    Args:
        nb: A notebook as ``read_notebook`` returns it.
    """
    if not is_python(nb) or _version(nb) < (3,):
        return
    cells: list[_Cell] = []
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code":
            continue
        code, problem = (None, None) if is_foreign(cell.source) else _compiled(cell.source)
        fails = has_tag(cell, "raises-exception")
        if problem is not None and not fails and _version(nb)[:2] <= sys.version_info[:2]:
            message = f"{problem.msg}{_of_newer(nb)}"
            yield Issue.of("syntax_error", message, cell_index=index, line=problem.lineno)
        checked = not fails and not has_tag(cell, "skip-execution")
        cells.append(_Cell(index, checked, names_of(cell.source, code)))
    yield from _undefined(cells)
    yield from _parameters(nb, cells)


def _version(nb: NotebookNode) -> tuple[int, ...]:
    """The version of Python that the notebook says it is in; ours when it says none."""
    said = nb.metadata.get("language_info")
    text = said.get("version") if isinstance(said, Mapping) else None
    numbers = str(text).split(".")[:2] if text else []
    if numbers and all(number.isdigit() for number in numbers):
        return tuple(map(int, numbers))
    kernel = nb.metadata.get("kernelspec")
    name = kernel.get("name") if isinstance(kernel, Mapping) else None
    return (2,) if name == "python2" else tuple(sys.version_info[:2])


def _of_newer(nb: NotebookNode) -> str:
    ours, theirs = tuple(sys.version_info[:2]), _version(nb)
    return "" if theirs == ours else f" (as Python {ours[0]}.{ours[1]} reads it)"


def _compiled(source: str) -> tuple[Code | None, SyntaxError | None]:
    """What Python makes of a cell, and why it makes nothing of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            code = parse_cell(source)
            compile(code.text, "<cell>", "exec", flags=_COMPILED, dont_inherit=True)
            return code, None
        except SyntaxError as error:
            return _by_ipython(source, error)
        except (ValueError, RecursionError, MemoryError) as error:
            return None, SyntaxError(str(error) or "nested too deeply")


def _by_ipython(source: str, error: SyntaxError) -> tuple[Code | None, SyntaxError | None]:
    """What IPython's own rewriting makes of a cell that ours cannot be compiled after."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        text = TransformerManager().transform_cell(source)
        compile(text, "<cell>", "exec", flags=_COMPILED, dont_inherit=True)
        return Code(text, ast.parse(text)), None
    except SyntaxError:
        return None, error
    except (ValueError, RecursionError, MemoryError):
        return None, error


def _undefined(cells: list[_Cell]) -> Iterator[Issue]:
    home: dict[str, int] = {}
    for cell in cells:
        for name in cell.names.bound:
            home.setdefault(name, cell.position)
    ever_opaque = any(cell.names.opaque for cell in cells)
    for cell in cells:
        if cell.names.opaque:
            return
        if not cell.checked:
            continue
        missing = {
            name: line
            for name, line in cell.names.needed.items()
            if home.get(name, sys.maxsize) > cell.position and not is_predefined(name)
        }
        for name, line in cell.names.needed_later.items():
            if name not in home and not is_predefined(name) and not ever_opaque:
                missing.setdefault(name, line)
        for name, line in sorted(missing.items(), key=lambda item: (item[1], item[0])):
            yield Issue.of(
                "undefined_name", _not_there(name, home), cell_index=cell.position, line=line
            )


def _not_there(name: str, home: Mapping[str, int]) -> str:
    if name in home:
        return f"{name!r} is defined only later, in cells[{home[name]}]"
    close = difflib.get_close_matches(name, home, n=1, cutoff=0.7)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return f"{name!r} is not defined in any cell{guess}"


def _parameters(nb: NotebookNode, cells: list[_Cell]) -> Iterator[Issue]:
    tagged = [index for index, cell in enumerate(nb.cells) if has_tag(cell, _TAG)]
    if not tagged:
        return
    first, *others = tagged
    for index in others:
        message = f"cells[{first}] is tagged 'parameters' too"
        yield Issue.of("several_parameters_cells", message, cell_index=index)
    if nb.cells[first].cell_type != "code":
        message = f"it is a {nb.cells[first].cell_type} cell"
        yield Issue.of("parameters_not_code", message, cell_index=first)
        return
    try:
        parameters = read_parameters(nb)
    except DocumentError:
        return  # its syntax error is told already
    if not parameters and parameters.readable:
        yield Issue.of("empty_parameters", "it assigns no name", cell_index=first)
    yield from _unused(parameters, cells, first)
    yield from _derived(parameters, first)
    yield from _unfit_defaults(parameters, first)


def _unused(parameters: Parameters, cells: list[_Cell], index: int) -> Iterator[Issue]:
    if any(cell.names.opaque for cell in cells):
        return
    used: set[str] = set()
    for cell in cells:
        used |= {*cell.names.needed, *cell.names.needed_later, *cell.names.mentioned}
    for name in parameters:
        if name not in used:
            yield Issue.of("unused_parameter", f"no cell uses {name!r}", cell_index=index)


def _derived(parameters: Parameters, index: int) -> Iterator[Issue]:
    for name, parameter in parameters.items():
        others = [other for other in _words(parameter.default_source) if other in parameters]
        if others and others != [name]:
            message = f"{name!r} is computed from {others[0]!r}"
            yield Issue.of("derived_parameter", message, cell_index=index)


def _words(expression: str) -> list[str]:
    try:
        tree = ast.parse(expression, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]


def _unfit_defaults(parameters: Parameters, index: int) -> Iterator[Issue]:
    from pydantic import ValidationError

    with_value = [name for name, entry in parameters.items() if entry.default is not None]
    typed = parameters.declared(with_value)
    values: dict[str, Any] = {name: typed[name].default for name in typed}
    try:
        typed.model().model_validate(values)
    except ValidationError as error:
        for name in _distinct(str(item["loc"][0]) for item in error.errors()):
            wanted = typed[name].allowed or typed[name].type
            message = f"the default of {name!r}, {typed[name].default_source[:60]}, is not {wanted}"
            yield Issue.of("parameter_default", message, cell_index=index)


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
