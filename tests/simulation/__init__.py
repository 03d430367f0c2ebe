"""Due times, found a second time by walking through every minute: no cron library, zoneinfo alone.

``python -m tests.simulation`` compares two years of each case; ``tests/unit/test_schedule_due.py``
the days around each change of clocks.
"""
