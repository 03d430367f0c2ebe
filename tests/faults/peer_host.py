"""A host that runs its notebook with stock papermill or nbclient; run by path, as ``host`` is."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

RLIMIT_LOCKS = 10


def run_papermill(timeout: int) -> None:
    import papermill

    papermill.execute_notebook(
        "notebook.ipynb", "out.ipynb", execution_timeout=timeout, progress_bar=False
    )


def run_nbclient(timeout: int) -> None:
    import nbformat
    from nbclient import NotebookClient

    node = nbformat.read(Path("notebook.ipynb"), as_version=4)
    NotebookClient(node, timeout=timeout).execute()


_RUNS = {"papermill": run_papermill, "nbclient": run_nbclient}


def main(wanted: dict[str, Any]) -> None:
    resource.setrlimit(RLIMIT_LOCKS, (wanted["mark"], wanted["mark"]))
    print(json.dumps({"event": "up"}), flush=True)
    sys.stdin.readline()
    try:
        _RUNS[wanted["does"]](int(wanted["timeout"]))
        said = "success"
    except Exception as error:
        said = type(error).__name__
    print(json.dumps({"event": "ended", "said": said}), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
