"""Raw counters become readings: what was carried since the epoch began, without wraps, resets and gaps.

An epoch ends wherever it is not certain what was carried. So no octet is counted twice, and none that was not there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from nagios_plugins.links.records import MBPS, Reading
from nagios_plugins.links.sources import Counters

GAP: Final = 3.0
"""sampling intervals without a reading that are not bridged"""
DUPLICATE: Final = 0.2
"""sampling intervals after a reading in which another one is too soon"""
LATE_SECONDS: Final = 120.0
"""a check that asked before another one may come after it; by more than this the clock is another one"""
CAPACITY_CHANGE: Final = 0.01
"""relative; less is rounding"""
IMPLAUSIBLE: Final = 10.0
"""times the capacity; some sources say too little of it"""
IMPLAUSIBLE_WRAP: Final = 2.0
"""times the capacity; a reset may look like a wrap"""
SMALLEST_PACKET: Final = 20
"""octets; a packet counter cannot grow faster"""
AGENT_SECONDS: Final = 3.0
"""that an agent's clock may be behind without having started anew: some say what they knew a little before"""
AGENT_AHEAD_SECONDS: Final = 60.0
"""that its clock may be ahead where it begins again"""
AGENT_SETTLES: Final = 10.0
"""s after its start in which an agent's counters are not yet to be believed (net-snmp's packets are 0 at first)"""
AGENT_WRAP: Final = 2**32 / 100
"""s, of sysUpTime"""
LARGEST: Final = 2**62
"""octets in an epoch; SQLite knows none above 2^63"""

Raw = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """What the next reading is compared with; it is stored as JSON."""

    epoch: int
    octets_before: int
    packets_before: int
    sampling_seconds: float
    capacity_mbps: float
    counters: list[list[int]]
    """value and bits, the octets first"""
    identity: str
    boot: str
    uptime: float
    agent_uptime: float | None
    discontinuity: int | None
    index: int | None
    why: str = field(default="")
    """the epoch began, where it did so with this reading"""


def step(
    raw: Raw | None, now: Counters, *, sampling_seconds: float, rtt_spread_ms: float | None
) -> tuple[Reading, Raw] | None:
    """The reading of these counters, and what to keep for the next one; None where it comes too soon to be one."""
    last = _kept(raw)
    epoch, octets, packets, why = int((raw or {}).get("epoch", 0)), 0, 0, "the first reading"
    if last is not None:
        if _is_too_soon(last, now, sampling_seconds):
            return None
        why = _interruption(last, now, sampling_seconds)
        grown = [] if why else _growth(last, now)
        if isinstance(grown, str):
            why = grown
        elif grown:
            octets, packets = last.octets_before + grown[0], last.packets_before + sum(grown[1:])
    epoch += bool(why)
    capacity = now.capacity_mbps or 0.0
    reading = Reading(epoch, now.uptime, now.wall, octets, packets, capacity, rtt_spread_ms)
    kept = Kept(
        epoch=epoch,
        octets_before=octets,
        packets_before=packets,
        sampling_seconds=sampling_seconds,
        capacity_mbps=capacity,
        counters=[[counter.value, counter.bits] for counter in (now.octets, *now.packets)],
        identity=now.identity,
        boot=now.boot,
        uptime=now.uptime,
        agent_uptime=now.agent_uptime,
        discontinuity=now.discontinuity,
        index=now.index,
        why=why,
    )
    return reading, asdict(kept)


def too_small(now: Counters, sampling_seconds: float) -> bool:
    """Whether the octets may begin again more than once between two readings, unseen."""
    return now.octets.bits < 64 and (now.capacity_mbps or 0.0) * MBPS * sampling_seconds >= 2**now.octets.bits


def _is_too_soon(last: Kept, now: Counters, sampling_seconds: float) -> bool:
    """Whether another check has only just read them, or later ones."""
    elapsed = now.uptime - last.uptime
    return now.boot == last.boot and -max(LATE_SECONDS, GAP * sampling_seconds) < elapsed < DUPLICATE * sampling_seconds


def _interruption(last: Kept, now: Counters, sampling_seconds: float) -> str:
    """Why the counters do not go on from the last ones, whatever they say; '' if they do."""
    elapsed, capacity = now.uptime - last.uptime, now.capacity_mbps or 0.0
    if now.boot != last.boot or elapsed < 0:
        return "this machine has started anew"
    if elapsed > GAP * sampling_seconds:
        return f"{elapsed:.0f} s without a reading"
    if now.identity != last.identity or [counter.bits for counter in (now.octets, *now.packets)] != [
        bits for _, bits in last.counters
    ]:
        return "the counters are others than before"
    if sampling_seconds != last.sampling_seconds:
        return "the sampling interval was changed"
    if abs(capacity - last.capacity_mbps) > CAPACITY_CHANGE * last.capacity_mbps:
        return f"the capacity was {last.capacity_mbps:g} Mbps and is {capacity:g}"
    if _has_agent_restarted(last.agent_uptime, now.agent_uptime, elapsed):
        return "the device has started anew"
    if last.agent_uptime is not None and last.agent_uptime < AGENT_SETTLES:
        return "the device had only just started"
    if now.discontinuity != last.discontinuity:
        return "the device says that its counters were interrupted"
    return ""


def _has_agent_restarted(before: float | None, now: float | None, elapsed: float) -> bool:
    if before is None or now is None:
        return (before is None) != (now is None)
    expected = before + elapsed
    if now >= expected - AGENT_SECONDS:
        return False
    begun_again = now - (expected - AGENT_WRAP)
    return not -AGENT_SECONDS <= begun_again <= AGENT_AHEAD_SECONDS


def _growth(last: Kept, now: Counters) -> list[int] | str:
    """By how much each counter has grown, or why that is not known."""
    elapsed = now.uptime - last.uptime
    if too_small(now, elapsed):
        return f"counters of {now.octets.bits} bits may have begun again more than once in {elapsed:.0f} s"
    octets = (now.capacity_mbps or 0.0) * MBPS * elapsed
    grown: list[int] = []
    for counter, (before, bits) in zip((now.octets, *now.packets), last.counters, strict=True):
        possible = octets / SMALLEST_PACKET if grown else octets
        growth = counter.value - before
        begun_again = growth < 0
        if begun_again:
            growth += 2**bits
        if growth > possible * (IMPLAUSIBLE_WRAP if begun_again else IMPLAUSIBLE):
            return "the counters were reset" if begun_again else "the counters grew by more than the link can carry"
        grown.append(growth)
    if last.octets_before + grown[0] > LARGEST:
        return "the counters have become very large"
    return grown


def _kept(raw: Raw | None) -> Kept | None:
    try:
        return None if raw is None else Kept(**raw)
    except TypeError:  # an older plugin's
        return None
