"""From the notebook as read to the notebook as it goes to the kernel."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.cells import check_runnable, find_cell, has_tag
from notebook_executor.documents.kernel_metadata import notebook_language, wanted_kernel
from notebook_executor.documents.reading import adopt, parse_notebook, read_file
from notebook_executor.documents.volatile import OUTPUTS_OF, TOOL_CALLS, without_paths
from notebook_executor.documents.writing import serialise
from notebook_executor.errors import DocumentError
from notebook_executor.execution.parameters import (
    check_parameters,
    check_types,
    inject_parameters,
    load_parameters,
)
from notebook_executor.execution.plan import Plan, sha256
from notebook_executor.execution.secrets import assignments, masked, revealed

if TYPE_CHECKING:
    from nbformat import NotebookNode

_ERROR_MARKER = "papermill-error-cell-tag"
_INJECTED = "injected-parameters"
_ALWAYS_RUN = ("parameters", _INJECTED)


@dataclass(frozen=True)
class Prepared:
    """A notebook that is ready to run.

    Attributes:
        notebook: Parameterized, outputs cleared, papermill's metadata in place.
        input_indices: For each cell of it, its index in the input; None for the injected cell.
        selected: Indices of the code cells that are to run.
        host_view: Whether the kernel is to see the host's processes.
        env: What the kernel's environment needs for the parameters.
        secrets: The values of the secret parameters; ``parameters`` has a mask in their place.
        aside: What sets them, and the index of the cell that it follows; in no cell.
    """

    notebook: NotebookNode
    input_indices: tuple[int | None, ...]
    selected: frozenset[int]
    parameters: dict[str, Any]
    source_sha256: str
    wanted_kernel: str | None
    language: str
    host_view: bool
    env: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    aside: tuple[int, str] | None = field(default=None, repr=False)


def read_source(plan: Plan) -> tuple[NotebookNode, str]:
    """The input notebook, and the hash of its bytes.

    Raises:
        DocumentError: It is missing, unreadable, or not a notebook.
    """
    node = plan.request.node
    if node is not None:
        notebook = adopt(node)
        return notebook, sha256(serialise(notebook))
    assert plan.source is not None
    data = read_file(plan.source)
    return parse_notebook(data, str(plan.input_path)), sha256(data)


def prepare(plan: Plan, notebook: NotebookNode, source_sha256: str) -> Prepared:
    """Check parameters and selection, and make the notebook that is to run.

    Raises:
        ParameterError: A parameter is unknown or would not arrive as passed.
        DocumentError: The notebook, or the selection of its cells, is not valid.
    """
    check_runnable(notebook)
    if plan.request.adapt is not None:
        plan.request.adapt(notebook)
    positions = {cell.id: index for index, cell in enumerate(notebook.cells)}
    chosen = _selected_ids(plan, notebook)
    parameters = load_parameters(plan.parameters)
    declared = check_parameters(notebook, parameters)
    wanted = wanted_kernel(notebook)
    language = notebook_language(notebook)
    _add_papermill_metadata(notebook)
    _remove_error_markers(notebook)
    env: dict[str, str] = {}
    code, secrets = "", revealed(parameters)
    kernel_name = plan.request.kernel_name or wanted or "python3"
    if secrets:
        code = assignments(secrets, kernel_name, language or "python")
    shown = {name: value for name, value in parameters.items() if name not in secrets}
    if shown:
        notebook, env = inject_parameters(notebook, shown, kernel_name, language or "python")
        _name_injected_cell(notebook, positions, chosen)
    if parameters:
        check_types(declared, parameters | secrets, secrets)
    _reset(plan, notebook)
    if secrets:
        notebook.metadata.papermill["parameters"] = masked(parameters)
    return Prepared(
        notebook=notebook,
        input_indices=tuple(positions.get(cell.id) for cell in notebook.cells),
        selected=frozenset(i for i, cell in enumerate(notebook.cells) if cell.id in chosen),
        parameters=masked(parameters),
        source_sha256=source_sha256,
        wanted_kernel=wanted,
        language=language,
        host_view=_host_view(plan, notebook),
        env=env,
        secrets=secrets,
        aside=(_last_parameters_cell(notebook), code) if secrets else None,
    )


def _last_parameters_cell(notebook: NotebookNode) -> int:
    return max(
        index
        for index, cell in enumerate(notebook.cells)
        if any(has_tag(cell, tag) for tag in _ALWAYS_RUN)
    )


def _host_view(plan: Plan, notebook: NotebookNode) -> bool:
    """What the caller says, else what the notebook's ``metadata.nbx.host_view`` does."""
    if plan.request.host_view is not None:
        return plan.request.host_view
    return notebook.metadata["nbx"].get("host_view") is True


