"""Real kills on real kernels: whatever is killed, whenever, nothing of ours stays.

``catalogue`` lists the faults; ``test_faults`` runs each once, ``measuring`` many times over.
"""
