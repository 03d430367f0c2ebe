"""Whether a project's kernel is registered in the project's own environment, and only there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notebook_executor.lifecycle.project.conventions.defects import Remark, good, problem, warning
from notebook_executor.lifecycle.project.server_files import runtime_directory
from notebook_executor.lifecycle.project.settings import Project

_ENVIRONMENTS = (".venv", "venv", "env", ".conda")
_VARIABLES = ("IPYTHONDIR", "MPLCONFIGDIR")
# What ipykernel brings along by itself.
_STOCK = "python3"


@dataclass(frozen=True)
class _Spec:
    name: str
    folder: Path
    executable: str
    env: dict[str, str]


def kernel(project: Project) -> Iterator[Remark]:
    environment = find_environment(project.root)
    if environment is None:
        yield warning(
            "there is no environment yet, and so no kernel in it",
            "scripts/app.sh bootstrap is to make both.",
        )
        return
    yield from _of_environment(project, environment)
    for spec in _specs(_users_folder()):
        if _lies_in(spec.executable, environment):
            yield problem(
                f"the kernel {spec.name} of this environment is registered for the user, in "
                f"{spec.folder}",
                "Remove it (jupyter kernelspec remove), and register it with --sys-prefix.",
            )


def find_environment(root: Path) -> Path | None:
    """The virtual environment of a project; None where there is none in it."""
    folders = (root / name for name in _ENVIRONMENTS)
    return next((folder for folder in folders if (folder / "bin" / "python").exists()), None)


def _of_environment(project: Project, environment: Path) -> Iterator[Remark]:
    register = "Register it: python -m ipykernel install --sys-prefix --name ..."
    specs = list(_specs(environment / "share" / "jupyter"))
    if not specs:
        yield problem(f"{environment.name} has no kernel", register)
        return
    own = [spec for spec in specs if spec.name != _STOCK]
    for spec in own or specs:
        if os.path.isabs(spec.executable) and not _lies_in(spec.executable, environment):
            text = f"the kernel {spec.name} runs {spec.executable}, outside of {environment.name}"
            yield problem(text, "Register it again, with this environment's interpreter.")
        missing = [name for name in _VARIABLES if not _is_below(spec.env.get(name), project.root)]
        if missing:
            yield warning(
                f"the kernel {spec.name} has no {' and no '.join(missing)} of this project",
                "Put them into env of its kernel.json: other programs start the kernel, too.",
            )
        yield good(f"{spec.name}, in {environment.name}")


def _specs(data: Path) -> Iterator[_Spec]:
    try:
        folders = sorted((data / "kernels").iterdir())
    except OSError:
        return
    for folder in folders:
        try:
            loaded: Any = json.loads((folder / "kernel.json").read_bytes())
            executable, env = loaded["argv"][0], loaded.get("env") or {}
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            continue
        if isinstance(executable, str) and isinstance(env, dict):
            yield _Spec(folder.name, folder, executable, {k: str(v) for k, v in env.items()})


def _users_folder() -> Path:
    """Where Jupyter has a user's data when no project says otherwise."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER_")}
    return runtime_directory(plain).parent


def _lies_in(executable: str, environment: Path) -> bool:
    # Not resolved: an environment's interpreter is a link to another one.
    return Path(os.path.normpath(executable)).is_relative_to(environment)


def _is_below(value: str | None, root: Path) -> bool:
    return value is not None and Path(os.path.normpath(value)).is_relative_to(root)