def _selected_ids(plan: Plan, notebook: NotebookNode) -> set[str]:
    """Ids of the code cells to run; parameters cells run whatever is selected."""
    request = plan.request
    first = 0 if request.from_cell is None else find_cell(notebook, request.from_cell)
    last = len(notebook.cells) - 1
    if request.until_cell is not None:
        last = find_cell(notebook, request.until_cell)
    if last < first and notebook.cells:
        raise DocumentError(
            f"until_cell {request.until_cell!r} lies before from_cell {request.from_cell!r}",
            hint="Swap them.",
            kind="not_found",
        )
    only, skip = request.only_tags, request.skip_tags
    _check_tags(notebook, (*only, *skip))
    chosen = set()
    for index, cell in enumerate(notebook.cells):
        inside = first <= index <= last and (not only or any(has_tag(cell, tag) for tag in only))
        wanted = inside and not any(has_tag(cell, tag) for tag in skip)
        if cell.cell_type == "code" and (wanted or any(has_tag(cell, t) for t in _ALWAYS_RUN)):
            chosen.add(cell.id)
    return chosen


def _check_tags(notebook: NotebookNode, tags: tuple[str, ...]) -> None:
    for tag in tags:
        find_cell(notebook, f"tag:{tag}")


def _add_papermill_metadata(notebook: NotebookNode) -> None:
    """What ``papermill.iorw.load_notebook_node`` adds to a notebook that it reads."""
    from nbformat import from_dict

    if not isinstance(notebook.metadata.get("papermill"), dict):
        notebook.metadata["papermill"] = from_dict(
            {
                "default_parameters": {},
                "parameters": {},
                "environment_variables": {},
                "version": _papermill_version(),
            }
        )
    for cell in notebook.cells:
        cell.metadata.setdefault("tags", [])


@cache
def _papermill_version() -> str:
    # Its metadata is parsed as an e-mail, which takes as long as all the rest of the preparation.
    return version("papermill")


def _remove_error_markers(notebook: NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if not has_tag(cell, _ERROR_MARKER)]


def _name_injected_cell(
    notebook: NotebookNode, positions: dict[str, int], chosen: set[str]
) -> None:
    """Give the new cell an id that two runs agree on, where papermill draws one by lot."""
    cell = next((cell for cell in notebook.cells if has_tag(cell, _INJECTED)), None)
    if cell is None:
        return
    name = _INJECTED
    while name in positions:
        name += "-new"
    cell["id"] = name
    chosen.add(name)


def _reset(plan: Plan, notebook: NotebookNode) -> None:
    """What papermill's ``notebook_start`` does, and our run's id."""
    from nbformat import NotebookNode, from_dict

    notebook.metadata.papermill.update(
        input_path=str(plan.input_path) if plan.input_path else None,
        output_path=str(plan.output_path) if plan.output_path else None,
        start_time=plan.started_at.isoformat(),
        end_time=None,
        duration=None,
        exception=None,
    )
    ours = notebook.metadata.get("nbx")
    kept = ours if isinstance(ours, dict) else {}
    notebook.metadata["nbx"] = from_dict({**kept, "run_id": plan.run_id})
    for cell in notebook.cells:
        cell.metadata["papermill"] = NotebookNode(
            exception=None, start_time=None, end_time=None, duration=None, status="pending"
        )
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = []
            if "nbx" in cell.metadata:
                cell.metadata = from_dict(without_paths(cell.metadata, (OUTPUTS_OF, *TOOL_CALLS)))
