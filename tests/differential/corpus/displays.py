"""Displays that are updated or cleared after they were shown."""

from __future__ import annotations

from ..cases import Case, code, notebook

CASES: tuple[Case, ...] = (
    Case(
        "display_update_in_the_same_cell",
        "an update replaces data and metadata in place",
        notebook(
            code(
                "handle = display('first', display_id=True)\n"
                "display('other')\n"
                "handle.update({'text/html': '<b>second</b>', 'text/plain': 'second'}, raw=True,\n"
                "              metadata={'text/html': {'isolated': True}})"
            ),
        ),
    ),
    Case(
        "display_update_across_cells",
        "a later cell changes the output of an earlier one",
        notebook(
            code("handle = display('waiting', display_id='job')"),
            code("print('working')\nhandle.update('half')"),
            code(
                "from IPython.display import update_display\n"
                "update_display('done', display_id='job')"
            ),
        ),
    ),
    Case(
        "display_id_shown_many_times",
        "one id shown twice in a cell and once in another: an update reaches all three",
        notebook(
            code("display('a', display_id='x'); print('between'); display('b', display_id='x')"),
            code("display('c', display_id='x')"),
            code(
                "from IPython.display import update_display\nupdate_display('all', display_id='x')"
            ),
        ),
    ),
    Case(
        "display_update_of_an_unknown_id",
        "an update that no output answers to shows nothing",
        notebook(
            code(
                "from IPython.display import update_display\n"
                "update_display('lost', display_id='nobody')"
            ),
            code("display('found', display_id='nobody')"),
        ),
    ),
    Case(
        "display_ids_nested",
        "two ids in one cell, updated in turns from two cells",
        notebook(
            code(
                "outer = display('outer 0', display_id='outer')\n"
                "inner = display('inner 0', display_id='inner')\n"
                "outer.update('outer 1')"
            ),
            code("inner.update('inner 1')\nouter.display('outer again')\ninner.update('inner 2')"),
            code("outer.update('outer 2')"),
        ),
    ),
    Case(
        "clear_output_at_once",
        "cleared outputs are gone, what follows stays",
        notebook(
            code(
                "from IPython.display import clear_output\n"
                "print('gone'); display('gone too')\nclear_output()\nprint('stays')\n'result'"
            ),
        ),
    ),
    Case(
        "clear_output_when_more_comes",
        "with wait=True, what was there goes only when something follows",
        notebook(
            code(
                "from IPython.display import clear_output\n"
                "for i in range(5):\n    clear_output(wait=True)\n    display(f'step {i}')"
            ),
            code("display('kept')\nclear_output(wait=True)"),
            code("display('first output of the next cell')"),
        ),
    ),
    Case(
        "clear_output_forgets_display_ids",
        "an update does not reach a display that was cleared, nor what took its place",
        notebook(
            code(
                "from IPython.display import clear_output\n"
                "handle = display('old', display_id='h')\nclear_output()\ndisplay('new')"
            ),
            code("handle.update('updated')"),
            code("display('again', display_id='h')\nhandle.update('updated again')"),
        ),
    ),
)
