"""A set of links from a file: what is replayed, what came before it, and the threshold that this gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from alert_replay.series import Series, laid_out
from ml_inference.forecasting.data import DataError, Trace, load, usual_step_seconds
from ml_inference.forecasting.layout import HORIZONS, WINDOW
from ml_inference.forecasting.splits import split_traces

PERCENTILE: Final = 85.0
"""of the past's utilisation: the threshold where none is given"""
PAST: Final = "train"
"""the split that the past is"""


@dataclass(frozen=True, eq=False)
class LinkSet:
    """One file's links."""

    name: str
    split: str
    traces: Sequence[Trace]
    """replayed"""
    past: Sequence[Trace]
    """what may be learnt from; empty where the file has none and the threshold was given"""
    threshold: float
    """% of capacity"""
    threshold_is: str
    """where it comes from, in words"""

    @cached_property
    def series(self) -> Series:
        """What is replayed."""
        return laid_out(self.traces, self.threshold)

    @property
    def step_seconds(self) -> float:
        """The usual time from one sample to the next."""
        return usual_step_seconds(self.traces)


def read(path: Path, name: str, split: str, threshold: float | None) -> LinkSet:
    """The set of one file under a name; `threshold` in % of capacity, or None for the past's 85th percentile.

    Raises:
        DataError: nothing of it can be scored; the sentence names the file and what to do.
    """
    traces = load(path)
    if any(trace.split is not None for trace in traces):
        parts = {name: [trace for trace in traces if trace.split == name] for name in (PAST, split)}
    else:
        parts = _dealt(traces, path.name, split)
    replayed, past = parts[split], parts[PAST]
    if not replayed:
        there = sorted({str(trace.split) for trace in traces})
        raise DataError(f"{path.name}: no row has the split {split}; name one of {', '.join(there)} with SPLIT=…")
    if threshold is None and not past:
        raise DataError(
            f"{path.name}: there is no split {PAST}, so that what is usual on these links is not known; "
            "give the threshold with THRESHOLD=… (% of capacity)"
        )
    if threshold is None:
        level = float(np.percentile(np.concatenate([trace.bandwidth_util for trace in past]), PERCENTILE))
        words = f"the {PERCENTILE:.0f}th percentile of the split {PAST}"
    else:
        level, words = threshold, "given"
    found = LinkSet(name, split, replayed, past, level, words)
    _refuse_silent(found, path.name)
    return found


def _dealt(traces: Sequence[Trace], file: str, split: str) -> dict[str, list[Trace]]:
    """As training deals out a file without splits."""
    try:
        parts = split_traces(traces)
    except DataError as error:
        raise DataError(f"{file}: {error}") from error
    if split not in parts:
        raise DataError(f"{file}: the file has no splits, so that SPLIT can be {', '.join(parts)} only")
    return parts


def _refuse_silent(found: LinkSet, file: str) -> None:
    """Where there is nothing to see no method is better than another."""
    series, of = found.series, f"of the split {found.split}"
    if not series.known.any():
        raise DataError(f"{file}: no segment {of} has {WINDOW + HORIZONS} rows; bring more of them")
    threshold = f"the threshold, {found.threshold:.4g} % of capacity ({found.threshold_is})"
    if not len(series.moments):
        raise DataError(f"{file}: no link {of} is ever under {threshold}; give another with THRESHOLD=…")
    if not series.events.any():
        raise DataError(
            f"{file}: no link {of} passes {threshold}, from below with {WINDOW} rows before it: "
            "there is nothing to warn of; give another with THRESHOLD=…"
        )
