"""A notebook as git compares it: all that git keeps, and nothing of a cell's place."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from notebook_executor.documents.textconv import as_text


def code(name: str, source: str, **fields: Any) -> dict[str, Any]:
    output = {"output_type": "stream", "name": "stdout", "text": "printed\n"}
    given = {"cell_type": "code", "id": name, "metadata": {}, "execution_count": 3}
    return {**given, "outputs": [output], "source": source, **fields}


def told(*cells: dict[str, Any], **metadata: Any) -> str:
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return as_text(json.dumps(content).encode(), "any").decode()


def test_all_that_git_keeps_is_there() -> None:
    picture = {"a.png": {"image/png": "aGVsbG8="}}
    markdown = {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "# é"}
    text = told(
        code("a", "x = 1\n\ny = 2", metadata={"tags": ["parameters", "b"], "mine": 1}),
        code("kept", "x", metadata={"tags": ["keep_output"]}),
        {**markdown, "attachments": picture},
        kernelspec={"name": "python3"},
        papermill={"version": "2"},
    )

    assert text.splitlines() == [
        *("── notebook", "{", ' "kernelspec": {', '  "name": "python3"', " }", "}"),
        *("── code a #parameters #b", "x = 1", "", "y = 2", "─ metadata", "{", ' "mine": 1', "}"),
        *("── code kept #keep_output", "x", "─ outputs", "[stdout]", "printed"),
        *("── markdown m", "# é", "─ attachments", "[a.png]"),
        "[image/png, 8 bytes, sha256 333d6b3a3c1f]",
    ]


def test_sources_that_differ_are_told_apart() -> None:
    sources = ["", "\n", "a", "a\n", "a\n\n", "a\r", "a\x0c", "a\u2028b", "a\nb", "a\x85b"]
    assert len({told(code("a", source)) for source in sources}) == len(sources)


def test_a_new_cell_changes_no_other_line() -> None:
    before = told(code("a", "1"), code("b", "2"))
    after = told(code("a", "1"), code("new", "x"), code("b", "2"))

    assert after.replace("── code new\nx\n", "") == before


@pytest.mark.parametrize("data", [b"", b"no notebook", b'{"cells": 5}', b"\xff\x00", b"[]"])
def test_what_is_no_notebook_is_compared_as_it_is(data: bytes) -> None:
    assert as_text(data, "any") == data


def test_what_git_starts_for_each_command_starts_without_pydantic() -> None:
    """As it takes longer to be imported than a notebook to be stripped."""
    code = (
        "import sys\n"
        "import notebook_executor.cli.strip_filter\n"
        "import notebook_executor.git.filtering\n"
        "print('notebook_executor.documents.stripping' in sys.modules)\n"
        "import notebook_executor.documents.stripping\n"
        "print('pydantic' in sys.modules, 'nbformat' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout.split() == ["False"] * 3
