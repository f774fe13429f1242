"""Forecasts against what came, over every origin of a set: sums per trace, of which all scores are made.

Rolling origin, one step at a time (Tashman 2000): forecasts are given for every row of `cut(traces)`.

The reference of skill is `windows.last`, the last bandwidth seen, and not the served baseline Persistence: sources may
cut utilisation off at 100 %, so what a link carried above its nominal capacity is in `bandwidth_mbps` alone. That
last value is the definition of persistence for the series that is forecast. The served baseline is scored beside the
other models; where links exceed their capacity its skill is not zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from ml_inference.forecasting.baselines import Persistence
from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS, Double, Single, quantile_column
from ml_inference.forecasting.metrics import crps_of_rows
from ml_inference.forecasting.segments import ALL, LEAST_ROWS, segments_of
from ml_inference.forecasting.windows import Windows

REFERENCE: Final = Persistence.name
"""The model whose CRPS others are compared with: the last value with residual quantiles."""

BOUNDS: Final = {80: (0.10, 0.90), 90: (0.05, 0.95)}
"""Quantiles that bound the central intervals, by what they promise to cover, %."""


class Measure(IntEnum):
    """Columns of the sums; behind them, one per quantile level, how often the value lay at or below it."""

    ROWS = 0
    SQUARED = 1  # Mbps²
    ABSOLUTE = 2  # Mbps
    CRPS = 3  # Mbps
    INSIDE_80 = 4
    INSIDE_90 = 5
    WIDTH_80 = 6  # Mbps
    WIDTH_90 = 7  # Mbps
    LAST_SQUARED = 8  # Mbps², of the last value carried on
    STEP_ABSOLUTE = 9  # Mbps, of the last value carried on for one step, whatever the horizon
    REFERENCE_CRPS = 10  # Mbps, of REFERENCE


@dataclass(frozen=True, eq=False)
class Backtest:
    """Sums of one set, by segment and model: [traces, HORIZONS, measures + quantiles]."""

    set: str
    split: str
    sums: Mapping[str, Mapping[str, Double]]

    @property
    def models(self) -> tuple[str, ...]:
        """In the order in which their forecasts were given."""
        return tuple(self.sums[ALL])

    @property
    def segments(self) -> tuple[str, ...]:
        """ALL, and those of which the set has enough rows at every horizon."""
        return tuple(name for name in self.sums if name == ALL or self.rows(name).min() >= LEAST_ROWS)

    def rows(self, segment: str) -> Double:
        """How many forecasts there are to score, per horizon [HORIZONS]."""
        return np.asarray(self.sums[segment][self.models[0]][:, :, Measure.ROWS].sum(axis=0))

    def traces(self, segment: str) -> int:
        """How many traces the segment's forecasts of the last horizon come from: the fewest of any horizon."""
        return int((self.sums[segment][self.models[0]][:, -1, Measure.ROWS] > 0).sum())


def backtest(name: str, split: str, windows: Windows, forecasts: Mapping[str, Single]) -> Backtest:
    """Sum up the forecasts [rows, HORIZONS, 1 + quantiles] of every model for the set `name`.

    Raises ValueError for a model whose forecasts are not of these windows, or if REFERENCE is not among the models.
    """
    if REFERENCE not in forecasts:
        raise ValueError(f"{name}: forecasts of {REFERENCE} are missing; CRPS is compared with theirs")
    expected = (len(windows), HORIZONS, 1 + len(QUANTILE_LEVELS))
    for model, forecast in forecasts.items():
        if forecast.shape != expected:
            raise ValueError(f"{name}: {model} forecast {forecast.shape}, the set's windows need {expected}")
    traces, place = np.unique(windows.trace_id, return_inverse=True)
    scored = {model: _measure(windows, forecast) for model, forecast in forecasts.items()}
    reference = scored[REFERENCE][:, :, Measure.CRPS].copy()  # [rows, HORIZONS]
    segments = segments_of(windows)
    sums: dict[str, dict[str, Double]] = {segment: {} for segment in segments}
    for model, measured in scored.items():
        measured[:, :, Measure.REFERENCE_CRPS] = reference
        for segment, mask in segments.items():
            sums[segment][model] = _by_trace(measured[mask], place[mask], len(traces))
    return Backtest(name, split, sums)


def _measure(windows: Windows, forecast: Single) -> Double:
    """Every measure of every row [rows, HORIZONS, measures + quantiles]; zeros where the segment had ended."""
    capacity = windows.capacity_mbps[:, None]  # [rows, 1]
    target = windows.targets.astype(np.float64)  # [rows, HORIZONS]
    known = np.isfinite(target)
    target = np.where(known, target, 0)
    quantiles = forecast[:, :, 1:].astype(np.float64)  # [rows, HORIZONS, quantiles]
    error = (target - forecast[:, :, 0]) * capacity
    last = windows.last[:, None]
    measured = np.empty((*target.shape, len(Measure) + len(QUANTILE_LEVELS)))
    measured[:, :, Measure.ROWS] = 1
    measured[:, :, Measure.SQUARED] = error**2
    measured[:, :, Measure.ABSOLUTE] = np.abs(error)
    measured[:, :, Measure.CRPS] = crps_of_rows(target, quantiles, QUANTILE_LEVELS) * capacity
    for promised, (lower, upper) in BOUNDS.items():
        low, high = forecast[:, :, quantile_column(lower)], forecast[:, :, quantile_column(upper)]
        measured[:, :, Measure[f"INSIDE_{promised}"]] = (target >= low) & (target <= high)
        measured[:, :, Measure[f"WIDTH_{promised}"]] = (high - low) * capacity
    measured[:, :, Measure.LAST_SQUARED] = ((target - last) * capacity) ** 2
    measured[:, :, Measure.STEP_ABSOLUTE] = np.abs(target[:, :1] - last) * capacity
    measured[:, :, len(Measure) :] = target[:, :, None] <= quantiles
    measured[~known] = 0
    return measured


def _by_trace(measured: Double, place: np.typing.NDArray[np.intp], traces: int) -> Double:
    """Sums [traces, HORIZONS, …] of rows [rows, HORIZONS, …] by the `place` [rows] of their trace."""
    sums = np.zeros((traces, *measured.shape[1:]))
    order = np.argsort(place, kind="stable")
    present, first = np.unique(place[order], return_index=True)
    if len(present):
        sums[present] = np.add.reduceat(measured[order], first, axis=0)
    return sums
