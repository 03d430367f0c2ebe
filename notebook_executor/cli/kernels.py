"""``nbx kernels``: kernelspecs whose kernels leave nothing behind, for any Jupyter program."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.options import json_option
from notebook_executor.cli.project import absolute
from notebook_executor.cli.screen import Screen, write_json

if TYPE_CHECKING:
    from notebook_executor.lifecycle.installed import Containment, InstalledKernel, Transport

_COLUMNS = ["name", "display name", "language", "ours", "directory"]


@click.group()
def kernels() -> None:
    """Register kernels for JupyterLab, nbclient, nbconvert and others."""


@kernels.command("install")
@click.argument("name", required=False)
@click.option("--of", metavar="KERNEL", help="The kernel to launch [default: python3].")
@click.option("--display-name", metavar="TEXT", help="What a user is shown.")
@click.option(
    "--transport",
    type=click.Choice(["ipc", "tcp"]),
    default="ipc",
    help="tcp for a kernel that cannot speak IPC.",
)
@click.option(
    "--containment",
    type=click.Choice(["auto", "subreaper", "namespace"]),
    default="auto",
    help="auto lets the kernel see the host's processes; namespace does not.",
)
@click.option("--prefix", metavar="DIR", help="The environment [default: that of nbx].")
@json_option
def install(
    name: str | None,
    of: str | None,
    display_name: str | None,
    transport: Transport,
    containment: Containment,
    prefix: str | None,
    as_json: bool,
) -> None:
    """Register a kernel [NAME: nbx- and the name of what it launches]."""
    from notebook_executor.lifecycle.installed import install_kernel, is_searched

    kernel = install_kernel(
        name,
        of=of,
        display_name=display_name,
        transport=transport,
        containment=containment,
        prefix=sys.prefix if prefix is None else absolute(prefix),
    )
    _tell(kernel, "installed", as_json)
    if not is_searched(kernel):
        screen = Screen(sys.stderr)
        screen.line("Jupyter, as it is set up here, does not find it there.")
        screen.line(f"hint: JUPYTER_PATH={kernel.directory.parents[1]} adds that place.")


@kernels.command("list")
@json_option
def list_installed(as_json: bool) -> None:
    """List the kernels that Jupyter finds; with --json, a line each."""
    from notebook_executor.lifecycle.installed import list_kernels

    found = list_kernels()
    if as_json:
        for kernel in found:
            write_json(sys.stdout, asdict(kernel))
    else:
        Screen(sys.stdout).table(_COLUMNS, [_cells(kernel) for kernel in found])


@kernels.command("remove")
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Remove a kernel that was registered here."""
    from notebook_executor.lifecycle.installed import remove_kernel

    _tell(remove_kernel(name), "removed", as_json)


def _tell(kernel: InstalledKernel, what: str, as_json: bool) -> None:
    if as_json:
        write_json(sys.stdout, asdict(kernel))
    else:
        Screen(sys.stdout).line(f"{what} {kernel.name} ({kernel.display_name}): {kernel.directory}")


def _cells(kernel: InstalledKernel) -> list[str]:
    ours = f"{kernel.transport}, {kernel.containment}" if kernel.ours else ""
    return [kernel.name, kernel.display_name, kernel.language, ours, str(kernel.directory)]
