"""``nbx doctor``: what this machine offers to kernels, and what stands in the way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict

import click

from notebook_executor.cli.doctor_git import git_findings
from notebook_executor.cli.doctor_project import project_findings
from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option
from notebook_executor.cli.screen import Screen, Style, write_json
from notebook_executor.findings import Finding, Level
from notebook_executor.lifecycle.diagnosis import diagnose

_STYLES: dict[Level, Style] = {"ok": "good", "warning": "strong", "problem": "bad"}


@click.command(
    epilog="Exit code 3 when there is a problem: something that keeps runs, or git, from working; "
    "with --project, a convention that is not kept."
)
@click.option("--fix", is_flag=True, help="First set up this clone's .git/config for notebooks.")
@click.option(
    "--project",
    metavar="DIR",
    help="Look instead whether a project keeps the conventions of Jupyter projects here.",
)
@json_option
def doctor(fix: bool, project: str | None, as_json: bool) -> ExitCode:
    """Look at all that runs depend on, and at git; with --json, a line for each finding."""
    if fix and project is not None:
        raise click.UsageError("--fix is for this clone, --project for any: one at a time.")
    problem = False
    for finding in _findings(fix) if project is None else project_findings(project):
        problem = problem or finding.level == "problem"
        if as_json:
            write_json(sys.stdout, asdict(finding))
        else:
            _show(finding)
    return ExitCode.KERNEL if problem else ExitCode.SUCCESS


def _findings(fix: bool) -> Iterator[Finding]:
    yield from diagnose()
    yield from git_findings(fix=fix)


def _show(finding: Finding) -> None:
    screen = Screen(sys.stdout)
    screen.line(f"{finding.level}: {finding.topic}: {finding.text}", _STYLES[finding.level])
    if finding.advice:
        screen.line(f"  {finding.advice}")
