"""A run's ``journal.jsonl``: what is needed to rebuild its notebook, whatever is killed.

A line each, in this order, every one a JSON object:

- ``{"run_id", "started_at", "input_path", …}``: what the run is (``records.header_of``);
- ``{"notebook", "input_indices", "selected", …}``: what goes to the kernel, without outputs;
- ``{"kernel", "language_info"}``: where it goes to;
- ``{"running"}``: the index of a cell that begins;
- ``{"cell", "id", "status", "outputs", …}``: a cell that has finished; again when its outputs
  have changed since. The last line of a cell counts.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from json.encoder import encode_basestring
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.execution.saving import Pace
from notebook_executor.text import json_form

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.execution.engine import CellOutcome
    from notebook_executor.execution.preparation import Prepared
    from notebook_executor.models import KernelReport

_BLOCK = 1 << 20  # characters
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


class Journal:
    """Appends to a journal: what a line costs depends on its cell alone.

    A line is the system's when ``append`` returns, so that no kill of any process takes it back.
    It is forced to the disk at a bounded share of the run's time: a power cut may cost the cells
    that have finished in the last second or so.

    Args:
        path: The file, which ``records.RunRecord.begin`` has begun.
        on_problem: Told once, when the journal cannot be written any more.
    """

    def __init__(self, path: Path, on_problem: Callable[[str], None]) -> None:
        self._file = path.open("ab", buffering=0)
        self._on_problem = on_problem
        self._pace = Pace()
        self._unforced = False
        self._broken = False

    def prepared(self, prepared: Prepared, git_commit: str | None) -> None:
        self.append(
            {
                "notebook": prepared.notebook,
                "input_indices": prepared.input_indices,
                "selected": sorted(prepared.selected),
                "parameters": json_form(prepared.parameters),
                "source_sha256": prepared.source_sha256,
                "language": prepared.language,
                "git_commit": git_commit,
            }
        )

    def kernel(self, report: KernelReport, language_info: dict[str, Any]) -> None:
        self.append({"kernel": report.model_dump(mode="json"), "language_info": language_info})

    def running(self, index: int) -> None:
        self.append({"running": index})

    def finished(self, index: int, cell: NotebookNode, outcome: CellOutcome) -> None:
        self.append(
            {
                "cell": index,
                "id": cell.id,
                "status": outcome.status,
                "duration_seconds": outcome.duration_seconds,
                "replied": bool(outcome.reply),
                "last": outcome.last,
                "failure": asdict(outcome.failure) if outcome.failure else None,
                "metadata": cell.metadata,
                "execution_count": cell.get("execution_count"),
                "outputs": cell.get("outputs"),
            }
        )

    def append(self, entry: dict[str, Any]) -> None:
        if self._broken:
            return
        try:
            for block in _blocks_of(entry):
                _write_all(self._file.fileno(), block)
        except (OSError, TypeError, RecursionError) as error:
            self._broken = True
            reason = error.strerror if isinstance(error, OSError) else error
            self._on_problem(f"The journal could not be written: {reason}.")
        self._unforced = True

    def force(self) -> None:
        """Bring what was appended to the disk, if it is time to."""
        if not self._unforced or not self._pace.due:
            return
        try:
            with self._pace.spend():
                os.fdatasync(self._file.fileno())
        except OSError:  # a file system that cannot
            return
        self._unforced = False

    def close(self) -> None:
        self._file.close()


def _write_all(descriptor: int, data: bytes) -> None:
    # One write takes 2 GiB at most, and less where the disk is filling up.
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def line_of(entry: dict[str, Any]) -> bytes:
    """An entry as its line: JSON whatever it holds, with NaN and infinity as null."""
    # A lone surrogate can only stand inside a JSON string, where \udXXX is its escape.
    return _json_of(entry).encode("utf-8", "backslashreplace") + b"\n"


def _blocks_of(entry: dict[str, Any]) -> Iterator[bytes]:
    """A line; where outputs have long texts in several blocks, so that these are held once."""
    outputs = entry.get("outputs") or ()
    texts = [output["text"] for output in outputs if _is_long(output)]
    if not texts:
        yield line_of(entry)
        return
    mark = uuid.uuid4().hex
    marked = [{**one, "text": mark} if _is_long(one) else one for one in outputs]
    first, *others = _json_of({**entry, "outputs": marked}).split(mark)
    yield first.encode("utf-8", "backslashreplace")
    for text, other in zip(texts, [*others[:-1], others[-1] + "\n"], strict=True):
        for start in range(0, len(text), _BLOCK):
            block = encode_basestring(text[start : start + _BLOCK])[1:-1]
            yield block.encode("utf-8", "backslashreplace")
        yield other.encode("utf-8", "backslashreplace")


def _is_long(output: dict[str, Any]) -> bool:
    text = output.get("text")
    return isinstance(text, str) and len(text) > _BLOCK


def _json_of(entry: dict[str, Any]) -> str:
    try:
        return _encode(entry)
    except ValueError:
        return _encode(json.loads(json.dumps(entry), parse_constant=lambda _: None))


@dataclass
class JournalContent:
    """What a journal says.

    Attributes:
        prepared: The line with the notebook; None where the run was cut off before it.
        kernel: The line of the kernel; empty before there was one.
        cells: The last line of each finished cell.
        running: The cell that was running at the end; None where none was.
        damaged: How many lines cannot be read: one, the last, after a cut in its middle.
    """

    header: dict[str, Any] = field(default_factory=dict)
    prepared: dict[str, Any] | None = None
    kernel: dict[str, Any] = field(default_factory=dict)
    cells: dict[int, dict[str, Any]] = field(default_factory=dict)
    running: int | None = None
    damaged: int = 0


def read_journal(path: Path) -> JournalContent:
    """Read a journal, also one that is being written or was cut off in the middle of a line.

    Raises:
        OSError: There is none, or it cannot be read.
    """
    content = JournalContent()
    for entry in _entries(path):
        if entry is None:
            content.damaged += 1
        elif "run_id" in entry:
            content.header = entry
        elif isinstance(entry.get("notebook"), dict):
            content.prepared = entry
        elif "kernel" in entry:
            content.kernel = entry
        elif isinstance(entry.get("running"), int):
            content.running = entry["running"]
        elif isinstance(entry.get("cell"), int):
            content.cells[entry["cell"]] = entry
            if entry["cell"] == content.running:
                content.running = None
    return content


def _entries(path: Path) -> Iterator[dict[str, Any] | None]:
    with path.open("rb") as lines:
        for line in lines:
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                entry = None
            yield entry if isinstance(entry, dict) else None
