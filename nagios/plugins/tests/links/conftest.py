"""Readings and outlooks as they come every five seconds, and a store that has some."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from nagios_plugins.links.records import HORIZON, Outlook, Reading, Step
from nagios_plugins.links.store import Store

MEMORY = Path("/dev/shm")
START = 1_795_000_000.0


def make_reading(n: int, **changes: Any) -> Reading:
    return replace(Reading(1, 100.0 + 5 * n, START + 5 * n, 1000 * n, 10 * n, 1000.0, 0.25), **changes)


def make_outlook(cell: int, forecaster: Any = "model", **changes: Any) -> Outlook:
    path = tuple(Step(50.0 + h, 40.0, 60.5, 0.25, 0.5) for h in range(HORIZON))
    return replace(Outlook(1, cell, START, forecaster, "v1", True, 49.0, 90.0, 100.0, path), **changes)


def fill(folder: Path, count: int = 20) -> list[Reading]:
    readings = [make_reading(n) for n in range(count)]
    with Store(folder, "uplink") as store:
        store.add_outlooks(*(make_outlook(n, who) for n in range(count) for who in ("model", "baseline")))
        for reading in readings:
            store.add_reading(reading, {"octets": reading.octets})
        store.set_state("alarm", {"level": 1})
    return readings


@pytest.fixture(scope="session")
def reading() -> Callable[..., Reading]:
    """The n-th reading, but for what is changed."""
    return make_reading


@pytest.fixture(scope="session")
def outlook() -> Callable[..., Outlook]:
    """The outlook from a cell, but for what is changed."""
    return make_outlook


@pytest.fixture(scope="session")
def filled() -> Callable[..., list[Reading]]:
    """Fill the store of the link `uplink` in a folder; returns its readings."""
    return fill


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is such a place: a thousand stores are made here, and each is synced."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=MEMORY, prefix="qos-links-") as folder:
        yield Path(folder)
