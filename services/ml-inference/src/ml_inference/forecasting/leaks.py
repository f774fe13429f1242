"""Whether a forecaster sees the future: its forecasts must not move when only what comes after them does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from ml_inference.forecasting.data import MAX_UTIL_PERCENT, Trace
from ml_inference.forecasting.forecaster import Forecaster
from ml_inference.forecasting.layout import WINDOW, Double
from ml_inference.history import MAX_HISTORY

TRIALS: Final = 16
"""Pairs of a segment and an origin that are tried."""

MAX_ROWS: Final = MAX_HISTORY + 128
"""Rows of a segment that are looked at: enough for a full history and some origins behind it."""

TOLERANCE: Final = 1e-6
"""A forecast, in fractions of capacity, may differ by this much through rounding."""


def sees_the_future(forecaster: Forecaster, traces: Sequence[Trace], seed: int = 0) -> str | None:
    """Change every row after an origin, and compare the forecasts made at it and before; None if they stay.

    Otherwise a sentence that names the trace and the row. All segments are changed at once, so that a figure taken
    from the whole set is found as well. Raises ValueError if no segment is long enough to try.
    """
    random = np.random.default_rng(seed)
    long_enough = [trace for trace in traces if len(trace) > WINDOW]
    if not long_enough:
        raise ValueError(f"no segment has more than {WINDOW} rows; bring longer ones")
    picked = random.permutation(len(long_enough))[:TRIALS]
    segments = [long_enough[place].rows(0, MAX_ROWS, long_enough[place].split) for place in picked]
    before = forecaster.forecast(segments)  # [rows, HORIZONS, 1 + quantiles]
    if not np.array_equal(before, forecaster.forecast(segments), equal_nan=True):
        return "the same traces are forecast differently each time, so nothing can be told of the future's part in it"
    for _ in range(-(-TRIALS // len(segments))):
        origins = [int(random.integers(WINDOW - 1, len(segment) - 1)) for segment in segments]
        pairs = zip(segments, origins, strict=True)
        after = forecaster.forecast([_with_another_future(random, *pair) for pair in pairs])
        difference = np.abs(before.astype(np.float64) - after).max(axis=(1, 2))  # [rows]
        same = (np.isnan(before) == np.isnan(after)).all(axis=(1, 2))  # [rows] not finite is another check's business
        moved = _first_move(np.where(np.isnan(difference) & same, 0, difference), segments, origins)
        if moved:
            return moved
    return None


def _first_move(difference: Double, segments: Sequence[Trace], origins: Sequence[int]) -> str | None:
    """The sentence for the first forecast that differs [rows] although its future alone was changed."""
    begin = 0
    for segment, origin in zip(segments, origins, strict=True):
        known = difference[begin : begin + origin - WINDOW + 2]  # [origins up to the one behind which all changed]
        wrong = ~(known <= TOLERANCE)  # NaN is wrong, too
        if wrong.any():
            row = int(wrong.argmax())
            return (
                f"the forecast made at row {row + WINDOW} of trace {segment.trace_id} (segment from {segment.start:g} "
                f"s) moves by {known[row]:.2g} of capacity when only the rows after row {origin + 1} change"
            )
        begin += len(segment) - WINDOW
    return None


def _with_another_future(random: np.random.Generator, segment: Trace, origin: int) -> Trace:
    """The segment with other values in every column of every row after `origin`, plausible and in agreement."""
    rows = np.arange(origin + 1, len(segment))
    drawn = random.integers(0, len(segment), len(rows))  # rows of the same link, mixed, scaled and moved
    util = segment.bandwidth_util[drawn] * random.uniform(0.2, 3, len(rows)) + random.uniform(1, 30, len(rows))
    util = np.minimum(util, MAX_UTIL_PERCENT)
    rate = segment.packet_rate[drawn] * random.uniform(0.2, 3, len(rows)) + random.uniform(1, 1000, len(rows))
    rtt = np.where(random.random(len(rows)) < 0.8, random.uniform(0.1, 100, len(rows)), np.nan)
    past = slice(0, origin + 1)
    return replace(
        segment,
        packet_rate=np.concatenate([segment.packet_rate[past], rate]),
        bandwidth_util=np.concatenate([segment.bandwidth_util[past], util]),
        rtt_variance=np.concatenate([segment.rtt_variance[past], rtt]),
        bandwidth_mbps=np.concatenate([segment.bandwidth_mbps[past], util / 100 * segment.capacity_mbps]),
    )
