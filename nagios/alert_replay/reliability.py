"""Whether probabilities are honest: of what was said to be 80 % likely, four of five should come true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from alert_replay.series import Mask
from ml_inference.forecasting.layout import Double

EDGES: Final = tuple(round(0.1 * edge, 1) for edge in range(11))
"""of the bins; each holds its lower one, the last both"""
SURE: Final = 0.8
"""alarms that are said to be at least so likely"""
SURE_WANTED: Final = 0.75
"""share of them that should come true"""


@dataclass(frozen=True)
class Bin:
    """Forecasts of about the same probability."""

    count: int
    said: float
    """mean probability"""
    came: float
    """share that came true"""


def bins(probability: Double, event: Mask) -> list[Bin]:
    """Those that hold something, probability rising."""
    number = np.minimum(np.searchsorted(EDGES, probability, side="right") - 1, len(EDGES) - 2)
    found = []
    for each in np.unique(number):
        rows = number == each
        found.append(Bin(int(rows.sum()), float(probability[rows].mean()), float(event[rows].mean())))
    return found


def sure(probability: Double, event: Mask) -> tuple[int, float | None]:
    """How many were said to be at least SURE, and the share of them that came true."""
    rows = probability >= SURE
    return int(rows.sum()), float(event[rows].mean()) if rows.any() else None
