"""A level and a trend in a link's samples: by a line through the window, or by Holt's smoothing of it or of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from alert_replay.series import Series
from ml_inference.forecasting.layout import WINDOW, Double


class Slope(NamedTuple):
    """[moments …] where a straight line is at the newest sample, and how it rises: % of capacity, and per sample."""

    level: Double
    trend: Double


def line(series: Series) -> Slope:
    """The least-squares line through the window: Prometheus' predict_linear over WINDOW samples."""
    place = np.arange(WINDOW) - (WINDOW - 1) / 2
    trend = series.windows @ place / (place @ place)
    return Slope(series.windows.mean(axis=1) + trend * place[-1], trend)


def holt(series: Series, shares: Sequence[tuple[float, float]]) -> Slope:
    """Double exponential smoothing (Holt 1957) of each window alone: Prometheus' function over WINDOW samples.

    [moments, pairs of shares]; as `holt_of_all`, but nothing before the window counts: it is shown what the line is.
    """
    of_level, of_trend = np.array(shares, np.float64).reshape(-1, 2).T
    level = np.repeat(series.windows[:, :1], len(of_level), axis=1)  # [moments, pairs]
    trend = np.repeat(np.diff(series.windows[:, :2]), len(of_level), axis=1)
    for place in range(1, WINDOW):
        before = level
        level = of_level * series.windows[:, place, None] + (1 - of_level) * (level + trend)
        trend = of_trend * (level - before) + (1 - of_trend) * trend
    return Slope(level, trend)


def holt_of_all(series: Series, shares: Sequence[tuple[float, float]]) -> Slope:
    """Double exponential smoothing (Holt 1957) of each segment from its first sample on: [moments, pairs of shares].

    `shares` are the weights (0 … 1) of the newest sample in level and in trend. Level and trend begin with the first
    sample and with the step to the second, as in Prometheus.
    """
    of_level, of_trend = np.array(shares, np.float64).reshape(-1, 2).T
    wanted = np.zeros(len(series), bool)
    wanted[series.moments] = True
    begins = series.begins()
    first_step = np.append(np.diff(series.utilisation), 0.0)
    levels, trends = (np.empty((len(series.moments), len(of_level))) for _ in range(2))
    level = trend = np.zeros(len(of_level))
    row = 0
    for place, value in enumerate(series.utilisation.tolist()):
        if begins[place]:
            level, trend = np.full(len(of_level), value), np.full(len(of_level), first_step[place])
        else:
            before = level
            level = of_level * value + (1 - of_level) * (level + trend)
            trend = of_trend * (level - before) + (1 - of_trend) * trend
        if wanted[place]:
            levels[row], trends[row] = level, trend
            row += 1
    return Slope(levels, trends)
