"""Ours against stock papermill: the same notebooks through both, compared whole.

``cases`` says what an entry of the corpus is, ``corpus`` holds the entries, ``runs`` executes one
with either executor, ``normalisation`` takes away what changes from run to run, ``differences``
lists what we do otherwise on purpose, ``comparison`` finds everything else.
"""
