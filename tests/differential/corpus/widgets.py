"""ipywidgets: state in the notebook's metadata, and the Output widget that takes outputs away."""

from __future__ import annotations

from ..cases import Case, Json, code, notebook

_STALE: Json = {
    "application/vnd.jupyter.widget-state+json": {
        "state": {},
        "version_major": 2,
        "version_minor": 0,
    }
}

CASES: tuple[Case, ...] = (
    Case(
        "widget_state",
        "sliders in a box, changed and linked from Python",
        notebook(
            code("import ipywidgets as w"),
            code(
                "slider = w.IntSlider(value=3, description='n')\ntext = w.Text(value='α')\n"
                "w.VBox([slider, text])"
            ),
            code("slider.value = 7\ntext.disabled = True"),
            code("w.jslink((slider, 'value'), (w.IntText(), 'value'));"),
        ),
    ),
    Case(
        "widget_binary_buffers",
        "binary state is kept as buffers",
        notebook(code("import ipywidgets as w\nw.Image(value=bytes(range(64)), format='png')")),
    ),
    Case(
        "output_widget_captures",
        "prints, displays and errors within it leave the cell and enter the widget's state",
        notebook(
            code("import ipywidgets as w\nout = w.Output()\nout"),
            code("with out:\n    print('inside')\n    display('shown inside')\nprint('outside')"),
            code("with out:\n    raise ValueError('kept inside')"),
            code("out.append_stdout('appended')\nlen(out.outputs)"),
        ),
    ),
    Case(
        "output_widget_cleared",
        "clear_output within it clears the widget, not the cell",
        notebook(
            code(
                "import ipywidgets as w\nfrom IPython.display import clear_output\n"
                "out = w.Output()\n"
                "display('in the cell')\n"
                "with out:\n    print('gone')\n    clear_output()\n    print('stays')\n"
                "with out:\n    clear_output(wait=True)\n    print('replaced')"
            ),
            code("out"),
        ),
    ),
    Case(
        "output_widgets_nested",
        "the innermost one captures",
        notebook(
            code("import ipywidgets as w\na, b = w.Output(), w.Output()\nw.HBox([a, b])"),
            code(
                "with a:\n    print('to a')\n    with b:\n        print('to b')\n"
                "    print('to a again')"
            ),
        ),
    ),
    Case(
        "widget_metadata_from_an_earlier_run",
        "a run without widgets leaves the state that the file already holds",
        notebook(code("'no widgets here'"), widgets=_STALE),
    ),
)
