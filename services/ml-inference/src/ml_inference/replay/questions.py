"""From a trace to the requests a monitor would have sent, and what really came next."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ml_inference.forecasting.data import DataError, Trace
from ml_inference.forecasting.layout import WINDOW, Double

HISTORY: Final = 120
"""Samples that a request carries where the segment has them: it speaks for a monitor that keeps two minutes of
one-second samples. More may be sent and would be used (`history.MAX_HISTORY`)."""


@dataclass(frozen=True)
class Question:
    """One request, and what a forecast is judged by."""

    body: dict[str, Any]
    actual_mbps: float  # one step after the last sample that is sent
    last_mbps: float  # that sample: persistence


def questions(traces: Sequence[Trace]) -> Iterator[Question]:
    """One question per row that has a full window before it and a row after it, in time order."""
    for trace in traces:
        for end in range(WINDOW, len(trace)):
            yield Question(
                body=_body(trace, slice(max(end - HISTORY, 0), end)),
                actual_mbps=float(trace.bandwidth_mbps[end]),
                last_mbps=float(trace.bandwidth_mbps[end - 1]),
            )


def count(traces: Sequence[Trace]) -> int:
    """How many questions there are."""
    return sum(max(len(trace) - WINDOW, 0) for trace in traces)


def choose(traces: Sequence[Trace], split: str, file: str) -> list[Trace]:
    """The segments of `split`; all of them if the file has no splits.

    Raises DataError if nothing is left to ask.
    """
    if any(trace.split is not None for trace in traces):
        traces = [trace for trace in traces if trace.split == split]
    if not count(traces):
        raise DataError(f"{file}: no segment of the {split} split has {WINDOW + 1} rows; choose another with --split")
    return list(traces)


def _body(trace: Trace, past: slice) -> dict[str, Any]:
    return {
        "packet_rate": trace.packet_rate[past].tolist(),
        "bandwidth_util": trace.bandwidth_util[past].tolist(),
        "rtt_variance": _nulls(trace.rtt_variance[past]),
        "link_capacity_mbps": trace.capacity_mbps,
        "horizon": 1,
    }


def _nulls(series: Double) -> list[float | None]:
    """JSON has no NaN: what was not measured is null."""
    return [None if math.isnan(value) else value for value in series.tolist()]
