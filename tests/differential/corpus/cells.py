"""Kinds of cells: tags, magics, shell, async, text cells, empty ones, and their metadata."""

from __future__ import annotations

from ..cases import Case, Json, code, markdown, notebook, raw

_STORED: Json = {
    "execution_count": 41,
    "outputs": [{"name": "stdout", "output_type": "stream", "text": "from last year\n"}],
}

CASES: tuple[Case, ...] = (
    Case(
        "tags_skip_and_keep",
        "skip-execution cells are not run; tags of no meaning are kept",
        notebook(
            code("x = 1", tags=("setup", "fast")),
            {**code("x = 2", tags=("skip-execution",)), **_STORED},
            code("x", tags=("hide_input", "remove-output", "x.y")),
        ),
    ),
    Case(
        "magics",
        "line and cell magics that write, time, list and assign",
        notebook(
            code("%matplotlib inline\n%config InlineBackend.figure_format = 'png'"),
            code("%%writefile note.txt\nwritten by a cell"),
            code("print(open('note.txt').read())"),
            code("value = %env HOME_OF_NOBODY=here\n%env HOME_OF_NOBODY"),
            code("a = 1; b = 'two'\n%who_ls"),
            code("%precision 3\n3.14159265"),
            code("%pinfo len\nlen?"),
        ),
    ),
    Case(
        "run_magic",
        "%run shares its names, and __file__ is the script's",
        notebook(code("%run helper.py 1 two"), code("shared, name")),
        files={
            "helper.py": "import sys\nshared = sys.argv[1:]\nname = __name__\nprint('helped')\n"
        },
    ),
    Case(
        "shell_escapes",
        "! commands run in a pseudo terminal, whose lines end in \\r\\n",
        notebook(
            code("!echo hello && echo error >&2"),
            code("lines = !printf 'a\\nb\\n'\nlines"),
            code("x = 'expanded'\n!echo $x {x.upper()}"),
            code("!exit 4\n_exit_code"),
        ),
    ),
    Case(
        "script_magics",
        "%%bash with stdout and stderr, %%sh into a variable, %%html, %%latex",
        notebook(
            code("%%bash\necho out\necho err >&2"),
            code("%%sh --out captured\necho kept"),
            code("captured"),
            code("%%html\n<b>x</b>"),
            code("%%latex\n$x$"),
        ),
    ),
    Case(
        "async_cells",
        "top-level await, async for, gather and a task that ends in its cell",
        notebook(
            code("import asyncio\nawait asyncio.sleep(0, 'slept')"),
            code(
                "async def gen():\n    for i in range(3):\n        yield i\n"
                "[i async for i in gen()]"
            ),
            code("await asyncio.gather(*(asyncio.sleep(0, i) for i in range(3)))"),
            code(
                "async def work():\n    print('task')\n    return 'value'\n"
                "task = asyncio.create_task(work())\nawait task"
            ),
        ),
    ),
    Case(
        "text_cells",
        "markdown with attachments, raw cells with a format, neither touched",
        notebook(
            markdown("# Title\n\n*text* with `code`\n\n![dot](attachment:dot.png)\n")
            | {"attachments": {"dot.png": {"image/png": "iVBORw0KGgo="}}},
            raw("\\LaTeX{} raw", raw_mimetype="text/latex"),
            raw("") | {"attachments": {}},
            markdown(""),
            code("'only this runs'"),
        ),
    ),
    Case(
        "empty_cells",
        "empty and blank cells are not run; a comment is",
        notebook(
            code(""),
            code("   \n\n\t"),
            code("# only a comment"),
            code("'counted after it'"),
            {**code(""), **_STORED},
        ),
    ),
    Case(
        "unicode_source",
        "identifiers, strings, emoji, combining marks and line separators",
        notebook(
            code("größe = 'Straße ☕ 日本語 𝄞 e\u0301'\nprint(größe, len(größe))"),
            code("'\u2028 line separator', '\ufeff bom', '\x85 next line'"),
            markdown("Ünïcödé — ✓ 𝄞"),
        ),
    ),
    Case(
        "cell_metadata_kept",
        "metadata of the cell is kept, papermill's and timing's are written anew",
        notebook(
            code(
                "'kept'",
                collapsed=True,
                scrolled="auto",
                deletable=False,
                slideshow={"slide_type": "slide"},
                acme={"deep": [1, {"er": None}]},
                name="named",
            ),
            code(
                "'stale'",
                tags=("keep",),
                papermill={"status": "failed", "exception": True, "extra": 1},
                execution={"iopub.status.busy": "2001-01-01T00:00:00Z", "other": "x"},
            ),
            markdown("also", editable=False, papermill={"status": "failed"}),
            code("", execution={"iopub.status.busy": "2001-01-01T00:00:00Z"}),
        ),
    ),
    Case(
        "report_metadata",
        "hidden inputs and titles of a report survive",
        notebook(
            code("1", tags=("hide_input",), jupyter={"source_hidden": True}),
            code("2", jupyter={"outputs_hidden": False}, hide_input=True),
            title="Weekly report",
            toc={"base_numbering": 1},
            hide_input=False,
        ),
    ),
    Case(
        "outputs_of_an_earlier_run",
        "stored outputs and counts are replaced, in cells that print nothing too",
        notebook(
            {**code("quiet = 1"), **_STORED},
            {**code("print('fresh')"), **_STORED},
            {**code("raise RuntimeError('stop')"), **_STORED},
            {**code("print('not reached')"), **_STORED},
        ),
        kind="cell_error",
    ),
    Case(
        "process_view",
        "what the kernel's process looks like from within",
        notebook(
            code("import os, sys\nos.getcwd(), sys.path[0], __name__, '__file__' in globals()"),
            code("sys.argv[0].rpartition('/')[2], sys.flags.interactive, sys.stdin.isatty()"),
            code("import signal\n[signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGPIPE)]"),
            code(
                "get_ipython().history_manager.hist_file, sorted(get_ipython().user_ns_hidden)[:3]"
            ),
            code("import threading\nthreading.current_thread() is threading.main_thread()"),
            code("oct(os.umask(0o22)), os.environ.get('TERM'), os.environ.get('PAGER')"),
        ),
    ),
    Case(
        "working_directory",
        "papermill runs in the caller's directory; we run in the notebook's folder",
        notebook(code("import os\nos.path.exists('beside.txt')")),
        files={"beside.txt": "here"},
        stock_in_folder=False,
    ),
)
