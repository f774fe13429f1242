"""Where a link's counters come from: what a source says of a link at this moment, as it says it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from nagios_plugins.links.inventory import InterfaceSource, Link, SnmpSource

DEFAULT_CAPACITY: Final = 1000.0
"""Mbps, where neither the inventory nor the source says"""
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class SourceError(Exception):
    """The source does not say what it should: one sentence, what is wrong and what to do."""


@dataclass(frozen=True)
class Counter:
    """A number that grows until it begins again."""

    value: int
    bits: int = 64


@dataclass(frozen=True)
class Counters:
    """A link's counters at one moment."""

    identity: str
    """of the very counters: where it is another one, they do not go on"""
    boot: str
    """of this machine: another one with each start"""
    uptime: float
    """s of this machine's clock that runs on in sleep and never jumps"""
    wall: float
    """s since 1970"""
    octets: Counter
    packets: tuple[Counter, ...]
    """of all kinds: together they are the packets"""
    capacity_mbps: float | None
    """None where the source does not know"""
    trouble: str = ""
    """why the link is not up, '' where it is"""
    agent_uptime: float | None = None
    """s, of who answered; begins again after 497 days"""
    discontinuity: int | None = None
    """another one where the counters were interrupted, as who answered says"""
    index: int | None = None
    """where the interface was found"""
    rtt_spread_ms: float | None = None
    """of a recorded trace"""


def uptime() -> float:
    """s since this machine has started, with its sleep."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Another one with each start of this machine."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SourceError(f"{BOOT_ID} cannot be read: {error.strerror}") from None


def read(link: Link, *, timeout: float, last_raw: dict[str, Any] | None = None) -> Counters:
    """Ask the link's source; `timeout` in seconds. The last raw counters say where its interface was found.

    Raises:
        SourceError: it does not answer, or not what it should.
    """
    source = link.source
    # Imported here: a check shall not load what reads other sources.
    if isinstance(source, InterfaceSource):
        from nagios_plugins.links.sources.interface import read as read_interface

        found = read_interface(source, link.direction)
    elif isinstance(source, SnmpSource):
        from nagios_plugins.links.sources.snmp import read as read_snmp

        found = read_snmp(source, link.direction, timeout=timeout, index=(last_raw or {}).get("index"))
    else:
        from nagios_plugins.links.sources.trace import read as read_trace

        found = read_trace(source, link.sampling_seconds)
    return replace(found, capacity_mbps=link.capacity_mbps or found.capacity_mbps or DEFAULT_CAPACITY)
