"""Windows: what a forecast sees, and what comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.layout import (
    FEATURES,
    HORIZONS,
    SPREAD_FLOOR,
    UTILISATION_FLOOR,
    WINDOW,
    Double,
    Single,
)
from ml_inference.history import CONTEXT, context_of

STEP_FLOOR = 1e-3
"""Smallest usual step of a link, as a fraction of capacity: a link that never moves must not outweigh all others."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of any number of links, one row each, in the order of their segments, with what followed them."""

    inputs: Single  # [rows, WINDOW, features] in the units of layout.FEATURE_UNITS
    context: Single  # [rows, history.CONTEXT]
    targets: Single  # [rows, HORIZONS] fractions of capacity; NaN where the segment ended
    last: Double  # [rows] last bandwidth seen, fraction of capacity
    capacity_mbps: Double  # [rows]
    step: Single  # [rows] root mean square one-step change of the row's link, fraction of capacity
    trace_id: npt.NDArray[np.str_]  # [rows] the whole trace that the row was cut from

    def __len__(self) -> int:
        return len(self.inputs)

    def usual_step(self) -> float:
        """Root mean square one-step change over all rows, a fraction of capacity; floored. Needs complete rows."""
        return max(float(np.sqrt(np.mean((self.targets[:, 0] - self.last) ** 2))), STEP_FLOOR)

    def complete(self) -> Windows:
        """The rows of which every horizon's value is known: what is trained on."""
        return self.where(np.asarray(np.isfinite(self.targets).all(axis=1)))

    def where(self, rows: npt.NDArray[np.bool_]) -> Windows:
        """Some of the rows, by a mask [rows]."""
        return Windows(**{part.name: getattr(self, part.name)[rows] for part in fields(self)})


def cut(traces: Sequence[Trace], stride: int = 1) -> Windows:
    """Cut segments into windows, at every `stride`-th origin that has at least one value after it.

    No window leaves its segment: neither its samples, nor its context, nor its targets.
    """
    parts = [_cut_one(trace, stride) for trace in traces if len(trace) > WINDOW] or [_empty()]
    return join(parts)


def join(parts: Sequence[Windows]) -> Windows:
    """The rows of several, one after the other."""
    return Windows(
        **{part.name: np.concatenate([getattr(each, part.name) for each in parts]) for part in fields(Windows)}
    )


def _cut_one(trace: Trace, stride: int) -> Windows:
    share = trace.bandwidth_mbps / trace.capacity_mbps  # [trace rows]
    series = np.stack([trace.packet_rate, trace.bandwidth_util, trace.rtt_variance], axis=1)  # [trace rows, features]
    windows = sliding_window_view(series.astype(np.float32), WINDOW, axis=0).transpose(0, 2, 1)
    inputs = windows[:-1:stride]  # [rows, WINDOW, features]
    rows = len(inputs)
    following = np.concatenate([share[WINDOW:], np.full(HORIZONS - 1, np.nan)])
    return Windows(
        inputs=inputs,
        context=context_of(trace.bandwidth_util / 100, WINDOW - 1)[:-1:stride],
        targets=sliding_window_view(following, HORIZONS)[::stride].astype(np.float32),
        last=share[WINDOW - 1 : -1 : stride],
        capacity_mbps=np.full(rows, trace.capacity_mbps),
        step=np.full(rows, max(float(np.sqrt(np.mean(np.diff(share) ** 2))), STEP_FLOOR), np.float32),
        trace_id=np.full(rows, trace.trace_id),
    )


def _empty() -> Windows:
    none = np.empty(0)
    single = none.astype(np.float32)
    inputs, context = np.empty((0, WINDOW, len(FEATURES)), np.float32), np.empty((0, len(CONTEXT)), np.float32)
    return Windows(inputs, context, np.empty((0, HORIZONS), np.float32), none, none, single, np.empty(0, "<U1"))


def scale_of(inputs: Single) -> Double:
    """A window's own scale [rows], fraction of capacity: its standard deviation, floored; never zero."""
    share = inputs[:, :, 1].astype(np.float64) / 100  # [rows, WINDOW]
    floor = np.maximum(SPREAD_FLOOR * share.mean(axis=1), UTILISATION_FLOOR)
    return np.asarray(np.maximum(share.std(axis=1), floor))
