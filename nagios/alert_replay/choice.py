"""What the rivals leave open, chosen on the past: what gives the fewest false alarms there, at the wanted recall."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from alert_replay.counts import point
from alert_replay.series import laid_out
from alert_replay.smoothing import Slope, holt, holt_of_all, line
from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.layout import HORIZONS, Double

Shares = tuple[float, float]
"""Holt's two constants: how much the newest sample counts in the level, and in the trend (0 … 1)"""

TRIED: Final[Sequence[Shares]] = [
    (level, trend)
    for level in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    for trend in (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
]
USUAL: Final[Shares] = (0.5, 0.5)
"""where nothing is chosen: in the middle, as in examples for Prometheus"""
MAX_SAMPLES: Final = 50_000
"""of the past that are looked at, the last ones of the file: time and memory stay small"""

END: Final = "end"
READ: Final[Mapping[str, Callable[[Slope], Double]]] = {
    END: lambda slope: slope.level + HORIZONS * slope.trend,
    "highest": lambda slope: slope.level + np.maximum(slope.trend, HORIZONS * slope.trend),
}
"""Where a line that goes on is read: at the end of the horizon, or at its highest within it."""

_Option = TypeVar("_Option")


@dataclass(frozen=True)
class Choice:
    """Settings of the rivals."""

    line_read: str = END
    holt: Shares = USUAL
    holt_read: str = END
    holt_of_all: Shares = USUAL
    holt_of_all_read: str = END
    """of a Holt-Winters that is shown the whole record, and not the window alone"""
    smoothed: Shares = USUAL
    """of that one's level alone, without the trend"""
    on_past: bool = False
    """whether they are the best of the past, or only the usual ones"""


def choose(past: Sequence[Trace], threshold: float, recall: float) -> Choice:
    """The best settings; the usual ones where nothing in the past passes the threshold (% of capacity)."""
    series = laid_out(_newest(past), threshold)
    if not series.events.any():
        return Choice()
    straight, recent, whole = line(series), holt(series, TRIED), holt_of_all(series, TRIED)

    def fewest(options: Iterable[tuple[_Option, Double]]) -> _Option:
        return min(options, key=lambda option: point(option[1], series.events, recall).fair_false_alarms)[0]

    def read_best(bent: Slope) -> tuple[Shares, str]:
        return fewest(((pair, name), score(slope)) for pair, slope in _each(bent) for name, score in READ.items())

    shares, read = read_best(recent)
    shares_of_all, read_of_all = read_best(whole)
    return Choice(
        line_read=fewest((name, score(straight)) for name, score in READ.items()),
        holt=shares,
        holt_read=read,
        holt_of_all=shares_of_all,
        holt_of_all_read=read_of_all,
        smoothed=fewest((pair, slope.level) for pair, slope in _each(whole)),
        on_past=True,
    )


def _each(bent: Slope) -> Iterable[tuple[Shares, Slope]]:
    return [(pair, Slope(bent.level[:, k], bent.trend[:, k])) for k, pair in enumerate(TRIED)]


def _newest(past: Sequence[Trace]) -> list[Trace]:
    """The last segments, the first of them cut, that make up MAX_SAMPLES."""
    found: list[Trace] = []
    left = MAX_SAMPLES
    for trace in reversed(past):
        if left <= 0:
            break
        found.append(trace.rows(max(len(trace) - left, 0), len(trace), trace.split))
        left -= len(trace)
    return found[::-1]
