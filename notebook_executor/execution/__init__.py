"""The run: plan, parameters, cells, deadlines, journal, result. ``run.py`` is the pipeline."""
