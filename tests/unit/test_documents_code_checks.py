"""What is said of a notebook's code: the words, the lines, and what is left unsaid."""

from __future__ import annotations

from typing import Any

import pytest

from notebook_executor.documents.code_checks import check_code
from notebook_executor.documents.issues import Issue
from notebook_executor.documents.names import cell_names
from notebook_executor.documents.python_source import parse_cell
from notebook_executor.documents.reading import adopt


def issues(*sources: str, **metadata: Any) -> list[Issue]:
    cells = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in sources
    ]
    nb = adopt({"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells})
    return list(check_code(nb))


@pytest.mark.parametrize(
    ("sources", "line", "message"),
    [
        (["x = 1\n%matplotlib inline\ny = = 2"], 3, "invalid syntax"),
        (["def f():\n    yield 1\nreturn 2"], 3, "'return' outside function"),
        (["threshold = 1", "pass\nprint(treshold)"], 2, "did you mean 'threshold'?"),
        (["print(a)", "a = 1"], 1, "'a' is defined only later, in cells[1]"),
        (["def f():\n    return [x for x in xs]"], 2, "'xs' is not defined in any cell"),
        (["class A:\n    y = z"], 2, "'z' is not defined in any cell"),
        (["a = 1\n\n%time b = a + c"], 3, "'c' is not defined in any cell"),
    ],
)
def test_what_is_wrong_and_where(sources: list[str], line: int, message: str) -> None:
    (issue,) = issues(*sources)

    assert issue.line == line
    assert message in issue.message


@pytest.mark.parametrize(
    "sources",
    [
        ["def f():\n    return later", "later = 1\nf()"],
        ["from os import *", "getcwd()"],
        ["%run other.ipynb", "made_there"],
        ["%%cython\ndef f(): pass", "f()"],
        ["get_ipython().run_line_magic('run', 'x')", "made_there"],
        ["try:\n    made\nexcept NameError:\n    made = 1"],
        ["a, b = !ls", "a, b"],
        ["_, __, _3, _i, In[1], Out, __name__, get_ipython, exit, display"],
        ["for i in []: pass\nelse: j = 1", "i, j"],
        ["import a.b.c, d as e", "a, e"],
        ["with open('x') as (f, g): pass", "f, g"],
        ["try:\n    maybe_there\nexcept NameError:\n    pass"],
        ["def f():\n    global made\n    made = 1", "made"],
        ["[y := 1 for _ in 'a']", "y"],
        ["!ls", "%ls", "?print", "print?", "%%html\n<b>"],
    ],
)
def test_no_false_alarm(sources: list[str]) -> None:
    assert issues(*sources) == []


def test_the_version_of_python_counts() -> None:
    def told(version: str) -> list[str]:
        language = {"name": "python", "version": version}
        return [issue.message for issue in issues("print 'x'", language_info=language)]

    assert told("2.7.18") == told("3.99") == []
    assert "as Python 3." in told("3.6.9")[0]


def test_names_of_a_cell() -> None:
    names = cell_names(parse_cell("a = b\ndef f(c=d):\n    return e + c"))

    assert names.bound == {"a", "f"}
    assert names.needed == {"b": 1, "d": 2}
    assert names.needed_later == {"e": 3}
