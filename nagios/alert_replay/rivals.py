"""What else warns of a threshold: the value itself, a line through the window, and double exponential smoothing.

Each gives a score in % of capacity, and alarms where it is high. Few would tune theirs as well as it is done here: the
cut is the best one on the very samples that are scored, and what else there is to choose is chosen on the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from alert_replay.choice import END, READ, USUAL, Choice, Shares
from alert_replay.series import Series
from alert_replay.smoothing import Slope, holt, line
from ml_inference.forecasting.layout import Double

STATIC: Final = "static"
LINE: Final = "predict_linear"
HOLT: Final = "holt_winters"


@dataclass(frozen=True)
class Rival:
    """One other method on the samples that are replayed."""

    score: Double
    """[moments] % of capacity"""
    how: str
    """its settings in words"""


def rivals(series: Series, choice: Choice) -> dict[str, Rival]:
    """The three that the forecast alert is held against."""
    of_holt = READ[choice.holt_read](_holt(series, choice.holt))
    return {
        STATIC: Rival(series.utilisation[series.moments], "the newest sample"),
        LINE: Rival(READ[choice.line_read](line(series)), f"read at its {choice.line_read}"),
        HOLT: Rival(of_holt, f"{_said(choice.holt)}, read at its {choice.holt_read}"),
    }


def others(series: Series, choice: Choice) -> dict[str, Rival]:
    """The same set up otherwise, to see what hangs on it."""
    return {
        f"Holt-Winters {USUAL[0]:g}, {USUAL[1]:g}": Rival(READ[END](_holt(series, USUAL)), _said(USUAL)),
        "smoothed value": Rival(_holt(series, choice.smoothed).level, _said(choice.smoothed)),
    }


def _holt(series: Series, shares: Shares) -> Slope:
    level, trend = holt(series, [shares])
    return Slope(level[:, 0], trend[:, 0])


def _said(shares: Shares) -> str:
    return f"level {shares[0]:g}, trend {shares[1]:g}"
