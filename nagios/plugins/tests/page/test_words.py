"""Numbers and times as the pages say them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_plugins.page import words

SUMMER_ENDS = 1_792_890_000.0
"""2026-10-25 01:00 UTC, when Berlin's clocks go back from 03:00 to 02:00"""


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("mbps", "said"),
    [
        (0, "0 Mbps"),
        (1e-9, "0 kbps"),
        (0.01234, "12.3 kbps"),
        (0.9996, "1.00 Mbps"),
        (81.25, "81.2 Mbps"),
        (999.4, "999 Mbps"),
        (999.6, "1.00 Gbps"),
        (1234, "1.23 Gbps"),
        (1e7, "10.0 Tbps"),
        (1e12, "1000000 Tbps"),
    ],
)
def test_rate_when_said_then_has_three_figures_and_a_unit(mbps: float, said: str) -> None:
    assert words.rate(mbps) == said


@given(st.floats(0, 1e12))
def test_rate_when_any_then_has_no_exponent(mbps: float) -> None:
    assert "e" not in words.rate(mbps)
    assert "e" not in words.plain_rate(mbps)


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [(0, 5, "0 … 5.00 Mbps"), (900, 1100, "0.900 … 1.10 Gbps"), (0, 0, "0 … 0 Mbps")],
)
def test_interval_when_said_then_has_one_unit(lower: float, upper: float, said: str) -> None:
    assert words.between(lower, upper) == said


def test_what_was_set_when_said_then_has_no_zeros_at_the_end() -> None:
    assert [words.plain_rate(mbps) for mbps in (90, 31.2, 2500, 1e7)] == ["90 Mbps", "31.2 Mbps", "2.5 Gbps", "10 Tbps"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0 s"), (0, "0 s"), (0.2, "0.200 s"), (25, "25 s"), (59.7, "1 min"), (150, "2 min 30 s"), (3600, "1 h"),
     (3605, "1 h"), (90_000, "1 day 1 h"), (172_800, "2 days")],
)  # fmt: skip
def test_duration_when_said_then_has_its_two_largest_units(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(("gain", "said"), [(None, "–"), (0.2, "0 %"), (-0.2, "0 %"), (12.4, "+12 %"), (-3.6, "−4 %")])
def test_gain_when_said_then_has_its_sign(gain: float | None, said: str) -> None:
    assert words.gain(gain) == said


def test_change_when_said_then_is_in_the_unit_of_the_capacity() -> None:
    assert words.change(-0.265, 100) == "−0.265 Mbps"
    assert words.change(12, 1000) == "+0.012 Gbps"
    assert words.change(0, 1000) == "0 Gbps"


@pytest.mark.usefixtures("berlin")
def test_moment_when_clocks_go_back_then_has_the_offset_that_counted() -> None:
    assert words.moment(SUMMER_ENDS - 1, SUMMER_ENDS) == "02:59:59 UTC+02:00"
    assert words.moment(SUMMER_ENDS, SUMMER_ENDS) == "02:00:00 UTC+01:00"
    assert words.zone(SUMMER_ENDS - 60, SUMMER_ENDS + 60) == "UTC+02:00, then UTC+01:00"
    assert words.zone(SUMMER_ENDS, SUMMER_ENDS + 60) == "UTC+01:00"


@pytest.mark.usefixtures("berlin")
def test_moment_when_of_another_day_then_has_its_day() -> None:
    assert words.moment(SUMMER_ENDS, SUMMER_ENDS + 86_400) == "2026-10-25 02:00:00 UTC+01:00"


def test_offset_when_west_of_greenwich_then_is_negative(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/St_Johns")
        time.tzset()
        assert words.offset(SUMMER_ENDS) == "UTC−02:30"
    time.tzset()
