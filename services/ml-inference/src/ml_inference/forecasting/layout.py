"""What a window and a forecast are made of: the facts that data, models and the exported graph share."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Single = npt.NDArray[np.float32]
"""What the exported graph takes and gives."""

Double = npt.NDArray[np.float64]
"""What data and scores are calculated in."""

WINDOW: Final = 10
"""Samples a forecast looks back on."""

HORIZONS: Final = 5
"""Steps a forecast looks ahead: 1 … HORIZONS."""

FEATURES: Final = ("packet_rate", "bandwidth_util", "rtt_variance")
"""A window's last axis, in this order."""

FEATURE_UNITS: Final = (
    "packets/s",
    "% of the link's capacity",
    "ms, standard deviation of RTT; NaN = not measured",
)

QUANTILE_LEVELS: Final = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
"""A forecast's last axis: the mean, then these quantiles."""

OUTPUT_UNIT: Final = "fraction of the link's capacity"

INTERVAL: Final = (0.10, 0.90)
"""The quantiles that bound the 80 % interval users are shown."""

SPREAD_FLOOR: Final = 0.05
"""Smallest scale of a window, in units of its own mean: a flat window still may move."""

UTILISATION_FLOOR: Final = 1e-4
"""Smallest scale of a window as a fraction of capacity: an idle link still may wake up."""


def quantile_column(level: float) -> int:
    """Where a forecast's last axis holds the quantile `level`. Raises ValueError for a level it has not."""
    return 1 + QUANTILE_LEVELS.index(level)
