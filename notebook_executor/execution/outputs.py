"""Messages of the kernel turned into the outputs of the notebook's cells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from notebook_executor.execution.spilling import SpillPlace, spill_name
from notebook_executor.execution.streams import StreamText
from notebook_executor.scraps.collecting import is_scrap

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.execution.widgets import Widgets
    from notebook_executor.lifecycle.connection import Message

_RICH = {"execute_result", "display_data"}
_TIMED = {"busy": "iopub.status.busy", "idle": "iopub.status.idle"}
_NBCLIENTS_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_SMALL_ERROR = 1_000_000
_ASIDE = "[an output of {size:,} characters is in {path}]"
_MORE = "[{count} more outputs, {size:,} characters, are in {path}]"


class CellOutputs:
    """The outputs of one cell while messages for it may still come."""

    def __init__(self, index: int, cell: NotebookNode, place: SpillPlace) -> None:
        self.index = index
        self.cell = cell
        self.lost = False
        self._place = place
        self._streams: list[tuple[NotebookNode, StreamText]] = []
        self._clear_pending = False
        self._size = 0
        self._scrap_size = 0
        self._spilled = 0
        self._spilled_size = 0
        self._note: NotebookNode | None = None
        cell.outputs = []

    def clear(self, wait: bool) -> None:
        if wait:
            self._clear_pending = True
        else:
            self.cell.outputs = []
            for _, text in self._streams:
                text.settle()
            self._streams = []
            self._size = self._scrap_size = 0
            self._note = None

    def add_stream(self, name: str, chunk: str) -> None:
        self._clear_if_pending()
        last = self.cell.outputs[-1] if self.cell.outputs else None
        if not self._streams or self._streams[-1][0] is not last or last.name != name:
            if self._full:
                self._spill(_stream_output(name, chunk), len(chunk))
                return
            last = _stream_output(name, "")
            self.cell.outputs.append(last)
            self._streams.append((last, self._stream_text(name)))
        self._size += len(chunk)
        self._streams[-1][1].append(chunk)

    @property
    def _full(self) -> bool:
        return self._place.limit is not None and self._size >= self._place.limit

    def _stream_text(self, name: str) -> StreamText:
        limit = self._place.limit
        number = len(self._streams) + 1
        file = f"{self.index:04}-{self.cell.get('id', 'cell')}-{number}.{name}.txt"
        room = None if limit is None else limit - self._size
        return StreamText(room, lambda: self._place.path(file))

    def add_rich(self, output: NotebookNode) -> bool:
        """Add an output; False if it went to a file because the cell has too much already."""
        self._clear_if_pending()
        size = _size_of(output)
        scrap = is_scrap(output)
        small_error = output.output_type == "error" and size < _SMALL_ERROR
        if self._exceeds(size, scrap) and not small_error:
            self._spill(output, size)
            return False
        self._grow(size, scrap)
        self.cell.outputs.append(output)
        return True

    def update(self, output: NotebookNode, fresh: NotebookNode) -> None:
        """Have an output that the cell has show something else, or say in which file that is."""
        growth, scrap = _size_of(fresh) - _size_of(output), is_scrap(output)
        if growth > 0 and self._exceeds(growth, scrap):
            note = _ASIDE.format(size=_size_of(fresh), path=self._write_aside(fresh))
            fresh["data"], fresh["metadata"] = {"text/plain": note}, {}
            growth = _size_of(fresh) - _size_of(output)
        self._grow(growth, scrap)
        output["data"], output["metadata"] = fresh["data"], fresh["metadata"]

    def _exceeds(self, size: int, scrap: bool) -> bool:
        # Named outputs have room of their own: what a cell prints does not push them out.
        held = self._scrap_size if scrap else self._size
        return self._place.limit is not None and held + size > self._place.limit

    def _grow(self, size: int, scrap: bool) -> None:
        if scrap:
            self._scrap_size += size
        else:
            self._size += size

    def _spill(self, output: NotebookNode, size: int) -> None:
        from nbformat.v4 import new_output

        self._spilled += 1
        self._spilled_size += size
        where = self._write_aside(output)
        # The note is among the last ones: whatever is added after it is small.
        if self._note is None or not any(
            item is self._note for item in reversed(self.cell.outputs)
        ):
            self._note = new_output("display_data", data={}, metadata={})
            self.cell.outputs.append(self._note)
        text = _MORE.format(count=self._spilled, size=self._spilled_size, path=where)
        self._note.data["text/plain"] = text

    def _write_aside(self, output: NotebookNode) -> str:
        """Append an output to the cell's file; where that is, in words."""
        path = self._place.path(spill_name(self.index, self.cell))
        if path is None:
            self.lost = True
            return "no file: nowhere to write"
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            json.dump(output, file, ensure_ascii=False)
            file.write("\n")
        return str(path)

    def sync(self) -> None:
        """Bring the notebook's stream outputs up to date with what has arrived."""
        for output, text in self._streams:
            output.text = text.text()
            self.lost = self.lost or text.lost

    def _clear_if_pending(self) -> None:
        if self._clear_pending:
            self._clear_pending = False
            self.clear(wait=False)

    def finish(self) -> None:
        """Complete the cell; it takes little more room than its outputs from now on."""
        for _, text in self._streams:
            text.settle()
        self.sync()


