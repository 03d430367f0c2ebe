"""What others may rely on: names, signatures, and what an import costs."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import pytest

import notebook_executor
from notebook_executor import NotebookExecutor, errors
from notebook_executor.execution.request import ExecuteOptions


def _loaded_by(statement: str) -> set[str]:
    """The top-level modules, and this package's own, that a fresh interpreter has afterwards."""
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return {name for name in done.stdout.split() if "." not in name or "notebook_executor" in name}


def test_the_exported_names_are_these() -> None:
    assert notebook_executor.__all__ == [
        "Event",
        "ExecutionResult",
        "Limits",
        "NotebookExecutor",
        "NotebookExecutorError",
        "Proposal",
        "Review",
        "Run",
        "Runs",
        "Settings",
        "Sweep",
    ]
    for name in notebook_executor.__all__:
        assert getattr(notebook_executor, name).__name__ == name
        assert name in dir(notebook_executor)
    with pytest.raises(AttributeError, match="no_such_name"):
        notebook_executor.no_such_name  # noqa: B018


def test_the_executor_has_these_methods() -> None:
    kinds = [kind for kind in NotebookExecutor.__mro__ if kind is not object]
    names = [name for kind in kinds for name in vars(kind) if not name.startswith("_")]
    methods = list(dict.fromkeys(names))

    assert methods == [
        "close",
        "execute",
        "run",
        "start",
        "aexecute",
        "execute_many",
        "run_many",
        "validate",
        "review",
        "propose",
        "runs",
        "collect_outputs",
        "collect_table",
        "inspect_parameters",
        "read_notebook",
        "write_notebook",
        "diff_notebooks",
        "patch",
        "outline",
        "edit",
        "merge",
    ]


def _parameters(function: object) -> list[str]:
    """Each parameter as ``name`` or ``name=default``; ``*`` before those by keyword only."""
    assert callable(function)
    told = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in told:
            told.append("*")
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        told.append(f"{parameter.name}{default}")
    return told


def test_the_signature_of_review_stays() -> None:
    assert _parameters(NotebookExecutor.review)[1:] == [
        "base='main'",
        "head=None",
        "*",
        "index=False",
        "paths=()",
        "parameters=None",
        "rerun_base=False",
        "accept=False",
        "timeout=300",
        "run_timeout=None",
        "limits=None",
        "max_workers=None",
        "on_notebook=None",
    ]


def test_the_signature_of_propose_stays() -> None:
    assert _parameters(NotebookExecutor.propose)[1:] == [
        "path",
        "edits",
        "*",
        "title",
        "base='main'",
        "branch=None",
        "parameters=None",
        "body=None",
        "allow_failing=False",
        "attach=True",
        "rerun_base=False",
        "timeout=300",
        "run_timeout=None",
        "limits=None",
    ]


def test_the_signature_of_validate_stays() -> None:
    assert _parameters(NotebookExecutor.validate)[1:] == [
        "notebook_path",
        "*",
        "regression=False",
        "reference=None",
        "accept=False",
        "parameters=None",
        "timeout=300",
        "run_timeout=None",
        "replay=None",
        "fix=False",
        "upgrade=False",
    ]


def test_signatures_stay() -> None:
    assert _parameters(NotebookExecutor) == [
        "root='.'",
        "*",
        "kernel_name=None",
        "python=None",
        "tools=None",
        "policy=None",
        "warm='auto'",
        "preload=()",
        "require_containment=None",
        "config=None",
    ]
    assert _parameters(NotebookExecutor.execute)[1:] == [
        "input_path",
        "output_path=None",
        "parameters=None",
        "timeout=300",
        "*",
        "run_timeout=None",
        "kernel_name=None",
        "python=None",
        "cwd=None",
        "env=None",
        "pass_env=()",
        "only_tags=()",
        "skip_tags=()",
        "from_cell=None",
        "until_cell=None",
        "check=False",
        "host_view=None",
        "limits=None",
        "record=None",
        "replay=None",
        "labels=None",
        "on_event=None",
    ]
    beginning = ["input_path", "output_path=None", "parameters=None", "timeout=300"]
    assert _parameters(NotebookExecutor.start)[1:] == [*beginning, "options"]
    assert _parameters(NotebookExecutor.aexecute)[1:] == [
        *beginning, "*", "check=False", "options",
    ]  # fmt: skip
    assert _parameters(NotebookExecutor.execute_many)[1:] == [
        "notebook",
        "*",
        "grid=None",
        "points=None",
        "parameters=None",
        "max_workers=None",
        "executor=None",
        "sweep=None",
        "stop_on_error=False",
        "worker_env=()",
        "execute_options",
    ]
    by_keyword = {
        name
        for name, parameter in inspect.signature(NotebookExecutor.execute).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert set(ExecuteOptions.__annotations__) == by_keyword - {"check"}


def test_the_tree_of_errors_is_the_documented_one() -> None:
    assert errors.__doc__ is not None
    tree = errors.__doc__.partition("::")[2].partition("``")[0]
    names = set(re.findall(r"\w+Error\b", tree))
    defined = {
        name for name, value in vars(errors).items() if isinstance(value, type) and "Error" in name
    }

    assert defined == names
    assert all(issubclass(getattr(errors, name), errors.NotebookExecutorError) for name in defined)
    assert issubclass(errors.ParameterError, errors.UsageError)
    assert issubclass(errors.LeakError, errors.KernelError)
    assert issubclass(errors.CellTimeoutError, errors.CellError)
    assert not issubclass(errors.RunTimeoutError, errors.CellError)


def test_importing_the_package_is_cheap() -> None:
    heavy = {
        "IPython",
        "ipykernel",
        "nbclient",
        "nbdime",
        "nbformat",
        "numpy",
        "pandas",
        "papermill",
    }

    loaded = _loaded_by("import notebook_executor")
    assert loaded & (heavy | {"jupyter_client", "pydantic", "zmq"}) == set()
    made = _loaded_by("from notebook_executor import NotebookExecutor; NotebookExecutor()")
    assert made & heavy == set()


def test_the_lifecycle_stands_alone() -> None:
    loaded = _loaded_by("import notebook_executor.lifecycle.kernel")

    assert loaded & {"pydantic", "pydantic_settings", "nbformat", "papermill", "nbclient"} == set()
    own = {name for name in loaded if name.startswith("notebook_executor.")}
    assert {name.split(".")[1] for name in own} == {"errors", "lifecycle"}


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    assert notebook_executor.__version__ == version("notebook_executor")
