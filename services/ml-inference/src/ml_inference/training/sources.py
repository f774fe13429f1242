"""What is trained on: generated links, or a file of measured traces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_inference.forecasting import generators
from ml_inference.forecasting.data import DataError, Trace, load
from ml_inference.forecasting.splits import SHARES, split_traces
from ml_inference.forecasting.windows import Windows, cut

GENERATED_STRIDE = 2
"""Neighbouring windows of a generated link are nearly the same: more links teach more than more windows."""


@dataclass(frozen=True)
class Source:
    """Windows of the three splits, and what the manifest says of their origin."""

    train: Windows
    validation: Windows
    test: dict[str, Windows]
    """by set: every generated family is scored on its own"""
    description: dict[str, Any]


def generated(seed: int, links: int) -> Source:
    """Generated links of all families, `links` together. Raises DataError for too few."""
    families = generators.population(seed, links)
    traces = [trace for family in families.values() for trace in family]
    if any(not any(trace.split == name for trace in family) for family in families.values() for name in SHARES):
        raise DataError(f"{links} links leave a split empty; generate more")
    return Source(
        train=cut(_of(traces, "train"), GENERATED_STRIDE),
        validation=cut(_of(traces, "val"), GENERATED_STRIDE),
        test={name: cut(_of(family, "test")) for name, family in families.items()},
        description={
            "source": "generated: " + ", ".join(families),
            "sha256": _hash_of(traces),
            "links": links,
            "rows": sum(map(len, traces)),
        },
    )


def measured(path: Path) -> Source:
    """Traces from a file. Raises DataError if it cannot be used or is too short to cut windows from."""
    parts = split_traces(load(path))
    windows = {name: cut(part) for name, part in parts.items()}
    for name, part in windows.items():
        if not len(part):
            raise DataError(f"{path.name}: no segment of the {name} split is long enough for a window; bring more rows")
    return Source(
        train=windows["train"],
        validation=windows["val"],
        test={path.stem: windows["test"]},
        description={
            "source": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "rows": sum(len(trace) for part in parts.values() for trace in part),
            "rows_per_split": {name: sum(map(len, part)) for name, part in parts.items()},
        },
    )


def _of(traces: Iterable[Trace], split: str) -> list[Trace]:
    return [trace for trace in traces if trace.split == split]


def _hash_of(traces: Iterable[Trace]) -> str:
    digest = hashlib.sha256()
    for trace in traces:
        digest.update(f"{trace.trace_id} {trace.split} {trace.capacity_mbps!r}".encode())
        for series in (trace.packet_rate, trace.bandwidth_util, trace.rtt_variance, trace.bandwidth_mbps):
            digest.update(series.tobytes())
    return digest.hexdigest()
