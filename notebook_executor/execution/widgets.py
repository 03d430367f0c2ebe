"""The front end's part of Jupyter widgets: their state, and Output widgets that capture outputs."""

from __future__ import annotations

import base64
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from notebook_executor.backends.protocol import Lease

if TYPE_CHECKING:
    from nbclient.output_widget import OutputWidget

_STATE_TYPE = "application/vnd.jupyter.widget-state+json"


class Widgets:
    """Widget models of one run, and the stack of Output widgets that stand in for cells.

    It is also the ``executor`` that nbclient's ``OutputWidget`` calls back: ``widget_state``,
    ``register_output_hook`` and ``remove_output_hook`` are named by it.
    """

    def __init__(self, lease: Lease) -> None:
        self.widget_state: dict[str, dict[str, Any]] = {}
        self._client = _Client(lease)
        self._buffers: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}
        self._hooks: dict[str, list[OutputWidget]] = defaultdict(list)
        self._output_widgets: dict[str, OutputWidget] = {}

    def hook(self, parent_id: str | None) -> OutputWidget | None:
        """The Output widget that captures what this request prints, if there is one."""
        hooks = self._hooks.get(parent_id or "")
        return hooks[-1] if hooks else None

    def register_output_hook(self, msg_id: str, hook: OutputWidget) -> None:
        self._hooks[msg_id].append(hook)

    def remove_output_hook(self, msg_id: str, hook: OutputWidget) -> None:
        if hook in self._hooks[msg_id]:
            self._hooks[msg_id].remove(hook)

    def handle(self, body: dict[str, Any]) -> None:
        """Take in a ``comm_*`` message."""
        content = body["content"]
        data = content.get("data") or {}
        comm_id = content["comm_id"]
        if "state" in data:
            self.widget_state.setdefault(comm_id, {}).update(data["state"])
            if data.get("buffer_paths"):
                self._take_buffers(comm_id, data["buffer_paths"], body["buffers"])
        if body["msg_type"] == "comm_open" and content.get("target_name") == "jupyter.widget":
            self._open(comm_id, data.get("state") or {})
        elif body["msg_type"] == "comm_msg" and comm_id in self._output_widgets:
            self._output_widgets[comm_id].handle_msg(body)

    def _open(self, comm_id: str, state: dict[str, Any]) -> None:
        if state.get("_model_module") != "@jupyter-widgets/output":
            return
        if state.get("_model_name") == "OutputModel":
            from nbclient.output_widget import OutputWidget

            client: Any = self._client
            self._output_widgets[comm_id] = OutputWidget(comm_id, state, client, self)

    def _take_buffers(self, comm_id: str, paths: list[list[str]], buffers: list[bytes]) -> None:
        kept = self._buffers.setdefault(comm_id, {})
        for path, buffer in zip(paths, buffers, strict=False):
            encoded = base64.b64encode(buffer).decode("ascii")
            kept[tuple(path)] = {"data": encoded, "encoding": "base64", "path": path}

    def metadata(self) -> dict[str, Any] | None:
        """The notebook's ``metadata.widgets``, in the format of ``@jupyter-widgets/schema``."""
        if not self.widget_state:
            return None
        models = {
            comm_id: self._model(comm_id, state)
            for comm_id, state in self.widget_state.items()
            if "_model_name" in state
        }
        return {_STATE_TYPE: {"state": models, "version_major": 2, "version_minor": 0}}

    def _model(self, comm_id: str, state: dict[str, Any]) -> dict[str, Any]:
        model = {
            "model_name": state.get("_model_name"),
            "model_module": state.get("_model_module"),
            "model_module_version": state.get("_model_module_version"),
            "state": state,
        }
        buffers = self._buffers.get(comm_id)
        return {**model, "buffers": list(buffers.values())} if buffers else model


class _Client:
    """The two attributes of a kernel client that nbclient's ``OutputWidget`` uses."""

    def __init__(self, lease: Lease) -> None:
        self.session = lease.channels.session
        self.shell_channel = self
        self._channels = lease.channels

    def send(self, message: dict[str, Any]) -> None:
        self._channels.send("shell", message)
