"""Sessions: the other things that notebooks start, a browser, an X server, a database.

``launched`` starts one inside the containment; ``registered`` takes what somebody else has started;
``table`` holds both, and ends them when this process ends.
"""
