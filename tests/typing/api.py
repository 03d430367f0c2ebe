"""The public API as users type it; never executed, only checked by ``mypy --strict``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, assert_type

from nbformat import NotebookNode
from pandas import DataFrame

from notebook_executor import (
    Event,
    ExecutionResult,
    NotebookExecutor,
    NotebookExecutorError,
    Proposal,
    Review,
    Run,
    Runs,
    Settings,
    Sweep,
)
from notebook_executor.documents.edits import SetTags


def on_event(event: Event) -> None:
    assert_type(event.kind == "output", bool)
    assert_type(event.run_id, str)
    assert_type(event.at, datetime)
    assert_type(event.index, int | None)
    assert_type(event.data, dict[str, Any])


def executes(executor: NotebookExecutor, node: NotebookNode) -> None:
    assert_type(executor.execute("in.ipynb"), ExecutionResult)
    executor.execute(Path("in.ipynb"), Path("out.ipynb"), {"x": 1}, 60)
    executor.execute(node, False, parameters=Path("p.yaml"), timeout=None)
    executor.execute({"cells": []}, "out.ipynb", "p.json", 0.5, run_timeout=3600)
    executor.execute(
        "in.ipynb",
        kernel_name="python3",
        python="/usr/bin/python3",
        cwd=Path("work"),
        env={"A": "1"},
        pass_env=["TOKEN"],
        only_tags=("load",),
        skip_tags={"slow"},
        from_cell="tag:start",
        until_cell=7,
        check=True,
        host_view=True,
        labels={"team": "ops"},
        on_event=on_event,
    )
    executor.execute("in.ipynb", output_path=5)  # type: ignore[arg-type]
    executor.execute("in.ipynb", timeout="1m")  # type: ignore[arg-type]
    executor.execute("in.ipynb", no_such_argument=1)  # type: ignore[call-arg]


def reviews(executor: NotebookExecutor) -> None:
    assert_type(executor.review(), Review)
    review = executor.review(
        "main",
        "HEAD",
        paths=[Path("notebooks"), "reports"],
        parameters={"notebooks/a.ipynb": {"x": 1}},
        rerun_base=True,
        accept=False,
        timeout=None,
        run_timeout=60,
        limits={"memory": "2GiB"},
        max_workers=2,
    )
    executor.review(index=True, on_notebook=lambda one: print(one.path, one.verdict))
    assert_type(review.ok, bool)
    assert_type(review.to_markdown(max_chars=1000), str)
    assert_type(review.to_html(), str)
    assert_type(review.for_llm(1000), str)
    for notebook in review.notebooks:
        assert_type(notebook.executes, bool | None)
        assert_type(notebook.matches_reference, bool | None)
        assert_type([step.message for step in notebook.steps], list[str])
    executor.review(paths="notebooks", index=1)  # type: ignore[arg-type]


def proposes(executor: NotebookExecutor) -> None:
    edits = {"op": "set_parameter", "name": "threshold", "value": 0.9}
    made = executor.propose("in.ipynb", edits, title="Lower the threshold")
    assert_type(made, Proposal)
    assert_type(made.url, str | None)
    assert_type(made.number, int | None)
    assert_type(made.review, Review)
    assert_type(made.ok, bool)
    assert_type([link.url for link in made.files], list[str])
    executor.propose(
        Path("in.ipynb"),
        [SetTags(cell=3, tags=("x",)), edits],
        title="Another",
        base="release",
        branch="agents/mine",
        parameters={"x": 1},
        body="Why.",
        allow_failing=True,
        attach=False,
        rerun_base=True,
        timeout=None,
        run_timeout=60,
        limits={"memory": "2GiB"},
    )
    executor.propose("in.ipynb", edits)  # type: ignore[call-arg]


def starts(executor: NotebookExecutor) -> None:
    run = executor.start("in.ipynb", False, {"x": 1}, 60, run_timeout=3600, on_event=on_event)
    assert_type(run, Run)
    assert_type(run.id, str)
    assert_type(run.state, Literal["queued", "running", "finished"])
    assert_type(run.wait(timeout=5), bool)
    assert_type(run.result(), ExecutionResult)
    run.cancel("no longer needed")
    events, cursor = run.poll()
    assert_type(events, tuple[Event, ...])
    for event in run.events(since=cursor):
        assert_type(event, Event)
    told: str = run.for_llm(max_chars=500, since=cursor)
    assert_type(run.for_llm(since=0).cursor, int)
    assert told
    executor.start("in.ipynb", check=True)  # type: ignore[call-arg]
    executor.start("in.ipynb", cwd=5)  # type: ignore[arg-type]


def lists(executor: NotebookExecutor) -> None:
    runs = executor.runs(notebook=Path("in.ipynb"), since=datetime.now(), sweep="s", limit=5)
    executor.runs(schedule="nightly")
    assert_type(runs, Runs)
    assert_type(runs[0].status, Literal["success", "error", "running", "cut off", "unreadable"])
    assert_type(runs[:2], Runs)
    assert_type(runs.to_dataframe(), DataFrame)
    executor.runs(status="no such")  # type: ignore[arg-type]


def sweeps(executor: NotebookExecutor) -> None:
    sweep = executor.execute_many(
        "in.ipynb",
        grid={"lr": [0.1, 0.03], "depth": range(2, 11)},
        parameters="common.yaml",
        max_workers=4,
        sweep="first",
        stop_on_error=True,
        worker_env=[{"CUDA_VISIBLE_DEVICES": "0"}],
        timeout=None,
        output_path=False,
    )
    assert_type(sweep, Sweep)
    for result in sweep:
        assert_type(result, ExecutionResult)
    assert_type(sweep.results, list[ExecutionResult])
    assert_type(sweep.ok, bool)
    assert_type(sweep.to_dataframe(), DataFrame)
    sweep.cancel("enough")
    executor.execute_many("in.ipynb", points=[{"x": 1}], output_path="o")  # type: ignore[arg-type]


async def awaits(executor: NotebookExecutor) -> None:
    assert_type(await executor.aexecute("in.ipynb", check=True, labels={}), ExecutionResult)


def constructs() -> None:
    NotebookExecutor()
    NotebookExecutor(Path("project"), kernel_name="python3", config={"start_timeout": 5})
    with NotebookExecutor(".", config=Settings(output_limit=1000)) as executor:
        assert_type(executor, NotebookExecutor)
        assert_type(executor.root, Path)
        executor.close()
    NotebookExecutor(require_containment="namespace")
    NotebookExecutor(warm=True, preload=["numpy", "pandas"])
    NotebookExecutor(warm="hot")  # type: ignore[arg-type]
    NotebookExecutor(require_containment="most")  # type: ignore[arg-type]


def reads(result: ExecutionResult) -> None:
    assert_type(result.status, Literal["success", "error"])
    assert_type(result.ok, bool)
    assert_type(result.duration_seconds, float)
    scraps: dict[str, Any] = result.scraps
    assert_type(scraps["score"], Any)
    assert_type(result.scraps.get("score"), Any)
    assert_type(result.output_path, str | None)
    assert_type(result.warnings, tuple[str, ...])
    assert_type(result.for_llm(), str)
    assert_type(result.for_llm(max_chars=2000), str)
    assert_type(result.to_json(indent=1), str)
    assert_type(result.notebook, NotebookNode | None)
    assert_type(result.raise_for_error(), ExecutionResult)
    assert_type(result["status"], Any)
    if result.error is not None:
        assert_type(result.error.message, str)
        assert_type(result.error.state, Literal["live", "lost"])
        assert_type(result.error.signal, str | None)
    if result.failed_cell is not None:
        assert_type(result.failed_cell.index, int | None)
        assert_type(result.failed_cell.line, int | None)
    for cell in result.cells:
        assert_type(cell.output_preview, str)
    as_mapping: Mapping[str, Any] = dict(result)
    assert as_mapping
    result.status = "success"  # type: ignore[misc]


def works_on_documents(executor: NotebookExecutor) -> None:
    notebook = executor.read_notebook("in.ipynb")
    executor.write_notebook(notebook, Path("copy.ipynb"))
    collected: dict[str, Any] = executor.collect_outputs("out.ipynb")
    assert_type(collected["score"], Any)
    assert_type(executor.collect_table("runs/**/*.ipynb"), DataFrame)
    for name, parameter in executor.inspect_parameters("in.ipynb").items():
        assert_type(name, str)
        assert_type(parameter.required, bool)
    assert_type(executor.inspect_parameters("in.ipynb").json_schema(), dict[str, Any])
    diff = executor.diff_notebooks("a.ipynb", Path("b.ipynb"))
    assert_type(diff.identical, bool)
    assert_type(diff.for_llm(2000), str)
    assert_type(diff.to_markdown(), str)
    executor.diff_notebooks("a.ipynb", "b.ipynb", noise=True, lossless=True)
    assert_type(executor.patch("a.ipynb", diff).exact, bool)
    executor.patch("a.ipynb", Path("d.json"), output="c.ipynb")
    merged = executor.merge("base.ipynb", Path("ours.ipynb"), "theirs.ipynb", output="m.ipynb")
    assert_type(merged.clean, bool)
    assert_type(merged.notebook, NotebookNode)
    assert_type(merged.conflicts[0].place, str)
    executor.validate("in.ipynb")
    validated = executor.validate("in.ipynb", regression=True, reference="main", accept=False)
    for issue in validated.issues:
        assert_type(issue.code, str)
        assert_type(issue.line, int | None)
    if validated.regression is not None:
        assert_type(validated.regression.executes, bool)
        assert_type(validated.regression.matches_reference, bool | None)
    executor.validate("in.ipynb", regression={"lax": True}, parameters={"x": 1}, timeout=None)
    executor.validate(Path("in.ipynb"), fix=True, upgrade=True)
    for cell in executor.outline("in.ipynb"):
        assert_type(cell.hash, str)
        assert_type(cell.tags, tuple[str, ...])
    report = executor.edit("in.ipynb", {"op": "delete", "cell": "a"}, dry_run=True)
    assert_type(report.changed, bool)
    assert_type(report.diff, str)
    executor.edit("in.ipynb", [SetTags(cell=3, tags=("x",)), {"op": "clear_outputs"}])
    executor.edit("in.ipynb", report.inverse)
    executor.edit("in.ipynb", 5)  # type: ignore[arg-type]


def fails(executor: NotebookExecutor) -> str:
    try:
        executor.execute("in.ipynb", check=True)
    except NotebookExecutorError as error:
        assert_type(error.message, str)
        assert_type(error.details, dict[str, Any])
        return error.hint
    return ""
