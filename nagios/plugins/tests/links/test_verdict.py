"""What is asked of a forecaster, rule by rule."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagios_plugins.links.accuracy import Due, Record
from nagios_plugins.links.verdict import BIAS, BUDGET_WINDOW, ENOUGH, FAST, SLOW, Verdict, judge


def good(count: int) -> list[Due]:
    """Forecasts of a restless link: half of the last step is seen coming, four of five values fall within."""
    chance, value, dues = random.Random(9), 0.5, []
    for cell in range(count):
        seen, unseen = chance.gauss(0, 0.02), chance.gauss(0, 0.02)
        mean, came = value + seen, min(max(value + seen + unseen, 0.1), 0.9)
        dues.append(Due((1, cell), 5.0 * cell, "v1", 1000.0, value, mean, mean - 0.0256, mean + 0.0256, came))
        value = came
    return dues


def outside(due: Due) -> Due:
    """The same forecast with an interval that misses the value, by more than the floor."""
    return replace(due, lower=due.came + 0.01, upper=due.came + 0.02)


def shifted(due: Due, by: float) -> Due:
    return replace(due, mean=due.mean + by, lower=due.lower + by, upper=due.upper + by)


def verdict(dues: Sequence[Due]) -> Verdict:
    return judge(Record(dues))


def test_verdict_when_forecasts_are_good_then_has_nothing_to_say() -> None:
    found = verdict(good(300))
    assert found.reasons == ()
    assert (found.count, found.is_enough, found.is_low) == (BUDGET_WINDOW, True, False)
    assert 0.4 < found.budget_left < 0.8


def test_verdict_when_nothing_has_come_due_then_says_so() -> None:
    assert verdict([]) == Verdict(0)
    assert not verdict([]).is_enough


def test_verdict_when_few_have_come_due_then_is_none_however_bad() -> None:
    found = verdict([shifted(due, 0.9) for due in good(ENOUGH - 1)])
    assert (found.reasons, found.is_enough, found.is_low) == ((), False, False)


@pytest.mark.parametrize(("bad", "is_bad"), [(22, False), (23, True)])
def test_verdict_when_values_fall_outside_fast_then_is_critical(bad: int, is_bad: bool) -> None:
    dues = [replace(due, lower=0, upper=1) for due in good(100)]
    dues[-bad:] = map(outside, dues[-bad:])
    found = verdict(dues)
    assert bool(found.reasons) == is_bad
    assert found.fast_burn == pytest.approx(2 * bad / FAST)
    if is_bad:
        assert found.reasons == ("23 of the last 30 values fell outside its 80 % interval",)


@pytest.mark.parametrize(("bad", "is_bad"), [(38, False), (39, True)])
def test_verdict_when_values_fall_outside_slowly_then_is_critical(bad: int, is_bad: bool) -> None:
    dues = [replace(due, lower=0, upper=1) for due in good(240)]
    places = [240 - SLOW + round(n * SLOW / bad) for n in range(bad)]
    for place in places:
        dues[place] = outside(dues[place])
    found = verdict(dues)
    assert found.fast_burn < 1.5
    assert found.slow_burn == pytest.approx(2 * bad / SLOW)
    assert found.reasons == (("39 of the last 60 values fell outside its 80 % interval",) if is_bad else ())


@pytest.mark.parametrize(("bad", "is_bad", "is_low"), [(107, False, False), (109, False, True), (120, True, True)])
def test_verdict_when_the_budget_goes_then_warns_before_it_is_spent(bad: int, is_bad: bool, is_low: bool) -> None:
    dues = [replace(due, lower=0, upper=1) for due in good(240)]
    for n in range(bad):
        place = int((n + 0.5) * 240 / bad)
        dues[place] = outside(dues[place])
    found = verdict(dues)
    assert found.budget_left == pytest.approx(1 - bad / 120)
    assert found.is_low == is_low
    assert found.reasons == (("its error budget is spent (120 of 240 values were outside)",) if is_bad else ())


@pytest.mark.parametrize(("by", "word"), [(0.2, "much"), (-0.2, "little")])
def test_verdict_when_a_good_model_is_shifted_then_is_critical_within_forty(by: float, word: str) -> None:
    dues = good(240)
    for late in range(1, 41):
        found = verdict(dues[late:] + [shifted(due, by) for due in good(late)])
        if found.reasons:
            break
    assert 10 < late < 25
    found = verdict(dues[40:] + [shifted(due, by) for due in good(40)])
    said = next(reason for reason in found.reasons if reason.startswith("it forecasts"))
    assert re.fullmatch(rf"it forecasts (19|20|21) % of capacity \((19|20|21)\d Mbps\) too {word}", said)


def test_verdict_when_a_bias_is_all_of_one_value_then_is_chance() -> None:
    dues = [replace(due, mean=due.came, lower=0, upper=1) for due in good(60)]
    dues[-1] = replace(dues[-1], came=0.0, mean=5.0)  # an error counts for the capacity at most
    assert verdict(dues).reasons == ()
    dues[-5:] = [replace(due, came=0.0, mean=5.0) for due in dues[-5:]]
    assert sum(due.mean - due.came > 1 for due in dues[-FAST:]) / FAST > BIAS
    assert not any("too much" in reason for reason in verdict(dues).reasons)


def test_verdict_when_the_model_is_worse_than_the_last_value_then_is_critical() -> None:
    noise = random.Random(1)
    dues = [
        replace(due, last=due.came, mean=due.came + noise.choice((-0.1, 0.1)), lower=0, upper=1) for due in good(60)
    ]
    (reason,) = verdict(dues).reasons
    assert reason == "it is worse than the last value: off by 9.5 % of capacity, the last value by 0.0 %"


def test_verdict_when_it_is_worse_by_what_does_not_matter_then_is_none() -> None:
    dues = [replace(due, last=due.came, mean=due.came + 0.015, lower=0, upper=1) for due in good(240)]
    assert verdict(dues).reasons == ()


def test_verdict_when_it_is_worse_for_long_by_little_then_is_critical() -> None:
    dues = [replace(due, last=due.came, mean=due.came + 0.019, lower=0, upper=1) for due in good(240)]
    assert len(verdict(dues).reasons) == 1
    assert verdict(dues[:39]).reasons == ()


IDLE = Due((1, 1), 0.0, "v1", 1000.0, 0.0, 0.002, 0.001, 0.004, 0.0)
FULL = Due((1, 1), 0.0, "v1", 1000.0, 1.0, 0.993, 0.98, 1.0, 1.0)
BEYOND = Due((1, 1), 0.0, "v1", 1000.0, 1.5, 0.99, 0.95, 1.0, 1.5)


@pytest.mark.parametrize("due", [IDLE, FULL, BEYOND], ids=["idle", "full", "fuller than it can be"])
def test_verdict_when_the_link_stands_still_then_has_nothing_to_say(due: Due) -> None:
    for count in (20, 30, 60, 240):
        found = verdict([due] * count)
        assert (found.reasons, found.budget_left) == ((), 1)


@pytest.mark.parametrize("due", [IDLE, FULL], ids=["idle", "full"])
def test_verdict_when_the_link_stands_still_then_a_lie_is_found_all_the_same(due: Due) -> None:
    assert verdict([due] * 240 + [shifted(due, 0.2)] * 23).reasons


@given(
    st.lists(
        st.sampled_from([IDLE, FULL, BEYOND, outside(FULL), shifted(IDLE, 1e12), shifted(FULL, 0.2)]), max_size=300
    )
)
@settings(max_examples=60)
def test_verdict_when_forecasts_are_any_then_is_by_the_newest_only(dues: list[Due]) -> None:
    found, recent = verdict(dues), verdict(dues[-BUDGET_WINDOW:])
    assert found.reasons == recent.reasons
    assert (found.count, found.fast_burn, found.slow_burn) == (recent.count, recent.fast_burn, recent.slow_burn)
    assert 0 <= found.fast_burn <= 2
    assert -1 <= found.budget_left <= 1
    assert found == judge(Record([*dues, FULL]), end=len(dues))
    assert all(math.isfinite(number) for number in (found.fast_burn, found.slow_burn, found.budget_left))
