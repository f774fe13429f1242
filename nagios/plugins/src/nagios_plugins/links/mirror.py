"""The two files of a store: written together, compared, and made anew from each other.

Whoever has them open holds a shared lock on a third file; who makes one anew holds it alone, as a file must not be
replaced while another check has it open. Locks end with their process, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from nagios_plugins.links.database import SCHEMA, Change, Database, Head, Rows
from nagios_plugins.links.faults import DamagedError, StoreError
from nagios_plugins.links.rebuild import FILE_MODE, create, salvage, united, version

ASK_AGAIN: Final = 0.02
"""s, while others have the lock"""
MOST_REPAIRS: Final = 4
"""in one go: each of the two files is looked at, and made anew although nothing is seen to be wrong with it"""
VERIFIED_ROWS: Final = 256
"""of each table and file that a change reads, from another place each time: so damage is found soon"""
VERIFY_PAGES: Final = 128
"""changes from one look through all pages of a file to the next; 15 ms for two days of samples"""
T = TypeVar("T")


def paths(stem: str) -> tuple[Path, Path]:
    """The file and its mirror."""
    return Path(f"{stem}.sqlite"), Path(f"{stem}.mirror.sqlite")


class Files:
    """Both files; what only one of them has got is brought to the other."""

    def __init__(self, stem: str, timeout: float) -> None:
        """Of files whose names begin like this; `timeout` in seconds, for other checks to end."""
        self._stem, self._timeout = stem, timeout
        self._lock = -1
        self._is_alone = False
        self._files: list[Database] = []

    def open(self) -> None:
        """Open both, whole and alike.

        Raises:
            StoreError: that is not possible now.
        """
        try:
            self._lock = os.open(f"{self._stem}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            reason = f"{error.strerror}; it has to be a folder of the account that checks run as"
            raise StoreError(f"no store in {Path(self._stem).parent}: {reason}") from None
        try:
            self._take_lock(fcntl.LOCK_SH)
            self._guarded(lambda: None)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close both."""
        self._close_files()
        if self._lock >= 0:
            os.close(self._lock)
        self._lock, self._is_alone = -1, False

    def read(self, wanted: Callable[[Database], T]) -> T:
        """What is wanted of the first file."""
        return self._guarded(lambda: wanted(self._files[0]))

    def write(self, wanted: Callable[[Database], Change | None]) -> None:
        """Make the change that is wanted in both; `wanted` sees the first one.

        Raises:
            StoreError: that is not possible; where one of them has it, the next check brings it to the other.
        """
        self._guarded(lambda: self._write(wanted))

    def _write(self, wanted: Callable[[Database], Change | None]) -> None:
        main, mirror = self._files
        with main.transaction("IMMEDIATE"), mirror.transaction("IMMEDIATE"):
            _make_alike(main, mirror)
            change = wanted(main)
            if change is not None:
                for file in self._files:
                    file.write(change)
                    _verify_some(file)

    def _guarded(self, function: Callable[[], T]) -> T:
        """Do something with open files; where one is damaged, repair it and do it again."""
        seen: list[Path] = []
        while True:
            try:
                self._open_files()
                return function()
            except DamagedError as damage:
                if len(seen) >= MOST_REPAIRS:
                    raise StoreError(f"{damage}, again and again: see whether the disk is well") from None
                self._repair(damage.path if damage.path in seen else None)
                seen.append(damage.path)

    def _open_files(self) -> None:
        if self._files:
            return
        for path, is_durable in zip(paths(self._stem), (True, False), strict=True):
            self._files.append(Database(path, timeout=self._timeout, durable=is_durable))
        main, mirror = self._files
        if main.head() != mirror.head():
            with main.transaction("IMMEDIATE"), mirror.transaction("IMMEDIATE"):
                _make_alike(main, mirror)

    def _close_files(self) -> None:
        while self._files:
            self._files.pop().close()

    def _repair(self, condemned: Path | None) -> None:
        """Make anew what is damaged or gone; what is condemned is damaged, though that cannot be seen."""
        self._close_files()
        if not self._is_alone:
            self._take_lock(fcntl.LOCK_EX)
            self._is_alone = True
        here = [path for path in paths(self._stem) if path.exists()]
        whole = [path for path in here if path != condemned and self._is_whole(path)]
        wrong = [path for path in paths(self._stem) if path not in whole]
        if not wrong:
            return
        if here and not whole and all(version(path) == version(here[0]) > SCHEMA for path in here):
            raise StoreError(f"{here[0]} was made by newer plugins: use those, or move it away")
        saved = [salvage(path) for path in whole or here]
        head, rows = saved[0] if whole and saved[0][0] else united(saved)
        head = head or Head()
        if here:
            head.revision += 1  # so that the whole one learns of it
            head.states["repair"] = {"wall": time.time(), "note": _note(whole, here, wrong, rows)}
        for path in wrong:
            create(path, head, rows)

    def _is_whole(self, path: Path) -> bool:
        try:
            file = Database(path, timeout=self._timeout)
        except DamagedError:
            return False
        try:
            file.verify()
        except DamagedError:
            return False
        finally:
            file.close()
        return True

    def _take_lock(self, kind: int) -> None:
        until = time.monotonic() + self._timeout
        while True:
            try:
                fcntl.flock(self._lock, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise StoreError(f"{self._stem}.sqlite is kept by another check: the next one goes on") from None
                time.sleep(ASK_AGAIN)
            else:
                return


def _make_alike(main: Database, mirror: Database) -> None:
    """Bring to the one what only the other has: a check was killed, or the disk was full."""
    if main.head() == mirror.head():
        return
    behind, ahead = sorted((main, mirror), key=lambda file: file.head().revision)
    if behind.head().revision == ahead.head().revision:
        raise DamagedError(mirror.path, "it is not what its mirror is")
    head, has = ahead.head(), behind.head().ranges
    behind.put(
        head,
        {table: ahead.rows(table, max(first, has[table][1] + 1), last) for table, (first, last) in head.ranges.items()},
    )


def _verify_some(file: Database) -> None:
    head = file.head()
    if head.revision % VERIFY_PAGES == 0:
        file.verify_pages()
    for table, (first, last) in head.ranges.items():
        parts = (last - first) // VERIFIED_ROWS + 1
        start = first + head.revision % max(parts, 1) * VERIFIED_ROWS
        file.rows(table, start, min(start + VERIFIED_ROWS - 1, last))


def _note(whole: list[Path], here: list[Path], wrong: list[Path], rows: Rows) -> str:
    at = time.strftime("%H:%M:%S")
    if whole:
        what = "damaged" if wrong[0] in here else "gone"
        return f"{wrong[0].name} was {what} and has been made anew from {whole[0].name} at {at}: nothing is lost"
    saved = ", ".join(f"{len(found)} {table}" for table, found in rows.items())
    kept = ", ".join(f"{path.name}.damaged" for path in here)
    return (
        f"the store was damaged and has been begun anew at {at} with what could be saved: {saved}; kept aside: {kept}"
    )
