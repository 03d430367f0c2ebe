"""Everything this package raises on purpose.

::

    NotebookExecutorError
    ├── UsageError                 what was asked for cannot be done as asked
    │   ├── ParameterError         a parameter is unknown, or would not arrive as it was passed
    │   └── DocumentError          a file is missing, unreadable, or not the notebook it should be
    │       └── StaleEditError     an edit was made for something else than what is there now
    ├── KernelError                the kernel, not the notebook, is at fault
    │   ├── KernelStartError       no kernel came up
    │   ├── KernelDiedError        it went away while it was needed
    │   └── LeakError              something of it outlived its end
    ├── CellError                  a cell ended a run
    │   ├── CellFailedError        it raised
    │   └── CellTimeoutError       it ran for too long
    ├── RunTimeoutError            the run as a whole took too long
    ├── ToolError                  a tool call failed or was refused
    │   ├── ToolDeniedError        the policy does not allow it, or a budget is used up
    │   └── ReplayMismatchError    it is not in the recording that is replayed
    ├── ServerError                a project's Jupyter server did not start, or would not end
    ├── ForgeError                 a forge refused, could not be reached, or was not understood
    └── BackendError               a backend broke its contract

``NotebookExecutor.execute`` reports all of these as the ``error`` of its result; they are raised
by the functions that have no result to put them in, and by ``result.raise_for_error()``.
"""

from __future__ import annotations

from typing import Any


class NotebookExecutorError(Exception):
    """Base of all errors of this package.

    Attributes:
        message: What was wrong, and where.
        hint: What to do next; empty when there is nothing to advise.
        details: Fields that are particular to the error (a path, a name, a result).
    """

    def __init__(self, message: str, *, hint: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.hint, self.details)


def _rebuild(
    cls: type[NotebookExecutorError], message: str, hint: str, details: dict[str, Any]
) -> NotebookExecutorError:
    return cls(message, hint=hint, **details)


class UsageError(NotebookExecutorError):
    """What was asked for cannot be done as it was asked."""


class ParameterError(UsageError):
    """A parameter is unknown to the notebook, or would not arrive as the value passed."""


class DocumentError(UsageError):
    """A notebook file is missing, cannot be read or written, or is not valid."""


class StaleEditError(DocumentError):
    """An edit was made for something else than what is there now; ``details`` show that."""


class KernelError(NotebookExecutorError):
    """The kernel is at fault, not the notebook."""


class KernelStartError(KernelError):
    """No kernel came up: unknown kernelspec, missing interpreter, early death, or too slow."""


class KernelDiedError(KernelError):
    """The kernel went away while it was needed."""


class LeakError(KernelError):
    """A process or file of the kernel outlived its end."""


class CellError(NotebookExecutorError):
    """A cell ended a run."""


class CellFailedError(CellError):
    """A cell raised."""


class CellTimeoutError(CellError):
    """A cell ran longer than its timeout."""


class RunTimeoutError(NotebookExecutorError):
    """The run took longer than its ``run_timeout``."""


class ToolError(NotebookExecutorError):
    """A tool call failed or was refused. A tool raises it, and need not say which tool it is."""

    @property
    def tool(self) -> str:
        """The tool's name; empty until the call has come back to whoever made it."""
        return str(self.details.get("tool", ""))


class ToolDeniedError(ToolError):
    """The policy does not allow the call, its budget is used up, or nobody approved of it."""


class ReplayMismatchError(ToolError):
    """The call is not in the recording that is replayed; ``details["nearest"]`` is one that is."""


class ServerError(NotebookExecutorError):
    """A project's Jupyter server did not start, or would not end."""


class ForgeError(NotebookExecutorError):
    """A forge, such as Gitea or GitHub, refused, could not be reached, or was not understood.

    ``details["kind"]`` is one of ``unauthorized forbidden not_found conflict too_large invalid
    locked rate_limited redirected refused unavailable timeout unreachable tls malformed``,
    ``details["status"]`` the answer's HTTP status, or None where there was none.
    """

    @property
    def kind(self) -> str:
        return str(self.details.get("kind", "refused"))

    @property
    def settled(self) -> bool:
        """Whether it is certain that the forge has not done what it was asked."""
        return bool(self.details.get("settled", False))


class BackendError(NotebookExecutorError):
    """A backend broke its contract."""
