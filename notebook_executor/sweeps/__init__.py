"""One notebook, many points: what to run, where, how many at a time, and what came out."""
