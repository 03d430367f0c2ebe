"""What schedulers share: which due times were taken on, by whom, and what became of them.

Every decision that two schedulers could take at once is one transaction that looks and writes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from notebook_executor.schedule.claims import LIVE, Claim, stamp
from notebook_executor.schedule.database import Database

FILE = "state.db"
_IS_LIVE = f"state IN {LIVE}"


class State:
    """An open state; ``close`` it. Safe for many threads, and for many processes beside it.

    Args:
        directory: Where its files are; made if it is missing.

    Raises:
        UsageError: From any method: its file cannot be used.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._database = Database(directory / FILE)

    def __enter__(self) -> State:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def version(self) -> int:
        """A number that is another one after another process has changed something; cheap."""
        return int(self._database.rows("PRAGMA data_version")[0][0])

    # Entries: until when all is dealt with, and whether they are paused.

    def cursors(self, names: Collection[str]) -> dict[str, datetime]:
        """For each of these entries that was ever seen: until when all is dealt with."""
        rows = self._database.rows(
            "SELECT name, cursor FROM entries WHERE name IN (SELECT value FROM json_each(:names))",
            {"names": json.dumps(list(names))},
        )
        return {row["name"]: datetime.fromisoformat(row["cursor"]) for row in rows}

    def begin(self, cursors: Mapping[str, datetime]) -> None:
        """Note entries that are seen for the first time; those that are known stay as they are.

        Args:
            cursors: For each name the time after which its due times count.
        """
        with self._database.transaction():
            for name, cursor in cursors.items():
                self._database.change(
                    "INSERT OR IGNORE INTO entries (name, cursor) VALUES (:name, :cursor)",
                    {"name": name, "cursor": stamp(cursor)},
                )

    def set_back(self, now: datetime) -> None:
        """Have no entry be further than now: the clock was put back.

        What has run does not run again, because it is claimed.
        """
        self._database.change(
            "UPDATE entries SET cursor = :now WHERE cursor > :now", {"now": stamp(now)}
        )

    def pass_over(self, name: str, until: datetime, missed: Claim | None = None) -> bool:
        """Deal with the due times up to a time by not running them.

        Args:
            name: The entry.
            until: The new cursor, unless another scheduler is further already.
            missed: What is recorded of them; None for nothing.

        Returns:
            Whether something was recorded: not where another scheduler was faster.
        """
        with self._database.transaction():
            recorded = missed is not None and self._insert(missed)
            self._advance(name, until)
        return recorded

    def paused(self) -> dict[str, str]:
        """The names of the entries that are paused, each with the reason that was given."""
        rows = self._database.rows(
            "SELECT name, paused_because FROM entries WHERE paused_at IS NOT NULL"
        )
        return {row["name"]: row["paused_because"] for row in rows}

    def pause(self, name: str, now: datetime, reason: str = "") -> bool:
        """Have no due time of the entry run until ``resume``; False if it was paused before."""
        with self._database.transaction():
            self.begin({name: now})
            changed = self._database.change(
                "UPDATE entries SET paused_at = :now, paused_because = :reason "
                "WHERE name = :name AND paused_at IS NULL",
                {"now": stamp(now), "reason": reason, "name": name},
            )
        return changed > 0

    def resume(self, name: str, now: datetime) -> bool:
        """Go on with the due times from now on; False if the entry was not paused."""
        with self._database.transaction():
            changed = self._database.change(
                "UPDATE entries SET paused_at = NULL, paused_because = NULL "
                "WHERE name = :name AND paused_at IS NOT NULL",
                {"name": name},
            )
            if changed:
                self._advance(name, now)
        return changed > 0

    # Claims.

    def claim(self, wanted: Claim, *, alone: bool) -> Claim | list[Claim] | None:
        """Take a due time on, unless that was done before; on the disk when this returns.

        Args:
            wanted: In state ``running``, with its owner.
            alone: Only where no other claim of the entry is live.

        Returns:
            The claim; the live ones that are in its way; or None, where the due time was taken on
            before, or the entry is paused.
        """
        with self._database.transaction():
            if self._is_known(wanted) or (not wanted.manual and self._is_closed(wanted)):
                return None
            if alone and (others := self.live(wanted.entry)):
                return others
            self._insert(wanted)
            if not wanted.manual:
                self._advance(wanted.entry, wanted.scheduled_at)
        return wanted

    def claim_again(self, waiting: Claim, owner: str, now: datetime) -> Claim | None:
        """Take on the next attempt of a claim that waits for one; None if somebody else did."""
        again = Claim(
            entry=waiting.entry,
            scheduled_at=waiting.scheduled_at,
            attempt=waiting.attempt + 1,
            manual=waiting.manual,
            owner=owner,
            claimed_at=now,
        )
        return again if self.change(waiting, again) else None

    def change(self, before: Claim, after: Claim) -> bool:
        """Write what became of a claim, if it still is as somebody saw it.

        A wish to end it that came in meanwhile stays, until the next attempt.

        Returns:
            False where the claim is at another attempt, in another state, or another owner's.
        """
        row = _row(after)
        fixed = {"entry", "scheduled_at", "manual"}
        if before.attempt == after.attempt:
            fixed.add("ending")
        seen = {f"{name}_seen": getattr(before, name) for name in ("attempt", "state", "owner")}
        values = ", ".join(f"{name} = :{name}" for name in row.keys() - fixed)
        with self._database.transaction():
            changed = self._database.change(
                f"UPDATE claims SET {values} "
                "WHERE entry = :entry AND scheduled_at = :scheduled_at AND attempt = :attempt_seen "
                "AND state = :state_seen AND owner IS :owner_seen",
                {**row, **seen},
            )
            if changed and before.state == "running" and after.state != "running":
                self._database.change(
                    "UPDATE runs SET ok = :state = 'success' WHERE run_id = :run_id", row
                )
        return changed > 0

    def place(self, claim: Claim, run_id: str, paths: Iterable[str]) -> Claim:
        """Note under which id a claim's attempt runs, and where its notebook goes.

        Args:
            claim: Running, its owner's.
            run_id: The run's.
            paths: In the order of preference; the first that no live claim has is taken.

        Returns:
            The claim, with its ``output_path``; None there where ``paths`` has none.
        """
        with self._database.transaction():
            taken = {other.output_path for other in self.live()}
            path = next((path for path in paths if path not in taken), None)
            placed = claim.model_copy(update={"run_id": run_id, "output_path": path})
            self.change(claim, placed)
            self._database.change(
                "INSERT INTO runs (run_id, entry, output_path) VALUES (:run_id, :entry, :path)",
                {"run_id": run_id, "entry": claim.entry, "path": path},
            )
        return placed

    def ask_to_end(self, claim: Claim, reason: str) -> None:
        """Ask the owner of a running claim, whichever process that is, to end it."""
        self._database.change(
            "UPDATE claims SET ending = :reason WHERE entry = :entry AND attempt = :attempt "
            "AND scheduled_at = :scheduled_at AND state = 'running' AND ending IS NULL",
            {**_row(claim), "reason": reason},
        )

    def live(self, entry: str | None = None) -> list[Claim]:
        """The claims that run or wait for a retry, of one entry or of all, the oldest first."""
        named = "" if entry is None else "AND entry = :entry "
        return self._claims(
            f"SELECT * FROM claims WHERE {_IS_LIVE} {named}ORDER BY scheduled_at", entry=entry
        )

    def claims(self, entry: str | None = None, limit: int = -1) -> list[Claim]:
        """The newest claims, of one entry or of all, the newest first; all with -1."""
        named = "" if entry is None else "WHERE entry = :entry "
        return self._claims(
            f"SELECT * FROM claims {named}ORDER BY scheduled_at DESC LIMIT :limit",
            entry=entry,
            limit=limit,
        )

    def last(self) -> dict[str, Claim]:
        """The newest claim of each entry."""
        found = self._claims("SELECT *, max(scheduled_at) FROM claims GROUP BY entry")
        return {claim.entry: claim for claim in found}

    def forget(self, entry: str, kept: int) -> None:
        """Remove what is over, beyond the newest claims; due times up to then never run again.

        Args:
            entry: Its name.
            kept: How many of its claims stay.
        """
        oldest = (
            "SELECT scheduled_at FROM claims WHERE entry = :entry "
            "ORDER BY scheduled_at DESC LIMIT 1 OFFSET :kept"
        )
        for row in self._database.rows(oldest, {"entry": entry, "kept": kept}):
            values = {"entry": entry, "until": row["scheduled_at"]}
            with self._database.transaction():
                self._database.change(
                    "DELETE FROM claims WHERE entry = :entry AND scheduled_at <= :until "
                    f"AND NOT {_IS_LIVE}",
                    values,
                )
                self._database.change(
                    "UPDATE entries SET floor = max(floor, :until) WHERE name = :entry", values
                )

    def surplus(self, entry: str, success: int, failure: int) -> list[tuple[str, str | None]]:
        """Runs of an entry that are over, beyond the newest ones.

        Args:
            entry: Its name.
            success: How many that succeeded are not among them.
            failure: How many that did not.

        Returns:
            Their ids, each with where its notebook went.
        """
        query = (
            "SELECT run_id, output_path FROM runs WHERE entry = :entry AND ok = :ok "
            "ORDER BY run_id DESC LIMIT -1 OFFSET :kept"
        )
        return [
            (row["run_id"], row["output_path"])
            for ok, kept in ((1, success), (0, failure))
            for row in self._database.rows(query, {"entry": entry, "ok": ok, "kept": kept})
        ]

    def forget_run(self, run_id: str) -> None:
        """Note that a run is not kept any more."""
        self._database.change("DELETE FROM runs WHERE run_id = :run_id", {"run_id": run_id})

    def _is_known(self, claim: Claim) -> bool:
        query = "SELECT 1 FROM claims WHERE entry = :entry AND scheduled_at = :scheduled_at"
        return bool(self._database.rows(query, _row(claim)))

    def _is_closed(self, claim: Claim) -> bool:
        query = (
            "SELECT 1 FROM entries WHERE name = :entry "
            "AND (paused_at IS NOT NULL OR floor >= :scheduled_at)"
        )
        return bool(self._database.rows(query, _row(claim)))

    def _insert(self, claim: Claim) -> bool:
        row = _row(claim)
        changed = self._database.change(
            f"INSERT OR IGNORE INTO claims ({', '.join(row)}) "
            f"VALUES ({', '.join(f':{name}' for name in row)})",
            row,
        )
        return changed > 0

    def _advance(self, name: str, until: datetime) -> None:
        self._database.change(
            "UPDATE entries SET cursor = max(cursor, :until) WHERE name = :name",
            {"name": name, "until": stamp(until)},
        )

    def _claims(self, query: str, **values: Any) -> list[Claim]:
        names = Claim.model_fields
        return [
            Claim.model_validate({name: row[name] for name in names})
            for row in self._database.rows(query, values)
        ]


def _row(claim: Claim) -> dict[str, Any]:
    return {
        name: stamp(value) if isinstance(value, datetime) else value
        for name, value in claim.model_dump().items()
    }
