"""How samples become what is drawn: nothing is invented, and no peak is lost."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagios_plugins.page import scales, series
from nagios_plugins.page.scales import Frame
from nagios_plugins.page.series import Gap, Point

NOW = 1_795_000_000.0
RATES = st.lists(st.none() | st.floats(0, 1e7), min_size=1, max_size=60)


@given(rates=RATES)
def test_runs_when_joined_then_are_the_samples(make: Any, rates: list[float | None]) -> None:
    samples = make.samples(rates, end=NOW)
    parts = series.runs(samples, 5)
    assert [sample for part in parts for sample in part] == samples
    for part in parts:
        assert [sample.cell for sample in part] == list(range(part[0].cell, part[-1].cell + 1))


@given(rates=RATES, seconds=st.sampled_from([1.0, 5.0, 60.0]))
def test_gaps_when_samples_are_missing_then_cover_just_these(
    make: Any, rates: list[float | None], seconds: float
) -> None:
    samples = make.samples(rates, seconds=seconds, end=NOW)
    parts, start = series.runs(samples, seconds), NOW - len(rates) * seconds
    found = series.gaps(parts, seconds, start, NOW + 3 * seconds)
    missing = sum(rate is None for rate in rates) + 3
    # What is missing last ends later than what is seen as late, and so all of it counts.
    assert sum(gap.end - gap.start for gap in found) == pytest.approx(missing * seconds)


def test_gaps_when_the_newest_sample_is_not_late_then_are_none(make: SimpleNamespace) -> None:
    samples = make.samples([1.0] * 10, end=NOW)
    assert series.gaps(series.runs(samples, 5), 5, NOW - 50, NOW + 9) == []
    assert series.gaps(series.runs(samples, 5), 5, NOW - 50, NOW + 13) == [Gap(NOW, NOW + 13)]


def test_runs_when_the_clock_was_put_back_then_do_not_go_back_in_time(make: SimpleNamespace) -> None:
    early, late = make.samples([1.0] * 20, end=NOW), make.samples([2.0] * 40, end=NOW)
    samples = [*early, *late[20:]]  # cells go on, and the clock was put back by 100 s
    assert [len(part) for part in series.runs(samples, 5)] == [20, 20]
    assert series.gaps(series.runs(samples, 5), 5, NOW - 100, NOW) == []


@settings(deadline=None)
@given(
    values=st.lists(st.floats(0, 1e7), min_size=1, max_size=300),
    columns=st.integers(1, 50),
)
def test_thinned_when_there_is_too_much_then_keeps_lowest_and_highest(values: list[float], columns: int) -> None:
    points = [Point(NOW + number, value) for number, value in enumerate(values)]
    end = NOW + max(len(values) - 1, 1)
    found = series.thin(points, NOW, end, columns)
    assert len(found) <= columns + 1  # what lies on the right edge is a column of its own
    assert min(column.lowest for column in found) == min(values)
    assert max(column.highest for column in found) == max(values)
    assert all(
        column.lowest <= column.mean * (1 + 1e-9) and column.mean <= column.highest * (1 + 1e-9) for column in found
    )
    assert [column.time for column in found] == sorted(column.time for column in found)


@given(highest=st.floats(0, 1e7), limit=st.floats(1e-3, 1e7))
def test_axis_when_made_then_holds_the_values_and_says_whether_the_limit_is_in_it(highest: float, limit: float) -> None:
    top, is_shown = scales.top(highest, limit, limit)
    assert top > highest
    assert is_shown == (limit < top)
    assert scales.value_ticks(Frame(NOW, NOW + 60, top))[0].text == "0"


@given(top=st.floats(1e-6, 1e8), count=st.integers(2, 5))
def test_ticks_when_made_then_are_round_few_and_within(top: float, count: int) -> None:
    frame = Frame(NOW, NOW + 60, top)
    ticks = scales.value_ticks(frame, 1.0, count)
    assert 2 <= len(ticks) <= count + 3
    assert all(0 <= tick.at <= 100 for tick in ticks)
    assert ticks[0] == scales.Tick(100.0, "0")


@given(span=st.floats(10, 2e5), start=st.floats(1e9, 2e9))
def test_times_when_ticked_then_are_round_few_and_within(span: float, start: float) -> None:
    ticks = scales.time_ticks(Frame(start, start + span, 1.0))
    assert 1 <= len(ticks) <= scales.MOST_TICKS + 1
    assert all(0 <= tick.at <= 100 for tick in ticks)


def test_times_when_ticked_then_are_of_this_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        texts = [tick.text for tick in scales.time_ticks(Frame(NOW, NOW + 6 * 3600, 1.0))]
    time.tzset()
    assert all(text.endswith(":00") for text in texts)
