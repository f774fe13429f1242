"""Kinds of moments that are scored apart, told by what a forecast could see: the window at its origin."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ml_inference.forecasting.windows import Windows

ALL: Final = "all"
CALM, VOLATILE, NEAR_CAPACITY = "calm", "volatile", "near capacity"
SEGMENTS: Final = (CALM, VOLATILE, NEAR_CAPACITY)

CALM_VARIATION: Final = 0.1
"""Highest coefficient of variation (standard deviation / mean) of a calm window."""

VOLATILE_VARIATION: Final = 0.3
"""A window that varies more than this is volatile."""

NEAR_CAPACITY_PERCENT: Final = 80.0
"""Last utilisation from which a link is near its capacity."""

LEAST_ROWS: Final = 30
"""A segment with fewer rows in a set says nothing there."""


def segments_of(windows: Windows) -> dict[str, npt.NDArray[np.bool_]]:
    """Masks [rows] by segment, ALL among them.

    A link near its capacity is that alone, however calm or volatile: there the ceiling decides what comes next, a row
    counts in one segment at most, and what goes wrong has one name. A window of zeros is calm.
    """
    util = windows.inputs[:, :, 1].astype(np.float64)  # [rows, WINDOW] %
    spread, mean = util.std(axis=1), util.mean(axis=1)
    full = util[:, -1] >= NEAR_CAPACITY_PERCENT
    return {
        ALL: np.ones(len(windows), bool),
        CALM: ~full & (spread <= CALM_VARIATION * mean),
        VOLATILE: ~full & (spread > VOLATILE_VARIATION * mean),
        NEAR_CAPACITY: full,
    }
