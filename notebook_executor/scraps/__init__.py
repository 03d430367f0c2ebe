"""Named outputs of executed notebooks.

``collecting`` reads what ``scrapbook.glue`` and ``hermes_runtime.glue`` left in a notebook's
outputs; ``encoded`` and ``shapes`` tell what is in there that JSON cannot hold. The room knows no
process and no other room; scrapbook itself is never imported.
"""
