"""The alarm: when it rises, how long it stays, and that it does not flap."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_plugins.links.alarm import DEFAULT, Alarm, Claim, Level, claim, judge, lead_steps
from nagios_plugins.links.records import HORIZON, Outlook, Step

THRESHOLD, CAPACITY = 900.0, 1000.0


def outlook(cell: int, *within: float, last: float = 500.0) -> Outlook:
    """An outlook whose probabilities of passing rise as told; the last one goes on to the horizon."""
    chances = [*within, *[within[-1]] * (HORIZON - len(within))]
    path = tuple(Step(last, last, last, chance, chance) for chance in chances)
    return Outlook(1, cell, 1000.0 + 5 * cell, "model", "v", True, last, THRESHOLD, CAPACITY, path)


def after(*outlooks: Outlook) -> list[Alarm]:
    alarms = [Alarm()]
    for each in outlooks:
        alarms.append(judge(alarms[-1], each))
    return alarms[1:]


@pytest.mark.parametrize(
    ("seen", "level"),
    [
        (outlook(1, 0.34), Level.CALM),
        (outlook(1, 0.1, 0.2, 0.3, 0.3, 0.35), Level.LIKELY),
        (outlook(1, 0.1, 0.2, 0.3, 0.79, 0.95), Level.LIKELY),
        (outlook(1, 0.1, 0.5, 0.8), Level.SOON),
        (outlook(1, 0.0, last=900.1), Level.FULL),
        (outlook(1, 0.0, last=900.0), Level.CALM),
    ],
)
def test_level_when_an_outlook_comes_then_goes_by_probability_and_time(seen: Outlook, level: Level) -> None:
    assert after(seen)[0].level is level


def test_level_when_it_is_raised_then_stays_until_it_was_calmer_for_some_steps() -> None:
    chances = [0.6, 0.3, 0.22, 0.2, 0.2, 0.22, 0.2, 0.2, 0.2, 0.2]
    levels = [alarm.level for alarm in after(*(outlook(cell, chance) for cell, chance in enumerate(chances, 1)))]
    assert levels == [Level.LIKELY] * 8 + [Level.CALM] * 2


def test_level_when_it_falls_then_to_what_still_holds() -> None:
    seen = [outlook(1, 0.9), *(outlook(cell, 0.4) for cell in range(2, 6))]
    assert [alarm.level for alarm in after(*seen)] == [Level.SOON] * 3 + [Level.LIKELY] * 2


def test_level_when_a_full_link_is_just_below_the_threshold_then_is_still_full() -> None:
    seen = [outlook(1, 0.0, last=950), *(outlook(cell, 0.0, last=890) for cell in range(2, 9))]
    assert {alarm.level for alarm in after(*seen)} == {Level.FULL}


def test_since_when_the_level_stays_then_is_that_of_the_change() -> None:
    alarms = after(outlook(1, 0.1), outlook(2, 0.1), outlook(3, 0.9), outlook(4, 0.9), outlook(5, 0.9, last=950))
    assert [alarm.since for alarm in alarms] == [1005, 1005, 1015, 1015, 1025]


def test_alarm_when_the_same_outlook_comes_again_then_does_not_change() -> None:
    (first,) = after(outlook(1, 0.9))
    calmer = judge(first, outlook(2, 0.0))
    assert judge(calmer, outlook(2, 0.0)) == calmer


@pytest.mark.parametrize(("probability", "steps"), [(0.1, 1), (0.5, 3), (0.8, 4), (0.99, 5)])
def test_lead_when_asked_for_then_is_the_first_step_of_that_probability(probability: float, steps: int) -> None:
    assert lead_steps(outlook(1, 0.1, 0.3, 0.5, 0.8, 0.9), probability) == steps


@pytest.mark.parametrize(
    ("level", "seen", "said"),
    [
        (Level.CALM, outlook(1, 0.1, 0.2), Claim(5, 0.2, is_held=False)),
        (Level.LIKELY, outlook(1, 0.1, 0.4), Claim(5, 0.4, is_held=False)),
        (Level.LIKELY, outlook(1, 0.1, 0.3), Claim(5, 0.3, is_held=True)),
        (Level.SOON, outlook(1, 0.1, 0.85, 0.9), Claim(2, 0.85, is_held=False)),
        (Level.SOON, outlook(1, 0.1, 0.5), Claim(5, 0.5, is_held=True)),
        (Level.FULL, outlook(1, 0.9, last=950), Claim(5, 0.9, is_held=False)),
        (Level.FULL, outlook(1, 0.9), Claim(5, 0.9, is_held=True)),
    ],
)
def test_claim_when_an_alarm_is_held_then_says_so(level: Level, seen: Outlook, said: Claim) -> None:
    assert claim(Alarm(level), seen) == said


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, CAPACITY)), min_size=1, max_size=60))
def test_alarm_when_anything_comes_then_never_falls_faster_than_it_may(steps: list[tuple[float, float]]) -> None:
    alarms = after(*(outlook(cell, chance, last=last) for cell, (chance, last) in enumerate(steps, 1)))
    for earlier, later in pairwise([Alarm(), *alarms]):
        if later.level < earlier.level:
            assert earlier.calmer == DEFAULT.calm_steps - 1
    for alarm, (chance, last) in zip(alarms, steps, strict=True):
        if last > THRESHOLD:
            assert alarm.level is Level.FULL
        elif chance >= DEFAULT.soon:
            assert alarm.level >= Level.SOON
        elif chance >= DEFAULT.likely:
            assert alarm.level >= Level.LIKELY


@given(st.builds(Alarm, st.sampled_from(Level), st.integers(), st.integers(), st.floats(0, 1e10), st.integers(0, 9)))
def test_state_when_stored_and_read_then_is_the_same(alarm: Alarm) -> None:
    assert Alarm.of_state(alarm.as_state()) == alarm


@pytest.mark.parametrize("state", [{}, {"level": 9}, {"level": "x"}, {"level": 1, "epoch": None}])
def test_state_when_it_is_nonsense_then_there_is_no_alarm(state: dict[str, object]) -> None:
    assert Alarm.of_state(state) == Alarm()
    assert Alarm.of_state(replace(Alarm(), level=Level.SOON).as_state() | state | {"cell": []}) == Alarm()
