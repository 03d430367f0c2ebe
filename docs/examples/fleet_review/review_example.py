"""The example of docs/review-report.md, from an empty folder to the report.

    python docs/examples/fleet_review/review_example.py OUT [--picture]

makes a git repository of the project beside this file, has an agent's branch lower the alert
threshold, reviews it, and leaves the report in OUT: review.html, review.md, review.json, and with
--picture a picture of the page, which takes Chromium.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from notebook_executor.commands import run_command

NOTEBOOK = "notebooks/fleet_health_check.ipynb"
BRANCH = "agent/alert-threshold"
_PROJECT = Path(__file__).parent / "project"
_DIFFERS = 5
_LIMIT = 120  # seconds for a command
_WIDTH, _HEIGHT = 1120, 1340  # pixels
_IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Fleet agent"), ("EMAIL", "agent@example.org"))
}


class Shell:
    """Runs commands in a folder, and shows them as they would be typed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def git(self, *words: str) -> None:
        self.run(["git"], words)

    def nbx(self, *words: str, code: int = 0) -> str:
        return self.run([sys.executable, "-m", "notebook_executor.cli.main"], words, "nbx", code)

    def run(self, command: list[str], words: Sequence[str], name: str = "", code: int = 0) -> str:
        """What a command prints; the example ends where one does not end with ``code``."""
        print("$", name or command[0], shlex.join(words), flush=True)
        env = os.environ | _IDENTITY
        done = run_command([*command, *words], timeout=_LIMIT, cwd=self._folder, env=env, keep=None)
        if done.code != code:
            sys.exit(f"This should have ended with {code}: {done.complaint}")
        return done.stdout.decode()


def make_base(shell: Shell) -> None:
    """A repository whose main branch has the notebook, and what it put out: its reference."""
    shell.git("init", "--quiet", "--initial-branch=main")
    shell.run([sys.executable], ["-m", "notebook_executor.git"], "python")
    shell.nbx("validate", "--regression", "--accept", NOTEBOOK)
    shell.git("add", "--all")
    shell.git("commit", "--quiet", "--message=The fleet's health, and what it is today")


def edit(shell: Shell) -> None:
    """The agent's branch: one parameter has another default."""
    shell.git("checkout", "--quiet", "-b", BRANCH)
    shell.nbx("edit", NOTEBOOK, "set_parameter", "--name=alert_threshold", "--value=0.90")
    shell.git("commit", "--quiet", "--all", "--message=Alert below 0.90: 0.95 called at night")


def review(shell: Shell, out: Path) -> None:
    """The report, in all its forms. That outputs differ is what the branch is meant to do."""
    files = [f"--html={out / 'review.html'}", f"--markdown={out / 'review.md'}"]
    told = shell.nbx("review", "main", BRANCH, *files, "--json", code=_DIFFERS)
    (out / "review.json").write_text(told, "utf-8")


def picture(page: Path, target: Path) -> None:
    """Have Chromium, started apart from anybody's own, make a picture of a page."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("There is no Chromium here to make a picture with.")
    # The browser's helpers may outlive it for a moment, and write there.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = [
            *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--disable-background-networking", "--disable-dev-shm-usage"),
            *(f"--user-data-dir={profile}", f"--window-size={_WIDTH},{_HEIGHT}"),
            f"--screenshot={target}",
        ]
        done = run_command([browser, *flags, page.as_uri()], timeout=_LIMIT)
    if done.code != 0:
        sys.exit(f"{browser}: {done.complaint}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Review the example, and leave its report in OUT.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--picture", action="store_true", help="of the page; takes Chromium")
    given = parser.parse_args()
    out = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "fleet")
        shutil.copytree(_PROJECT, project)
        shell = Shell(project)
        make_base(shell)
        edit(shell)
        review(shell, out)
    if given.picture:
        picture(out / "review.html", out / "review-report.png")


if __name__ == "__main__":
    main()
