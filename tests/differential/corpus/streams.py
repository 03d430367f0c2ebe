"""What cells print: in bulk, in drips, from threads, over each other."""

from __future__ import annotations

from ..cases import Case, code, notebook

CASES: tuple[Case, ...] = (
    Case(
        "stream_many_prints",
        "two thousand lines, each there, in order",
        notebook(code("for i in range(2000):\n    print('line', i)")),
    ),
    Case(
        "stream_flushed_prints",
        "papermill keeps one output for each flush; we keep the text",
        notebook(code("for i in range(300):\n    print('flushed', i, flush=True)")),
    ),
    Case(
        "stream_progress_bar",
        "carriage returns and backspaces, as a notebook shows them",
        notebook(
            code(
                "import sys\n"
                "for i in range(0, 101, 10):\n"
                "    print(f'\\r{i:3d}% |' + '#' * (i // 10) + '|', end='', flush=True)\n"
                "print()\nprint('done')"
            ),
            code(
                "print('10 %\\b\\b\\b\\b100 %')\nprint('abcdef\\rxy')\n"
                "print('windows\\r\\nlines\\r\\n')"
            ),
            code(
                "for i in range(20):\n"
                "    print(f'\\rstep {i}', end='', file=sys.stderr, flush=True)"
            ),
        ),
    ),
    Case(
        "stream_controls_across_chunks",
        "where the cursor is does not depend on where the kernel cut the stream",
        notebook(
            code("print('abcdef\\rxy', end='', flush=True); print('z', flush=True)"),
            code("print('50 %', end='', flush=True); print('\\b\\b\\b\\b75 %', flush=True)"),
            code("print('abc', end='\\r', flush=True); print('x', end='', flush=True)"),
            code("print('one\\r', flush=True); print('two\\b'); print('\\bthree')"),
        ),
    ),
    Case(
        "stream_stderr_between_stdout",
        "both streams whole, neither in the other",
        notebook(
            code(
                "import sys\n"
                "for i in range(50):\n"
                "    print('out', i)\n    print('err', i, file=sys.stderr)"
            ),
        ),
    ),
    Case(
        "stream_between_displays",
        "prints stay between the displays they were made between",
        notebook(
            code("print('a'); display('b'); print('c'); display('d'); print('e')\n'f'"),
            code("import sys\nprint('x', file=sys.stderr); display('y'); print('z', end='')"),
        ),
    ),
    Case(
        "stream_writes_without_print",
        "write, writelines, print with sep and end, and the end of a cell without a newline",
        notebook(
            code("import sys\nsys.stdout.write('w')\nsys.stdout.writelines(['a\\n', 'b'])"),
            code("print(1, 2, sep='', end='…')\nprint('ünïcödé 日本 𝄞')"),
            code("print('\\x1b[1;31mred\\x1b[0m plain')"),
            code("print('')"),
            code("print('', end='')"),
        ),
    ),
    Case(
        "logging_and_warnings",
        "log records and warnings on stderr, once each",
        notebook(
            code(
                "import logging\nlogging.basicConfig(format='%(levelname)s %(message)s')\n"
                "logging.warning('careful'); logging.error('broken'); logging.info('unseen')"
            ),
            code(
                "import warnings\nwarnings.warn('old thing', DeprecationWarning)\n"
                "warnings.warn('odd')"
            ),
            code("warnings.simplefilter('ignore')\nwarnings.warn('silent')"),
        ),
    ),
    Case(
        "thread_joined_in_its_cell",
        "threads that end within their cell print into it",
        notebook(
            code(
                "import threading\n"
                "def work(n):\n    print('from thread', n)\n"
                "for n in range(5):\n    t = threading.Thread(target=work, args=(n,))\n"
                "    t.start(); t.join()\nprint('joined')"
            ),
            code("'next cell'"),
        ),
    ),
    Case(
        "thread_prints_during_a_later_cell",
        "the kernel gives what a thread prints to the cell that runs: so do both executors",
        notebook(
            code(
                "import threading\ngo = threading.Event()\n"
                "def work():\n    go.wait()\n    print('late')\n"
                "thread = threading.Thread(target=work)\nthread.start()\nprint('started')"
            ),
            code("go.set()\nthread.join()\nprint('second cell')"),
            code("'third cell'"),
        ),
    ),
    Case(
        "task_prints_during_a_later_cell",
        "papermill drops what a task prints when its cell is over; we keep it with that cell",
        notebook(
            code(
                "import asyncio\ngo = asyncio.Event()\n"
                "async def work():\n    await go.wait()\n"
                "    print('late')\n    display('late too')\n"
                "task = asyncio.create_task(work())"
            ),
            code("go.set()\nawait task\nprint('second cell')"),
            code("'third cell'"),
        ),
    ),
    Case(
        "captured_output",
        "%%capture and redirect_stdout keep output out of the cell",
        notebook(
            code("%%capture taken\nprint('captured')\ndisplay('captured too')"),
            code(
                "import contextlib, io\nbuffer = io.StringIO()\n"
                "with contextlib.redirect_stdout(buffer):\n    print('redirected')\n"
                "taken.stdout, buffer.getvalue()"
            ),
            code("taken.show()"),
        ),
    ),
)
