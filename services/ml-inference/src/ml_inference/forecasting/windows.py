"""Windows: what a forecast sees, and what comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.layout import HORIZONS, SPREAD_FLOOR, UTILISATION_FLOOR, WINDOW, Double, Single

STEP_FLOOR = 1e-3
"""Smallest usual step of a link, as a fraction of capacity: a link that never moves must not outweigh all others."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of any number of links, one row each, with what followed them."""

    inputs: Single  # [rows, WINDOW, features] in the units of layout.FEATURE_UNITS
    targets: Single  # [rows, HORIZONS] fractions of capacity
    last: Double  # [rows] last bandwidth seen, fraction of capacity
    capacity_mbps: Double  # [rows]
    step: Single  # [rows] root mean square one-step change of the row's link, fraction of capacity

    def __len__(self) -> int:
        return len(self.inputs)


def inputs_of(trace: Trace) -> Single:
    """Every window of a trace, oldest first: [rows - WINDOW + 1, WINDOW, features]; none if it is too short."""
    if len(trace) < WINDOW:
        return np.empty((0, WINDOW, 3), np.float32)
    series = np.stack([trace.packet_rate, trace.bandwidth_util, trace.rtt_variance], axis=1)  # [rows, features]
    return sliding_window_view(series.astype(np.float32), WINDOW, axis=0).transpose(0, 2, 1)


def cut(traces: Sequence[Trace], stride: int = 1) -> Windows:
    """Cut segments into windows with all HORIZONS values after them; no window leaves its segment."""
    parts = [_cut_one(trace, stride) for trace in traces if len(trace) >= WINDOW + HORIZONS]
    if not parts:
        parts = [_empty()]
    return Windows(
        inputs=np.concatenate([part.inputs for part in parts]),  # [rows, WINDOW, features]
        targets=np.concatenate([part.targets for part in parts]),  # [rows, HORIZONS]
        last=np.concatenate([part.last for part in parts]),  # [rows]
        capacity_mbps=np.concatenate([part.capacity_mbps for part in parts]),  # [rows]
        step=np.concatenate([part.step for part in parts]),  # [rows]
    )


def _cut_one(trace: Trace, stride: int) -> Windows:
    share = trace.bandwidth_mbps / trace.capacity_mbps  # [trace rows]
    inputs = inputs_of(trace)[:-HORIZONS:stride]  # [rows, WINDOW, features]
    rows = len(inputs)
    step = max(float(np.sqrt(np.mean(np.diff(share) ** 2))), STEP_FLOOR)
    return Windows(
        inputs=inputs,
        targets=sliding_window_view(share[WINDOW:], HORIZONS)[::stride].astype(np.float32),
        last=share[WINDOW - 1 : -HORIZONS : stride],
        capacity_mbps=np.full(rows, trace.capacity_mbps),
        step=np.full(rows, step, np.float32),
    )


def _empty() -> Windows:
    none = np.empty(0)
    no_targets = np.empty((0, HORIZONS), np.float32)
    return Windows(np.empty((0, WINDOW, 3), np.float32), no_targets, none, none, none.astype(np.float32))


def scale_of(inputs: Single) -> Double:
    """A window's own scale [rows], fraction of capacity: its standard deviation, floored; never zero."""
    share = inputs[:, :, 1].astype(np.float64) / 100  # [rows, WINDOW]
    floor = np.maximum(SPREAD_FLOOR * share.mean(axis=1), UTILISATION_FLOOR)
    return np.asarray(np.maximum(share.std(axis=1), floor))
