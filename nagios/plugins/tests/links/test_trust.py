"""How the model loses a link's trust, and earns it again."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagios_plugins.links.accuracy import Due, Record, of_newest_version
from nagios_plugins.links.inventory import InterfaceSource, Link
from nagios_plugins.links.trust import NEVER, TRIAL, Trust, step
from nagios_plugins.links.verdict import BUDGET_WINDOW, ENOUGH

LIE = range(300, 420)
"""cells in which the model is made to lie"""
SEEN = BUDGET_WINDOW + 60
"""forecasts that a check reads"""


def forecasts(count: int, lie: Sequence[int] = LIE, by: float = 0.2) -> list[Due]:
    """A restless link, half of whose steps are seen coming; while it lies the model is shifted."""
    chance, value, dues = random.Random(4), 0.5, []
    for cell in range(count):
        seen, unseen = chance.gauss(0, 0.03), chance.gauss(0, 0.03)
        shift = by if cell in lie else 0.0
        mean, came = value + seen + shift, min(max(value + seen + unseen, 0.1), 0.9)
        dues.append(Due((1, cell), 5.0 * cell, "v1", 1000.0, value, mean, mean - 0.04, mean + 0.04, came))
        value = came
    return dues


def walk(dues: Sequence[Due], trust: Trust | None = None) -> list[Trust]:
    """The trust after each forecast, with a check after each of them."""
    trust, course = trust or Trust(), []
    for end in range(1, len(dues) + 1):
        trust = step(trust, of_newest_version(dues[max(end - SEEN, 0) : end]))
        course.append(trust)
    return course


COURSE = walk(forecasts(700))


def test_trust_when_the_model_is_truthful_then_stays() -> None:
    assert all(trust.trusted for trust in walk(forecasts(400, lie=())))


def test_trust_when_the_model_lies_then_is_lost_within_forty_and_says_why() -> None:
    lost = next(cell for cell, trust in enumerate(COURSE) if not trust.trusted)
    assert LIE.start + 10 < lost < LIE.start + 40
    trust = COURSE[lost]
    assert trust.since == 5.0 * lost
    assert "of capacity" in trust.why
    assert trust.good == 0


def test_trust_when_the_lie_ends_then_comes_back_once_and_stays() -> None:
    changes = [cell for cell in range(1, len(COURSE)) if COURSE[cell].trusted != COURSE[cell - 1].trusted]
    assert len(changes) == 2
    back = changes[1]
    assert LIE.stop + TRIAL < back + 1 <= LIE.stop + 2 * TRIAL
    assert COURSE[back] == Trust(since=5.0 * back, begin=(1, back - TRIAL + 1), seen=(1, back))
    assert all(trust.good == 0 for trust in COURSE[LIE.stop - 60 : LIE.stop])
    assert [trust.good for trust in COURSE[back - 3 : back + 1]] == [TRIAL - 3, TRIAL - 2, TRIAL - 1, 0]


def test_trust_when_it_came_back_then_what_was_before_is_not_held_against_the_model() -> None:
    dues = forecasts(700)
    back = next(cell for cell in range(LIE.stop, 700) if COURSE[cell].trusted)
    found = COURSE[back].verdict(Record(dues[: back + 1]))
    assert (found.count, found.reasons) == (TRIAL, ())
    assert COURSE[699].verdict(Record(dues)).count == 699 - (back - TRIAL)
    assert Trust().verdict(Record(dues)).count == BUDGET_WINDOW


def test_trust_when_it_lies_again_then_is_lost_again() -> None:
    again = [*LIE, *range(600, 650)]
    course = walk(forecasts(650, lie=again))
    assert any(trust.trusted for trust in course[540:600])
    assert not course[-1].trusted


def test_trust_when_half_of_the_values_stay_outside_then_is_not_earned() -> None:
    dues = forecasts(700)
    for cell in range(LIE.start, 700, 2):
        dues[cell] = replace(dues[cell], lower=0.95, upper=0.96)
    assert not walk(dues)[-1].trusted


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=20, max_size=60))
def test_trust_when_the_check_runs_less_often_then_comes_to_the_same(pauses: list[int]) -> None:
    dues, trust, end = forecasts(700), Trust(), 0
    for pause in pauses:
        end = min(end + pause, 700)
        trust = step(trust, dues[max(end - SEEN, 0) : end])
        assert trust == COURSE[end - 1]
        assert step(trust, dues[max(end - SEEN, 0) : end]) == trust


def test_trust_when_nothing_has_come_due_then_is_as_it_was() -> None:
    for trust in (Trust(), COURSE[350]):
        assert step(trust, []) == trust


def test_trust_when_another_version_comes_then_it_has_to_earn_it() -> None:
    dues = [replace(due, version="v1" if n < 350 else "v2") for n, due in enumerate(forecasts(500, range(300, 350)))]
    course = walk(dues)
    assert not course[349].trusted
    back = next(cell for cell in range(350, 500) if course[cell].trusted)
    assert 350 + TRIAL <= back < 350 + TRIAL + ENOUGH  # nothing of the old one is held against it


def test_trust_when_the_store_was_made_anew_then_begins_again() -> None:
    trust = replace(Trust(), begin=(7, 100), seen=(9, 5000))
    after = step(trust, forecasts(100, lie=()))
    assert after == Trust(begin=NEVER, seen=(1, 99))
    assert not step(trust, forecasts(100, lie=range(50, 100))).trusted


@pytest.mark.parametrize("trust", [Trust(), COURSE[350], COURSE[-1]])
def test_state_when_kept_as_json_then_is_the_same(trust: Trust) -> None:
    state = json.loads(json.dumps(trust.as_state()))
    assert Trust.of(state) == trust
    assert state["trusted"] is trust.trusted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
LIKE_STATE = st.fixed_dictionaries(
    {},
    optional={
        "trusted": st.booleans() | JSON,
        "since": st.floats() | JSON,
        "why": st.text() | JSON,
        "good": st.integers() | st.floats() | JSON,
        "begin": st.lists(st.integers(), min_size=2, max_size=2) | JSON,
        "seen": st.lists(st.integers(), min_size=2, max_size=2) | JSON,
    },
)
DUES = forecasts(90, lie=())


@settings(max_examples=60, deadline=None)
@given(LIKE_STATE | st.dictionaries(st.text(max_size=5), JSON, max_size=3))
def test_state_when_it_is_anything_then_is_a_trust_that_goes_on(state: dict[str, Any]) -> None:
    trust = step(Trust.of(state), DUES)
    assert trust.seen == (1, 89)
    assert isinstance(trust.trusted, bool)
    json.dumps(trust.as_state())


@pytest.mark.parametrize("state", [{}, {"trusted": True}, {"trusted": False}, {"trusted": "no", "since": 1}])
def test_state_when_it_is_none_then_the_model_is_trusted(state: dict[str, Any]) -> None:
    assert Trust.of(state) == Trust()


@pytest.mark.parametrize(
    ("said", "trusted", "by"),
    [
        ("auto", True, "model"),
        ("auto", False, "baseline"),
        ("model", False, "model"),
        ("model", True, "model"),
        ("baseline", True, "baseline"),
        ("baseline", False, "baseline"),
    ],
)
def test_forecaster_when_the_operator_says_who_then_trust_changes_nothing(
    said: Literal["auto", "model", "baseline"], trusted: bool, by: str
) -> None:
    assert Trust(trusted=trusted).forecaster(Link("edge1", InterfaceSource(), forecaster=said)) == by
