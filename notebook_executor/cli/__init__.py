"""The command ``nbx``: one file a verb, each of which parses, calls and prints.

``main`` is the entry, ``exits`` maps outcomes to exit codes, ``signals`` turns Ctrl-C and SIGTERM
into an end that saves. ``options`` and ``project`` are what the verbs share; ``screen`` writes,
``progress`` shows a run while it goes on, ``summary`` once it is over.

Verbs import what they need when they run: ``nbx --help`` loads click alone.
"""
