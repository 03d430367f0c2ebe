"""On a terminal: a progress bar while it runs, colours and drawn tables, and no foreign escapes."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import StartNbx

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def seen(start_nbx: StartNbx, *arguments: str | Path, **options: object) -> tuple[int, str]:
    """The exit code, and all that a terminal was sent."""
    master, slave = pty.openpty()
    try:
        given = {"stdout": slave, "stderr": slave, **options}
        process: subprocess.Popen[str] = start_nbx(*arguments, **given)
    finally:
        os.close(slave)
    with os.fdopen(master, "rb", buffering=0) as terminal:
        received = b"".join(iter(lambda: _read(terminal.fileno()), b""))
    return process.wait(timeout=60), received.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # EIO: the last process that had the terminal open has ended
        return b""


def test_a_bar_shows_how_far_it_is(start_nbx: StartNbx, make_notebook: MakeNotebook) -> None:
    make_notebook("print('qui' + 'et')", "\n# a title\nimport time; time.sleep(2)", "3")

    code, sent = seen(start_nbx, "run", "notebook.ipynb")

    shown = ESCAPE.sub("", sent)
    assert code == 0
    assert "starting the kernel" in shown
    assert re.search(r"━+ +1/3 0:\d\d:\d\d # a title", shown)
    assert re.search(r"━+ +3/3 0:\d\d:\d\d 3", shown)
    assert "quiet" not in shown
    assert "\x1b[32m\x1b[1msuccess: 3 of 3 cells" in sent


def test_no_bar_when_it_is_not_wanted(start_nbx: StartNbx, make_notebook: MakeNotebook) -> None:
    make_notebook("1")

    code, sent = seen(start_nbx, "run", "notebook.ipynb", "--no-progress-bar")

    assert code == 0
    assert sent.startswith("\x1b[32m\x1b[1msuccess: 1 of 1 cells")


@pytest.mark.parametrize(
    "variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=lambda v: next(iter(v))
)
def test_no_colours_where_they_are_not_wanted(
    start_nbx: StartNbx,
    make_notebook: MakeNotebook,
    environment: dict[str, str],
    variable: dict[str, str],
) -> None:
    make_notebook("1 / 0")
    environment.update(variable)

    code, sent = seen(start_nbx, "run", "notebook.ipynb", "--no-progress-bar")

    assert code == 1
    assert sent.startswith("error (cell_error): ")
    assert "\x1b" not in sent


def test_output_is_logged_instead_of_a_bar(
    start_nbx: StartNbx, make_notebook: MakeNotebook
) -> None:
    make_notebook("print('\\x1b[31mred\\x1b[0m')")

    code, sent = seen(start_nbx, "run", "notebook.ipynb", "--log-output")

    assert code == 0
    assert "\x1b[31mred\x1b[0m\r\n" in sent
    assert "━" not in sent


def test_a_table_is_drawn(start_nbx: StartNbx, make_notebook: MakeNotebook) -> None:
    rows = [{"check": "load", "note": "[bold]as it is[/]"}, {"check": "disk", "note": "z" * 200}]
    make_notebook(f"from hermes_runtime import glue\nglue('machine', {rows!r})")

    code, sent = seen(start_nbx, "run", "notebook.ipynb", "--no-progress-bar")

    lines = [line.rstrip() for line in ESCAPE.sub("", sent).splitlines()]
    table = lines[lines.index("  machine: 2 rows") + 1 : -2]
    assert code == 0
    assert table[0].split() == ["check", "note"]
    assert table[1] == "    load   [bold]as it is[/]"
    assert "".join(line[11:] for line in table[2:]) == "z" * 200


def test_what_a_notebook_holds_does_not_control_the_terminal(
    start_nbx: StartNbx, make_notebook: MakeNotebook
) -> None:
    evil = "\\x1b]0;owned\\x07\\x1b[2J\\x07"
    make_notebook(
        f"from hermes_runtime import glue\nx = '{evil}'\nglue('name', x)\nglue('t', [{{x: x}}])",
        f"raise ValueError('{evil}')",
    )

    code, sent = seen(start_nbx, "run", "notebook.ipynb")

    assert code == 1
    assert "\x1b]" not in sent
    assert "\x07" not in sent
    assert "\x1b[2J" not in sent


def test_a_bar_beside_json(
    start_nbx: StartNbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook("1", "2")

    with (tmp_path / "result.json").open("w") as file:
        code, sent = seen(start_nbx, "run", "notebook.ipynb", "--json", stdout=file)

    assert code == 0
    assert re.search(r"2/2", ESCAPE.sub("", sent))
    assert (tmp_path / "result.json").read_text().startswith('{"schema":1,"status":"success"')
