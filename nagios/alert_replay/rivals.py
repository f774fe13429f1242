"""What else warns of a threshold: the value itself, a line through the window, and double exponential smoothing.

Each gives a score in % of capacity, and alarms where it is high. Few would tune theirs as well as it is done here: the
cut is the best one on the very samples that are scored, and what else there is to choose is chosen on the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from alert_replay.choice import READ, Choice, Shares
from alert_replay.series import Series
from alert_replay.smoothing import Slope, holt, holt_of_all, line
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
    """The three that the forecast alert is held against, each shown the window: what a range of ten samples holds."""
    of_holt = READ[choice.holt_read](_one(holt(series, [choice.holt])))
    return {
        STATIC: Rival(series.utilisation[series.moments], "the newest sample"),
        LINE: Rival(READ[choice.line_read](line(series)), f"read at its {choice.line_read}"),
        HOLT: Rival(of_holt, f"{_said(choice.holt)}, read at its {choice.holt_read}"),
    }


def others(series: Series, choice: Choice) -> dict[str, Rival]:
    """What is shown the whole record, as the model is shown up to 512 samples of it: harder to beat."""
    of_all = READ[choice.holt_of_all_read](_one(holt_of_all(series, [choice.holt_of_all])))
    smoothed = _one(holt_of_all(series, [choice.smoothed])).level
    return {
        "Holt-Winters of all": Rival(of_all, f"{_said(choice.holt_of_all)}, read at its {choice.holt_of_all_read}"),
        "smoothed value": Rival(smoothed, _said(choice.smoothed)),
    }


def _one(bent: Slope) -> Slope:
    return Slope(bent.level[:, 0], bent.trend[:, 0])


def _said(shares: Shares) -> str:
    return f"level {shares[0]:g}, trend {shares[1]:g}"
