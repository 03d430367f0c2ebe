"""What is shown of a run while it goes on: a bar on a terminal, a line for each cell elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from notebook_executor.cli.screen import Screen, printable
from notebook_executor.text import one_line, plain

if TYPE_CHECKING:
    from notebook_executor.models import Event

_TITLE = 60
_INJECTED = "injected parameters"


class View(Protocol):
    """Shows a run; a context manager, because a bar has to be taken down again."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def started(self, cells: int) -> None: ...

    def cell_started(self, number: int, title: str) -> None: ...

    def output(self, text: str, *, stream: bool) -> None:
        """``stream``: a piece of what a cell prints, not a value that stands for itself."""

    def cell_finished(self, number: int, title: str, status: str, seconds: float) -> None: ...


class Follower:
    """Follows a run by its events, counts its cells, and tells a view.

    Args:
        view: None to show nothing.

    Attributes:
        run_id: None until the first event.
    """

    def __init__(self, view: View | None) -> None:
        self.run_id: str | None = None
        self._view = view
        self._number = 0
        self._running: str | None = None
        self._title = ""

    def __call__(self, event: Event) -> None:
        self.run_id = event.run_id
        if self._view is None:
            return
        if event.kind == "run_started":
            self._view.started(event.data["cells"])
        elif event.kind == "cell_started":
            self._number += 1
            self._running = event.cell_id
            self._title = _title(event)
            self._view.cell_started(self._number, self._title)
        elif event.kind == "output":
            stream = event.data["output_type"] == "stream"
            self._view.output(event.data["text"], stream=stream)
        elif event.kind == "cell_finished" and event.cell_id == self._running:
            # A cell that was not selected finishes without having started.
            self._view.cell_finished(
                self._number,
                self._title,
                event.data["status"],
                event.data["duration_seconds"],
            )


def _title(event: Event) -> str:
    if event.index is None:
        return _INJECTED
    first_line = event.data["source"].strip().partition("\n")[0]
    return printable(one_line(first_line, _TITLE))


class Lines:
    """A line for each finished cell, for a file or a pipe; the cells' outputs too, when asked."""

    def __init__(self, screen: Screen, *, outputs: bool) -> None:
        self._screen = screen
        self._outputs = outputs
        self._cells = 0
        self._inside_line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_line()

    def started(self, cells: int) -> None:
        self._cells = cells

    def cell_started(self, number: int, title: str) -> None:
        if self._outputs:
            self._screen.line(f"{self._place(number)} {title}", "faint")

    def output(self, text: str, *, stream: bool) -> None:
        if not self._outputs or not text:
            return
        if not stream:
            self._end_line()
            text += "\n"
        self._screen.write(text if self._screen.terminal else plain(text))
        self._inside_line = not text.endswith("\n")

    def cell_finished(self, number: int, title: str, status: str, seconds: float) -> None:
        self._end_line()
        shown = f"{self._place(number)} {status:<8} {seconds:7.2f} s"
        self._screen.line(f"{shown}  {title}" if title and not self._outputs else shown, "faint")

    def _place(self, number: int) -> str:
        width = len(str(self._cells))
        return f"[{number:>{width}}/{self._cells}]"

    def _end_line(self) -> None:
        if self._inside_line:
            self._screen.line()
            self._inside_line = False


class Bar:
    """A progress bar with the cell that runs; it is gone when the run is over."""

    def __init__(self, screen: Screen) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed

        self._progress = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            Elapsed(),
            TextColumn("{task.description}", markup=False),
            console=Console(file=screen.stream),
            transient=True,
        )
        self._task = self._progress.add_task("starting the kernel", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def started(self, cells: int) -> None:
        self._progress.update(self._task, total=cells)

    def cell_started(self, number: int, title: str) -> None:
        self._progress.update(self._task, description=title)

    def output(self, text: str, *, stream: bool) -> None:
        """Outputs are shown by ``Lines`` alone: they would tear the bar apart."""

    def cell_finished(self, number: int, title: str, status: str, seconds: float) -> None:
        self._progress.update(self._task, completed=number)


def view_for(wanted: bool | None, *, brief: bool, outputs: bool = False) -> View | None:
    """What shows the progress on standard error; None where nothing is to.

    Args:
        wanted: Whether progress was asked for; None for where it makes sense.
        brief: Whether standard output is for a program: then only a terminal shows progress.
        outputs: Whether to show what cells print, too.
    """
    screen = Screen(sys.stderr)
    shown = (screen.terminal or not brief) if wanted is None else wanted
    if outputs or (shown and not screen.terminal):
        return Lines(screen, outputs=outputs)
    return Bar(screen) if shown else None
