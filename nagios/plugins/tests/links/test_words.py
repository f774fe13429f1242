"""Numbers as people say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_plugins.links import words


@pytest.mark.parametrize(
    ("mbps", "said"),
    [
        (0, "0 Mbps"),
        (0.01234, "0.0123 Mbps"),
        (868.4, "868 Mbps"),
        (999.6, "1000 Mbps"),
        (1234, "1.23 Gbps"),
        (1e6, "1000 Gbps"),
    ],
)
def test_bandwidth_when_said_then_has_three_digits(mbps: float, said: str) -> None:
    assert words.bandwidth(mbps) == said


@pytest.mark.parametrize(("mbps", "said"), [(1000, "1 Gbit/s"), (334, "334 Mbit/s"), (2500, "2.5 Gbit/s")])
def test_capacity_when_said_then_is_a_line_speed(mbps: float, said: str) -> None:
    assert words.capacity(mbps) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(25, "25 s"), (119, "119 s"), (125, "2 min"), (7200, "2 h"), (200_000, "2 d"), (-1, "0 s")]
)
def test_duration_when_said_then_has_one_unit(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@given(st.floats(0, 1))
def test_percent_when_said_then_is_certain_only_if_it_is(share: float) -> None:
    assert (words.percent(share) == "100 %") == (share == 1)
    assert (words.percent(share) == "0 %") == (share == 0)
