"""Counters become readings: nothing is counted twice, nothing is made up, and epochs end only where they must."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagios_plugins.links import counters
from nagios_plugins.links.records import MBPS, Reading
from nagios_plugins.links.samples import newest_run, samples_of
from nagios_plugins.links.sources import Counter, Counters

EVERY = 5.0
CAPACITY = 100.0
NOW = Counters(
    identity="eth0",
    boot="one",
    uptime=1000.0,
    wall=1e9,
    octets=Counter(5_000_000, 64),
    packets=(Counter(5_000, 64), Counter(70, 64)),
    capacity_mbps=CAPACITY,
)
SNMP = replace(NOW, agent_uptime=500.0, discontinuity=0)


def follow(*all_of_them: Counters, every: float = EVERY) -> list[tuple[Reading, str]]:
    """The readings of counters one after the other, and why an epoch began with it."""
    raw: dict[str, Any] | None = None
    found = []
    for now in all_of_them:
        made = counters.step(raw, now, sampling_seconds=every, rtt_spread_ms=None)
        if made is not None:
            raw = made[1]
            found.append((made[0], made[1]["why"]))
    return found


def later(before: Counters, seconds: float = EVERY, **changes: Any) -> Counters:
    """A while later, with a packet of 1000 octets."""
    agent = None if before.agent_uptime is None else before.agent_uptime + seconds
    moved = replace(
        before,
        uptime=before.uptime + seconds,
        wall=before.wall + seconds,
        agent_uptime=agent,
        octets=Counter(before.octets.value + 1000, before.octets.bits),
        packets=(Counter(before.packets[0].value + 1, before.packets[0].bits), *before.packets[1:]),
    )
    return replace(moved, **changes)


def test_reading_when_it_is_the_first_then_begins_an_epoch_at_nothing() -> None:
    ((reading, why),) = follow(NOW)
    assert reading == Reading(1, 1000.0, 1e9, 0, 0, CAPACITY, None)
    assert why == "the first reading"


def test_reading_when_counters_grow_then_has_what_they_grew_by() -> None:
    first, second, third = (reading for reading, _ in follow(NOW, later(NOW), later(later(NOW))))
    assert [first.octets, second.octets, third.octets] == [0, 1000, 2000]
    assert [first.packets, second.packets, third.packets] == [0, 1, 2]
    assert {first.epoch, second.epoch, third.epoch} == {1}


@pytest.mark.parametrize("bits", [32, 64])
def test_counter_when_it_wraps_then_the_epoch_goes_on(bits: int) -> None:
    near = replace(NOW, octets=Counter(2**bits - 300, bits), packets=(Counter(2**bits - 1, bits), Counter(7, bits)))
    after = later(near, octets=Counter(700, bits), packets=(Counter(0, bits), Counter(9, bits)))
    (_, _), (reading, why) = follow(near, after)
    assert (reading.octets, reading.packets, why) == (1000, 3, "")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"octets": Counter(4_000_000)}, "the counters were reset"),
        ({"octets": Counter(0)}, "the counters were reset"),
        ({"packets": (Counter(0), Counter(70))}, "the counters were reset"),
        ({"octets": Counter(5_000_000 + 10**9)}, "the counters grew by more than the link can carry"),
        ({"packets": (Counter(10**9), Counter(70))}, "the counters grew by more than the link can carry"),
        ({"boot": "two"}, "this machine has started anew"),
        ({"boot": "two", "uptime": 3.0}, "this machine has started anew"),
        ({"uptime": 500.0}, "this machine has started anew"),
        ({"uptime": 1016.0}, "16 s without a reading"),
        ({"identity": "eth1"}, "the counters are others than before"),
        ({"octets": Counter(5_000_000, 32)}, "the counters are others than before"),
        ({"packets": (Counter(5_001),)}, "the counters are others than before"),
        ({"capacity_mbps": 102.0}, "the capacity was 100 Mbps and is 102"),
        ({"agent_uptime": 2.0}, "the device has started anew"),
        ({"agent_uptime": 501.0}, "the device has started anew"),
        ({"agent_uptime": None}, "the device has started anew"),
        ({"discontinuity": 77}, "the device says that its counters were interrupted"),
        ({"octets": Counter(2**63)}, "the counters grew by more than the link can carry"),
    ],
)
def test_epoch_when_counters_do_not_go_on_then_another_one_begins_and_says_why(change: Any, why: str) -> None:
    (first, _), (second, said), (third, none) = follow(SNMP, broken := later(SNMP, **change), later(broken))
    assert (said, none) == (why, "the device had only just started" if change.get("agent_uptime") == 2.0 else "")
    assert second.epoch == first.epoch + 1
    assert (second.octets, second.packets) == (0, 0)
    if not none:
        assert (third.epoch, third.octets, third.packets) == (second.epoch, 1000, 1)


def test_epoch_when_the_sampling_interval_changes_then_another_one_begins() -> None:
    first = counters.step(None, NOW, sampling_seconds=5.0, rtt_spread_ms=None)
    assert first is not None
    second = counters.step(first[1], later(NOW), sampling_seconds=4.0, rtt_spread_ms=None)
    assert second is not None
    assert (second[0].epoch, second[1]["why"]) == (2, "the sampling interval was changed")


@pytest.mark.parametrize(
    "change",
    [
        {"wall": 0.0},
        {"wall": 4e9},
        {"uptime": 1014.9, "agent_uptime": 514.9},
        {"uptime": 1001.1, "agent_uptime": 501.1},
        {"capacity_mbps": 100.9},
        {"agent_uptime": 502.5},
        {"agent_uptime": 520.0},
        {"trouble": "down"},
        {"index": 9},
    ],
)
def test_epoch_when_counters_go_on_then_goes_on(change: Any) -> None:
    _, (reading, why) = follow(SNMP, later(SNMP, **change))
    assert (reading.epoch, reading.octets, why) == (1, 1000, "")


@pytest.mark.parametrize("uptime", [1000.0, 1000.9, 999.0, 900.0])
def test_reading_when_another_check_has_just_made_one_then_there_is_none(uptime: float) -> None:
    second = later(NOW, uptime=uptime)
    assert len(follow(NOW, second)) == 1
    assert [reading.octets for reading, _ in follow(NOW, second, later(NOW))] == [0, 1000]


def test_agent_clock_when_it_begins_again_after_497_days_then_the_epoch_goes_on() -> None:
    old = replace(SNMP, agent_uptime=counters.AGENT_WRAP - 2)
    for agent_uptime in (3.0, 2.5, 3.5):
        _, (_, why) = follow(old, later(old, agent_uptime=agent_uptime))
        assert why == ""
    _, (_, why) = follow(replace(SNMP, agent_uptime=3e7), later(SNMP, agent_uptime=3.0))
    assert why == "the device has started anew"


def test_small_counters_when_the_link_is_fast_then_nothing_is_made_of_them() -> None:
    fast = replace(NOW, octets=Counter(5, 32), capacity_mbps=10_000.0)
    assert counters.too_small(fast, EVERY)
    assert not counters.too_small(replace(fast, capacity_mbps=1000.0), EVERY)
    assert not counters.too_small(replace(fast, octets=Counter(5, 64)), EVERY)
    _, (_, why) = follow(fast, later(fast))
    assert why == "counters of 32 bits may have begun again more than once in 5 s"


def test_epoch_when_it_has_carried_more_than_can_be_stored_then_another_one_begins() -> None:
    raw = follow_raw(NOW) | {"octets_before": counters.LARGEST}
    made = counters.step(raw, later(NOW), sampling_seconds=EVERY, rtt_spread_ms=None)
    assert made is not None
    assert made[1]["why"] == "the counters have become very large"


def follow_raw(now: Counters) -> dict[str, Any]:
    made = counters.step(None, now, sampling_seconds=EVERY, rtt_spread_ms=None)
    assert made is not None
    return made[1]


def test_raw_when_it_is_of_other_plugins_then_another_epoch_begins() -> None:
    made = counters.step({"epoch": 7, "old": 1}, NOW, sampling_seconds=EVERY, rtt_spread_ms=None)
    assert made is not None
    assert made[0].epoch == 8


@dataclass
class World:
    """A link, what it has really carried, and counters that wrap and begin again."""

    bits: int
    offset: int
    has_agent: bool
    carried: int = 0
    base: int = 0
    """carried when the counters were last reset"""
    uptime: float = 1000.0
    agent_started: float = 0.0
    wall: float = 1e9
    boot: int = 0
    truth: dict[tuple[int, float], int] = field(default_factory=dict)
    """carried, by boot and uptime"""

    def counters(self) -> Counters:
        value = (self.carried - self.base + self.offset) % 2**self.bits
        self.truth[self.boot, self.uptime] = self.carried
        return replace(
            NOW,
            boot=str(self.boot),
            uptime=self.uptime,
            wall=self.wall,
            octets=Counter(value, self.bits),
            packets=(Counter(((self.carried - self.base) // 1000 + self.offset) % 2**self.bits, self.bits),),
            agent_uptime=(self.uptime - self.agent_started) % counters.AGENT_WRAP if self.has_agent else None,
        )

    def live(self, seconds: float, share: float) -> None:
        """Carry something for a while."""
        self.uptime, self.wall = self.uptime + seconds, self.wall + seconds
        self.carried += int(share * CAPACITY * MBPS * seconds)

    def suffer(self, event: str, seconds: float, raw: dict[str, Any] | None) -> None:
        """Let something happen to the counters, some seconds after they were last read."""
        if event == "clock":
            self.wall += 1e6 * (seconds - 5)
        if event not in ("reset", "reboot"):
            return
        self.base, self.offset = self.carried, 0
        if event == "reboot":
            self.boot, self.uptime, self.agent_started = self.boot + 1, seconds, -1e6
        elif self.has_agent:
            self.agent_started = self.uptime - min(seconds, 1.0)
        elif self.bits == 32 or raw is None or not 10**15 < raw["counters"][0][0] < 2**64 - 10**12:
            self.boot += 1  # what cannot be told from a wrap or from traffic, by anybody


OFFSETS = st.one_of(st.integers(0, 2**64 - 1), st.integers(1, 10**8).map(lambda before: 2**64 - before))
"""of all counters, many a little before they wrap"""
EVENTS = st.lists(
    st.tuples(
        st.one_of(st.just(5.0), st.floats(4.0, 6.0), st.floats(0.0, 40.0)),  # s since the one before
        st.one_of(st.floats(0.0, 1.0), st.just(0.0)),  # share of the capacity
        st.sampled_from(["", "", "", "", "reset", "reboot", "clock"]),
    ),
    max_size=40,
)


@settings(max_examples=400, deadline=None)
@given(
    bits=st.sampled_from([32, 64]),
    offset=OFFSETS,
    has_agent=st.booleans(),
    events=EVENTS,
)
def test_octets_when_anything_happens_then_none_is_lost_or_counted_twice_in_an_epoch(
    bits: int, offset: int, has_agent: bool, events: list[tuple[float, float, str]]
) -> None:
    world = World(bits, offset % 2**bits, has_agent, agent_started=-float(offset % 10**8))
    raw: dict[str, Any] | None = None
    readings: list[tuple[int, Reading]] = []
    for seconds, share, event in events:
        world.live(seconds, share)
        world.suffer(event, seconds, raw)
        made = counters.step(raw, world.counters(), sampling_seconds=EVERY, rtt_spread_ms=None)
        if made is not None:
            raw = made[1]
            readings.append((world.boot, made[0]))
            again = counters.step(raw, world.counters(), sampling_seconds=EVERY, rtt_spread_ms=None)
            assert again is None, "a second check at the same time"
    for (boot, before), (other_boot, after) in pairwise(readings):
        assert after.epoch - before.epoch in (0, 1)
        if after.epoch != before.epoch:
            assert after.octets == 0
            continue
        assert other_boot == boot
        assert after.octets - before.octets == world.truth[boot, after.uptime] - world.truth[boot, before.uptime]
        assert after.packets >= before.packets
    assert_cells_add_up([reading for _, reading in readings])


def assert_cells_add_up(readings: list[Reading]) -> None:
    """What the cells carried is what the counters grew by between their edges."""
    samples = samples_of(readings, EVERY)
    assert [(sample.epoch, sample.cell) for sample in samples] == sorted({(s.epoch, s.cell) for s in samples})
    while samples:
        run = newest_run(samples)
        samples = samples[: -len(run)]
        left, right = run[0].cell * EVERY, (run[-1].cell + 1) * EVERY
        mine = [reading for reading in readings if reading.epoch == run[0].epoch]
        grown = octets_at(mine, right) - octets_at(mine, left)
        assert sum(sample.mbps for sample in run) * MBPS * EVERY == pytest.approx(grown, rel=1e-9, abs=1e-3)


def octets_at(readings: list[Reading], uptime: float) -> float:
    for before, after in pairwise(readings):
        if before.uptime - 1e-9 <= uptime <= after.uptime + 1e-9:  # floats are rounded
            share = (uptime - before.uptime) / (after.uptime - before.uptime)
            return before.octets + share * (after.octets - before.octets)
    raise AssertionError


@settings(max_examples=100, deadline=None)
@given(
    bits=st.sampled_from([32, 64]),
    start=OFFSETS,
    steps=st.lists(st.tuples(st.floats(1.01, 14.9), st.floats(0, 1)), max_size=60),
)
def test_epoch_when_nothing_happens_but_wraps_then_it_is_the_only_one(
    bits: int, start: int, steps: list[tuple[float, float]]
) -> None:
    world = World(bits, start % 2**bits, True, agent_started=-1e6)
    found = [world.counters()]
    for seconds, share in steps:
        world.uptime += seconds
        world.carried += int(share * CAPACITY * MBPS * seconds)
        found.append(world.counters())
    readings = follow(*found)
    assert len(readings) == len(found)
    assert [reading.epoch for reading, _ in readings] == [1] * len(found)
    assert readings[-1][0].octets == world.carried
