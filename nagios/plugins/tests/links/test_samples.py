"""Samples: cells of the grid, whenever the checks came."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_plugins.links.records import MBPS, Reading, Sample
from nagios_plugins.links.samples import newest_run, samples_of


def at(uptime: float, octets: int, packets: int = 0, epoch: int = 1, **changes: Any) -> Reading:
    return Reading(epoch, uptime, changes.get("wall", 1e9 + uptime), octets, packets, 100.0, changes.get("spread"))


def test_samples_when_readings_come_on_the_edges_then_are_the_growth_between_them() -> None:
    readings = [at(10, 0, 0), at(15, 5_000_000, 500), at(20, 5_000_000, 600)]
    assert samples_of(readings, 5) == [
        Sample(1, 2, 1e9 + 15, 100.0, 8.0, 100.0, None),
        Sample(1, 3, 1e9 + 20, 20.0, 0.0, 100.0, None),
    ]
    assert samples_of(readings, 5)[0].utilisation == 8.0


def test_samples_when_readings_come_between_edges_then_only_whole_cells_count() -> None:
    readings = [at(11, 0), at(16, 5_000), at(21, 5_000), at(26, 10_000)]
    samples = samples_of(readings, 5)
    assert [sample.cell for sample in samples] == [3, 4]
    assert [sample.mbps * MBPS * 5 for sample in samples] == pytest.approx([1_000, 4_000])
    assert [sample.wall for sample in samples] == [1e9 + 20, 1e9 + 25]


@pytest.mark.parametrize("readings", [[], [at(10, 0)], [at(10, 0), at(14, 5)], [at(11, 0), at(19, 5)]])
def test_samples_when_no_cell_is_whole_then_there_are_none(readings: list[Reading]) -> None:
    assert samples_of(readings, 5) == []


def test_samples_when_a_check_was_left_out_then_its_cells_share_the_growth() -> None:
    samples = samples_of([at(10, 0), at(25, 15_000)], 5)
    assert [sample.mbps * MBPS * 5 for sample in samples] == pytest.approx([5_000] * 3)


def test_samples_when_there_is_a_gap_then_its_cells_are_left_out() -> None:
    samples = samples_of([at(10, 0), at(15, 1), at(30.1, 2), at(35.1, 3)], 5)
    assert [sample.cell for sample in samples] == [2]
    samples = samples_of([at(10, 0), at(15, 1), at(31, 2), at(36, 3), at(41, 4)], 5)
    assert [sample.cell for sample in samples] == [2, 7]


def test_samples_when_an_epoch_begins_then_nothing_is_taken_over_from_the_last_one() -> None:
    samples = samples_of([at(10, 0), at(15, 1), at(20, 0, epoch=2), at(25, 9, epoch=2), at(1, 0, epoch=3)], 5)
    assert [(sample.epoch, sample.cell) for sample in samples] == [(1, 2), (2, 4)]


def test_samples_when_the_wall_clock_jumps_then_only_their_wall_does() -> None:
    samples = samples_of([at(10, 0), at(15, 5), at(20, 10, wall=5.0), at(25, 15, wall=10.0)], 5)
    assert [sample.wall for sample in samples] == [1e9 + 15, 5.0, 10.0]
    assert len({sample.mbps for sample in samples}) == 1


def test_samples_when_two_readings_are_of_one_moment_then_the_first_counts() -> None:
    assert [sample.cell for sample in samples_of([at(10, 0), at(15, 5), at(15, 5), at(14, 4), at(20, 9)], 5)] == [2, 3]


def test_spread_when_it_was_measured_then_is_that_of_the_time_of_the_cell() -> None:
    readings = [at(10, 0), at(15, 0, spread=2.0), at(20, 0), at(22, 0, spread=1.0), at(25, 0, spread=6.0)]
    assert [sample.rtt_spread_ms for sample in samples_of(readings, 5)] == [2.0, None, pytest.approx(4.0)]


def sample(cell: int, epoch: int = 1) -> Sample:
    return Sample(epoch, cell, 0.0, 0.0, 0.0, 100.0, None)


@pytest.mark.parametrize(
    ("samples", "count"),
    [
        ([], 0),
        ([sample(5)], 1),
        ([sample(4), sample(5)], 2),
        ([sample(3), sample(5), sample(6)], 2),
        ([sample(4, epoch=1), sample(5, epoch=2)], 1),
        ([sample(5), sample(5)], 1),
    ],
)
def test_newest_run_when_cells_are_missing_then_begins_after_them(samples: list[Sample], count: int) -> None:
    assert newest_run(samples) == samples[len(samples) - count :]


@given(
    steps=st.lists(st.floats(0.5, 14.0), min_size=1, max_size=50),
    octets=st.lists(st.integers(0, 10**9), min_size=50, max_size=50),
    every=st.sampled_from([0.1, 1.0, 5.0, 7.3, 60.0]),
    start=st.floats(0, 1e7),
)
def test_samples_when_readings_come_at_any_time_then_cells_are_consecutive_and_carry_no_more_than_was_counted(
    steps: list[float], octets: list[int], every: float, start: float
) -> None:
    readings, uptime, total = [at(start, 0)], start, 0
    for step, more in zip(steps, octets, strict=False):
        uptime, total = uptime + step * every / 5, total + more
        readings.append(at(uptime, total))
    samples = samples_of(readings, every)
    assert newest_run(samples) == samples
    carried = sum(found.mbps * MBPS * every for found in samples)
    assert 0 <= carried <= total * (1 + 1e-9) + 1e-3
    if samples:
        assert samples[0].cell * every >= start - 1e-6
        assert (samples[-1].cell + 1) * every <= uptime + 1e-6
        assert samples[0].cell * every < start + every + 1e-6
