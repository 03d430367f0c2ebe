"""The zones and expressions that are compared."""

from __future__ import annotations

ZONES = (
    "UTC",
    "Africa/Cairo",  # at midnight, forward on a Friday, back on a Thursday
    "Africa/Casablanca",  # back for Ramadan, forward after it
    "America/Havana",  # midnight is left out
    "America/New_York",
    "America/Nuuk",  # at 22:00 on a Saturday
    "America/Santiago",  # the south; midnight is left out
    "America/St_Johns",  # half an hour beside the others
    "Antarctica/Troll",  # by two hours
    "Asia/Beirut",  # midnight is left out
    "Asia/Kathmandu",  # 5:45, and never changes
    "Atlantic/Azores",
    "Australia/Lord_Howe",  # by half an hour
    "Europe/Berlin",
    "Europe/Dublin",  # winter time is the daylight saving
)
EXPRESSIONS = (
    "* * * * *",
    "*/5 * * * *",
    "7 * * * *",
    "0 */2 * * *",
    "*/20 1-3 * * *",
    "30 * * * 0",
    "0 0 * * *",
    "30 0 * * *",
    "59 23 * * *",
    "15 1 * * *",
    "0 2 * * *",
    "30 2 * * *",
    "0,30 2,3 * * *",
    "10-50/20 0-4 * * *",
    "45 1,2 * * *",
    "0 3 * * *",
    "0 6 * * 1-5",
    "0 6 * * SUN",
    "5 0 * * 7",
    "30 1 1 * *",
    "0 0 13 * 5",
    "0 0 */2 * 5",
    "15 2 L * *",
    "0 0 LW * *",
    "20 1 * * 5L",
    "40 2 * * 0#2",
    "0 0 1 JAN,JUL *",
    "0 12 29 2 *",
    "0/15 22 * * 6",
)
