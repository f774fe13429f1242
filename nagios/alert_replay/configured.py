"""The alarm as it is configured, with its hysteresis, at every sample of each segment: what Nagios would have shown."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from alert_replay.scores import Said
from alert_replay.series import Series
from nagios_plugins.links.alarm import DEFAULT, Alarm, Rule, judge
from nagios_plugins.links.records import Outlook, Step

Levels = npt.NDArray[np.int8]
UNWATCHED: Final = -1


def levels(series: Series, said: Said, rule: Rule = DEFAULT) -> Levels:
    """[samples] the alarm's level at each sample that is watched, UNWATCHED elsewhere. Each segment begins calm."""
    found = np.full(len(series), UNWATCHED, np.int8)
    places = np.flatnonzero(series.watched).tolist()
    columns = [column.tolist() for column in (said.mean, said.lower, said.upper, said.exceed, said.within)]
    segment_of = series.segment.tolist()
    alarm, segment = Alarm(), -1
    for place, *steps in zip(places, *columns, strict=True):
        if segment_of[place] != segment:
            alarm, segment = Alarm(), segment_of[place]
        path = tuple(Step(*step) for step in zip(*steps, strict=True))
        alarm = judge(alarm, _outlook(series, segment, place, path), rule)
        found[place] = alarm.level
    return found


def _outlook(series: Series, segment: int, place: int, path: tuple[Step, ...]) -> Outlook:
    """On a link of 100 Mbps: there % are Mbps, and nothing is rounded on the way."""
    return Outlook(
        epoch=segment,
        cell=place,
        wall=float(place),
        forecaster="model",
        model_version="",
        decided=True,
        last_mbps=float(series.utilisation[place]),
        threshold_mbps=series.threshold,
        capacity_mbps=100.0,
        path=path,
    )
