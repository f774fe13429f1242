"""What is known of a link, kept for the checks and the page: two SQLite files, each a mirror of the other.

One damaged file costs nothing, as it is made anew from the other; a check that is killed leaves whole transactions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

from nagios_plugins.links.database import WALL, Change, Database, Row
from nagios_plugins.links.faults import DamagedError, StoreError
from nagios_plugins.links.mirror import Files, paths
from nagios_plugins.links.records import HISTORY, Outlook, Reading, Step

__all__ = ["Reader", "Store", "StoreError"]

KEEP_SECONDS: Final = 2 * 86_400.0
KEPT_ROWS: Final = 4 * HISTORY
"""of each table stay, whatever the clock says: it may have jumped"""
MOST_ROWS: Final = 200_000
"""of each table; no clock makes it more"""
PRUNED_ROWS: Final = 64
"""of each table at once, so that no check takes long"""
REPAIR_IS_NEWS: Final = 3600.0
"""s that `notes` says what was repaired, so that somebody sees it"""
READ_AGAIN: Final = (0.0, 0.02, 0.05, 0.1, 0.2)
"""s before each try of a reader that takes no lock"""

Raw = dict[str, Any]
"""a source's counters as they were"""
T = TypeVar("T")


class Reader:
    """A store that is only looked at, by whoever may read its files."""

    def __init__(self, folder: Path, link: str) -> None:
        self.notes: list[str] = []
        """what had to be repaired, in words"""
        # A link "a.mirror" is not the mirror of "a".
        name = quote(link, safe=" ").replace(".mirror", "%2Emirror")
        self._stem = f"{folder.absolute()}/{name}"

    def __enter__(self) -> Self:
        """Look whether it can be read.

        Raises:
            StoreError: it cannot; perhaps there is none yet.
        """
        self._say_repairs()
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is kept open."""

    def read_readings(self, newest: int) -> list[Reading]:
        """The newest readings, oldest first."""
        return [Reading(*row[1:-1]) for row in self._read(lambda file: file.newest("readings", newest))]

    def read_outlooks(self, newest_cells: int) -> list[Outlook]:
        """All outlooks of the newest cells that have one, oldest first. Mbps and probabilities to six digits."""
        rows = self._read(lambda file: file.newest("outlooks", 2 * newest_cells))
        outlooks = [_outlook(row) for row in rows]
        cells = list(dict.fromkeys((outlook.epoch, outlook.cell) for outlook in outlooks))[-newest_cells:]
        return [outlook for outlook in outlooks if (outlook.epoch, outlook.cell) in set(cells)]

    def last_raw(self) -> Raw | None:
        """What came with the newest reading."""
        found: Raw | None = self._read(lambda file: file.head().states.get("raw"))
        return found

    def state(self, name: str) -> dict[str, Any]:
        """What was set under this name, or {}."""
        found: dict[str, Any] = self._read(lambda file: file.head().states.get(f"state {name}", {}))
        return found

    def _say_repairs(self) -> None:
        repair = self._read(lambda file: file.head().states.get("repair"))
        if repair and 0 <= time.time() - repair["wall"] < REPAIR_IS_NEWS:
            self.notes[:] = [repair["note"]]

    def _read(self, wanted: Callable[[Database], T]) -> T:
        """From either file; one that is read while it is written may look damaged."""
        for wait in READ_AGAIN:
            if not any(path.exists() for path in paths(self._stem)):
                break
            time.sleep(wait)
            for path in paths(self._stem):
                with suppress(DamagedError, StoreError), closing(Database(path, timeout=1, read_only=True)) as file:
                    return wanted(file)
        raise StoreError(f"nothing can be read from {self._stem}.sqlite: is the link checked?")


class Store(Reader):
    """A store that is written, too; a context manager, to be held no longer than needed."""

    def __init__(self, folder: Path, link: str, *, timeout: float = 3.0, keep_seconds: float = KEEP_SECONDS) -> None:
        """Of a folder that is there; `timeout` in seconds, for others to end; `keep_seconds` before a row goes."""
        super().__init__(folder, link)
        self._keep_seconds = keep_seconds
        self._files = Files(self._stem, timeout)

    open_read_only = Reader

    def __enter__(self) -> Self:
        """Open both files; whatever is wrong with them is repaired.

        Raises:
            StoreError: that is not possible.
        """
        self._files.open()
        try:
            self._say_repairs()
        except BaseException:
            self._files.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close both files."""
        self._files.close()

    def add_reading(self, reading: Reading, raw: Raw) -> None:
        """Keep a reading, and the raw counters that the next one is compared with."""
        self.append(lambda _: (reading, raw))

    def append(self, make: Callable[[Raw | None], tuple[Reading, Raw] | None]) -> Reading | None:
        """Keep what is made of the last raw counters, while no other check adds one; returns it.

        `make` may be called again, if a file has to be repaired. None keeps nothing.
        """
        made: list[Reading] = []

        def change(file: Database) -> Change | None:
            made.clear()
            new = make(file.head().states.get("raw"))
            if new is None:
                return None
            made.append(new[0])
            return Change([("readings", astuple(_exact(new[0])))], {"raw": new[1]})

        self._write(change)
        return made[0] if made else None

    def add_outlooks(self, *outlooks: Outlook) -> None:
        """Keep what was forecast; of one forecaster and cell only the first."""

        def change(file: Database) -> Change:
            first, last = file.head().ranges["outlooks"]
            known = [_outlook(row) for row in file.rows("outlooks", max(first, last - PRUNED_ROWS), last)]
            seen = {(outlook.epoch, outlook.cell, outlook.forecaster) for outlook in known}
            new = [outlook for outlook in outlooks if (outlook.epoch, outlook.cell, outlook.forecaster) not in seen]
            return Change([("outlooks", _row(outlook)) for outlook in new])

        self._write(change)

    def set_state(self, name: str, state: dict[str, Any]) -> None:
        """Keep a state under a name, in place of the last one."""
        self._write(lambda _: Change(states={f"state {name}": state}))

    def prune(self, keep_seconds: float) -> None:
        """Let the oldest rows go, some at a time; each addition does so by itself."""
        self._keep_seconds = keep_seconds
        self._write(lambda _: Change())

    def _read(self, wanted: Callable[[Database], T]) -> T:
        return self._files.read(wanted)

    def _write(self, wanted: Callable[[Database], Change | None]) -> None:
        def change(file: Database) -> Change | None:
            new = wanted(file)
            if new is not None:
                new.oldest = {table: self._oldest(file, table) for table in file.head().ranges}
            return new

        self._files.write(change)
        self._say_repairs()

    def _oldest(self, file: Database, table: str) -> int:
        """The first row that stays."""
        first, last = file.head().ranges[table]
        old = file.rows(table, first, min(first + PRUNED_ROWS - 1, last - KEPT_ROWS))
        if not old:
            return first
        too_old = file.rows(table, last, last)[0][WALL] - self._keep_seconds
        going = next((n for n, row in enumerate(old) if row[WALL] >= too_old), len(old))
        return int(max(first + going, min(last - MOST_ROWS + 1, first + PRUNED_ROWS)))


def _exact(reading: Reading) -> Reading:
    """With the types that SQLite gives back."""
    spread = reading.rtt_spread_ms
    return Reading(
        int(reading.epoch),
        float(reading.uptime),
        float(reading.wall),
        int(reading.octets),
        int(reading.packets),
        float(reading.capacity_mbps),
        None if spread is None else float(spread),
    )


def _row(outlook: Outlook) -> Row:
    path = json.dumps([[_short(value) for value in astuple(step)] for step in outlook.path])
    return (
        int(outlook.epoch),
        int(outlook.cell),
        float(outlook.wall),
        outlook.forecaster,
        outlook.model_version,
        int(outlook.decided),
        float(outlook.last_mbps),
        float(outlook.threshold_mbps),
        float(outlook.capacity_mbps),
        path,
    )


def _outlook(row: Row) -> Outlook:
    epoch, cell, wall, forecaster, version, decided, last, threshold, capacity, path = row[1:-1]
    steps = tuple(Step(*values) for values in json.loads(path))
    return Outlook(epoch, cell, wall, forecaster, version, bool(decided), last, threshold, capacity, steps)


def _short(value: float) -> float:
    """Half a million rows are kept: six digits are plenty."""
    return float(f"{value:.6g}")
