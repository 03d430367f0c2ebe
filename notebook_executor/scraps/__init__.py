"""Named outputs of executed notebooks.

``collecting`` reads what ``scrapbook.glue`` and ``hermes_runtime.glue`` left in a notebook's
outputs. The room knows no process, no file and no other room; scrapbook itself is never imported.
"""
