"""The ten conventions that the Jupyter projects of a machine share, checked on any project.

``scripts`` reads what a project starts its server with, ``evidence`` what is there and what runs;
``written`` judges the one and ``found`` the other; ``checking`` has them in order.
"""
