"""The segments of a set laid one after the other, and what each of its samples means for an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.layout import HORIZONS, WINDOW, Double

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

DAY: float = 86_400.0
"""s"""


@dataclass(frozen=True, eq=False)
class Series:
    """The samples of any number of segments; a place is a sample's number, from 0, over all of them."""

    utilisation: Double
    """[samples] % of capacity"""
    segment: Places
    """[samples] the number of the segment that the sample is in"""
    step_seconds: Double
    """[samples] from one sample of that segment to the next"""
    threshold: float
    """% of capacity"""

    def __len__(self) -> int:
        return len(self.utilisation)

    @cached_property
    def over(self) -> Mask:
        """[samples] whether the link has passed the threshold."""
        return np.asarray(self.utilisation > self.threshold)

    @cached_property
    def watched(self) -> Mask:
        """[samples] a full window behind and a sample ahead: what `windows.cut` makes rows of, in the same order."""
        return self._reaches(1)

    @cached_property
    def known(self) -> Mask:
        """[samples] a full window behind and all that is forecast ahead."""
        return self._reaches(HORIZONS)

    @cached_property
    def moments(self) -> Places:
        """[moments] the places where an alarm is right or wrong: all is known, and the link is under the threshold."""
        return np.flatnonzero(self.known & (self.utilisation < self.threshold))

    @cached_property
    def events(self) -> Mask:
        """[moments] whether the threshold is passed within the next HORIZONS samples."""
        if not len(self.moments):
            return np.zeros(0, bool)
        ahead = sliding_window_view(self.over, HORIZONS)[self.moments + 1]  # [moments, HORIZONS]
        return np.asarray(ahead.any(axis=1))

    @cached_property
    def windows(self) -> Double:
        """[moments, WINDOW] % of capacity, oldest first."""
        if not len(self.moments):
            return np.zeros((0, WINDOW))
        return np.asarray(sliding_window_view(self.utilisation, WINDOW)[self.moments - (WINDOW - 1)])

    @property
    def days(self) -> float:
        """Link time that was watched, in days: over the threshold, too."""
        return float(self.step_seconds[self.known].sum()) / DAY

    def begins(self) -> Mask:
        """[samples] the first of its segment."""
        return np.concatenate([[True], np.diff(self.segment) != 0])[: len(self)]

    def _reaches(self, ahead: int) -> Mask:
        place = np.arange(len(self))
        found = (place >= WINDOW - 1) & (place + ahead < len(self))
        inside = place[found]
        found[inside] = self.segment[inside - (WINDOW - 1)] == self.segment[inside + ahead]
        return found


def laid_out(traces: Sequence[Trace], threshold: float) -> Series:
    """The segments in their order; `threshold` is in % of capacity."""
    lengths = [len(trace) for trace in traces]
    return Series(
        utilisation=np.concatenate([np.zeros(0), *(trace.bandwidth_util for trace in traces)]),
        segment=np.repeat(np.arange(len(traces)), lengths),
        step_seconds=np.repeat([trace.step_seconds for trace in traces], lengths),
        threshold=threshold,
    )
