"""What does a link carry? Each run is a sample, which is kept for the forecasts. With --state only: is it up?"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import nagiosplugin

from nagios_plugins import arguments, check
from nagios_plugins.http import ServiceError
from nagios_plugins.links import counters, sources, words
from nagios_plugins.links.inventory import Link
from nagios_plugins.links.pings import Pinging, Pings
from nagios_plugins.links.records import MBPS, Reading
from nagios_plugins.links.sources import Counters, SourceError
from nagios_plugins.links.store import Store, StoreError

NAME = "LINK"
Raw = dict[str, Any]


class LinkState(check.LinkResource):
    """Whether a link is up."""

    def __init__(self, link: Link, folder: Path, timeout: float) -> None:
        super().__init__(link, folder)
        self.timeout = timeout

    def ask(self) -> Iterable[Any]:
        """Whether it is down.

        Raises:
            ServiceError: that is not known.
        """
        try:
            found = sources.read(self.link, timeout=self.timeout)
        except SourceError as error:
            raise ServiceError(f"{self.link.name}: {error}") from None
        self.sentence = f"{self.link.name} is up"
        return [self.down(found)]

    def down(self, found: Counters) -> Any:
        """What is wrong with the interface, or nothing."""
        wrong = f"{self.link.name} is down: {found.trouble}" if found.trouble else None
        return nagiosplugin.Metric("down", wrong)


class LinkTraffic(LinkState):
    """A link's counters, which are stored, and what they have grown by."""

    def __init__(self, link: Link, folder: Path, timeout: float) -> None:
        super().__init__(link, folder, timeout)
        self.found: Counters
        self.pings = Pings(None)

    def ask(self) -> Iterable[Any]:
        """Mbps, % of capacity, packets/s and the spread of round-trip times in ms, as far as they are known.

        Raises:
            ServiceError: the source does not answer, or the store cannot be written.
        """
        try:
            self.found, self.pings = self._measure()
        except SourceError as error:
            raise ServiceError(f"{self.link.name}: {error}") from None
        metrics: Iterable[Any] = []
        try:
            metrics = super(LinkState, self).ask()
        except ServiceError as error:
            if not self.found.trouble:
                raise ServiceError(f"{self.link.name}: not kept, {error}") from None
        return [self.down(self.found), *metrics]

    def _measure(self) -> tuple[Counters, Pings]:
        """Counters and pings, at the same time."""
        link, until, last_raw = self.link, time.monotonic() + self.timeout, None
        with suppress(StoreError):
            last_raw = Store.open_read_only(self.folder, link.name).last_raw()
        pinging = Pinging(link.rtt_target) if link.rtt_target else None
        try:
            found = sources.read(link, timeout=self.timeout, last_raw=last_raw)
            if counters.too_small(found, link.sampling_seconds):
                seconds = 2**found.octets.bits / (found.capacity_mbps or 1) / MBPS
                raise SourceError(
                    f"its counters of {found.octets.bits} bits begin again every {seconds:.1f} s at "
                    f"{words.capacity(found.capacity_mbps or 0)}: sample more often, or have it count in 64 bits"
                )
            if pinging is None:
                return found, Pings(found.rtt_spread_ms)
            return found, pinging.result(max(until - time.monotonic(), 0.1))
        finally:
            if pinging is not None:
                pinging.stop()

    def look(self, store: Store) -> Iterable[Any]:
        """Keep a reading; what it says of the time since the one before it."""

        def step(raw: Raw | None) -> tuple[Reading, Raw] | None:
            every, spread = self.link.sampling_seconds, self.pings.spread_ms
            return counters.step(raw, self.found, sampling_seconds=every, rtt_spread_ms=spread)

        is_kept = store.append(step) is not None
        readings, raw = store.read_readings(2), store.last_raw() or {}
        if len(readings) == 2 and readings[0].epoch == readings[1].epoch:
            said, metrics = self._rates(*readings)
        else:
            why = raw.get("why")
            again = why if why == "the first reading" else f"first reading again, as {why}"
            said, metrics = f"{again}; a rate in {self.link.sampling_seconds:g} s", []
        self.sentence = f"{self.link.name}: {said}" + (
            f"; {self.pings.trouble}" if is_kept and self.pings.trouble else ""
        )
        return metrics

    def _rates(self, before: Reading, after: Reading) -> tuple[str, list[Any]]:
        seconds, capacity = after.uptime - before.uptime, after.capacity_mbps
        mbps = round((after.octets - before.octets) / seconds / MBPS, 4)
        packets = round((after.packets - before.packets) / seconds, 2)
        utilisation = round(100 * mbps / capacity, 3)
        said = (
            f"{words.bandwidth(round(mbps, 3))} {self.link.direction} ({utilisation:.1f} % of "
            f"{words.capacity(capacity)}), {packets:.0f} packets/s"
        )
        metrics = [
            nagiosplugin.Metric("mbps", mbps, min=0, max=round(capacity, 4), context="traffic"),
            nagiosplugin.Metric("utilisation", utilisation, uom="%", min=0, context="traffic"),
            nagiosplugin.Metric("packet_rate", packets, min=0, context="traffic"),
        ]
        if after.rtt_spread_ms is not None:
            spread = round(after.rtt_spread_ms, 4)
            said += f", RTT spread {spread:.2g} ms"
            metrics.append(nagiosplugin.Metric("rtt_spread", spread, uom="ms", min=0, context="traffic"))
        return said, metrics


def main() -> None:
    """Entry point of `check_qos_link`."""
    parser = arguments.LinkArgumentParser(NAME, __doc__)
    parser.add_argument("--state", action="store_true", help="say only whether it is up; nothing is kept")
    wanted = parser.parse_link()
    kind = LinkState if wanted.state else LinkTraffic
    check.run(
        NAME,
        kind(wanted.link, wanted.store, wanted.timeout),
        check.FaultContext("down"),
        check.NumberContext("traffic"),
        timeout=wanted.timeout,
        fault=nagiosplugin.Unknown,
    )
