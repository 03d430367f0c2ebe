"""The SQLite file that schedulers share, and its transactions.

The rollback journal rather than the write-ahead log, because a reader then needs no permission to
write and the file may lie on a network; ``EXTRA`` because with less a power failure could bring a
journal back, and with it undo a claim whose notebook has run.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from notebook_executor.errors import UsageError

_VERSION = 1
_PATIENCE = 60.0
_SCHEMA = """
CREATE TABLE entries (
    name TEXT PRIMARY KEY, cursor TEXT NOT NULL, floor TEXT NOT NULL DEFAULT '',
    paused_at TEXT, paused_because TEXT
) WITHOUT ROWID;
CREATE TABLE claims (
    entry TEXT NOT NULL, scheduled_at TEXT NOT NULL, attempt INTEGER NOT NULL,
    state TEXT NOT NULL, manual INTEGER NOT NULL, owner TEXT, run_id TEXT, output_path TEXT,
    claimed_at TEXT, finished_at TEXT, retry_at TEXT, error_kind TEXT, message TEXT NOT NULL,
    ending TEXT,
    PRIMARY KEY (entry, scheduled_at)
) WITHOUT ROWID;
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, entry TEXT NOT NULL, output_path TEXT, ok INTEGER
) WITHOUT ROWID;
CREATE INDEX runs_of_entry ON runs (entry, ok, run_id);
CREATE INDEX live_claims ON claims (state) WHERE state IN ('running', 'waiting');
"""


class Database:
    """An open file; ``close`` it. Safe for many threads, and for many processes beside it.

    Args:
        file: Made if it is missing, with the folders above it.

    Raises:
        UsageError: It cannot be opened, or is of a newer version of this package.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.RLock()
        with self._translated():
            file.parent.mkdir(parents=True, exist_ok=True)
            # Autocommit: Python's own notion of when a transaction begins is too late for us.
            self._connection = sqlite3.connect(
                file, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def rows(self, query: str, values: Mapping[str, Any] | None = None) -> list[sqlite3.Row]:
        with self._lock, self._translated():
            return self._connection.execute(query, values or {}).fetchall()

    def change(self, statement: str, values: Mapping[str, Any]) -> int:
        """Change rows, in a transaction of its own or in that of the caller; how many it were."""
        with self.transaction():
            return self._connection.execute(statement, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody else in between; within another one, a part of it.

        What was changed is on the disk when the block has been left.
        """
        with self._lock, self._translated():
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it already
                    self._connection.execute("ROLLBACK")
                raise

    def _prepare(self) -> None:
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA synchronous = EXTRA")
        if self._version() == 0:
            with self.transaction():
                if self._version() == 0:  # nobody was faster
                    for statement in _SCHEMA.split(";"):
                        self._connection.execute(statement)
                    self._connection.execute(f"PRAGMA user_version = {_VERSION}")
        if (found := self._version()) != _VERSION:
            raise UsageError(
                f"The schedule's state {self._file} is of version {found}, not {_VERSION}",
                hint="Another version of notebook_executor wrote it: use that one.",
            )

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise UsageError(
                f"The schedule's state {self._file} cannot be used: {error}",
                hint="It must be a file that this user can write; moved aside, all begins anew.",
            ) from error
