"""Cells that fail, cells that only seem to, and cells that are allowed to."""

from __future__ import annotations

from ..cases import Case, code, markdown, notebook

_AFTER = code("print('never reached')")
_ERROR_MARKER = "papermill-error-cell-tag"

CASES: tuple[Case, ...] = (
    Case(
        "error_half_way",
        "outputs before the error stay, cells after it are not run",
        notebook(
            markdown("# Report"),
            code("print('before')"),
            code("print('in the cell')\nrows = [1, 2]\nrows[5]"),
            markdown("## Never"),
            _AFTER,
        ),
        kind="cell_error",
    ),
    Case(
        "error_in_the_first_of_many",
        "with parameters, the index of the failed cell counts the injected one",
        notebook(code("x = 1", tags=("parameters",)), code("assert x == 1, f'x is {x}'"), _AFTER),
        {"x": 2},
        kind="cell_error",
    ),
    Case(
        "error_custom_and_chained",
        "a custom exception with a cause, a note and text of several lines",
        notebook(
            code("class BadRow(ValueError):\n    'a custom error'"),
            code(
                "try:\n    int('x')\nexcept ValueError as exc:\n"
                "    error = BadRow('row 3:\\n  ünïcödé \"x\"')\n"
                "    error.add_note('see the input')\n"
                "    raise error from exc"
            ),
            _AFTER,
        ),
        kind="cell_error",
    ),
    Case(
        "error_that_cannot_be_printed",
        "an exception whose text raises is an error all the same",
        notebook(
            code("class Mute(Exception):\n    def __str__(self): raise RuntimeError('no text')"),
            code("raise Mute()"),
            _AFTER,
        ),
        kind="cell_error",
    ),
    Case(
        "error_in_syntax",
        "nothing of the cell runs",
        notebook(code("print('not printed')\nx = = 1"), _AFTER),
        kind="cell_error",
    ),
    Case(
        "error_keyboard_interrupt",
        "KeyboardInterrupt raised by the cell itself",
        notebook(code("raise KeyboardInterrupt"), _AFTER),
        kind="cell_error",
    ),
    Case(
        "error_in_time_magic",
        "%%time does not hide the error",
        notebook(code("%%time\n1 / 0"), _AFTER),
        kind="cell_error",
    ),
    Case(
        "error_in_run_magic",
        "%run of a script that raises",
        notebook(code("%run script.py"), _AFTER),
        kind="cell_error",
        files={"script.py": "print('in the script')\nraise KeyError('script')\n"},
    ),
    Case(
        "error_in_bash_magic",
        "a failing %%bash cell is a CalledProcessError",
        notebook(code("%%bash\necho out\nexit 3"), _AFTER),
        kind="cell_error",
    ),
    Case(
        "error_unknown_magic",
        "an unknown magic fails without an error output",
        notebook(code("%no_such_magic 1"), _AFTER),
        kind="cell_error",
    ),
    Case(
        "error_in_custom_handler",
        "IPython's own handler swallowed the traceback; the cell failed all the same",
        notebook(
            code(
                "def handler(self, etype, value, tb, tb_offset=None):\n"
                "    print('handled', value)\n"
                "get_ipython().set_custom_exc((LookupError,), handler)"
            ),
            code("raise LookupError('custom')"),
            _AFTER,
        ),
        kind="cell_error",
    ),
    Case(
        "error_in_async_cell",
        "an error behind an await",
        notebook(code("import asyncio\nawait asyncio.sleep(0)\nraise OSError(5, 'io')"), _AFTER),
        kind="cell_error",
    ),
    Case(
        "error_shown_but_not_raised",
        "a traceback that the code showed by itself, with a reply that says ok",
        notebook(
            code("try:\n    1 / 0\nexcept ZeroDivisionError:\n    get_ipython().showtraceback()"),
            _AFTER,
        ),
        kind="cell_error",
    ),
    Case(
        "raises_exception_tag",
        "an expected error is no failure, and the cells after it run",
        notebook(
            code("raise ValueError('expected')", tags=("raises-exception",)),
            code("print('still here')"),
            code("1", tags=("raises-exception",)),
        ),
    ),
    Case(
        "raises_exception_tag_then_error",
        "after an expected error, an unexpected one still fails the run",
        notebook(
            code("raise ValueError('expected')", tags=("raises-exception",)),
            code("raise KeyError('unexpected')"),
            _AFTER,
        ),
        kind="cell_error",
    ),
    Case(
        "system_exit_zero",
        "sys.exit(0) ends the run early and well",
        notebook(code("print('enough')\nimport sys; sys.exit(0)"), _AFTER),
    ),
    Case(
        "system_exit_without_a_code",
        "sys.exit() is the same",
        notebook(code("import sys; sys.exit()"), _AFTER),
    ),
    Case(
        "system_exit_one",
        "sys.exit(1) is a failure",
        notebook(code("import sys; sys.exit(1)"), _AFTER),
        kind="cell_error",
    ),
    Case(
        "system_exit_message",
        "sys.exit('message') is a failure",
        notebook(code("import sys; sys.exit('no data')"), _AFTER),
        kind="cell_error",
    ),
    Case(
        "stdin_refused",
        "nobody is there to answer input()",
        notebook(code("print('asking')\nname = input('name? ')"), _AFTER),
        kind="stdin_requested",
    ),
    Case(
        "kernel_death",
        "the kernel exits in the middle of a cell",
        notebook(
            code("print('before', flush=True)"),
            code("import os\nos._exit(7)"),
            markdown("between"),
            _AFTER,
        ),
        kind="kernel_died",
    ),
    Case(
        "stale_error_markers",
        "the marker cells of an earlier failure are removed, and the run succeeds",
        notebook(
            markdown("<span>An Exception was encountered</span>", tags=(_ERROR_MARKER,)),
            code("print('fixed')"),
            markdown("<span>stopped here</span>", tags=(_ERROR_MARKER,)),
            code("print('reached')"),
        ),
    ),
)
