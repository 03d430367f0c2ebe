"""Outputs of every MIME type, results and execution counts."""

from __future__ import annotations

from ..cases import Case, code, markdown, notebook

CASES: tuple[Case, ...] = (
    Case(
        "rich_display_classes",
        "html, markdown, latex, json, svg and javascript, each as IPython displays it",
        notebook(
            code("from IPython.display import HTML, JSON, SVG, Javascript, Latex, Markdown, Math"),
            code("display(HTML('<b>bold</b>'), Markdown('# *title*'))"),
            code("display(Latex(r'$\\alpha^2$'), Math(r'\\frac{1}{2}'))"),
            code("display(JSON({'a': [1, {'b': None}], 'ü': 'ß'}, expanded=True))"),
            code('SVG(\'<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>\')'),
            code("Javascript('console.log(1)')"),
        ),
    ),
    Case(
        "rich_raw_mime_bundles",
        "MIME types nobody knows, JSON of every shape, and metadata per output",
        notebook(
            code(
                "display({'application/vnd.acme+json': {'rows': [1, 2.5, None, True]},\n"
                "         'application/json': [1, 'two', {'three': 3}],\n"
                "         'text/plain': 'plain\\nlines\\n'},\n"
                "        raw=True, metadata={'application/vnd.acme+json': {'height': 3}})"
            ),
            code("display({'text/html': '<i>a</i>\\n<i>b</i>'}, raw=True)"),
            code("display({'application/vnd.acme.scalar+json': 'just text'}, raw=True)"),
        ),
    ),
    Case(
        "rich_reprs_of_a_class",
        "an object with several reprs, as display and as result",
        notebook(
            code(
                "class Rich:\n"
                "    def __repr__(self): return 'Rich()'\n"
                "    def _repr_html_(self): return '<table><tr><td>1</td></tr></table>'\n"
                "    def _repr_latex_(self): return '$r$'\n"
                "    def _repr_mimebundle_(self, **kw): return {'application/x-rich': 'bytes'}\n"
                "display(Rich())\nRich()"
            ),
        ),
    ),
    Case(
        "plot_png",
        "a matplotlib figure arrives as the same bytes",
        notebook(
            code("%matplotlib inline\nimport matplotlib.pyplot as plt"),
            code("plt.plot([1, 4, 9])\nplt.title('squares');"),
            code("fig, ax = plt.subplots(figsize=(2, 1))\nax.bar(['a', 'b'], [1, 2])\nfig"),
        ),
    ),
    Case(
        "binary_images",
        "png and jpeg bytes with width, height and alt text",
        notebook(
            code(
                "from IPython.display import Image\n"
                "png = bytes.fromhex('89504e470d0a1a0a0000000d4948445200000001000000010806000000'\n"
                "                    '1f15c4890000000d49444154789c6360606060000000050001a5f64540'\n"
                "                    '0000000049454e44ae426082')\n"
                "display(Image(png, width=10, height=20, alt='dot'))\n"
                "Image(b'\\xff\\xd8\\xff\\xe0 jpeg', format='jpeg')"
            ),
        ),
    ),
    Case(
        "results_and_counts",
        "what is a result, what is not, and how cells are counted",
        notebook(
            code("1 + 1"),
            markdown("not counted"),
            code("2 + 2;"),
            code("None"),
            code("_ , _1, In[0], Out"),
            code("x = 5"),
            code("'text with\\nlines'"),
            code("_6"),
        ),
    ),
    Case(
        "memory_addresses",
        "what changes with every run is all that changes",
        notebook(code("object(), lambda: 0, type('T', (), {})()")),
    ),
    Case(
        "big_output",
        "five megabytes of text in one cell, and many lines in the next",
        notebook(
            code("print('x' * 5_000_000)"),
            code("print('\\n'.join(f'line {i} ' + 'y' * 40 for i in range(20_000)))"),
            code("'z' * 300_000"),
        ),
    ),
    Case(
        "non_finite_in_json_output",
        "numbers that JSON has no word for, in an output",
        notebook(
            code(
                "display({'application/json': {'a': float('nan'), 'b': [float('inf'), 1.5]}},\n"
                "        raw=True)"
            ),
            code("float('nan')"),
        ),
    ),
)
