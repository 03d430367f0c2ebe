"""``python -m notebook_executor.git``: set up the clone that the working directory is in.

What ``nbx doctor --fix`` does to git, alone, for a script that sets up a project.
"""

from __future__ import annotations

import sys
from pathlib import Path

from notebook_executor.errors import NotebookExecutorError
from notebook_executor.git.hygiene import fix


def main() -> int:
    try:
        for finding in fix(Path.cwd()):
            print(f"{finding.topic}: {finding.text}")
    except (NotebookExecutorError, OSError) as error:
        print(f"git: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
