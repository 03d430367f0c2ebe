"""The top-level assignments of Python source as a notebook cell has it.

The grammar decides, not patterns: ``ast`` says what is assigned, ``tokenize`` what is a comment.
Lines of IPython's own syntax are taken out where Python does not understand them, so that a ``%``
or ``!`` inside a string or an expression stays.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

_IPYTHON_LINE = re.compile(r"\s*[%!?]|.*?=\s*[%!]|.*\?\s*$")
# Cell magics that run the rest of the cell as Python.
_PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
_IGNORED_COMMENT = re.compile(r"^(?:type:\s*ignore|noqa)\b[^#]*#?\s*")
_TYPE_COMMENT = re.compile(r"type:\s*([\w.]+(?:\[[^#]*\])?(?:\s*\|\s*[\w.]+(?:\[[^#]*\])?)*)")


@dataclass(frozen=True, slots=True)
class Assignment:
    """A name that a cell assigns at its top level.

    Attributes:
        name: The name.
        annotation: Its annotation, or the type comment; empty when there is neither.
        value: The expression it gets; None when there is none, or when it is unpacked from one.
        value_source: The text of the expression, of the unpacked one too; empty without one.
        comment: The comment at the end of the last line, else of the first.
    """

    name: str
    annotation: str
    value: ast.expr | None
    value_source: str
    comment: str


@dataclass(frozen=True, slots=True)
class Code:
    """A cell as Python sees it.

    Attributes:
        text: Its source; IPython's own lines are empty.
        tree: Of that text.
        magics: What stood in those lines, by number.
    """

    text: str
    tree: ast.Module
    magics: dict[int, str] = field(default_factory=dict)


def is_foreign(source: str) -> bool:
    """Whether a cell magic gives the cell to something else than this kernel's Python."""
    words = source.split(maxsplit=1)
    return bool(words) and words[0].startswith("%%") and words[0] not in _PYTHON_CELL_MAGICS


def assignments(source: str) -> list[Assignment]:
    """What a cell assigns at its top level, each name once, in the order of their first mention.

    Names inside ``if``, ``for``, ``def`` and the like are left out, as are augmented assignments.

    Raises:
        SyntaxError: It is not Python, IPython's additions aside.
        ValueError: It holds a character that Python source cannot.
    """
    code = parse_cell(source)
    comments = _trailing_comments(code.text)
    found: dict[str, Assignment] = {}
    for statement in code.tree.body:
        for assignment in _assigned(statement, code.text):
            comment = comments.get(statement.end_lineno or 0) or comments.get(statement.lineno, "")
            _merge(found, _with_comment(assignment, comment))
    return list(found.values())


def _merge(found: dict[str, Assignment], new: Assignment) -> None:
    """The last value counts; annotation and comment may come from an earlier statement."""
    old = found.get(new.name, new)
    found[new.name] = replace(
        new, annotation=new.annotation or old.annotation, comment=new.comment or old.comment
    )


def parse_cell(source: str) -> Code:
    """Parse a cell; lines that only IPython understands are set apart.

    Raises:
        SyntaxError: It is not Python, IPython's additions aside.
        ValueError: It holds a character that Python source cannot.
    """
    lines = re.split(r"\r\n|\r|\n", source)
    magics: dict[int, str] = {}
    while True:
        text = "\n".join(lines)
        try:
            return Code(text, ast.parse(text), magics)
        except SyntaxError as exc:
            if not _set_apart(lines, (exc.lineno or 0) - 1, magics):
                raise


def _set_apart(lines: list[str], index: int, magics: dict[int, str]) -> bool:
    """Empty an IPython line and those that it goes on with; False when it is not one."""
    if not 0 <= index < len(lines) or not _IPYTHON_LINE.match(lines[index]):
        return False
    first, indent = index, lines[index][: len(lines[index]) - len(lines[index].lstrip())]
    taken = [lines[index]]
    lines[index] = f"{indent}pass" if indent else ""
    while taken[-1].endswith("\\") and index + 1 < len(lines):
        index += 1
        taken.append(lines[index])
        lines[index] = ""
    magics[first + 1] = "\n".join(taken)
    return True


def _trailing_comments(text: str) -> dict[int, str]:
    """The comments that stand behind code, by line."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        token.start[0]: token.string.lstrip("#").strip()
        for token in tokens
        if token.type == tokenize.COMMENT and token.line[: token.start[1]].strip()
    }


def _assigned(statement: ast.stmt, text: str) -> Iterator[Assignment]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        value = statement.value
        yield Assignment(
            statement.target.id,
            _annotation(statement.annotation, text),
            value,
            _segment(value, text) if value else "",
            "",
        )
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            for name, value in _unpacked(target, statement.value):
                yield Assignment(name, "", value, _segment(value or statement.value, text), "")


def _unpacked(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, ast.expr | None]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Starred):
        yield from _unpacked(target.value, None)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for part, part_value in zip(target.elts, _parts(target, value), strict=True):
            yield from _unpacked(part, part_value)


def _parts(target: ast.Tuple | ast.List, value: ast.expr | None) -> list[ast.expr | None]:
    if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
        starred = any(isinstance(part, ast.Starred) for part in (*target.elts, *value.elts))
        if not starred:
            return list(value.elts)
    return [None] * len(target.elts)


def _annotation(node: ast.expr, text: str) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return _segment(node, text)


def _segment(node: ast.expr, text: str) -> str:
    return ast.get_source_segment(text, node) or ""


def _with_comment(assignment: Assignment, comment: str) -> Assignment:
    """Tell a type comment (``# type: int  # how many``) from the words that explain."""
    comment = _IGNORED_COMMENT.sub("", comment)
    typed = _TYPE_COMMENT.match(comment)
    if typed is None:
        return replace(assignment, comment=comment)
    words = comment[typed.end() :].lstrip(" #").strip()
    return replace(assignment, annotation=assignment.annotation or typed[1], comment=words)
