"""Forecasts joined with what came, and the figures that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagios_plugins.links.accuracy import FLOOR, Due, Record, Tally, due, of_newest_version
from nagios_plugins.links.records import HORIZON, Outlook, Sample, Step

CAPACITY = 1000.0


def sample(cell: int, mbps: float, epoch: int = 1) -> Sample:
    return Sample(epoch, cell, 5.0 * cell, mbps * 80, mbps, CAPACITY, None)


def outlook(cell: int, last: float, mean: float, **changes: Any) -> Outlook:
    path = tuple(Step(mean + h, mean + h - 20, mean + h + 20, 0.1, 0.2) for h in range(HORIZON))
    return replace(Outlook(1, cell, 5.0 * cell, "model", "v1", True, last, 900.0, CAPACITY, path), **changes)


def one(**changes: Any) -> Due:
    return replace(Due((1, 1), 0.0, "v1", CAPACITY, 0.5, 0.5, 0.4, 0.6, 0.5), **changes)


def tally(*dues: Due) -> Tally:
    return Record(dues).newest(len(dues))


def test_due_when_the_value_has_come_then_is_joined_as_fractions_of_capacity() -> None:
    samples = [sample(7, 100), sample(8, 130), sample(12, 50)]
    (near,) = due([outlook(7, 100, 120)], samples, "model")
    assert near == Due((1, 7), 40.0, "v1", CAPACITY, 0.1, 0.12, 0.1, 0.14, 0.13)
    (far,) = due([outlook(7, 100, 120)], samples, "model", step=5)
    assert (far.mean, far.came) == (0.124, 0.05)


@pytest.mark.parametrize(
    ("made", "samples"),
    [
        (outlook(7, 100, 120), [sample(7, 100)]),  # has not come yet
        (outlook(7, 100, 120), [sample(7, 100), sample(9, 100)]),  # that cell is missing
        (outlook(7, 100, 120), [sample(7, 100), sample(8, 100, epoch=2)]),  # counters did not go on
        (outlook(7, 100, 120), [sample(8, 100)]),  # what it was made from is not known any more
        (outlook(7, 100, 120), [sample(7, 300), sample(8, 100)]),  # another grid: the sampling interval was another
        (outlook(7, 100, 120, forecaster="baseline"), [sample(7, 100), sample(8, 100)]),
        (outlook(7, 100, 120, path=()), [sample(7, 100), sample(8, 100)]),
        (outlook(7, 100, float("nan")), [sample(7, 100), sample(8, 100)]),
        (outlook(7, 100, float("inf")), [sample(7, 100), sample(8, 100)]),
        (outlook(7, 100, 120, capacity_mbps=0.0), [sample(7, 100), sample(8, 100)]),
    ],
)
def test_due_when_there_is_nothing_to_compare_with_then_is_left_out(made: Outlook, samples: list[Sample]) -> None:
    assert due([made], samples, "model") == []


def test_due_when_an_outlook_was_made_twice_then_the_first_counts_once() -> None:
    made = [outlook(7, 100, 120), outlook(7, 100, 500), outlook(8, 100, 90)]
    found = due(made, [sample(n, 100) for n in (7, 8, 9)], "model")
    assert [each.mean for each in found] == [0.12, 0.09]


def test_due_when_outlooks_are_of_two_epochs_then_they_follow_each_other() -> None:
    samples = [sample(n, 100, epoch) for epoch in (1, 2) for n in (3, 4, 5)]
    made = [outlook(3, 100, 100, epoch=2), outlook(4, 100, 100, epoch=1), outlook(3, 100, 100, epoch=1)]
    assert [each.key for each in due(made, samples, "model")] == [(1, 3), (1, 4), (2, 3)]


def test_versions_when_the_newest_is_another_then_only_its_own_count() -> None:
    dues = [one(key=(1, n), version=version) for n, version in enumerate(["v1", "v2", "v1", "v2"])]
    assert [each.key for each in of_newest_version(dues)] == [(1, 1), (1, 3)]
    assert of_newest_version([]) == []


def test_figures_when_forecasts_are_known_then_are_as_computed_by_hand() -> None:
    found = tally(
        one(last=0.50, mean=0.52, lower=0.50, upper=0.54, came=0.54),
        one(last=0.54, mean=0.56, lower=0.50, upper=0.58, came=0.50),
        one(last=0.50, mean=0.50, lower=0.49, upper=0.51, came=0.60),
        one(last=0.60, mean=0.58, lower=0.50, upper=0.61, came=0.56),
    )
    assert found.coverage == 75
    assert found.bias == pytest.approx(-1.0)
    assert found.bias_mbps == pytest.approx(-10)
    assert found.skill == pytest.approx(100 * (1 - 0.20 / 0.22))
    squares = (0.015**2 + 0.055**2 + 0.095**2 + 0.015**2) / (0.04**2 + 0.04**2 + 0.1**2 + 0.04**2)
    assert found.skill_rms == pytest.approx(100 * (1 - squares**0.5))


def test_figures_when_the_link_is_idle_then_nothing_is_wrong_and_nothing_is_skill() -> None:
    found = tally(*[one(last=0.0, mean=0.003, lower=0.001, upper=0.004, came=0.0)] * 40)
    assert (found.coverage, found.outside, found.worse) == (100, 0, 0)
    assert (found.skill, found.skill_rms) == (None, None)


@pytest.mark.parametrize(
    ("came", "error", "is_outside"),
    [(1.4, 0.0, False), (1.0, 0.0, False), (0.9, 0.1, True), (0.99, 0.01, False)],
)
def test_figures_when_more_comes_than_the_capacity_then_full_was_right(
    came: float, error: float, is_outside: bool
) -> None:
    found = tally(one(last=came, mean=1.0, lower=0.98, upper=0.999, came=came))
    assert found.error == pytest.approx(error)
    assert found.outside == is_outside


def test_figures_when_more_than_the_capacity_was_said_then_it_is_an_error_on_a_full_link() -> None:
    found = tally(one(last=1.0, mean=1.2, lower=1.15, upper=1.25, came=1.0))
    assert found.error == pytest.approx(0.2)
    assert found.outside == 1


FRACTION = st.floats(0, 3) | st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1e12)
ANY_DUE = st.tuples(st.floats(0.001, 1e6), FRACTION, FRACTION, FRACTION, FRACTION, FRACTION).map(
    lambda numbers: Due((1, 1), 0.0, "v1", *numbers)
)


@settings(max_examples=50)
@given(st.lists(ANY_DUE, min_size=1, max_size=12), st.integers(1, 12), st.integers(1, 12))
def test_record_when_any_run_is_asked_for_then_sums_are_those_of_that_run_alone(
    dues: Sequence[Due], count: int, end: int
) -> None:
    end = min(end, len(dues))
    part = dues[max(end - count, 0) : end]
    found, alone = Record(dues).newest(count, end), tally(*part)
    for name in Tally._fields:
        scale = 1e6 if name == "error_mbps" else 1
        assert getattr(found, name) == pytest.approx(getattr(alone, name), abs=1e-9 * scale), name


@settings(max_examples=50)
@given(st.lists(ANY_DUE, min_size=1, max_size=8))
def test_figures_when_forecasts_are_any_then_stay_in_their_bounds(dues: Sequence[Due]) -> None:
    found = tally(*dues)
    assert 0 <= found.coverage <= 100
    assert abs(found.bias) <= 100.0001
    for skill in (found.skill, found.skill_rms):
        assert skill is None or skill <= 100


@given(last=st.floats(0, 1), came=st.floats(0, 1))
def test_figures_when_the_forecast_is_the_last_value_then_there_is_no_skill(last: float, came: float) -> None:
    found = tally(one(last=last, mean=last, came=came))
    assert found.skill is None or found.skill == pytest.approx(0)
    assert found.worse <= 0


@given(came=st.floats(0, 1), wrong=st.floats(0, FLOOR * 0.99))
def test_figures_when_the_error_is_below_the_floor_then_is_neither_outside_nor_worse(came: float, wrong: float) -> None:
    found = tally(one(last=came, mean=came + wrong, lower=came + wrong, upper=came + wrong, came=came))
    assert (found.outside, found.worse) == (0, 0)
