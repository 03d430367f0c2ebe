"""Telling a Jupyter server by its command line."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

_PYTHON = re.compile(r"(?:python|pypy)[\d.]*t?")
_SCRIPTS = frozenset(
    {
        *("jupyter-lab", "jupyter-labhub", "jupyter-notebook", "jupyter-nbclassic"),
        *("jupyter-server", "jupyterhub-singleuser"),
    }
)
_MODULES = frozenset(
    {
        *("jupyterlab", "jupyter_server", "notebook", "nbclassic"),
        *("jupyterlab.labapp", "jupyter_server.serverapp", "notebook.app", "nbclassic.notebookapp"),
        "jupyterhub.singleuser",
    }
)
# What these programs do besides serving: as a first word, and as an option.
_OTHERWISE = frozenset(
    {
        *("list", "stop", "password", "extension", "extensions", "labextension", "build", "clean"),
        *("path", "paths", "workspace", "workspaces", "license", "licenses"),
    }
)
_ASKING = frozenset(
    {
        *("-h", "--help", "--help-all", "--version", "--generate-config"),
        *("--show-config", "--show-config-json"),
    }
)
# Options of the interpreter that take the next word.
_WITH_VALUE = frozenset({"-W", "-X", "--check-hash-based-pycs"})


def is_server_command(words: Sequence[str]) -> bool:
    """Whether a command line is that of a Jupyter server that serves.

    ``jupyter lab`` has been replaced by ``jupyter-lab`` when it runs; a shell that is told to run
    one is none.
    """
    rest = list(words)
    if rest and _PYTHON.fullmatch(os.path.basename(rest[0])):
        rest = _after_interpreter(rest[1:])
    if not rest:
        return False
    program, *arguments = rest
    serves = program in _MODULES or os.path.basename(program).removesuffix(".py") in _SCRIPTS
    return serves and not _OTHERWISE & set(arguments[:1]) and not _ASKING & set(arguments)


def _after_interpreter(words: list[str]) -> list[str]:
    """The module or script that an interpreter runs, and its arguments; nothing for other uses."""
    while words:
        word, *words = words
        if word in _WITH_VALUE:
            words = words[1:]
        elif word.startswith(("-W", "-X", "--")):
            continue
        elif word.startswith("-") and word.endswith("m"):
            # The module's name follows, and options may be joined: -Im.
            return words if words and words[0] in _MODULES else []
        elif not word.startswith("-"):
            return [word, *words] if word not in _MODULES else []
        elif word == "-" or "c" in word:
            return []
    return []
