"""A project's Jupyter server, the conventions that it keeps, and all projects of the machine."""
