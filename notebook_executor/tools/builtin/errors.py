"""What the tools' shared parts raise in a kernel, as what a host raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import hermes_runtime.tool_errors as theirs
from notebook_executor.errors import ToolDeniedError, ToolError


@contextmanager
def translated(subject: str = "") -> Iterator[None]:
    """Raise what the system or a shared part raises in the block as a ``ToolError``.

    Args:
        subject: What a failure of the system was about, where its error does not say so.
    """
    try:
        yield
    except theirs.ToolDeniedError as error:
        raise ToolDeniedError(error.message, hint=error.hint) from error
    except theirs.ToolError as error:
        raise ToolError(error.message, hint=error.hint) from error
    except OSError as error:
        about = subject or str(error.filename or "the file")
        raise ToolError(f"{about}: {error.strerror or error}") from error
