"""One file of a link's store: SQLite, with a checksum on every row, as SQLite does not see that a byte has changed.

Rows of a table are numbered without a hole; the one row of `head` says from where to where. So a row that is
missing is seen as well as one that is wrong.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from nagios_plugins.links.faults import DamagedError, told

SCHEMA: Final = 1
"""PRAGMA user_version"""
TABLES: Final = {
    "readings": (
        "epoch INTEGER, uptime REAL, wall REAL, octets INTEGER, packets INTEGER, capacity_mbps REAL, rtt_spread_ms REAL"
    ),
    "outlooks": (
        "epoch INTEGER, cell INTEGER, wall REAL, forecaster TEXT, model_version TEXT, decided INTEGER, "
        "last_mbps REAL, threshold_mbps REAL, capacity_mbps REAL, path TEXT"
    ),
}
WALL: Final = 3
"""Where both have the time, the row's number being 0."""

Row = tuple[Any, ...]
"""number, values, checksum"""
Rows = dict[str, list[Row]]
"""of each table"""


@dataclass
class Head:
    """What a file says of itself."""

    revision: int = 0
    """grows by one with each change"""
    ranges: dict[str, list[int]] = field(default_factory=lambda: {table: [1, 0] for table in TABLES})
    """the oldest and the newest row of each table"""
    states: dict[str, Any] = field(default_factory=dict)
    """what is overwritten: the raw counters, the alarm, trust"""


@dataclass
class Change:
    """What a transaction does, to each of the files alike."""

    rows: list[tuple[str, Row]] = field(default_factory=list)
    """table and values"""
    states: dict[str, Any] = field(default_factory=dict)
    oldest: dict[str, int] = field(default_factory=dict)
    """of a table; rows before it go"""


def signed(table: str, number: int, values: Row) -> Row:
    """A row with its number and checksum."""
    return (number, *values, zlib.crc32(repr((table, number, *values)).encode()))


class Database:
    """An open file; to be closed."""

    def __init__(self, path: Path, *, timeout: float, durable: bool = True, read_only: bool = False) -> None:
        """Open a file that is there; `timeout` in seconds, for others that write. Durable: whole after a power cut.

        Raises:
            StoreError: it cannot be opened.
            DamagedError: it is not a store's.
        """
        self.path = path
        mode = "mode=rw"
        if read_only:  # without a log nobody is writing; and this account could not make one
            mode = "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
        with told(path):
            self._sql = sqlite3.connect(f"{path.as_uri()}?{mode}", uri=True, timeout=timeout, isolation_level=None)
        try:
            with told(path):
                self._begin_session(durable=durable, read_only=read_only)
        except BaseException:
            self.close()
            raise

    def _begin_session(self, *, durable: bool, read_only: bool) -> None:
        self._sql.execute("PRAGMA cell_size_check = ON")
        (version,) = self._sql.execute("PRAGMA user_version").fetchone()
        if version != SCHEMA:
            raise DamagedError(self.path, f"its schema is {version}, not {SCHEMA}")
        if self._sql.execute("PRAGMA auto_vacuum").fetchone() != (0,):
            raise DamagedError(self.path, "it is laid out in another way")
        if not read_only:
            self._sql.execute("PRAGMA journal_mode = WAL")
            self._sql.execute(f"PRAGMA synchronous = {'NORMAL' if durable else 'OFF'}")
        self._read_head()

    def close(self) -> None:
        """Close it; whatever is wrong with it has been said or will be."""
        try:
            self._sql.close()
        except sqlite3.Error:
            return

    @contextmanager
    def transaction(self, kind: str = "DEFERRED") -> Iterator[None]:
        """All or nothing; IMMEDIATE waits for others that write, DEFERRED sees one moment."""
        with told(self.path):
            self._sql.execute(f"BEGIN {kind}")
            try:
                yield
                self._sql.execute("COMMIT")
            except BaseException:
                if self._sql.in_transaction:
                    self._sql.execute("ROLLBACK")
                raise

    def head(self) -> Head:
        """What the file says of itself."""
        with told(self.path):
            return self._read_head()

    def _read_head(self) -> Head:
        found = self._sql.execute("SELECT * FROM head").fetchall()
        if len(found) != 1 or signed("head", 1, found[0][1:-1]) != found[0]:
            raise DamagedError(self.path, "what it says of itself is wrong")
        return Head(**json.loads(found[0][1]))

    def rows(self, table: str, first: int, last: int) -> list[Row]:
        """The rows from one number to another, each of them as it was written.

        Raises:
            DamagedError: one is wrong or missing.
        """
        with told(self.path):
            found = self._sql.execute(
                f"SELECT * FROM {table} WHERE id BETWEEN ? AND ? ORDER BY id",  # noqa: S608  of TABLES
                (first, last),
            ).fetchall()
        if [row[0] for row in found] != list(range(first, last + 1)):
            raise DamagedError(self.path, f"rows of {table} are missing")
        if any(signed(table, row[0], row[1:-1]) != row for row in found):
            raise DamagedError(self.path, f"a row of {table} is wrong")
        return found

    def newest(self, table: str, count: int) -> list[Row]:
        """The newest rows, oldest first."""
        with self.transaction():
            first, last = self.head().ranges[table]
            return self.rows(table, max(first, last - count + 1), last)

    def write(self, change: Change) -> None:
        """Do what is wanted, in a transaction that has been begun."""
        head = self.head()
        head.revision += 1
        head.states |= change.states
        added: Rows = {table: [] for table in TABLES}
        for table, values in change.rows:
            head.ranges[table][1] += 1
            added[table].append(signed(table, head.ranges[table][1], values))
        for table, oldest in change.oldest.items():
            head.ranges[table][0] = oldest
        self.put(head, added)

    def put(self, head: Head, added: Rows) -> None:
        """Append rows that have their numbers, and hold the file to its head; in a transaction that has been begun."""
        with told(self.path):
            put(self._sql, head, added)

    def verify(self) -> None:
        """Read all of it, and make sure that it can be written.

        Raises:
            DamagedError: something is wrong.
        """
        with self.transaction("IMMEDIATE"):
            self.verify_pages()
            for table, (first, last) in self.head().ranges.items():
                self.rows(table, first, last)

    def verify_pages(self) -> None:
        """Whether SQLite finds its way through the file; of rows that are wrong it knows nothing.

        Raises:
            DamagedError: something is wrong.
        """
        with told(self.path):
            (verdict,) = self._sql.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise DamagedError(self.path, str(verdict))


def put(sql: sqlite3.Connection, head: Head, added: Rows) -> None:
    for table, rows in added.items():
        marks = ", ".join("?" * (TABLES[table].count(",") + 3))
        sql.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608  of TABLES
        sql.execute(f"DELETE FROM {table} WHERE id < ?", (head.ranges[table][0],))  # noqa: S608  of TABLES
    sql.execute("REPLACE INTO head VALUES (?, ?, ?)", signed("head", 1, (json.dumps(vars(head)),)))
