"""A token bucket never lets more through than it says, and what it says to wait is enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.access.rate_limit import TokenBucket

RATES = st.floats(0.01, 1000)
BURSTS = st.integers(1, 100)
PAUSES = st.lists(st.floats(0, 10), max_size=60)


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(rate=RATES, burst=BURSTS, pauses=PAUSES)
def test_bucket_when_asked_at_any_times_then_lets_no_more_through_than_rate_and_burst(
    rate: float, burst: int, pauses: list[float]
) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        taken += bucket.take() == 0
        assert taken <= burst + rate * (clock.now - 1000) + 1e-6


@given(rate=RATES, burst=BURSTS, pauses=PAUSES)
def test_bucket_when_empty_then_the_wait_it_names_is_enough_and_needed(
    rate: float, burst: int, pauses: list[float]
) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock)
    for pause in pauses:
        clock.now += pause
        while not (wait := bucket.take()):
            pass
        assert 0 < wait <= 1 / rate + 1e-9
        clock.now += wait * 0.9
        assert bucket.take() > 0
        clock.now += wait * 0.1 + 1e-6
        assert bucket.take() == 0


@given(rate=RATES, burst=BURSTS)
def test_bucket_when_it_rested_then_has_its_burst_and_no_more(rate: float, burst: int) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock)
    clock.now += 1e9
    assert [bucket.take() for _ in range(burst)] == [0.0] * burst
    assert bucket.take() > 0


def test_bucket_when_the_clock_runs_back_then_gives_nothing() -> None:
    clock = Clock()
    bucket = TokenBucket(1, 1, clock)
    assert bucket.take() == 0
    clock.now -= 100
    assert bucket.take() == 1


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (float("nan"), 1), (1, 0)])
def test_bucket_when_it_could_never_give_then_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="a rate above 0"):
        TokenBucket(rate, burst)
