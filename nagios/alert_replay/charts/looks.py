"""How a method is drawn: the same on every chart, told apart without colour too."""

from __future__ import annotations

from dataclasses import replace

from alert_replay.tables import name_of
from alert_replay.verdict import FORECAST
from ml_inference.report.palette import LOOKS, Look

_LIKE = {
    FORECAST: "lstm-zero-shot",
    "static": "persistence",
    "predict_linear": "lightgbm",
    "holt_winters": "exponential-smoothing",
}


def look_of(method: str) -> Look:
    """A look of the other report's, under the method's own name."""
    return replace(LOOKS[_LIKE[method]], label=name_of(method))
