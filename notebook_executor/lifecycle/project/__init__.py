"""A project's Jupyter server, the conventions that it keeps, and all projects of the machine.

Of the standard library, psutil and jupyter_client alone, like the room around it.
"""
