"""Warnings as an operator gets them, from levels that are given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_replay.configured import levels
from alert_replay.episodes import Episodes, episodes
from alert_replay.scores import Said
from nagios_plugins.links.alarm import Level

from .conftest import series_of

CODES = {".": Level.CALM, "w": Level.LIKELY, "c": Level.SOON, "F": Level.FULL}


def of(*segments: str, step_seconds: float = 1.0) -> Episodes:
    """What came of levels, one character a sample."""
    series = series_of([[0.0] * len(text) for text in segments], 50.0, step_seconds)
    return episodes(series, np.array([CODES[each] for each in "".join(segments)], np.int8))


@pytest.mark.parametrize(
    ("seen", "true", "false", "undecided", "arrivals", "leads"),
    [
        ("....wwF....", 1, 0, 0, 1, [2]),
        ("....wcF....", 1, 0, 0, 1, [2]),
        ("....wwwwwwwwF....", 1, 0, 0, 1, [8]),  # it stood all the time
        ("....www...........", 0, 1, 0, 0, []),
        ("....www.F........", 1, 0, 0, 1, [4]),  # taken back, and right all the same
        ("....www...F......", 0, 1, 0, 1, []),  # too late
        ("....www.ww.F.....", 1, 1, 0, 1, [3]),
        (".....w.ww.F......", 2, 0, 0, 1, [5]),
        ("......F..........", 0, 0, 0, 1, []),
        ("......FFwwFFww...", 0, 0, 0, 1, []),  # one alarm
        ("....wFFwwFFww.....", 1, 0, 0, 1, [1]),
        ("FFww.............", 0, 0, 0, 0, []),  # full when the watch began
        ("wwF..............", 1, 0, 0, 1, [2]),
        ("...........wwwww", 0, 0, 1, 0, []),
        ("............w...", 0, 0, 1, 0, []),
        ("..........w.....", 0, 1, 0, 0, []),
        ("................", 0, 0, 0, 0, []),
    ],
)
def test_warnings_when_levels_are_seen_then_are_counted(
    seen: str, true: int, false: int, undecided: int, arrivals: int, leads: list[int]
) -> None:
    found = of(seen)
    assert (len(found.true_at), len(found.false_at), found.undecided) == (true, false, undecided)
    assert (found.arrivals, found.leads) == (arrivals, leads)


def test_warning_when_its_segment_ends_then_the_next_segment_does_not_make_it_true() -> None:
    found = of("..........ww", "F.........", step_seconds=5.0)
    assert (found.warnings, found.undecided, found.arrivals) == (1, 1, 0)


def test_lead_when_samples_are_apart_then_is_in_seconds_too() -> None:
    found = of("....wwF....", step_seconds=5.0)
    assert (found.median, found.median_seconds, found.precision, found.recall) == (2, 10, 1, 1)
    assert found.days == pytest.approx(11 * 5 / 86400)
    assert found.days_alarmed == pytest.approx(3 * 5 / 86400)


@given(st.lists(st.text("..wcF", min_size=1, max_size=40), min_size=1, max_size=4))
def test_episodes_when_segments_are_counted_alone_then_add_up(segments: list[str]) -> None:
    whole, parts = of(*segments), [of(segment) for segment in segments]
    assert whole.warnings == sum(part.warnings for part in parts)
    assert whole.arrivals == sum(part.arrivals for part in parts)
    assert whole.leads == [lead for part in parts for lead in part.leads]
    assert len(whole.leads) <= whole.arrivals
    assert all(lead > 0 for lead in whole.leads)


def test_levels_when_the_probability_rises_then_the_alarm_of_the_check_is_asked_at_each_watched_sample() -> None:
    run = [20.0] * 12 + [60.0] * 2 + [20.0] * 10
    series = series_of([run, run], 50.0)
    within = np.zeros((int(series.watched.sum()), 5))
    within[1] = 0.7  # the second that is watched of the first segment
    column = np.zeros_like(within)
    found = levels(series, Said(column, column, column, column, within))
    assert found[:9].tolist() == [-1] * 9
    assert found[9:14].tolist() == [Level.CALM, Level.LIKELY, Level.LIKELY, Level.FULL, Level.FULL]
    assert found[22] == Level.CALM
    assert found[23] == -1  # nothing is known of what came after it
    assert found[24 + 9 : 24 + 13].tolist() == [Level.CALM] * 3 + [Level.FULL]
