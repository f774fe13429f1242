"""What can be saved of a damaged file of the store, and how a new one is put in its place."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from nagios_plugins.links.database import SCHEMA, TABLES, Head, Row, Rows, put, signed
from nagios_plugins.links.faults import NOT_SQL, DamagedError, StoreError, told

FILE_MODE: Final = 0o640
"""The page reads as a member of the group."""


def version(path: Path) -> int:
    """The file's schema; 0 where it has none."""
    sql = sqlite3.connect(path, isolation_level=None)
    try:
        return int(sql.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error:
        return 0
    finally:
        sql.close()


def salvage(path: Path) -> tuple[Head | None, Rows]:
    """What of a file is as it was written, be the rest damaged; rows from both ends to where reading fails."""
    saved: dict[str, dict[int, Row]] = {table: {} for table in ("head", *TABLES)}
    sql = sqlite3.connect(path, isolation_level=None)
    try:
        for table, good in saved.items():
            for order in ("ASC", "DESC"):
                try:
                    for row in sql.execute(f"SELECT * FROM {table} ORDER BY id {order}"):  # noqa: S608  of TABLES
                        if signed(table, row[0], row[1:-1]) == row:
                            good[row[0]] = row
                except (sqlite3.Error, *NOT_SQL):
                    continue
    finally:
        sql.close()
    heads = saved.pop("head")
    head = Head(**json.loads(heads[1][1])) if 1 in heads else None
    return head, {table: [good[number] for number in sorted(good)] for table, good in saved.items()}


def create(path: Path, head: Head, rows: Rows) -> None:
    """Put a new file at the path, in one step, and the old one aside; nobody may have that open.

    Raises:
        StoreError: there is no room, or it is not allowed.
    """
    new = Path(f"{path}.new")
    try:
        remove(new)
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
        new.chmod(FILE_MODE)  # whatever the umask is
        with told(new):
            _fill(new, head, rows)
        if path.exists():
            path.replace(f"{path}.damaged")
        remove(path)  # an old log would be played into the new file
        new.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be made ({error.strerror}): see to its folder and its disk") from None
    except DamagedError as error:
        raise StoreError(f"{path} cannot be made ({error}): see to its disk") from None
    finally:
        with suppress(OSError):
            remove(new)


def _fill(path: Path, head: Head, rows: Rows) -> None:
    sql = sqlite3.connect(path, isolation_level=None)
    try:
        sql.execute("BEGIN")
        for table, columns in TABLES.items():
            sql.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {columns}, checksum INTEGER) STRICT")
        sql.execute("CREATE TABLE head (id INTEGER PRIMARY KEY, content TEXT, checksum INTEGER) STRICT")
        put(sql, head, rows)
        sql.execute(f"PRAGMA user_version = {SCHEMA}")
        sql.execute("COMMIT")
        sql.execute("PRAGMA journal_mode = WAL")
    finally:
        sql.close()


def united(saved: list[tuple[Head | None, Rows]]) -> tuple[Head | None, Rows]:
    """What can be read of two damaged files, numbered anew."""
    heads = [head for head, _ in saved if head is not None]
    head = max(heads, key=lambda head: head.revision) if heads else Head()
    rows: Rows = {}
    for table in TABLES:
        good = {row[0]: row for _, found in saved for row in found[table]}
        rows[table] = [signed(table, n, good[old][1:-1]) for n, old in enumerate(sorted(good), 1)]
        head.ranges[table] = [1, len(good)]
    return head, rows


def remove(path: Path) -> None:
    """Take a file and its logs away, where they are."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
