"""What a notebook's metadata says of its kernel; oddities that nbformat lets pass say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode


def wanted_kernel(notebook: NotebookNode) -> str | None:
    """The kernelspec that the notebook names; None when it names none."""
    return _text(_section(notebook, "kernelspec").get("name")) or None


def notebook_language(notebook: NotebookNode) -> str:
    """The language that the notebook says it is in, in small letters; empty when it says none."""
    named = _text(_section(notebook, "language_info").get("name"))
    named = (named or _text(_section(notebook, "kernelspec").get("language"))).lower()
    return "python" if named == "ipython" else named


def is_python(notebook: NotebookNode) -> bool:
    """Whether the notebook is in Python, which one that says nothing is taken to be."""
    language = notebook_language(notebook) or wanted_kernel(notebook) or "python"
    return language.lower().startswith("python")


def _section(notebook: NotebookNode, name: str) -> dict[str, Any]:
    section = notebook.metadata.get(name)
    return section if isinstance(section, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
