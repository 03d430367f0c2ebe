"""The command line of ``nbx run``: its flags, and the request that they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from notebook_executor.cli.options import (
    Seconds,
    json_option,
    llm_option,
    notebook_argument,
    read_limits,
    read_pairs,
    refuse_together,
    root_option,
)
from notebook_executor.cli.project import absolute
from notebook_executor.cli.secret_options import SECRET_FLAGS, read_secrets
from notebook_executor.cli.tool_options import TOOL_FLAGS, read_policy, read_servers, recording

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.execution.request import RunRequest

_PIPE = "-"
_Pairs = tuple[tuple[str, str], ...]
_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class RunOptions:
    """What click made of the command line; the fields have the flags' names."""

    notebook: str
    output: str | None
    parameters: _Pairs
    parameters_raw: _Pairs
    parameters_file: tuple[str, ...]
    parameters_yaml: tuple[str, ...]
    parameters_base64: tuple[str, ...]
    secret: tuple[str, ...]
    secret_file: tuple[str, ...]
    kernel: str | None
    python: str | None
    cwd: str | None
    execution_timeout: float
    run_timeout: float
    start_timeout: float | None
    pass_env: tuple[str, ...]
    host_view: bool | None
    only_tag: tuple[str, ...]
    skip_tag: tuple[str, ...]
    from_cell: str | None
    until_cell: str | None
    limit: tuple[str, ...]
    policy: str | None
    mcp: tuple[str, ...]
    mcp_config: tuple[str, ...]
    record: str | None
    replay: str | None
    ignore: tuple[str, ...]
    label: tuple[str, ...]
    grid: tuple[str, ...]
    jobs: int | None
    sweep: str | None
    stop_on_error: bool
    no_output: bool
    prepare_only: bool
    help_notebook: bool
    log_output: bool
    progress_bar: bool | None
    as_json: bool
    llm: int | None
    root: str | None

    @property
    def from_stdin(self) -> bool:
        return self.notebook == _PIPE

    @property
    def to_stdout(self) -> bool:
        """Whether the executed notebook goes to standard output."""
        return self.output == _PIPE

    @property
    def brief(self) -> bool:
        """Whether standard output is for a program to read."""
        return bool(self.as_json or self.llm)

    @property
    def settings(self) -> dict[str, Any]:
        return {} if self.start_timeout is None else {"start_timeout": self.start_timeout}

    def refuse_contradictions(self) -> None:
        refuse_together(json=self.as_json, llm=self.llm)
        if self.to_stdout and (self.as_json or self.llm):
            raise click.UsageError("Both OUTPUT '-' and --json or --llm want standard output.")
        if self.no_output and self.output is not None:
            raise click.UsageError("OUTPUT cannot go with --no-output.")
        refuse_together(record=self.record, replay=self.replay)
        if self.ignore and not (self.record or self.replay):
            raise click.UsageError("--ignore needs --record or --replay.")
        self._refuse_with_grid()
        if self.prepare_only and self.output is None:
            raise click.UsageError("--prepare-only needs an OUTPUT.")

    def _refuse_with_grid(self) -> None:
        if not self.grid:
            given = {"-j": self.jobs, "--sweep": self.sweep, "--stop-on-error": self.stop_on_error}
            for flag, value in given.items():
                if value:
                    raise click.UsageError(f"{flag} needs a --grid.")
            return
        if self.output is not None:
            raise click.UsageError("OUTPUT cannot go with --grid: each point has its own.")
        refuse_together(
            grid=self.grid,
            prepare_only=self.prepare_only,
            help_notebook=self.help_notebook,
            log_output=self.log_output,
        )
        refuse_together(grid=self.grid, record=self.record)

    def request(self, source: NotebookNode | str) -> RunRequest:
        """The run that is asked for.

        Args:
            source: The notebook, or its absolute path.

        Raises:
            ParameterError: Parameters cannot be read.
        """
        from notebook_executor.execution.request import RunRequest
        from notebook_executor.models import Trigger

        return RunRequest(
            notebook=source,
            output_path=self._output_path(),
            parameters=self._parameters(),
            timeout=self.execution_timeout or None,
            run_timeout=self.run_timeout or None,
            kernel_name=self.kernel,
            python=self.python,
            cwd=self._working_directory(),
            pass_env=self.pass_env,
            host_view=self.host_view,
            only_tags=self.only_tag,
            skip_tags=self.skip_tag,
            from_cell=self.from_cell,
            until_cell=self.until_cell,
            limits=read_limits(self.limit),
            tools=read_servers(self.mcp, self.mcp_config),
            policy=read_policy(self.policy),
            record=recording(self.record, self.ignore),
            replay=recording(self.replay, self.ignore),
            labels=_labels(self.label),
            sweep=self.sweep,
            trigger=Trigger(kind="cli"),
        )

    def _parameters(self) -> dict[str, Any]:
        from notebook_executor.execution.parameter_sources import gather_parameters

        parameters = gather_parameters(
            encoded=self.parameters_base64,
            files=self.parameters_file,
            documents=self.parameters_yaml,
            typed=self.parameters,
            raw=self.parameters_raw,
        )
        secrets = read_secrets(self.secret, self.secret_file, parameters, piped=self.from_stdin)
        return {**parameters, **secrets}

    def _output_path(self) -> str | bool | None:
        if self.no_output or self.to_stdout:
            return False
        return None if self.output is None else absolute(self.output)

    def _working_directory(self) -> str | None:
        if self.cwd is not None:
            return absolute(self.cwd)
        return absolute(".") if self.from_stdin else None


