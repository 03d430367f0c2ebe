"""What runs in the process of ``worker``: it imports little, as it is started anew each time."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import hermes_runtime.tool_errors as theirs
from notebook_executor import errors


def work(wanted: dict[str, Any]) -> None:
    """Call what is wanted, and write to stdout what becomes of it.

    Args:
        wanted: ``work``, as ``module:function``, and its ``payload``.
    """
    module, _, name = wanted["work"].partition(":")
    try:
        answer = {"result": getattr(import_module(module), name)(wanted["payload"])}
    except (theirs.ToolError, errors.ToolError) as error:
        denied = isinstance(error, theirs.ToolDeniedError | errors.ToolDeniedError)
        answer = {"error": error.message, "hint": error.hint, "denied": denied}
    except OSError as error:
        message = f"{error.filename}: {error.strerror}"
        answer = {"error": message, "hint": "", "denied": False}
    except ImportError as error:
        answer = {"error": f"it cannot be done here: {error}", "hint": "", "denied": False}
    except MemoryError:
        answer = {"error": "there is not enough memory for this", "hint": "", "denied": False}
    print(json.dumps(answer))
