"""What is trained on: generated links, or a file of measured traces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from ml_inference.forecasting.data import DataError, Trace, load
from ml_inference.forecasting.mixtures import mixed_links
from ml_inference.forecasting.splits import split_traces
from ml_inference.forecasting.windows import Windows, cut

GENERATED: Final = "generated"
ROWS: Final = 480
"""Samples of a generated link."""

RECORDS: Final = (0, 40, 160, ROWS)
"""Where a generated link's record is cut: forecasts with little history have to be learnt as well as with much."""

STRIDE: Final = 16
"""Neighbouring windows of a generated link are nearly the same: more links teach more than more windows."""

VALIDATION_LINKS, TEST_LINKS = 1000, 250
"""At most so many of the generated links, and a tenth of them, choose and test."""

AT_ONCE: Final = 2000
"""Links made together: memory stays small."""


@dataclass(frozen=True, eq=False)
class Source:
    """Traces by split, and what the manifest says of their origin."""

    name: str
    parts: Mapping[str, Sequence[Trace]]
    """by split: train, val and test"""
    description: dict[str, Any]
    stride: int = 1

    @cached_property
    def train(self) -> Windows:
        """What is learnt from."""
        return cut(self.parts["train"], self.stride)

    @cached_property
    def validation(self) -> Windows:
        """What chooses among what was learnt."""
        return cut(self.parts["val"], self.stride)


def generated(seed: int, links: int) -> Source:
    """Generated links of all kinds; the same seed gives the same numbers. Raises DataError for too few."""
    held = min(VALIDATION_LINKS, links // 10), min(TEST_LINKS, links // 10)
    if not all(held):
        raise DataError(f"{links} links leave a split empty; generate at least 10")
    random = np.random.default_rng(seed)
    made: list[Trace] = []
    while len(made) < links:
        made += mixed_links(random, min(AT_ONCE, links - len(made)), ROWS)
    bounds = {"test": (0, held[1]), "val": (held[1], sum(held)), "train": (sum(held), links)}
    parts = {
        name: [trace.rows(*record, name) for trace in _named(made, *bound) for record in pairwise(RECORDS)]
        for name, bound in bounds.items()
    }
    facts = {"source": "generated links, none measured", "sha256": _hash_of(made), "links": links}
    return Source(GENERATED, parts, facts | {"rows": links * ROWS}, STRIDE)


def measured(path: Path) -> Source:
    """Traces from a file. Raises DataError if it cannot be used or is too short to cut windows from."""
    traces = load(path)
    try:
        parts = split_traces(traces)
    except DataError as error:
        raise DataError(f"{path.name}: {error}") from error
    source = Source(
        path.stem,
        parts,
        {
            "source": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "rows": sum(len(trace) for part in parts.values() for trace in part),
            "rows_per_split": {name: sum(map(len, part)) for name, part in parts.items()},
        },
    )
    for name, part in parts.items():
        if not len(cut(part).complete()):
            raise DataError(f"{path.name}: no segment of the {name} split is long enough for a window; bring more rows")
    return source


def files_in(folder: Path) -> list[Path]:
    """The data files of a folder by name, or the one file. Raises DataError if there is none."""
    if folder.is_file():
        return [folder]
    files = sorted(path for path in folder.glob("*") if path.suffix in (".parquet", ".csv"))
    if not files:
        raise DataError(f"{folder}: there is no .parquet or .csv file; check the path")
    return files


def _named(traces: Sequence[Trace], first: int, last: int) -> Sequence[Trace]:
    """Some of the links, each under a name of its own (they were made in lots)."""
    return [replace(traces[place], trace_id=f"{GENERATED}-{place:05d}") for place in range(first, last)]


COLUMNS: Final = ("packet_rate", "bandwidth_util", "rtt_variance", "bandwidth_mbps", "capacity_mbps")


def _hash_of(traces: Iterable[Trace]) -> str:
    digest = hashlib.sha256()
    for trace in traces:
        for name in COLUMNS:
            digest.update(np.asarray(getattr(trace, name)).tobytes())
    return digest.hexdigest()
