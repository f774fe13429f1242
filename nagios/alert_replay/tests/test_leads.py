"""Lead times against going back from each passage by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alert_replay.leads import leads

from .conftest import Runs, series_of

THRESHOLD = 50.0
runs = st.lists(st.lists(st.sampled_from([20.0, 40.0, 50.0, 60.0]), max_size=40), max_size=4)


@given(runs=runs, data=st.data())
def test_leads_when_gone_back_from_each_passage_then_are_the_same(runs: Runs, data: st.DataObject) -> None:
    series = series_of(runs, THRESHOLD)
    alarm = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(series.moments), max_size=len(series.moments))), bool
    )
    could = set(series.moments.tolist())
    did = set(series.moments[alarm].tolist())
    samples, possible, place = [], [], 0
    for run in runs:
        for now in range(1, len(run)):
            if run[now] > THRESHOLD >= run[now - 1]:
                seen, room = 0, 0
                for ahead in range(1, min(now, 5) + 1):
                    if run[now - ahead] > THRESHOLD:
                        break
                    room = ahead if place + now - ahead in could else room
                    seen = ahead if place + now - ahead in did else seen
                if room:
                    samples.append(seen)
                    possible.append(room)
        place += len(run)
    found = leads(series, alarm)
    assert found.samples.tolist() == samples
    assert found.possible.tolist() == possible
    assert sum(found.by_samples) == found.passages == sum(found.by_possible)


@given(runs=runs)
def test_leads_when_the_alarm_is_always_right_then_every_event_is_of_a_passage_that_was_warned_of(runs: Runs) -> None:
    series = series_of(runs, THRESHOLD)
    found = leads(series, series.events)
    assert found.warned == found.passages
    assert (found.median is None) == (not series.events.any())


def test_leads_when_the_link_was_over_in_between_then_the_earlier_alarm_is_not_this_passages() -> None:
    #                      the window            alarm        passage         passage
    run = [20.0] * 9 + [20.0, 20.0] + [60.0] + [20.0] + [60.0] + [20.0] * 6
    series = series_of([run], THRESHOLD)
    alarm = series.moments == 10
    found = leads(series, alarm)
    assert found.samples.tolist() == [1, 0]
    assert found.possible.tolist() == [2, 1]
    assert (found.median, found.warned) == (1.0, 1)
