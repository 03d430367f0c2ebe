"""Kernels and their processes: private directories, connections, launch and end.

Knows no notebook. Other Jupyter projects can use this room alone: it needs jupyter_client and
nothing else of what the package depends on.
"""
