"""What a project is called, and where it keeps what: read, never guessed twice."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notebook_executor.errors import UsageError

_PYPROJECT = "pyproject.toml"
_TABLE = "[tool.notebook_executor.project]"
_KEYS = ("name", "display-name", "notebooks")
_CONVENTIONAL = "notebooks"
_NOT_IN_A_KERNEL_NAME = re.compile(r"[^a-z0-9.-]+")


@dataclass(frozen=True)
class Project:
    """One project of this machine, and where its conventional files lie.

    Attributes:
        root: Its folder, absolute and without symbolic links.
        name: What it calls itself.
        display_name: What people read.
        notebooks: The folder that a server shows first, absolute.
    """

    root: Path
    name: str
    display_name: str
    notebooks: Path

    @property
    def kernel_name(self) -> str:
        """The project's own kernelspec: its name in the letters that Jupyter allows for there."""
        return _NOT_IN_A_KERNEL_NAME.sub("-", self.name.lower()).strip("-.") or "project"

    @property
    def environment(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter of the project's own environment, which may not be there yet."""
        return self.environment / "bin" / "python"

    @property
    def runtime(self) -> Path:
        return self.root / ".jupyter_runtime"

    @property
    def token_file(self) -> Path:
        return self.runtime / "token"

    @property
    def logs(self) -> Path:
        return self.root / ".logs"

    @property
    def log(self) -> Path:
        return self.logs / "jupyter.log"

    @property
    def pid_file_folders(self) -> tuple[Path, ...]:
        """Where a PID file may be: the conventional place, then the one that is read as well."""
        return self.logs, self.root / ".run"

    @property
    def isolation(self) -> dict[str, str]:
        """The variables that keep Jupyter's state inside of the project, and the folders."""
        return {
            "JUPYTER_CONFIG_DIR": str(self.root / ".jupyter_config"),
            "JUPYTER_DATA_DIR": str(self.root / ".jupyter_data"),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "IPYTHONDIR": str(self.root / ".ipython"),
            "MPLCONFIGDIR": str(self.root / ".cache" / "matplotlib"),
        }


def read_project(
    root: str | os.PathLike[str], environment: Mapping[str, str] | None = None
) -> Project:
    """Read what a folder's pyproject.toml and the environment say of its project.

    First ``NBX_PROJECT_NAME``, ``NBX_PROJECT_DISPLAY_NAME`` and ``NBX_PROJECT_NOTEBOOKS`` count,
    then ``name``, ``display-name`` and ``notebooks`` of ``[tool.notebook_executor.project]``, then
    ``name`` of ``[project]``, then the folder's own name. Notebooks lie in ``notebooks`` where
    there is such a folder, else in the root.

    Args:
        root: The project's folder.
        environment: The variables that count; None for this process's. Whoever looks at several
            projects passes an empty one.

    Raises:
        UsageError: There is no such folder, or what pyproject.toml says cannot be used.
    """
    variables = os.environ if environment is None else environment
    folder = Path(root).resolve()
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}", hint="Name the project's root.")
    document = _document(folder / _PYPROJECT)
    own = _own_table(document)
    name = variables.get("NBX_PROJECT_NAME") or own.get("name") or _package_name(document)
    name = name or folder.name or "project"
    return Project(
        root=folder,
        name=name,
        display_name=variables.get("NBX_PROJECT_DISPLAY_NAME") or own.get("display-name") or name,
        notebooks=_notebooks(
            folder, variables.get("NBX_PROJECT_NOTEBOOKS") or own.get("notebooks")
        ),
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint="Mend the file.") from error


def _own_table(document: Mapping[str, Any]) -> dict[str, str]:
    table = _table(_table(_table(document, "tool"), "notebook_executor"), "project")
    for key, value in table.items():
        if key not in _KEYS:
            raise UsageError(
                f"{_PYPROJECT}: {_TABLE} has no key {key!r}",
                hint=f"Its keys are {', '.join(_KEYS)}.",
            )
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise UsageError(
                f"{_PYPROJECT}: {key} of {_TABLE} is not a text of one line: {value!r:.80}",
                hint="Write it in quotes.",
            )
    return table


def _table(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = document.get(name)
    return table if isinstance(table, dict) else {}


def _package_name(document: Mapping[str, Any]) -> str | None:
    name = _table(document, "project").get("name")
    return name if isinstance(name, str) else None


def _notebooks(root: Path, wanted: str | None) -> Path:
    if wanted is None:
        conventional = root / _CONVENTIONAL
        return conventional if conventional.is_dir() else root
    folder = Path(os.path.normpath(root / wanted))
    if not folder.is_relative_to(root):
        raise UsageError(
            f"The folder of notebooks, {wanted}, is not inside of the project {root}",
            hint="Name a folder below the project's root.",
        )
    return folder
