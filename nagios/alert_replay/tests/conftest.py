"""Links as small as a test needs them, as traces and as files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from alert_replay.__main__ import SHIPPED
from alert_replay.series import Series, laid_out
from ml_inference.bundle import Bundle, load_bundle
from ml_inference.forecasting.data import Trace

CAPACITY = 40.0  # Mbps
PACKETS = 85.0  # per s and Mbps

Runs = Sequence[Sequence[float]]
"""segments of utilisation, % of capacity"""
Write = Callable[..., Path]


def trace_of(utilisation: Sequence[float], step_seconds: float = 1.0) -> Trace:
    """A link of CAPACITY without round-trip times."""
    share = np.asarray(utilisation, np.float64)
    mbps = share / 100 * CAPACITY
    rtt = np.full(len(share), np.nan)
    return Trace("link", PACKETS * mbps, share, rtt, mbps, CAPACITY, step_seconds=step_seconds)


def series_of(runs: Runs, threshold: float, step_seconds: float = 1.0) -> Series:
    """The segments of a test."""
    return laid_out([trace_of(run, step_seconds) for run in runs], threshold)


def swinging(rows: int, seed: int = 1, level: float = 50.0) -> list[float]:
    """A link that walks about its level: % of capacity."""
    random = np.random.default_rng(seed)
    found: list[float] = []
    value = level
    for move in random.normal(0, 6, rows).tolist():
        value = min(max(value + 0.15 * (level - value) + move, 0), 100)
        found.append(value)
    return found


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """The one that is shipped."""
    return load_bundle(SHIPPED)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a set: `splits` has the segments (% of capacity) by split, or by None for a file without splits."""

    def written(name: str, splits: dict[str | None, Runs], step_seconds: float = 1.0, **more: Any) -> Path:
        columns: dict[str, list[Any]] = {"trace_id": [], "timestamp": [], "bandwidth_util": [], "split": []}
        for split, runs in splits.items():
            for number, run in enumerate(runs):
                columns["trace_id"] += [f"{split}-{number}"] * len(run)
                columns["timestamp"] += [step_seconds * place for place in range(len(run))]
                columns["bandwidth_util"] += list(run)
                columns["split"] += [split] * len(run)
        mbps = np.asarray(columns["bandwidth_util"]) / 100 * CAPACITY
        table = columns | {"bandwidth_mbps": mbps, "packet_rate": PACKETS * mbps, "capacity_mbps": 0 * mbps + CAPACITY}
        if None in splits:
            del table["split"]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = pyarrow.csv.write_csv if path.suffix == ".csv" else pyarrow.parquet.write_table
        writer(pa.table(table | more), path)
        return path

    return written


def read_json(path: Path) -> Any:
    """What a command wrote."""
    return json.loads(path.read_text(encoding="utf-8"))
