"""Kernelspecs that name our provisioner: written, found and removed."""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from notebook_executor.errors import UsageError

PROVISIONER = "notebook-executor-provisioner"

Transport = Literal["ipc", "tcp"]
Containment = Literal["auto", "subreaper", "namespace"]

_DEFAULT = "python3"
_SPEC_FILE = "kernel.json"
_STANZA = "kernel_provisioner"
# Jupyter allows for a leading separator too; such a name would be a hidden directory or an option.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.IGNORECASE)
_PYTHON = re.compile(r"python(3(\.\d+)?)?")


@dataclass(frozen=True)
class InstalledKernel:
    """A kernelspec that Jupyter finds.

    Attributes:
        ours: Whether it names our provisioner.
        transport: What that is told; None where it is not ours.
        containment: Likewise.
    """

    name: str
    display_name: str
    language: str
    directory: Path
    ours: bool
    transport: str | None = None
    containment: str | None = None


def install_kernel(
    name: str | None = None,
    *,
    of: str | None = None,
    display_name: str | None = None,
    transport: Transport = "ipc",
    containment: Containment = "auto",
    prefix: str | Path = sys.prefix,
) -> InstalledKernel:
    """Write a kernelspec that launches an installed kernel through our provisioner.

    Command, language, environment, interrupt mode and resource files are the wrapped kernel's;
    a command ``python`` becomes this interpreter. An earlier one of ours is replaced.

    Args:
        name: Of the new kernelspec; ``nbx-`` and the wrapped one's by default.
        of: The kernel to wrap; this environment's Python by default.
        display_name: What a user reads; the wrapped one's and ``(contained)`` by default.
        transport: How it is talked to; ``tcp`` for a kernel that cannot speak IPC.
        containment: See ``ContainedProvisioner.containment``.
        prefix: The environment to install into.

    Raises:
        UsageError: There is no such kernel, the name is not valid or another kernelspec's, or
            the prefix cannot be written.
    """
    wrapped = _find(of or _DEFAULT)
    chosen = _checked(name or f"nbx-{wrapped.name}")
    config = {"transport": transport, "containment": containment}
    document = _wrapping(wrapped, display_name, config)
    target = Path(os.path.abspath(prefix)) / "share" / "jupyter" / "kernels" / chosen
    if os.path.lexists(target) and not _is_ours(_document_in(target)):
        raise UsageError(
            f"There is another kernelspec at {target}", hint="Choose another name, or remove it."
        )
    hint = "Name an environment of yours as the prefix."
    with _explained(f"The kernelspec could not be written to {target}", hint):
        _write(wrapped.directory, document, target)
    return _described(chosen, target, document)


def list_kernels() -> list[InstalledKernel]:
    """All kernelspecs that Jupyter finds and can read, by name."""
    from jupyter_client.kernelspec import KernelSpecManager

    found = (
        _described(name, Path(entry["resource_dir"]), entry["spec"])
        for name, entry in KernelSpecManager().get_all_specs().items()
    )
    return sorted(found, key=lambda kernel: kernel.name)


def remove_kernel(name: str) -> InstalledKernel:
    """Remove a kernelspec of ours, wherever Jupyter finds it.

    Raises:
        UsageError: There is no such kernelspec, it is not ours, or it cannot be removed.
    """
    directories = _directories()
    directory = Path(directories.get(name.lower()) or _missing(name, directories))
    document = _document_in(directory)
    if not _is_ours(document):
        raise UsageError(
            f"The kernelspec {name!r} at {directory} is not one of ours",
            hint=f"jupyter kernelspec remove {name} removes it.",
        )
    removed = _described(name.lower(), directory, document)
    hint = "Ask whoever owns that environment to remove it."
    with _explained(f"The kernelspec at {directory} could not be removed", hint):
        _remove(directory)
    return removed


def is_searched(kernel: InstalledKernel) -> bool:
    """Whether Jupyter, as this process is set up, looks where the kernelspec is."""
    return _directories().get(kernel.name) == str(kernel.directory)


