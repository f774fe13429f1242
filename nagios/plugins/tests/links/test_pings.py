"""Pings: what fping says, and an fping that does not do as it should. Real ones are in test_real_links.py."""

from __future__ import annotations

import shlex
import statistics
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_plugins.links.pings import Pinging, Pings, result_of


def said(*times: str, target: str = "192.0.2.1") -> str:
    return f"{target} : {' '.join(times)}\n"


def test_spread_when_pings_came_back_then_is_the_standard_deviation_of_their_times() -> None:
    times = ["10.1", "9.8", "10.4", "30.2", "10.0", "10.2", "9.9", "10.1", "10.0", "12"]
    assert result_of("192.0.2.1", said(*times)).spread_ms == pytest.approx(statistics.stdev(map(float, times)))


def test_spread_when_some_got_lost_then_is_that_of_the_others() -> None:
    found = result_of("192.0.2.1", said("1.0", "-", "2.0", "-", "3.0", "-", "4.0", "-", "5.0", "-"))
    assert found == Pings(pytest.approx(statistics.stdev([1, 2, 3, 4, 5])))  # type: ignore[arg-type]


@pytest.mark.parametrize("came_back", [0, 1, 4])
def test_spread_when_most_got_lost_then_there_is_none(came_back: int) -> None:
    found = result_of("192.0.2.1", said(*["1.0"] * came_back, *["-"] * (10 - came_back)))
    assert found == Pings(None, f"RTT not measured, {came_back} of 10 pings to 192.0.2.1 came back")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no.such.host: Name or service not known\n", "no.such.host: Name or service not known"),
        ("", "fping said nothing"),
        ("fping: can't create socket (must run as root?)", "fping: can't create socket (must run as root?)"),
    ],
)
def test_spread_when_fping_complains_then_there_is_none_and_its_words(text: str, reason: str) -> None:
    assert result_of("x", text) == Pings(None, f"RTT not measured, {reason}")


def test_spread_when_others_answer_too_then_their_words_do_not_matter() -> None:
    noise = "ICMP Host Unreachable from 192.0.2.9 for ICMP Echo sent to 192.0.2.1\n"
    assert result_of("fe80::1", noise + said(*["2.0"] * 10, target="fe80::1")) == Pings(0.0)


@given(st.text())
def test_words_when_they_are_any_then_there_is_a_result(text: str) -> None:
    found = result_of("x", text)
    assert (found.spread_ms is None) == bool(found.trouble)


@pytest.fixture
def fping(tmp_path: Path) -> Any:
    """A program in the place of fping that runs these commands of the shell."""

    def make(commands: str) -> str:
        program = tmp_path / "fping"
        program.write_text(f"#!/bin/sh\n{commands}\n")
        program.chmod(0o755)
        return str(program)

    return make


def test_pings_when_asked_for_then_are_ten_in_a_tenth_of_a_second(fping: Any, tmp_path: Path) -> None:
    program = fping(f'echo "$@" > {shlex.quote(str(tmp_path / "asked"))}; echo "-h : 1 1 1 1 1 1 1 1 1 3" >&2; exit 1')
    assert Pinging("-h", program).result(2) == Pings(pytest.approx(0.632, abs=0.001))  # type: ignore[arg-type]
    assert (tmp_path / "asked").read_text() == "-q -C 10 -p 10 -t 1000 -- -h\n"


def test_fping_when_it_is_not_there_then_that_is_said() -> None:
    found = Pinging("192.0.2.1", "/nowhere/fping").result(2)
    assert found == Pings(None, "RTT not measured, there is no /nowhere/fping (No such file or directory)")


def test_fping_when_it_does_not_end_then_is_ended(fping: Any) -> None:
    started = time.perf_counter()
    pinging = Pinging("192.0.2.1", fping("exec sleep 20"))
    assert pinging.result(0.1) == Pings(None, "RTT not measured, no end of pings to 192.0.2.1 within 0.1 s")
    pinging.stop()
    assert time.perf_counter() - started < 2
