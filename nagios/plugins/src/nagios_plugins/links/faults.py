"""What can be wrong with a file of the store, told from SQLite's errors."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

NOT_SQL: Final = (MemoryError, UnicodeDecodeError, OverflowError)
"""What Python raises where a damaged file claims impossible sizes or letters."""
WAITING: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
REFUSED: Final = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN}
UNREADABLE: Final = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, 8202, 8458}
"""the latter two are IOERR_DATA and IOERR_CORRUPTFS, which Python has no names for"""


class StoreError(Exception):
    """The store cannot be used now: one sentence, what is wrong and what to do."""


class DamagedError(Exception):
    """A file is not what was written into it, or gone."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path.name}: {why}")
        self.path = path


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Say of a file what an error of SQLite means.

    Raises:
        StoreError: the file is in use, not allowed, or the disk is full.
        DamagedError: anything else: what is asked of a file is always the same, so it is the file that is wrong.
    """
    try:
        yield
    except (sqlite3.Error, *NOT_SQL) as error:
        raise _fault(error, path) from None


def _fault(error: BaseException, path: Path) -> StoreError | DamagedError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code in UNREADABLE:
        return DamagedError(path, f"{type(error).__name__}: {error}")
    if code & 0xFF in WAITING:
        return StoreError(f"{path} is being written by another check: the next check goes on")
    if code & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return StoreError(f"{path} cannot be written ({error}): see whether the disk is full; the next check goes on")
    if code & 0xFF in REFUSED and path.exists() and not _is_ours(path):
        return StoreError(f"{path} may not be written by this account: checks must run as its owner")
    if code & 0xFF == sqlite3.SQLITE_CANTOPEN and path.exists():
        return StoreError(f"{path} cannot be opened: see whether it is a file and whether the disk is full")
    return DamagedError(path, str(error))


def _is_ours(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK)
