"""What we do otherwise than papermill, on purpose: the one list, and the source of the docs page.

Each entry names the notebooks of the corpus that it may touch, and translates what papermill left
of them into what we must leave. An entry that changes nothing there, or that the comparison could
do without, fails the suite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import translations
from .cases import Json
from .corpus import CORPUS
from .corpus.refused import CASES as REFUSED_VALUES
from .normalisation import join_chunks


@dataclass(frozen=True)
class Difference:
    """One intended difference.

    Attributes:
        notebooks: Names of the corpus's entries that it applies to, and to no others.
        translate: Changes a view of papermill's run, in place, into what we must leave.
        upstream: Issues that report papermill's behaviour, as ``project#number``.
        replaces: Normalisations that would hide this difference; not applied with it.
    """

    name: str
    papermill: str
    ours: str
    why: str
    notebooks: tuple[str, ...]
    translate: Callable[[Json], None]
    upstream: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()


def differences_of(case_name: str) -> tuple[Difference, ...]:
    return tuple(entry for entry in DIFFERENCES if case_name in entry.notebooks)


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        name="error-markers",
        papermill="inserts two cells on failure: a banner at the top, an anchor before the cell",
        ours="inserts none; the result and the cell's own output say where it failed",
        why="the banner shifts every index: cell 7 of the input is cell 9 of the output, and a "
        "failed run differs from a good one in cells that nobody wrote",
        notebooks=(
            "error_half_way",
            "error_in_the_first_of_many",
            "error_custom_and_chained",
            "error_that_cannot_be_printed",
            "error_in_syntax",
            "error_keyboard_interrupt",
            "error_in_time_magic",
            "error_in_run_magic",
            "error_in_bash_magic",
            "error_unknown_magic",
            "error_in_custom_handler",
            "error_in_async_cell",
            "error_shown_but_not_raised",
            "raises_exception_tag",
            "raises_exception_tag_then_error",
            "system_exit_one",
            "system_exit_message",
            "stdin_refused",
            "outputs_of_an_earlier_run",
            "bash_error",
        ),
        translate=translations.remove_error_markers,
    ),
    Difference(
        name="expected-errors",
        papermill="fails the run at its end because of an error output in a cell tagged "
        "`raises-exception`, though it went on after it",
        ours="takes an expected error for what it is: the run succeeds",
        why="the tag says that the error is part of the notebook",
        notebooks=("raises_exception_tag",),
        translate=translations.succeed,
    ),
    Difference(
        name="shown-tracebacks",
        papermill="goes on after a cell that showed a traceback but whose reply says ok, marks it "
        "`completed`, and fails the run at its end",
        ours="stops there and marks the cell `failed`",
        why="the run has failed in both; a failed `%run` is such a cell, and what follows it "
        "would work on what the script did not make",
        notebooks=("error_in_run_magic", "error_shown_but_not_raised"),
        translate=translations.stop_at_the_traceback,
        upstream=("nbclient#48", "ipython#12291"),
    ),
    Difference(
        name="sys-exit-0",
        papermill="returns normally, but marks the cell and the notebook as failed",
        ours="marks the cell `completed`; the cells after it are `pending` in both",
        why="a notebook that ends early on purpose has not failed, and one record must not say "
        "both",
        notebooks=("system_exit_zero", "system_exit_without_a_code"),
        translate=translations.complete_the_exit,
        upstream=("papermill#435", "papermill#536"),
    ),
    Difference(
        name="kernel-death",
        papermill="marks the cell in which the kernel died, and all cells after it, `completed` "
        "without an exception, names no cell, and leaves out `language_info`",
        ours="marks that cell `failed` and the cells after it `pending`, names the cell, and has "
        "written `language_info` when the kernel came up",
        why="a file must not say that cells were completed that never ran",
        notebooks=("kernel_death",),
        translate=translations.tell_the_death,
    ),
    Difference(
        name="names-of-silent-errors",
        papermill="reports `CellExecutionError` without text for a cell that failed without an "
        "error output",
        ours="reports the name and the text that the kernel gave in its reply",
        why="the kernel's reply knows them",
        notebooks=("error_unknown_magic", "error_in_custom_handler"),
        translate=translations.name_silent_errors,
        upstream=("papermill#381", "papermill#518"),
    ),
    Difference(
        name="nameless-errors",
        papermill="raises an error without a name where the kernel gave none",
        ours="names it `CellFailedError` in the result; the notebook's output is as the kernel "
        "sent it",
        why="kernels such as bash's know exit codes only, and a report needs a word",
        notebooks=("bash_error",),
        translate=translations.name_nameless_errors,
    ),
    Difference(
        name="stream-chunks",
        papermill="keeps one output for each chunk that the kernel sends",
        ours="joins consecutive chunks of a stream, as JupyterLab does",
        why="30,000 flushed prints became 30,001 outputs; where the kernel cuts is chance",
        notebooks=(
            "stream_flushed_prints",
            "stream_progress_bar",
            "stream_controls_across_chunks",
        ),
        translate=join_chunks,
        replaces=("stream chunks", "order of stdout and stderr"),
    ),
    Difference(
        name="carriage-returns",
        papermill="keeps carriage returns and backspaces as characters",
        ours="lets them overwrite, as JupyterLab does",
        why="a progress bar is one line, and lines of a pseudo terminal end in a newline alone",
        notebooks=("stream_progress_bar", "stream_controls_across_chunks", "shell_escapes"),
        translate=translations.obey_controls,
    ),
    Difference(
        name="late-output",
        papermill="drops what a cell's task or thread sends after the cell has finished",
        ours="adds it to the cell that the kernel says it belongs to",
        why="output is not lost because it is late",
        notebooks=("task_prints_during_a_later_cell",),
        translate=translations.keep_late_output,
    ),
    Difference(
        name="non-finite-numbers",
        papermill="writes NaN and Infinity into the file",
        ours="writes null; the run warns",
        why="they are not JSON: strict parsers, git hosts and browsers refuse the whole file",
        notebooks=("parameters_non_finite",),
        translate=translations.null_non_finite,
        upstream=("papermill#630",),
    ),
    Difference(
        name="unknown-parameters",
        papermill="warns and injects them all the same",
        ours="refuses the run before a kernel is started, and says which name was meant",
        why="a misspelt name runs with the default, and nobody reads the warning",
        notebooks=(
            "parameters_unknown",
            "parameters_without_a_cell",
            "parameters_replace_injected_without_declaration",
        ),
        translate=translations.refuse,
        upstream=("papermill#245", "papermill#667", "papermill#818"),
    ),
    Difference(
        name="parameters-that-would-change",
        papermill="injects what it has no literal for as text, keys of dicts too; then writes the "
        "file, which fails with a TypeError that names no parameter where JSON has no word for "
        "the value either (set, datetime, Decimal, Path …), and succeeds otherwise (tuple, bytes)",
        ours="refuses the run and says which value, where in it, and what to pass instead: tuple, "
        "set, bytes, datetime, date, Decimal, Path, Enum, numpy scalars, keys that are not text",
        why="`(0, 1)` arrives as the text `(0, 1)`, which fails far away or not at all; one rule "
        "for all types: what arrives is what was passed",
        notebooks=tuple(case.name for case in REFUSED_VALUES),
        translate=translations.refuse,
        upstream=("papermill#586", "papermill#784"),
    ),
    Difference(
        name="language-not-named",
        papermill="refuses parameters for a notebook whose kernelspec names no language",
        ours="takes Python when nothing is said",
        why="VS Code writes such notebooks",
        notebooks=("kernelspec_without_language",),
        translate=translations.take_workaround,
        upstream=("papermill#581", "papermill#584"),
    ),
    Difference(
        name="kernel-not-named",
        papermill="refuses a notebook without a kernelspec",
        ours="runs it on the Python kernel",
        why="the only sensible guess, and the result says which kernel it was",
        notebooks=("no_kernelspec",),
        translate=translations.take_workaround,
        upstream=("papermill#338",),
    ),
    Difference(
        name="paths-are-not-templates",
        papermill="formats input and output path with the parameters, and fails on other braces",
        ours="takes paths as they are",
        why="braces are legal in file names",
        notebooks=("braces_in_the_file_name",),
        translate=translations.take_workaround,
    ),
    Difference(
        name="working-directory",
        papermill="runs the notebook in the caller's working directory",
        ours="runs it in the notebook's folder, as Jupyter does; `cwd=` changes it",
        why="a notebook finds its files wherever it is called from, and papermill's own `cwd` "
        "changes the directory of the calling process",
        notebooks=("working_directory",),
        translate=translations.find_the_file,
        upstream=("papermill#473", "papermill#578"),
    ),
    Difference(
        name="run-id",
        papermill="leaves no trace of which run wrote the file",
        ours="writes `metadata.nbx.run_id`",
        why="it leads from the file to the run's record",
        notebooks=tuple(case.name for case in CORPUS if case.kind != "invalid_parameters"),
        translate=translations.name_the_run,
    ),
)
