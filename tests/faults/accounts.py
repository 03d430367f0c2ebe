"""Who runs a host: this user, and where that is root an ordinary one as well."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import notebook_executor

_ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Account:
    """A user of the machine who runs hosts."""

    name: str
    uid: int
    gid: int

    @property
    def other(self) -> bool:
        return self.uid != os.getuid()


def own_account() -> Account:
    return Account(pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid())


def ordinary_account() -> Account:
    """The user nobody for root, who else is one already."""
    if os.getuid() != 0:
        return own_account()
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


@cache
def interpreter_for(account: Account) -> str | None:
    """A Python that the user may run, with our libraries; None where there is none."""
    minor = f"python3.{sys.version_info.minor}"
    candidates = [sys.executable, shutil.which(minor, path="/usr/local/bin:/usr/bin")]
    for candidate in filter(None, candidates):
        try:
            done = subprocess.run(
                [candidate, "-c", "import notebook_executor, ipykernel"],
                env={"PYTHONPATH": python_path(), "PATH": os.defpath},
                cwd="/",
                capture_output=True,
                timeout=_ANSWER_SECONDS,
                check=False,
                **identity(account),
            )
        except PermissionError:
            continue
        if done.returncode == 0:
            return candidate
    return None


def identity(account: Account) -> dict[str, Any]:
    """What makes ``Popen`` start a process as this user."""
    if not account.other:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def python_path() -> str:
    """The package, and its libraries for an interpreter outside of their environment."""
    package = Path(notebook_executor.__file__).parents[1]
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    return os.pathsep.join([str(package), *libraries])
