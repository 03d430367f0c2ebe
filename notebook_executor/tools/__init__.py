"""What a notebook may have done outside of its kernel: tools, and who may call which.

A ``Tool`` is what can be called, a ``Call`` one call of it; a ``Catalogue`` holds the tools of a
run, a ``Policy`` says which calls go through. ``paths``, ``commands``, ``hosts`` and ``budgets``
are the policy's rules, each one idea. ``builtin`` holds the tools that come with this package.
"""
