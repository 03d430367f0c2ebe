"""Which command launches a kernel: by kernelspec, by interpreter, or by ours as a fallback."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import string
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from notebook_executor.errors import KernelStartError

_IPYKERNEL_ARGV = ("-m", "ipykernel_launcher", "-f", "{connection_file}")
_PYTHON_NAMES = {
    "python",
    f"python{sys.version_info[0]}",
    f"python{sys.version_info[0]}.{sys.version_info[1]}",
}


@dataclass(frozen=True)
class LaunchSpec:
    """How one kernel is launched.

    Attributes:
        name: The kernelspec's name.
        argv: The command, with ``{connection_file}`` still in it.
        env: What the kernelspec adds to the environment.
        language: The kernelspec's language; empty when unknown.
        interrupt_mode: ``signal`` or ``message``.
        is_ipykernel: Whether ipykernel's own arguments are understood.
        warning: What the user should be told about this choice; empty when nothing.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    interrupt_mode: str = "signal"
    resource_dir: str = ""
    is_ipykernel: bool = False
    warning: str = ""

    @property
    def executable(self) -> str:
        return self.argv[0]

    def command(self, connection_file: Path, extra: tuple[str, ...] = ()) -> list[str]:
        """The command line, placeholders filled in as jupyter_client fills them in."""
        values = {
            "connection_file": str(connection_file),
            "prefix": sys.prefix,
            "resource_dir": self.resource_dir,
        }
        pattern = re.compile(r"\{([A-Za-z0-9_]+)\}")
        return [
            pattern.sub(lambda found: values.get(found[1], found[0]), os.path.expanduser(argument))
            for argument in (*self.argv, *extra)
        ]

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The kernel's environment; ``${VAR}`` in the kernelspec is looked up in ``base``."""
        added = {
            name: string.Template(value).safe_substitute(base) for name, value in self.env.items()
        }
        return {**base, **added}


def find_launch_spec(
    kernel_name: str | None, *, python: str | None = None, wanted: str | None = None, language: str
) -> LaunchSpec:
    """Choose the kernel: ``python``, else ``kernel_name``, else what the notebook wants.

    Args:
        kernel_name: A kernelspec that was asked for by name; it must exist.
        python: An interpreter that has ipykernel.
        wanted: The kernelspec that the notebook names. Where it is missing and the language is
            Python, this interpreter's ipykernel stands in, with a warning.
        language: The notebook's language; empty when it says none.

    Raises:
        KernelStartError: There is no such kernelspec or interpreter.
    """
    if python is not None:
        return _interpreter(python)
    name = kernel_name or wanted
    if name is None:
        if language not in ("", "python"):
            raise _unknown(f"a kernel for {language}", language, "Name one with kernel_name.")
        return _own_ipykernel("python3")
    found = _installed(name)
    if found is not None:
        return found
    if kernel_name is None and _may_stand_in(name, language):
        warning = (
            f"The notebook's kernel {name!r} is not installed; it ran on {sys.executable} instead."
        )
        return replace(_own_ipykernel("python3"), warning="" if name == "python3" else warning)
    raise _unknown(f"the kernel {name!r}", name, "")


def _may_stand_in(name: str, language: str) -> bool:
    return language == "python" or (not language and "python" in name.lower())


def _installed(name: str) -> LaunchSpec | None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    from jupyter_core.paths import jupyter_path

    # By default IPython is asked for its folder too: that takes 30 ms to import, and makes one.
    folders = {} if _ipython_has_kernels() else {"kernel_dirs": jupyter_path("kernels")}
    try:
        spec = KernelSpecManager(**folders).get_kernel_spec(name)
        argv, env = _words(spec.argv), _texts(spec.env)
        language, mode = spec.language.lower(), _interrupt_mode(spec.interrupt_mode)
    except NoSuchKernel:
        return None
    except Exception as error:  # whatever jupyter_client makes of a kernel.json that is none
        raise KernelStartError(
            f"The kernelspec {name!r} cannot be used: {error}", hint="Install the kernel again."
        ) from error
    if argv[0] in _PYTHON_NAMES:
        argv[0] = sys.executable
    return LaunchSpec(
        name=name,
        argv=tuple(argv),
        env=env,
        language=language,
        interrupt_mode=mode,
        resource_dir=spec.resource_dir,
        is_ipykernel=any(word.startswith("ipykernel") for word in argv),
    )


def _ipython_has_kernels() -> bool:
    given = os.environ.get("IPYTHONDIR")
    settings = os.environ.get("XDG_CONFIG_HOME") or os.path.join("~", ".config")
    places = [given] if given else ["~/.ipython", os.path.join(settings, "ipython")]
    return any(os.path.isdir(os.path.join(os.path.expanduser(p), "kernels")) for p in places)


def _words(argv: object) -> list[str]:
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        raise ValueError("its argv is not a list of words")
    if len(argv) == 1 and " " in argv[0] and not os.path.exists(argv[0]):
        # traitlets takes a text for a list of one word.
        raise ValueError("its argv is a text, not a list of words")
    return list(argv)


def _texts(env: object) -> dict[str, str]:
    if not isinstance(env, dict) or not all(isinstance(value, str) for value in env.values()):
        raise ValueError("its env does not map names to texts")
    return {str(name): value for name, value in env.items()}


def _interrupt_mode(mode: object) -> str:
    if mode not in ("signal", "message"):
        raise ValueError(f"its interrupt_mode is {mode!r}, not 'signal' or 'message'")
    return str(mode)


def _own_ipykernel(name: str) -> LaunchSpec:
    return _installed(name) or _ipykernel_of(sys.executable, name)


def _interpreter(python: str) -> LaunchSpec:
    found = shutil.which(os.path.expanduser(python))
    if found is None:
        raise KernelStartError(
            f"The interpreter {python!r} does not exist or cannot be executed",
            hint="Give the path of a Python that has ipykernel installed.",
        )
    # Not resolved: a virtual environment's interpreter is a link, and the link is what finds it.
    return _ipykernel_of(os.path.abspath(found), "python3")


def _ipykernel_of(python: str, name: str) -> LaunchSpec:
    return LaunchSpec(
        name=name, argv=(python, *_IPYKERNEL_ARGV), language="python", is_ipykernel=True
    )


def _unknown(what: str, name: str, hint: str) -> KernelStartError:
    from jupyter_client.kernelspec import KernelSpecManager

    installed = sorted(KernelSpecManager().find_kernel_specs())
    close = difflib.get_close_matches(name, installed, n=1)
    listed = f"Installed are: {', '.join(installed) or 'none'}."
    meant = f"Did you mean {close[0]!r}?" if close else hint
    return KernelStartError(
        f"Cannot find {what}", hint=" ".join(part for part in (meant, listed) if part)
    )
