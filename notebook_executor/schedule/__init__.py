"""Notebooks that run by themselves: entries in YAML, their due times, and what was due and missed.

``entry`` says what an entry is, ``loading`` reads files of them, ``expression`` is the arithmetic
of time and ``due`` what it means for an entry, ``templates`` fills in what depends on the time.
"""
