"""How ``nbx`` starts: lightly; and how it takes what it does not expect."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import notebook_executor
from notebook_executor.cli.exits import ExitCode, guarded
from notebook_executor.errors import KernelStartError, ParameterError

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx, Refused, StartNbx

HEAVY = {"IPython", "jupyter_client", "nbdime", "nbformat", "papermill", "pydantic", "rich", "yaml"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["runs", "list", "--help"],
        ["diff", "--help"],
        ["schedule", "--help"],
    ],
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['nbx', *{arguments!r}]\n"
        "from notebook_executor.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as done:\n    print(done.code, *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    exit_code, *modules = done.stdout.splitlines()[-1].split()
    assert exit_code == "0"
    assert "click" in modules
    assert not HEAVY & set(modules)


def test_help_lists_the_verbs_that_there_are(nbx: Nbx) -> None:
    done = nbx("--help")

    commands = done.stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in commands] == [
        *("run", "runs", "params", "scraps", "show", "edit", "diff", "merge", "strip"),
        *("validate", "review", "propose", "schedule", "kernels", "ps", "reap", "hub", "doctor"),
    ]


def test_version(nbx: Nbx) -> None:
    assert nbx("--version").stdout == f"nbx, version {notebook_executor.__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("frobnicate",), ("--frobnicate",), ("run",)])
def test_a_wrong_command_is_a_usage_error(refused: Refused, arguments: tuple[str, ...]) -> None:
    assert refused(*arguments).startswith("Usage: nbx")


def test_a_setting_that_is_not_valid_is_a_usage_error(
    nbx: Nbx, environment: dict[str, str]
) -> None:
    environment["NBX_START_TIMEOUT"] = "soon"

    done = nbx("runs", "list")

    assert done.returncode == 2
    assert "start_timeout" in done.stderr


def test_a_working_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.executable, sys.argv[1:])"
    command = [sys.executable, "-m", "notebook_executor.cli.main", "runs", "list"]

    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=gone, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 2
    assert done.stderr.startswith("error: The working directory does not exist any more\n")


@pytest.mark.parametrize(
    ("flags", "variables", "traced"),
    [((), {}, False), (("--debug",), {}, True), ((), {"NBX_DEBUG": "1"}, True)],
)
def test_a_full_disk_is_told_in_a_line(
    start_nbx: StartNbx,
    make_notebook: MakeNotebook,
    environment: dict[str, str],
    flags: tuple[str, ...],
    variables: dict[str, str],
    traced: bool,
) -> None:
    make_notebook(("x = 1", "parameters"))
    environment.update(variables)

    with Path("/dev/full").open("w") as full:
        process = start_nbx(*flags, "params", "notebook.ipynb", stdout=full)
        _, stderr = process.communicate(timeout=60)

    assert process.returncode == 3
    first, *rest = stderr.splitlines()
    assert first == "error: [Errno 28] No space left on device"
    assert rest[:1] == (["Traceback (most recent call last):"] if traced else [])


def raising(error: Exception) -> int:
    def command() -> int:
        raise error

    return guarded(command, debug=False)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ParameterError("It is wrong", hint="Do it right."), 2, "error: It is wrong\nhint: Do it"),
        (KernelStartError("It is gone"), 3, "error: It is gone\n"),
        (OSError(errno.ENOSPC, "No space left"), 3, "error: [Errno 28] No space left\n"),
        (
            ZeroDivisionError("by zero"),
            3,
            "error: ZeroDivisionError: by zero\nhint: ",
        ),
        (click.UsageError("It is odd"), 2, "Error: It is odd\n"),
    ],
)
def test_what_is_raised_becomes_an_exit_code_and_a_line(
    error: Exception, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert raising(error) == code

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(said)
    assert "Traceback" not in told.err


def test_debug_shows_where_a_defect_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: 1 // 0, debug=True) == ExitCode.KERNEL

    told = capsys.readouterr().err
    assert told.startswith("error: ZeroDivisionError: ")
    assert "Traceback (most recent call last)" in told
    assert "1 // 0" in told
