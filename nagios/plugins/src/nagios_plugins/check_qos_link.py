"""What does a link carry? Each run is a sample, which is kept for the forecasts; with --state only: is it up?"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import nagiosplugin

from nagios_plugins import check
from nagios_plugins.links import counters, inventory, sources
from nagios_plugins.links.inventory import Link
from nagios_plugins.links.pings import Pinging, Pings
from nagios_plugins.links.records import MBPS, Reading
from nagios_plugins.links.sources import Counters, SourceError
from nagios_plugins.links.store import Store, StoreError

NAME = "LINK"
MOST_WAIT = 3.0
"""s, for other checks of the same link"""


class LinkState(check.ServiceResource):
    """Whether a link is up."""

    def __init__(self, link: Link, timeout: float) -> None:
        self.link, self.timeout = link, timeout
        self.sentence = f"{link.name} is up"

    def ask(self) -> Iterable[Any]:
        """What is wrong, if anything is."""
        try:
            found = sources.read(self.link, timeout=self.timeout)
        except SourceError as error:
            yield nagiosplugin.Metric("unknown", f"{self.link.name}: {error}")
        else:
            yield nagiosplugin.Metric("down", f"{self.link.name} is down: {found.trouble}" if found.trouble else None)


class LinkTraffic(check.ServiceResource):
    """A link's counters, which are stored, and what they have grown by."""

    def __init__(self, link: Link, store: Path, timeout: float) -> None:
        self.link, self.store, self.timeout = link, store, timeout
        self.sentence = ""

    def ask(self) -> Iterable[Any]:
        """Mbps, % of capacity, packets/s and the spread of round-trip times in ms, as far as they are known."""
        name = self.link.name
        try:
            found, pings = self._measure()
        except SourceError as error:
            yield nagiosplugin.Metric("unknown", f"{name}: {error}")
            return
        try:
            self.sentence, metrics = self._keep(found, pings)
        except StoreError as error:
            self.sentence, metrics = f"{name}: not kept, {error}", []
            if not found.trouble:
                yield nagiosplugin.Metric("unknown", self.sentence)
        yield nagiosplugin.Metric("down", f"{name} is down: {found.trouble}" if found.trouble else None)
        yield from metrics

    def _measure(self) -> tuple[Counters, Pings]:
        """Counters and pings, at the same time."""
        link, until, last_raw = self.link, time.monotonic() + self.timeout, None
        with suppress(StoreError):
            last_raw = Store.open_read_only(self.store, link.name).last_raw()
        pinging = Pinging(link.rtt_target) if link.rtt_target else None
        try:
            found = sources.read(link, timeout=self.timeout, last_raw=last_raw)
            if counters.too_small(found, link.sampling_seconds):
                seconds = 2**found.octets.bits / (found.capacity_mbps or 1) / MBPS
                raise SourceError(
                    f"its counters of {found.octets.bits} bits begin again every {seconds:.1f} s at {capacity(found)}: "
                    "sample more often, or have the device count in 64 bits"
                )
            if pinging is None:
                return found, Pings(found.rtt_spread_ms)
            return found, pinging.result(max(until - time.monotonic(), 0.1))
        finally:
            if pinging is not None:
                pinging.stop()

    def _keep(self, found: Counters, pings: Pings) -> tuple[str, list[Any]]:
        """Store a reading; returns what is said of it, and its metrics."""
        link = self.link

        def step(raw: dict[str, Any] | None) -> tuple[Reading, dict[str, Any]] | None:
            return counters.step(raw, found, sampling_seconds=link.sampling_seconds, rtt_spread_ms=pings.spread_ms)

        with Store(self.store, link.name, timeout=min(self.timeout, MOST_WAIT)) as store:
            store.append(step)
            readings, raw = store.read_readings(2), store.last_raw() or {}
        if len(readings) == 2 and readings[0].epoch == readings[1].epoch:
            said, metrics = self._rates(readings[0], readings[1], found)
        else:
            said, metrics = f"{first(str(raw.get('why')))}; a rate in {link.sampling_seconds:g} s", []
        remarks = [text for text in (pings.trouble, *store.notes) if text]
        return f"{link.name}: {'; '.join([said, *remarks])}", metrics

    def _rates(self, before: Reading, after: Reading, found: Counters) -> tuple[str, list[Any]]:
        seconds = after.uptime - before.uptime
        mbps = (after.octets - before.octets) / seconds / MBPS
        packets = (after.packets - before.packets) / seconds
        utilisation = 100 * mbps / after.capacity_mbps
        said = (
            f"{rate(mbps)} Mbps {self.link.direction} "
            f"({utilisation:.1f} % of {capacity(found)}), {packets:.0f} packets/s"
        )
        metrics = [
            nagiosplugin.Metric("mbps", round(mbps, 4), min=0, max=round(after.capacity_mbps, 4), context="traffic"),
            nagiosplugin.Metric("utilisation", round(utilisation, 3), uom="%", min=0, context="traffic"),
            nagiosplugin.Metric("packet_rate", round(packets, 2), min=0, context="traffic"),
        ]
        if after.rtt_spread_ms is not None:
            said += f", RTT spread {after.rtt_spread_ms:.2g} ms"
            spread = round(after.rtt_spread_ms, 4)
            metrics.append(nagiosplugin.Metric("rtt_spread", spread, uom="ms", min=0, context="traffic"))
        return said, metrics


def first(why: str) -> str:
    """What is said of a reading without one before it."""
    return why if why == "the first reading" else f"first reading again, as {why}"


def rate(mbps: float) -> str:
    """With three digits, and no exponent."""
    return f"{mbps:.0f}" if mbps >= 100 else f"{mbps:.3g}" if mbps >= 0.01 else f"{mbps:.3f}"


def capacity(found: Counters) -> str:
    """As people say it."""
    mbps = found.capacity_mbps or 0.0
    return f"{mbps / 1000:g} Gbit/s" if mbps >= 1000 else f"{mbps:g} Mbit/s"


def main() -> None:
    """Entry point of `check_qos_link`."""
    parser = check.ArgumentParser(NAME, __doc__)
    parser.add_argument("-l", "--link", required=True, metavar="NAME", help="the link")
    parser.add_argument(
        "--links", required=True, type=inventory.load, metavar="FILE", help="links.json, where the links are described"
    )
    parser.add_argument("--store", type=folder, metavar="FOLDER", help="where samples are kept")
    parser.add_argument("--state", action="store_true", help="say only whether it is up; nothing is kept")
    wanted = parser.parse_args()
    link = wanted.links.get(wanted.link)
    if link is None:
        parser.error(f"there is no link {wanted.link!r}; there are {', '.join(sorted(wanted.links)) or 'none'}")
    if not wanted.state and wanted.store is None:
        parser.error("--store is wanted, or --state")
    check.run(
        NAME,
        LinkState(link, wanted.timeout) if wanted.state else LinkTraffic(link, wanted.store, wanted.timeout),
        check.FaultContext("down"),
        check.FaultContext("unknown", nagiosplugin.Unknown),
        nagiosplugin.ScalarContext("traffic"),
        timeout=wanted.timeout,
    )


def folder(name: str) -> Path:
    """An argument's type: a folder that is there.

    Raises:
        argparse.ArgumentTypeError: it is not.
    """
    path = Path(name)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {name}")
    return path
