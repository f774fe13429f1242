"""How often a method that has to see a given share of events is wrong: alarms where its score is high enough."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from alert_replay.series import Mask
from ml_inference.forecasting.layout import Double

DIGITS: Final = 9
"""Scores that differ by less are the same one: else the last bit would order what is tied."""


@dataclass(frozen=True)
class Point:
    """A method at the highest cut that sees the wanted share of events."""

    cut: float
    """alarms are where the score is at least this"""
    hits: int
    """alarms that came true"""
    false_alarms: int
    """alarms that did not; each is one sample"""
    events: int
    fair_false_alarms: float
    """if of the samples that are tied at the cut only as many were taken as the wanted recall needs, at random: the
    same number where nothing is tied, and comparable where something is"""

    @property
    def recall(self) -> float:
        """Share of the events that were seen; where scores are tied it may be more than was wanted."""
        return self.hits / self.events

    @property
    def precision(self) -> float:
        """Share of the alarms that came true."""
        return self.hits / (self.hits + self.false_alarms)


def alike(score: Double) -> Double:
    """The scores as they are compared."""
    return np.round(score, DIGITS) + 0.0  # there is one zero


def point(score: Double, event: Mask, recall: float) -> Point:
    """The point of a score [moments] against what came.

    Raises:
        ValueError: there is no event, so that there is nothing to see.
    """
    events = int(event.sum())
    if not events:
        raise ValueError("no event")
    score = alike(score)
    wanted = max(ceil(recall * events - 1e-9), 1)
    cut = float(np.sort(score[event])[events - wanted])
    alarm, tied = score >= cut, score == cut
    hits, wrong = int((alarm & event).sum()), int((alarm & ~event).sum())
    tied_hits, tied_wrong = int((tied & event).sum()), int((tied & ~event).sum())
    share = (wanted - (hits - tied_hits)) / tied_hits
    return Point(cut, hits, wrong, events, wrong - tied_wrong + share * tied_wrong)


def curve(score: Double, event: Mask) -> tuple[Double, Double]:
    """Recall and precision at each cut there is, recall rising; both empty where there is no event."""
    if not event.any():
        return np.zeros(0), np.zeros(0)
    score = alike(score)
    order = np.argsort(-score, kind="stable")
    hits, alarms = np.cumsum(event[order]), np.arange(1, len(score) + 1)
    last = np.append(np.diff(score[order]) != 0, True)  # of the samples that are tied: they alarm together
    return hits[last] / event.sum(), hits[last] / alarms[last]
