"""Measurements against the peers; ``python -m benchmarks`` prints the table.

- ``__main__``: the command; ``rows``: what is measured, and the target of each row
- ``measuring``: turns, each in a process of its own; ``turns``: what such a process does
- ``runners``: one job done by each package; ``notebooks``: the notebooks
- ``report``: rows as a table, as JSON and as a picture
- ``floor``: what a cell and a kernel cost at the least; ``supervision``: what guard and keeper do
- ``documents``: reading, comparing and changing notebooks, which no kernel takes part in
"""
