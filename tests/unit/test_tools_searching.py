"""Searching files: the same with ripgrep and without, within bounds of place and time."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_runtime.confinement import Confinement
from hermes_runtime.searching import Search, find_ripgrep, required_literal, search
from notebook_executor.errors import ToolDeniedError, ToolError
from tests.tool_calls import call_builtin, new_call, run_call

_POLICY = {"files": {"read": ["tree"]}}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "tree"
    for name, content in {
        "a.py": "import os\n\ndef find(x):\n    return x + 1\n",
        "b.txt": "find (it)\nFIND\r\nlast line without end: find",
        "deep/c.py": "# café\nprint('find')\n",
        "deep/deeper/d.md": "nothing\n",
        "deep.py/e.py": "find\n",
        ".hidden/f.py": "find\n",
        ".g.py": "find\n",
        "ignored/h.py": "find\n",
        ".gitignore": "ignored/\n",
        "- odd name\n.py": "find me\n",
    }.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    (made / "binary.bin").write_bytes(b"find\0find")
    (made / "latin.txt").write_bytes(b"caf\xe9 find\n")
    (made / "utf16.txt").write_bytes("find\n".encode("utf-16"))
    (tmp_path / "outside.txt").write_text("find outside\n")
    (made / "link.txt").symlink_to(tmp_path / "outside.txt")
    (made / "loop").symlink_to(made)
    return made


def _search(tree: Path, pattern: str, **arguments: Any) -> dict[str, Any]:
    told: dict[str, Any] = call_builtin(
        "search_files", tree.parent, _POLICY, pattern=pattern, **{"path": "tree", **arguments}
    )
    return told


def test_lines_that_match_are_told(tree: Path) -> None:
    told = _search(tree, r"find\(")
    assert told == {
        "matches": [{"path": "tree/a.py", "line": 3, "content": "def find(x):"}],
        "total_count": 1,
        "truncated": False,
    }


def test_what_is_hidden_binary_or_a_link_is_passed_over(tree: Path) -> None:
    told = _search(tree, "find")
    assert [match["path"] for match in told["matches"]] == [
        "tree/- odd name\n.py",
        "tree/a.py",
        "tree/b.txt",
        "tree/b.txt",
        "tree/deep/c.py",
        "tree/deep.py/e.py",
        "tree/ignored/h.py",
        "tree/latin.txt",
    ]


def test_context_and_limit(tree: Path) -> None:
    told = _search(tree, "def|return", context=1, limit=1)
    assert told["matches"] == [
        {
            "path": "tree/a.py",
            "line": 3,
            "content": "def find(x):",
            "before": [""],
            "after": ["    return x + 1"],
        }
    ]
    assert (told["total_count"], told["truncated"]) == (2, True)


def test_names_are_found_by_glob(tree: Path) -> None:
    told = _search(tree, "*.py", target="files", path="tree/deep")
    assert told["matches"] == ["tree/deep/c.py"]
    assert _search(tree, "find", file_glob="*.md")["matches"] == []
    assert len(_search(tree, "find", file_glob="*.txt")["matches"]) == 3


def test_one_file_can_be_searched(tree: Path) -> None:
    told = _search(tree, "find", path="tree/a.py")
    assert [match["path"] for match in told["matches"]] == ["tree/a.py"]


def test_a_pattern_that_is_none_is_said(tree: Path) -> None:
    with pytest.raises(ToolError, match="no regular expression"):
        _search(tree, "find(")
    with pytest.raises(ToolError, match="No such file"):
        _search(tree, "find", path="tree/none")


def test_nothing_outside_is_searched(tree: Path) -> None:
    for path in (".", "..", "/etc", "tree/..", "tree/link.txt", "outside.txt"):
        with pytest.raises(ToolDeniedError, match="may not be read"):
            _search(tree, "find", path=path)


def test_a_pattern_that_takes_for_ever_can_be_ended(tree: Path) -> None:
    (tree / "long.txt").write_text("a" * 100 + "!\n")
    arguments = {"pattern": "(a+)+$", "path": "tree/long.txt"}
    call = new_call("search_files", tree.parent, _POLICY, **arguments)
    with pytest.raises(ToolError, match="too slow"):
        run_call(call._replace(deadline=0.0))


_PATTERNS = [
    "find",
    "find x",
    r"find\(",
    "fi.d",
    "f[a-i]nd",
    "^find",
    "find$",
    "(?i)find",
    "find|nothing",
    "caf.",
    "café",
    r"\w+ find",
    "x{1}",
    "fin?d",
    "finx*d",
    "nothing+",
    r"\x66ind",
    r"fi\x6ed",
    "[]f]ind",
    "",
    "-",
    "no such line",
]


@pytest.mark.skipif(find_ripgrep() is None, reason="ripgrep (rg) is not installed")
@pytest.mark.parametrize("pattern", _PATTERNS)
@pytest.mark.parametrize("below", ["", "deep", "a.py"])
def test_ripgrep_changes_nothing(tree: Path, pattern: str, below: str) -> None:
    files = Confinement([os.path.realpath(tree)], "read")
    wanted = Search(pattern, str(tree / below), limit=1000)
    assert search(files, wanted, find_ripgrep()) == search(files, wanted)


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("plain text", "plain text"),
        (r"def \w+\(self\)", "(self)"),
        ("ab+cd", "cd"),
        ("abc?", "ab"),
        ("a{2}bc", "bc"),
        ("[abc]def[ghi]j", "def"),
        ("[^]]xy", "xy"),
        ("^start.*end$", "start"),
        ("a|b", ""),
        ("(a)", ""),
        (r"\x41bc", ""),
        (r"ab\u00e9cd", "ab"),
        (r"ab\bcd", "ab"),
        ("[", ""),
        (".*", ""),
    ],
)
def test_the_literal_that_every_match_holds(pattern: str, literal: str) -> None:
    assert required_literal(pattern) == literal


@given(st.text("abx.*+?{}[]^$\\12,-wdsbAZ ", max_size=12), st.text("abx12 -,]", max_size=12))
def test_every_match_holds_the_literal(pattern: str, line: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            found = re.search(pattern, line)
    except (re.error, OverflowError):
        return
    if found:
        assert required_literal(pattern) in line