class NotebookOutputs:
    """Routes messages to cells by the request they answer, late ones to earlier cells included."""

    def __init__(
        self,
        widgets: Widgets,
        place: SpillPlace,
        on_output: Callable[[int, NotebookNode, Callable[[], None]], None],
        on_late: Callable[[int], None],
    ) -> None:
        self._widgets = widgets
        self._place = place
        self._on_output = on_output
        self._on_late = on_late
        self._cells: dict[str, CellOutputs] = {}
        self._displays: dict[str, list[tuple[CellOutputs, NotebookNode]]] = {}
        self._current: CellOutputs | None = None
        self._late: dict[int, CellOutputs] = {}

    def begin(self, index: int, cell: NotebookNode) -> None:
        """Clear the cell's outputs and get ready for new ones."""
        self._current = CellOutputs(index, cell, self._place)
        cell.metadata["execution"] = {}

    def expect(self, request_id: str) -> None:
        """Name the request whose answers belong to the current cell."""
        assert self._current is not None
        self._cells[request_id] = self._current

    def finish(self) -> bool:
        """Complete the current cell; False if something of its outputs was lost."""
        self._finish_late()
        if self._current is None:
            return True
        self._current.finish()
        return not self._current.lost

    def _finish_late(self) -> None:
        for cell in self._late.values():
            cell.finish()
        self._late.clear()

    def sync(self) -> None:
        """Bring the notebook up to date with what has arrived; costs what it has changed."""
        if self._current is not None:
            self._current.sync()
        self._finish_late()

    def handle(self, message: Message) -> None:
        """Take in one IOPub message; messages of nobody's request are ignored."""
        cell = self._cells.get(message.parent_id or "")
        if cell is None:
            return
        self._note_late(cell)
        content = message.content
        if "execution_count" in content and content["execution_count"] is not None:
            cell.cell["execution_count"] = content["execution_count"]
        self._record_time(cell, message)
        display_id = (content.get("transient") or {}).get("display_id")
        if display_id and message.type in (*_RICH, "update_display_data"):
            self._update_displays(display_id, content)
        if message.type.startswith("comm_"):
            self._widgets.handle(message.body)
        elif message.type == "clear_output":
            self._clear(cell, message)
        elif message.type in _RICH or message.type in ("stream", "error"):
            self._add(cell, message, display_id)

    def _note_late(self, cell: CellOutputs) -> None:
        if cell is not self._current:
            self._late[cell.index] = cell
            self._on_late(cell.index)

    def _record_time(self, cell: CellOutputs, message: Message) -> None:
        name = None
        if message.type == "status":
            name = _TIMED.get(message.content.get("execution_state", ""))
        elif message.type == "execute_input":
            name = "iopub.execute_input"
        if name is not None:
            record_time(cell.cell, name, message.body)

    def _clear(self, cell: CellOutputs, message: Message) -> None:
        hook = self._widgets.hook(message.parent_id)
        if hook is not None:
            hook.clear_output(cell.cell.outputs, message.body, cell.index)
        else:
            cell.clear(bool(message.content.get("wait")))

    def _add(self, cell: CellOutputs, message: Message, display_id: str | None) -> None:
        output = _output_of(message)
        hook = self._widgets.hook(message.parent_id)
        if hook is not None:
            hook.output(cell.cell.outputs, message.body, display_id, cell.index)
            return
        if message.type == "stream":
            cell.add_stream(output.name, output.text)
        elif cell.add_rich(output) and display_id:
            self._displays.setdefault(display_id, []).append((cell, output))
        self._on_output(cell.index, output, self.sync)

    def _update_displays(self, display_id: str, content: dict[str, Any]) -> None:
        from nbformat.v4 import new_output

        for cell, output in self._displays.get(display_id, ()):
            fresh = new_output(
                "display_data", data=content["data"], metadata=content.get("metadata") or {}
            )
            self._note_late(cell)
            cell.update(output, fresh)


def _output_of(message: Message) -> NotebookNode:
    """The notebook's form of an output message.

    Raises:
        ValueError: It is not as the notebook's schema has it. (nbformat checks it; for a stream's
            two texts that would cost more than all else.)
    """
    if message.type == "stream":
        return _stream_output(message.content["name"], message.content["text"])
    from nbformat.v4 import output_from_msg

    output: NotebookNode = output_from_msg(message.body)
    return output


def _stream_output(name: Any, text: Any) -> NotebookNode:
    from nbformat import NotebookNode

    if not isinstance(name, str) or not isinstance(text, str):
        raise ValueError("a stream has a name and a text")
    return NotebookNode(output_type="stream", name=name, text=text)


def record_time(cell: NotebookNode, name: str, body: dict[str, Any]) -> None:
    """Note in the cell's metadata when a message was sent, in nbclient's format."""
    date = body["header"].get("date")
    if isinstance(date, str) and not _NBCLIENTS_DATE.fullmatch(date):
        date = _date(date)
    if isinstance(date, datetime):
        date = date.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if date is not None:
        cell.metadata["execution"][name] = date


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _size_of(output: NotebookNode) -> int:
    if output.output_type == "error":
        return sum(len(line) for line in output.traceback)
    return sum(
        len(value) if isinstance(value, str) else len(json.dumps(value))
        for value in output.data.values()
    )
