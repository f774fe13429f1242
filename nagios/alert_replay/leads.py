"""How long before the link passes its threshold the first alarm came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alert_replay.series import Mask, Places, Series
from ml_inference.forecasting.layout import HORIZONS


@dataclass(frozen=True)
class Leads:
    """Of each passage that could have been warned of: samples from the first alarm to it, 0 where there was none.

    It could have been if the link was under the threshold, with all known, at one sample or more of the HORIZONS before
    the passage. An alarm counts for the next passage only: what came before the link was last over it does not.
    """

    samples: Places
    """[passages] 0 … HORIZONS"""
    possible: Places
    """[passages] 1 … HORIZONS: the lead of an alarm that stood wherever one could"""

    @property
    def passages(self) -> int:
        """How many."""
        return len(self.samples)

    @property
    def warned(self) -> int:
        """Of how many there was a warning."""
        return int((self.samples > 0).sum())

    @property
    def median(self) -> float | None:
        """Samples, over the passages that were warned of."""
        return float(np.median(self.samples[self.samples > 0])) if self.warned else None

    @property
    def by_possible(self) -> list[int]:
        """The same for the longest leads that were possible."""
        return [int((self.possible == lead).sum()) for lead in range(HORIZONS + 1)]

    @property
    def by_samples(self) -> list[int]:
        """How many passages had 0 (none), 1 … HORIZONS samples of warning."""
        return [int((self.samples == lead).sum()) for lead in range(HORIZONS + 1)]


def passages(series: Series) -> Places:
    """The places at which the link goes over the threshold, and was not over it one sample before."""
    over, same = series.over, ~series.begins()
    return np.flatnonzero(over[1:] & ~over[:-1] & same[1:]) + 1


def leads(series: Series, alarm: Mask) -> Leads:
    """The lead times of an alarm [moments]."""
    could, did = np.zeros(len(series), bool), np.zeros(len(series), bool)
    could[series.moments] = True
    did[series.moments] = alarm
    place = passages(series)
    possible, first = np.zeros(len(place), np.intp), np.zeros(len(place), np.intp)
    before = np.ones(len(place), bool)  # [passages] still in the run that led to the passage
    for ahead in range(1, HORIZONS + 1):
        at = np.maximum(place - ahead, 0)
        before &= (place >= ahead) & (series.segment[at] == series.segment[place]) & ~series.over[at]
        possible[before & could[at]] = ahead
        first[before & did[at]] = ahead
    return Leads(first[possible > 0], possible[possible > 0])
