"""What stock papermill left, turned into what we must leave: a function for each difference."""

from __future__ import annotations

import math
from typing import Any

from ipykernel.ipkernel import IPythonKernel

from .cases import Json

_MARKER = "papermill-error-cell-tag"


def remove_error_markers(view: Json) -> None:
    notebook = view["notebook"]
    notebook["cells"] = [
        cell for cell in notebook["cells"] if _MARKER not in cell["metadata"].get("tags", ())
    ]


def succeed(view: Json) -> None:
    view["outcome"], view["failure"] = "success", None


def refuse(view: Json) -> None:
    view["outcome"] = "error"
    view["failure"] = {"index": None, "ename": "invalid_parameters", "evalue": ""}
    view["notebook"] = None


def take_workaround(view: Json) -> None:
    workaround = view.pop("workaround")
    view.update(workaround)


def complete_the_exit(view: Json) -> None:
    for metadata in _papermill_of_cells(view):
        if metadata["status"] == "failed":
            metadata.update(status="completed", exception=False)
    view["notebook"]["metadata"]["papermill"]["exception"] = None


def stop_at_the_traceback(view: Json) -> None:
    cells = view["notebook"]["cells"]
    shown = next(
        index
        for index, cell in enumerate(cells)
        if any(output["output_type"] == "error" for output in cell.get("outputs", ()))
    )
    cells[shown]["metadata"]["papermill"].update(status="failed", exception=True)
    for cell in cells[shown + 1 :]:
        cell.update(outputs=[], execution_count=None)
        del cell["metadata"]["execution"]
        cell["metadata"]["papermill"] = {
            "status": "pending",
            **dict.fromkeys(("exception", "start_time", "end_time", "duration")),
        }
    view["notebook"]["metadata"]["papermill"]["exception"] = True


def tell_the_death(view: Json) -> None:
    cells = view["notebook"]["cells"]
    running = max(index for index, cell in enumerate(cells) if "execution" in cell["metadata"])
    view["failure"] = {"index": running, "ename": "KernelDiedError", "evalue": ""}
    cells[running]["metadata"]["papermill"].update(status="failed", exception=True)
    for cell in cells[running + 1 :]:
        cell["metadata"]["papermill"]["status"] = "pending"
    metadata = view["notebook"]["metadata"]
    metadata["papermill"]["exception"] = True
    metadata["language_info"] = dict(IPythonKernel.language_info)


def obey_controls(view: Json) -> None:
    for output in _outputs(view):
        if output["output_type"] == "stream":
            output["text"] = _as_on_screen(output["text"])


def _as_on_screen(text: str) -> str:
    """The text as JupyterLab shows it.

    A carriage return goes back to the start of the line, text overwrites, a backspace deletes.
    """
    lines: list[list[str]] = [[]]
    column = 0
    for character in text:
        if character == "\n":
            lines.append([])
            column = 0
        elif character == "\r":
            column = 0
        elif character == "\b":
            column = max(column - 1, 0)
            del lines[-1][column : column + 1]
        else:
            lines[-1][column : column + 1] = [character]
            column += 1
    return "\n".join("".join(line) for line in lines)


def keep_late_output(view: Json) -> None:
    view["notebook"]["cells"][0]["outputs"] += [
        {"name": "stdout", "output_type": "stream", "text": "late\n"},
        {"data": {"text/plain": "'late too'"}, "metadata": {}, "output_type": "display_data"},
    ]


def null_non_finite(view: Json) -> None:
    view["notebook"] = finite(view["notebook"])


def finite(value: Any) -> Any:
    """The value with null for what JSON has no word for."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def find_the_file(view: Json) -> None:
    for output in _outputs(view):
        if output["data"]["text/plain"] == "False":
            output["data"]["text/plain"] = "True"


def name_silent_errors(view: Json) -> None:
    names = {
        "%no_such_magic 1": ("UsageError", "Line magic function `%no_such_magic` not found."),
        "raise LookupError('custom')": ("LookupError", "custom"),
    }
    for cell in view["notebook"]["cells"]:
        if cell["source"] in names:
            ename, evalue = names[cell["source"]]
            view["failure"].update(ename=ename, evalue=evalue)


def name_nameless_errors(view: Json) -> None:
    view["failure"]["ename"] = "CellFailedError"


def name_the_run(view: Json) -> None:
    if view["notebook"] is not None:
        view["notebook"]["metadata"]["nbx"] = {"run_id": "<run>"}


def _papermill_of_cells(view: Json) -> list[Json]:
    return [cell["metadata"]["papermill"] for cell in view["notebook"]["cells"]]


def _outputs(view: Json) -> list[Json]:
    return [output for cell in view["notebook"]["cells"] for output in cell.get("outputs", ())]