def _labels(given: tuple[str, ...]) -> dict[str, str]:
    return read_pairs("--label", given)


def _several(*names: str, metavar: str, help: str) -> Callable[[_Command], _Command]:
    """An option that may be repeated; NAME VALUE makes it take two words."""
    return click.option(
        *names, multiple=True, nargs=len(metavar.split()), metavar=metavar, help=help
    )


_FLAGS = [
    notebook_argument,
    click.argument("output", required=False),
    _several(
        "-p",
        "--parameters",
        metavar="NAME VALUE",
        help="A parameter; True, False, None and numbers are taken for what they look like.",
    ),
    _several("-r", "--parameters_raw", metavar="NAME VALUE", help="A parameter, as text."),
    _several("-f", "--parameters_file", metavar="PATH", help="Parameters in a YAML or JSON file."),
    _several("-y", "--parameters_yaml", metavar="YAML", help="Parameters as YAML."),
    _several("-b", "--parameters_base64", metavar="BASE64", help="Parameters as YAML in base64."),
    *SECRET_FLAGS,
    click.option("-k", "--kernel", metavar="NAME", help="The kernel, instead of the notebook's."),
    click.option("--python", metavar="PATH", help="An interpreter with ipykernel, as the kernel."),
    click.option("--cwd", metavar="DIR", help="Where the kernel works [the notebook's folder]."),
    click.option(
        "--execution-timeout",
        type=Seconds(min=0),
        default=300,
        help="Seconds a cell may take; 0 for no limit [300].",
    ),
    click.option(
        "--run-timeout",
        type=Seconds(min=0),
        default=0,
        help="Seconds the run may take; 0 for no limit [0].",
    ),
    click.option(
        "--start-timeout",
        "--start_timeout",
        type=Seconds(min=0, min_open=True),
        help="Seconds the kernel may take to start [60].",
    ),
    _several("--pass-env", metavar="NAME", help="A secret-looking variable that the kernel gets."),
    click.option(
        "--host-view/--no-host-view",
        default=None,
        help="Whether the kernel sees the host's processes [what the notebook says].",
    ),
    _several("--only-tag", metavar="TAG", help="Run only cells with such a tag."),
    _several("--skip-tag", metavar="TAG", help="Leave out cells with such a tag."),
    click.option("--from-cell", metavar="CELL", help="First cell to run: id, tag:TAG or index."),
    click.option("--until-cell", metavar="CELL", help="Last cell to run: id, tag:TAG or index."),
    _several(
        "--limit",
        metavar="NAME=VALUE",
        help="Of memory, cpu_seconds, processes, file_size or open_files: --limit memory=2GiB.",
    ),
    *TOOL_FLAGS,
    _several("--label", metavar="NAME=VALUE", help="Kept in the run's record."),
    _several(
        "--grid",
        metavar="NAME=VALUES",
        help="Run at every combination of such values: lr=0.1,0.03 or depth=2:10 (to 10) or, as "
        "YAML, 'name=[a, b]'.",
    ),
    click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        metavar="N",
        help="With --grid: run so many at a time [as many as there are cores].",
    ),
    click.option(
        "--sweep",
        metavar="NAME",
        help="With --grid: skip what has succeeded under this name before.",
    ),
    click.option(
        "--stop-on-error", is_flag=True, help="With --grid: let the first failure end all."
    ),
    click.option("--no-output", is_flag=True, help="Write no notebook; the run is recorded."),
    click.option("--prepare-only", is_flag=True, help="Write OUTPUT, parameterized; run nothing."),
    click.option("--help-notebook", is_flag=True, help="Show its parameters; run nothing."),
    click.option(
        "--log-output/--no-log-output", help="Show what the cells print, on standard error."
    ),
    click.option(
        "--progress-bar/--no-progress-bar",
        default=None,
        help="Show progress, on standard error [with --json and --llm only on a terminal].",
    ),
    json_option,
    llm_option,
    root_option,
]


def run_options(command: _Command) -> _Command:
    """Give a command all flags of ``nbx run``; it gets them as the fields of ``RunOptions``."""
    for flag in reversed(_FLAGS):
        command = flag(command)
    return command
