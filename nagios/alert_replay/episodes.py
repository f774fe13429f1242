"""From the levels of an alarm to warnings: how many there were, which came true, and how early they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from alert_replay.configured import Levels
from alert_replay.series import DAY, Series
from ml_inference.forecasting.layout import HORIZONS
from nagios_plugins.links.alarm import Level


@dataclass
class Episodes:
    """What came of the alarms; one lasts until the link is calm again, whatever it does in between.

    It begins with a warning, where a calm link becomes likely to be full, or without one, where the link is full at
    once. A warning came true if the link became full before it was calm again, or within HORIZONS samples. Full is what
    the alarm calls so: over the threshold, and then until it is well below.
    """

    days: float
    """of link time that were watched"""
    days_alarmed: float = 0.0
    """of it not calm"""
    true_at: list[int] = field(default_factory=list)
    """places where warnings began that came true"""
    false_at: list[int] = field(default_factory=list)
    """and that did not"""
    undecided: int = 0
    """warnings where the segment ended too soon to say"""
    arrivals: int = 0
    """alarms in which the link became full"""
    leads: list[int] = field(default_factory=list)
    """samples from the warning to the moment when the link was full, of the arrivals that there was a warning of"""
    lead_seconds: list[float] = field(default_factory=list)
    """the same in s"""

    @property
    def warnings(self) -> int:
        """All of them."""
        return len(self.true_at) + len(self.false_at) + self.undecided

    @property
    def precision(self) -> float | None:
        """Share that came true, of the warnings of which it can be said."""
        decided = len(self.true_at) + len(self.false_at)
        return len(self.true_at) / decided if decided else None

    @property
    def recall(self) -> float | None:
        """Share of the arrivals that there was a warning of."""
        return len(self.leads) / self.arrivals if self.arrivals else None

    @property
    def median(self) -> float | None:
        """Samples of lead."""
        return float(np.median(self.leads)) if self.leads else None

    @property
    def median_seconds(self) -> float | None:
        """The same in s."""
        return float(np.median(self.lead_seconds)) if self.leads else None

    def per_day(self, count: int) -> float:
        """So many per day of link time."""
        return count / self.days


@dataclass(frozen=True)
class _Alarm:
    """One alarm of a segment, in watched samples from the segment's first."""

    begin: int
    full: int | None
    """the first sample at which the link was full"""
    stands: bool
    """whether it lasted to the segment's end"""


def episodes(series: Series, level: Levels) -> Episodes:
    """Of the levels at all samples."""
    places = np.flatnonzero(level >= 0)
    spent = series.step_seconds[places] / DAY
    found = Episodes(float(spent.sum()), float(spent[level[places] > Level.CALM].sum()))
    for run in np.split(places, np.flatnonzero(np.diff(series.segment[places])) + 1):
        if len(run):
            _add(found, run.tolist(), level[run].tolist(), float(series.step_seconds[run[0]]))
    return found


def _add(found: Episodes, places: Sequence[int], seen: Sequence[int], step_seconds: float) -> None:
    """Count one segment: its watched places, and the level at each."""
    warnings: list[_Alarm] = []  # that have not come true yet, and still may
    for alarm in _alarms(seen):
        if alarm.begin == alarm.full == 0:
            continue  # nobody knows when that began
        if alarm.full is None:
            warnings.append(alarm)
            continue
        right = [each for each in warnings if alarm.full - each.begin <= HORIZONS]
        found.false_at += [places[each.begin] for each in warnings if each not in right]
        right += [alarm] if alarm.begin < alarm.full else []
        found.true_at += [places[each.begin] for each in right]
        found.arrivals += 1
        if right:
            found.leads.append(alarm.full - right[0].begin)
            found.lead_seconds.append((alarm.full - right[0].begin) * step_seconds)
        warnings = []
    for each in warnings:
        if each.stands or len(seen) - each.begin <= HORIZONS:
            found.undecided += 1
        else:
            found.false_at.append(places[each.begin])


def _alarms(seen: Sequence[int]) -> Iterator[_Alarm]:
    begin = 0
    for calm, levels in groupby(seen, key=lambda level: level == Level.CALM):
        run = list(levels)
        if not calm:
            full = begin + run.index(Level.FULL) if Level.FULL in run else None
            yield _Alarm(begin, full, stands=begin + len(run) == len(seen))
        begin += len(run)
