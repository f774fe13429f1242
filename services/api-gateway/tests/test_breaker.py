"""Who fails for a while is left alone, and let in again by one request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.breaker import Breaker, State

LIMIT, FAILING, OPEN = 3, 0.5, 1.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def changes() -> list[State]:
    return []


@pytest.fixture
def breaker(clock: Clock, changes: list[State]) -> Breaker:
    return Breaker(LIMIT, FAILING, OPEN, changes.append, clock)


def open_it(breaker: Breaker, clock: Clock) -> None:
    for _ in range(LIMIT):
        assert breaker.admit() == 0
        breaker.fail()
        clock.now += FAILING
    assert breaker.state is State.OPEN


def test_breaker_when_failures_last_then_opens_and_names_the_time(breaker: Breaker, clock: Clock) -> None:
    open_it(breaker, clock)
    clock.now -= FAILING
    assert breaker.admit() == pytest.approx(OPEN)
    clock.now += 0.4
    assert breaker.admit() == pytest.approx(OPEN - 0.4)


def test_breaker_when_many_fail_at_the_same_moment_then_stays_closed(breaker: Breaker) -> None:
    for _ in range(100):
        breaker.fail()
    assert breaker.admit() == 0


def test_breaker_when_an_answer_comes_between_then_counts_anew(breaker: Breaker, clock: Clock) -> None:
    for _ in range(20):
        breaker.fail()
        clock.now += FAILING
        breaker.succeed()
    assert breaker.state is State.CLOSED


def test_breaker_when_its_time_is_over_then_lets_one_try(breaker: Breaker, clock: Clock) -> None:
    open_it(breaker, clock)
    clock.now += OPEN
    assert breaker.admit() == 0
    assert breaker.state is State.HALF_OPEN
    assert breaker.admit() > 0


@pytest.mark.parametrize(("answered", "expected"), [(True, State.CLOSED), (False, State.OPEN)])
def test_breaker_when_the_one_that_tried_is_back_then_follows_it(
    breaker: Breaker, clock: Clock, changes: list[State], answered: bool, expected: State
) -> None:
    open_it(breaker, clock)
    clock.now += OPEN
    breaker.admit()
    (breaker.succeed if answered else breaker.fail)()
    assert breaker.state is expected
    assert changes == [State.OPEN, State.HALF_OPEN, expected]
    assert (breaker.admit() == 0) is answered


def test_breaker_when_the_one_that_tried_is_never_heard_of_then_lets_another_try(
    breaker: Breaker, clock: Clock
) -> None:
    open_it(breaker, clock)
    clock.now += OPEN
    assert breaker.admit() == 0
    clock.now += OPEN
    assert breaker.admit() == 0


@given(st.lists(st.tuples(st.sampled_from(["admit", "succeed", "fail"]), st.floats(0, 2))))
def test_breaker_when_anything_happens_then_waiting_is_bounded(steps: list[tuple[str, float]]) -> None:
    clock = Clock()
    breaker = Breaker(LIMIT, FAILING, OPEN, lambda _: None, clock)
    for name, seconds in steps:
        getattr(breaker, name)()
        clock.now += seconds
        assert 0 <= breaker.admit() <= OPEN
