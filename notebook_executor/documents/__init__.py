"""Notebooks as files and as data: read, write, parameters cell, validation, diff.

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
"""
