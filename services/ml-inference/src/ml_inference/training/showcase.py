"""What a report shows of single forecasts: fans along a stretch of a trace, and the worst misses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.layout import HORIZONS, INTERVAL, QUANTILE_LEVELS, WINDOW, Single, quantile_column
from ml_inference.forecasting.windows import Windows

PAST, FUTURE, EVERY = 30, 45, 8
"""Samples shown before the first forecast, samples shown after it, and samples from one fan to the next."""


def fan(name: str, model: str, traces: Sequence[Trace], forecast: Single) -> dict[str, Any] | None:
    """Fans in the middle of the longest segment: so nobody chose a place where they look good.

    `forecast` is [rows, HORIZONS, 1 + quantiles] of `cut(traces)`. None if no segment is long enough.
    """
    begins = np.cumsum([0, *(max(len(trace) - WINDOW, 0) for trace in traces)])  # [segments + 1] rows of the forecast
    place = int(np.argmax([len(trace) for trace in traces]))
    trace = traces[place]
    if len(trace) < PAST + FUTURE:
        return None
    first = (len(trace) - PAST - FUTURE) // 2
    shown = trace.bandwidth_mbps[first : first + PAST + FUTURE]
    fans = []
    for origin in range(PAST - 1, PAST + FUTURE - HORIZONS, EVERY):
        row = forecast[begins[place] + first + origin - WINDOW + 1] * trace.capacity_mbps  # [HORIZONS, 1 + quantiles]
        fans.append({"origin": origin, "mean": row[:, 0].tolist(), "quantiles": row[:, 1:].tolist()})
    return {
        "set": name,
        "model": model,
        "trace_id": trace.trace_id,
        "step_seconds": trace.step_seconds,
        "past_mbps": shown[:PAST].tolist(),
        "actual_mbps": shown[PAST:].tolist(),
        "levels": list(QUANTILE_LEVELS),
        "fans": fans,
    }


def worst(name: str, model: str, windows: Windows, forecast: Single, count: int = 1) -> list[dict[str, Any]]:
    """The rows with the largest error as a share of capacity, at the farthest horizon, one per trace."""
    error = np.abs(windows.targets[:, -1] - forecast[:, -1, 0])  # [rows]
    misses: list[dict[str, Any]] = []
    seen: set[str] = set()
    for row in np.argsort(-np.nan_to_num(error, nan=-1.0)):
        if len(misses) == count:
            break
        trace_id = str(windows.trace_id[row])
        if trace_id in seen:
            continue
        seen.add(trace_id)
        capacity = float(windows.capacity_mbps[row])
        lower, upper = (float(forecast[row, -1, quantile_column(level)]) * capacity for level in INTERVAL)
        misses.append(
            {
                "set": name,
                "model": model,
                "trace_id": trace_id,
                "row": int(row),
                "horizon": HORIZONS,
                "actual_mbps": float(windows.targets[row, -1]) * capacity,
                "predicted_mbps": float(forecast[row, -1, 0]) * capacity,
                "lower_mbps": lower,
                "upper_mbps": upper,
                "last_mbps": float(windows.last[row]) * capacity,
                "window_mbps": (windows.inputs[row, :, 1] / 100 * capacity).tolist(),
            }
        )
    return misses
