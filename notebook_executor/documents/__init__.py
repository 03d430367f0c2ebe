"""Notebooks as files and as data: read, write, edit, validate, compare, strip.

This room knows no process. It stands on ``errors``, ``models`` and ``text`` and is the only one
that knows nbdime; nbformat and nbdime are imported inside the functions that need them, because
importing them takes longer than everything else here.

``reading`` makes a checked notebook of a file, ``writing`` a file of a notebook. ``structure``
says what a usable notebook is, ``schema`` what a valid one is, ``canonical`` how its JSON looks.
``cells`` names and finds cells. ``parameters_cell`` reads what a notebook can be given, with
``python_source`` for the code and ``parameter_types`` for the annotations. ``validation`` and
``diffing`` report; ``issues`` names what can be wrong, ``code_checks``, ``names``, ``leaks`` and
``unsafe`` find it, ``repairs`` puts it right. ``regression`` holds an
executed notebook against its reference, ``output_comparison`` one cell's outputs.

``outline`` shows a notebook to an agent. ``editing`` applies a batch of ``edits`` to a file:
``written`` is its text and where the parts are, ``draft`` its cells while they are changed,
``locating`` finds them, ``edit_operations`` says what each edit means, ``changing`` does it and
remembers what takes it back, ``preview`` tells, ``replacing`` keeps other writers apart.
``stripping`` works on the same text, for git, too, to which ``textconv`` tells what to compare.
``normalise`` is the one opinion of what is noise, with ``volatile`` for metadata.

``diffing`` compares two notebooks as ``comparable`` makes them: ``pairing``, over ``sequences``,
says which cells belong together, ``operations`` what makes one of the other, ``difference`` holds
it. ``difference_text``, with ``unified`` and ``output_text``, tells it; ``difference_page``, with
``page_table``, ``page_outputs`` and ``safe_html``, shows it. ``patching`` applies it. ``merging``
brings three notebooks together, by ``cell_merge`` and ``three_way``, and ``merge_report`` says what
came of it. ``rewriting`` writes the result as the file that it comes from was written.
"""