@dataclass(frozen=True)
class _Wrapped:
    name: str
    directory: Path
    document: dict[str, Any]


def _find(name: str) -> _Wrapped:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    from traitlets import TraitError

    try:
        spec = KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        _missing(name, _directories())
    except (OSError, ValueError, TypeError, TraitError) as error:
        raise UsageError(
            f"The kernelspec {name!r} cannot be read: {error}", hint="Install the kernel again."
        ) from error
    document = spec.to_dict()
    other = document["metadata"].get(_STANZA)
    if other and not _is_ours(document):
        raise UsageError(
            f"The kernel {name!r} has a provisioner of its own, {other.get('provisioner_name')!r}",
            hint="Wrap a kernel that is launched on this machine.",
        )
    if not document["argv"]:
        raise UsageError(f"The kernelspec {name!r} has an empty argv", hint="Install it again.")
    return _Wrapped(name.lower(), Path(spec.resource_dir), document)


def _missing(name: str, installed: Mapping[str, str]) -> Any:
    close = difflib.get_close_matches(name, installed, n=1)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    raise UsageError(
        f"There is no kernel {name!r}",
        hint=f"{meant}Installed are: {', '.join(sorted(installed)) or 'none'}.",
    )


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a name for a kernelspec",
            hint="Use ASCII letters, digits, '-', '.' and '_', a letter or digit first.",
        )
    # As Jupyter does, which looks for the lower-case name.
    return name.lower()


def _wrapping(
    wrapped: _Wrapped, display_name: str | None, config: Mapping[str, str]
) -> dict[str, Any]:
    document = dict(wrapped.document)
    first, *rest = document["argv"]
    if _PYTHON.fullmatch(first):
        first = sys.executable
    shown = document["display_name"]
    if not _is_ours(document):
        shown = f"{shown} (contained)"
    stanza = {"provisioner_name": PROVISIONER, "config": dict(config)}
    return {
        **document,
        "argv": [first, *rest],
        "display_name": display_name or shown,
        "metadata": {**document["metadata"], _STANZA: stanza},
    }


def _write(resources: Path, document: Mapping[str, Any], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the folder of kernelspecs, on the same disk: half a kernelspec is never found.
    with tempfile.TemporaryDirectory(prefix=".nbx-", dir=target.parents[1]) as made:
        new = Path(made) / target.name
        shutil.copytree(resources, new, ignore=shutil.ignore_patterns(_SPEC_FILE, "__pycache__"))
        new.chmod(0o755)
        (new / _SPEC_FILE).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        if os.path.lexists(target):
            _remove(target)
        new.rename(target)


def _remove(directory: Path) -> None:
    if directory.is_symlink():
        directory.unlink()
    else:
        shutil.rmtree(directory)


@contextmanager
def _explained(what: str, hint: str) -> Iterator[None]:
    try:
        yield
    except (OSError, shutil.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{what}: {reason}", hint=hint) from error


def _directories() -> dict[str, str]:
    from jupyter_client.kernelspec import KernelSpecManager

    found: dict[str, str] = KernelSpecManager().find_kernel_specs()
    return found


def _document_in(directory: Path) -> dict[str, Any]:
    """The content of a kernel.json; empty when it cannot be read."""
    try:
        loaded = json.loads((directory / _SPEC_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _stanza(document: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = document.get("metadata")
    stanza = metadata.get(_STANZA) if isinstance(metadata, dict) else None
    return stanza if isinstance(stanza, dict) else {}


def _is_ours(document: Mapping[str, Any]) -> bool:
    return _stanza(document).get("provisioner_name") == PROVISIONER


def _described(name: str, directory: Path, document: Mapping[str, Any]) -> InstalledKernel:
    ours = _is_ours(document)
    config = _stanza(document).get("config") or {} if ours else {}
    return InstalledKernel(
        name=name,
        display_name=str(document.get("display_name", name)),
        language=str(document.get("language", "")),
        directory=directory,
        ours=ours,
        transport=config.get("transport", "ipc") if ours else None,
        containment=config.get("containment", "auto") if ours else None,
    )
