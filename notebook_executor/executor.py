"""The façade: it checks and freezes what it is asked, and delegates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Unpack

from notebook_executor.config import Limits, Settings
from notebook_executor.kernel_supply import KernelSupply
from notebook_executor.models import Event, ExecutionResult
from notebook_executor.project_checks import ProjectChecks
from notebook_executor.project_documents import StrPath

if TYPE_CHECKING:
    from notebook_executor.execution.request import ExecuteOptions, RunRequest, SweepOptions
    from notebook_executor.execution.started import Run, RunJob
    from notebook_executor.lifecycle.containment import Tier
    from notebook_executor.lifecycle.warm import Warmth
    from notebook_executor.sweeps.sweep import Sweep
    from notebook_executor.tools.policy import Policy
    from notebook_executor.tools.sources import GivenTool


class NotebookExecutor(ProjectChecks):
    """Runs, reads and compares the notebooks of one project.

    May be used from several threads, inside a running event loop, and within a kernel. Between
    runs it holds a small guard process; ``close``, or the end of the executor or of the process
    however it comes, ends it.

    Args:
        root: The project's folder; relative paths, ``runs/`` and ``.nbx/`` are below it.
        kernel_name: The kernelspec for all runs that do not name one.
        python: The interpreter for all runs that do not name one; it needs only ipykernel.
        tools: What notebooks may call besides this package's own tools: for each name a function,
            a ``Tool``, or a source of several such as ``McpServer``.
        policy: What they may have done by tools: a ``Policy``, a mapping of its fields, or the
            path of a YAML file. None: what ``tools`` names, and nothing else; without either
            there are no tools.
        require_containment: The least containment that will do (``namespace``, ``subreaper``,
            ``best_effort``); a run that would get less does not start.
        warm: Whether kernels are forks of a process that has ipykernel loaded, which start in a
            fraction of the time: True for every one that can be, ``"auto"`` from the second of a
            kind on, and the first of all if it is of the usual kind, False for none. To the
            notebook they are the same.
        preload: Modules that this process imports besides, such as ``["pandas"]``; a notebook then
            finds them in ``sys.modules`` before its first cell.
        config: Settings, or a mapping of some of them; the rest comes from ``NBX_*`` variables.

    Raises:
        UsageError: ``root`` is not a folder, ``config`` has a field it should not, or the tools
            or the policy make no sense.
    """

    def __init__(
        self,
        root: StrPath = ".",
        *,
        kernel_name: str | None = None,
        python: StrPath | None = None,
        tools: Mapping[str, GivenTool] | None = None,
        policy: Policy | Mapping[str, Any] | StrPath | None = None,
        warm: Warmth = "auto",
        preload: Iterable[str] = (),
        require_containment: Tier | None = None,
        config: Settings | Mapping[str, Any] | None = None,
    ) -> None:
        settings = Settings.of(config)
        kernels = KernelSupply(warm, preload, settings.started_runs)
        super().__init__(root, settings, kernels, kernel_name, python, require_containment)
        self.tools: Mapping[str, GivenTool] | None = None
        self.policy: Policy | None = None
        if tools is not None or policy is not None:
            from notebook_executor.tools.given import check_given

            self.tools, self.policy = check_given(tools, policy, self.root)

    def __enter__(self) -> NotebookExecutor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel what was started and wait for its end; end the guard process and what waits.

        May be called again, and the executor may be used again.
        """
        self._kernels.close()

    def execute(
        self,
        input_path: StrPath | Mapping[str, Any],
        output_path: StrPath | bool | None = None,
        parameters: Mapping[str, Any] | StrPath | None = None,
        timeout: float | None = 300,
        *,
        run_timeout: float | None = None,
        kernel_name: str | None = None,
        python: StrPath | None = None,
        cwd: StrPath | None = None,
        env: Mapping[str, str] | None = None,
        pass_env: Iterable[str] = (),
        only_tags: Iterable[str] = (),
        skip_tags: Iterable[str] = (),
        from_cell: str | int | None = None,
        until_cell: str | int | None = None,
        check: bool = False,
        host_view: bool | None = None,
        limits: Limits | Mapping[str, Any] | None = None,
        record: StrPath | bool | None = None,
        replay: StrPath | bool | None = None,
        labels: Mapping[str, str] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> ExecutionResult:
        """Run a notebook in a kernel of its own and tell how it went.

        Blocks until the run is over and its kernel, with all it started, is gone. Whatever is
        wrong with file, parameters, kernel or cells is in the result, not raised. The executed
        notebook is written on failure too, and the run is recorded in ``.nbx/runs/<run_id>``.

        Args:
            input_path: A notebook file, or a notebook as an object.
            output_path: Where the executed notebook goes. None:
                ``runs/<input path below root>/<run id>.ipynb``; False: nowhere.
            parameters: Values for the names that the parameters cell declares, or the path of a
                YAML or JSON file of them. Plain values only: what would not arrive as it is
                passed is refused.
            timeout: Seconds a cell may take; None for no limit.
            run_timeout: Seconds the run may take; None for no limit.
            kernel_name: A kernelspec, instead of the notebook's.
            python: An interpreter with ipykernel, instead of a kernelspec.
            cwd: The kernel's working directory; None for the notebook's folder.
            env: Added to the kernel's environment, which is this process's without the variables
                whose names say that they are secret.
            pass_env: Names of such variables that the kernel gets all the same.
            only_tags: Run only cells with one of these tags. Parameters cells always run.
            skip_tags: Leave out cells with one of these tags.
            from_cell: First cell to run: an id, ``tag:NAME``, or an index in the input.
            until_cell: Last cell to run, likewise.
            check: Raise what ``result.raise_for_error()`` raises.
            host_view: Whether the kernel is to see the host's processes, which rules out the
                containment ``namespace``; None for what ``metadata.nbx.host_view`` of the
                notebook says.
            limits: What the kernel and all it starts may use: ``Limits``, or a mapping of its
                fields, such as ``{"memory": "2GiB", "cpu_seconds": 60}``.
            record: A file to write the notebook's tool calls and their answers to; True for
                the one beside the notebook, ``<stem>.tools.jsonl``.
            replay: A file of this kind that answers the calls: no tool is called; likewise.
            labels: Kept in the result and its record.
            on_event: Called on this thread with each ``Event`` of the run.

        Raises:
            TypeError: An argument has a type that can mean nothing.
            KeyboardInterrupt: After saving and teardown.
            NotebookExecutorError: Only with ``check``.
        """
        from notebook_executor.execution.request import RunRequest

        request = RunRequest.of(
            input_path,
            output_path,
            parameters,
            timeout,
            run_timeout=run_timeout,
            kernel_name=kernel_name,
            python=python,
            cwd=cwd,
            env=env,
            pass_env=pass_env,
            only_tags=only_tags,
            skip_tags=skip_tags,
            from_cell=from_cell,
            until_cell=until_cell,
            host_view=host_view,
            limits=limits,
            record=record,
            replay=replay,
            labels=labels,
            on_event=on_event,
        )
        result = self.run(request)
        return result.raise_for_error() if check else result

    def run(self, request: RunRequest) -> ExecutionResult:
        """Run what a request asks for; ``execute`` for those who hold a ``RunRequest``."""
        request = self._ours(request)
        backend = self._kernels.backend_for(request)
        from notebook_executor.execution.run import begin_run, run_notebook

        return run_notebook(begin_run(request, self.root, self.settings), backend)

    def start(
        self,
        input_path: StrPath | Mapping[str, Any],
        output_path: StrPath | bool | None = None,
        parameters: Mapping[str, Any] | StrPath | None = None,
        timeout: float | None = 300,
        **options: Unpack[ExecuteOptions],
    ) -> Run:
        """Start a run that goes on by itself, on a thread of its own, and return at once.

        Takes what ``execute`` takes, ``check`` aside; ``on_event`` is called on the run's thread.
        The run ends with this executor, or with the process, at the latest.

        Raises:
            TypeError: An argument has a type that can mean nothing.
        """
        from notebook_executor.execution.request import RunRequest
        from notebook_executor.execution.started import Run

        request = RunRequest.of(input_path, output_path, parameters, timeout, **options)
        return Run(self._start(request), self)

    async def aexecute(
        self,
        input_path: StrPath | Mapping[str, Any],
        output_path: StrPath | bool | None = None,
        parameters: Mapping[str, Any] | StrPath | None = None,
        timeout: float | None = 300,
        *,
        check: bool = False,
        **options: Unpack[ExecuteOptions],
    ) -> ExecutionResult:
        """As ``execute``, awaited in an asyncio loop, on a thread of the run's own.

        Cancelling the task cancels the run; ``CancelledError`` is raised when its kernel is gone
        and what it has computed is saved. ``on_event`` is called on the run's thread.
        """
        from notebook_executor.execution.awaiting import awaited
        from notebook_executor.execution.request import RunRequest

        request = RunRequest.of(input_path, output_path, parameters, timeout, **options)
        result = await awaited(self._start(request))
        return result.raise_for_error() if check else result

    def execute_many(
        self,
        notebook: StrPath | Mapping[str, Any],
        *,
        grid: Mapping[str, Iterable[Any]] | None = None,
        points: Iterable[Mapping[str, Any]] | None = None,
        parameters: Mapping[str, Any] | StrPath | None = None,
        max_workers: int | None = None,
        executor: Any = None,
        sweep: str | None = None,
        stop_on_error: bool = False,
        worker_env: Iterable[Mapping[str, str]] = (),
        **execute_options: Unpack[SweepOptions],
    ) -> Sweep:
        """Run a notebook at many points, some at a time, and return at once.

        Args:
            notebook: A notebook file, or a notebook as an object.
            grid: For each parameter its values: every combination is a point.
            points: The parameters of each point, instead of a grid.
            parameters: What all points have in common; a point's own value comes first.
            max_workers: How many run at a time; None for as many as there are cores, as
                ``executor`` has workers, or as there are environments in ``worker_env``.
            executor: Where they run: None for this process, any ``concurrent.futures.Executor``,
                or a Dask ``Client``. Its processes and machines must see the project.
            sweep: A name, under which points that succeeded with the same source and parameters
                are skipped when the sweep is run again.
            stop_on_error: Whether the first failure ends all others.
            worker_env: Added to the kernels' environment: of so many that run at a time, each
                has another of these (a GPU each).
            execute_options: What ``execute`` takes, ``check`` aside; ``output_path`` None or False.

        Raises:
            TypeError: An argument has a type that can mean nothing.
            UsageError: The points, or the name, are not valid.
            ParameterError: The file of the parameters in common cannot be read.
        """
        from dataclasses import replace

        from notebook_executor.execution.request import RunRequest
        from notebook_executor.sweeps.points import make_points

        options: dict[str, Any] = {"output_path": None, "timeout": 300, **execute_options}
        request = RunRequest.of(notebook, parameters=parameters, **options)
        return self.run_many(
            replace(request, sweep=sweep),
            make_points(grid, points),
            max_workers=max_workers,
            executor=executor,
            stop_on_error=stop_on_error,
            worker_env=worker_env,
        )

    def run_many(
        self,
        request: RunRequest,
        points: Sequence[Mapping[str, Any]],
        *,
        max_workers: int | None = None,
        executor: Any = None,
        stop_on_error: bool = False,
        worker_env: Iterable[Mapping[str, str]] = (),
    ) -> Sweep:
        """Begin a sweep; ``execute_many`` for those who hold a ``RunRequest`` and points."""
        request = self._ours(request)
        alike = executor is None and not worker_env
        backend = self._kernels.backend_for(request) if alike else self._kernels.backend()
        from notebook_executor.sweeps.sweep import begin_sweep

        return begin_sweep(
            request,
            points,
            max_workers=max_workers,
            executor=executor,
            stop_on_error=stop_on_error,
            worker_env=tuple(worker_env),
            root=self.root,
            settings=self.settings,
            backend=backend,
            crew=self._kernels.crew(),
            owner=self,
        )

    def _start(self, request: RunRequest) -> RunJob:
        request = self._ours(request)
        backend = self._kernels.backend_for(request)
        from notebook_executor.execution.run import begin_run
        from notebook_executor.execution.started import RunJob

        job = RunJob(begin_run(request, self.root, self.settings), backend)
        self._kernels.crew().queue(job)
        return job

    def _ours(self, request: RunRequest) -> RunRequest:
        """The request with what this executor says where it says nothing."""
        from dataclasses import replace

        request = self._with_kernel(request)
        if request.policy is None:
            request = replace(request, policy=self.policy)
        return replace(request, tools=self.tools) if request.tools is None else request
