"""The cron of a real Hermes agent, in a process of its own: its packages have names like ``cron``.

Reads jobs from standard input, a line each, and writes what the agent makes of them; with the
argument ``run``, it runs them.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> None:
    from cron import jobs, scheduler  # type: ignore[import-not-found]

    given = [json.loads(line) for line in sys.stdin]
    told: dict[str, Any] = {"created": [], "ran": {}}
    for job in given:
        schedule = job["schedule"]
        when = schedule.get("run_at") or schedule.get("expr") or schedule["display"]
        # What `hermes cron create` does with the command line that is printed for a person.
        made = jobs.create_job(
            None, when, name=job["name"], script=job["script"], no_agent=True,
            workdir=job["workdir"],
        )  # fmt: skip
        told["created"].append(made)
    jobs.save_jobs(given)
    told["listed"] = jobs.list_jobs(include_disabled=True)
    for job in given if sys.argv[1:] == ["run"] else []:
        good, _, delivered, error = scheduler.run_job(job)
        jobs.mark_job_run(job["id"], good, error)
        told["ran"][job["name"]] = [good, delivered, error]
    told["after"] = jobs.list_jobs(include_disabled=True)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
