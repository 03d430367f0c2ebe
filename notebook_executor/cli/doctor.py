"""``nbx doctor``: what this machine offers to kernels, and what stands in the way."""

from __future__ import annotations

import sys
from dataclasses import asdict
from itertools import chain

import click

from notebook_executor.cli.doctor_git import git_findings
from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option
from notebook_executor.cli.screen import Screen, Style, write_json
from notebook_executor.findings import Finding, Level
from notebook_executor.lifecycle.diagnosis import diagnose

_STYLES: dict[Level, Style] = {"ok": "good", "warning": "strong", "problem": "bad"}


@click.command(
    epilog="Exit code 3 when there is a problem: something that keeps runs, or git, from working."
)
@click.option("--fix", is_flag=True, help="First set up this clone's .git/config for notebooks.")
@json_option
def doctor(fix: bool, as_json: bool) -> ExitCode:
    """Look at all that runs depend on, and at git; with --json, a line for each finding."""
    problem = False
    for finding in chain(diagnose(), git_findings(fix=fix)):
        problem = problem or finding.level == "problem"
        if as_json:
            write_json(sys.stdout, asdict(finding))
        else:
            _show(finding)
    return ExitCode.KERNEL if problem else ExitCode.SUCCESS


def _show(finding: Finding) -> None:
    screen = Screen(sys.stdout)
    screen.line(f"{finding.level}: {finding.topic}: {finding.text}", _STYLES[finding.level])
    if finding.advice:
        screen.line(f"  {finding.advice}")
