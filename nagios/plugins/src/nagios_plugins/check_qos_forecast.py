"""Is a link going to be full soon?

Asks the gateway what the link's last samples lead to, and warns where it is likely that utilisation passes the link's
threshold within the next five steps: WARNING where it is likely, CRITICAL where it is very likely and soon, or where
the link is full already. What is answered is kept in the store, and judged later by check_qos_accuracy.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import nagiosplugin

from nagios_plugins import arguments, check
from nagios_plugins.http import Identity, ServiceError
from nagios_plugins.links import alarm, words
from nagios_plugins.links.outlook import look_ahead
from nagios_plugins.links.records import HISTORY, WINDOW, Forecaster, Outlook, Sample
from nagios_plugins.links.samples import newest_run, samples_of
from nagios_plugins.links.sources import uptime
from nagios_plugins.links.store import Store

NAME = "FORECAST"
STALE_CELLS: Final = 3
"""A newest sample, or a forecast, of so many cells ago is still today's; an older one says nothing of what comes."""
COLLECTING_CELLS: Final = 3 * WINDOW
"""A link that has had no forecast for longer does not come to one: gaps keep it from ten samples in a row."""


class LinkForecast(check.LinkResource):
    """A link, and what is ahead of it."""

    def __init__(self, wanted: argparse.Namespace, identity: Identity) -> None:
        super().__init__(wanted.link, wanted.store)
        self.url, self.timeout, self.identity = wanted.url, wanted.timeout, identity

    def look(self, store: Store) -> Iterable[Any]:
        """What the alarm says, and the numbers behind it.

        Raises:
            ServiceError: nothing can be said of what is ahead.
        """
        readings = store.read_readings(HISTORY + WINDOW)
        if readings:
            self._refuse_stale(uptime() - readings[-1].uptime)
        run = newest_run(samples_of(readings, self.link.sampling_seconds))
        if run and self._is_stale(uptime() - (run[-1].cell + 1) * self.link.sampling_seconds):
            run = []  # of before a gap that has just ended
        if len(run) < WINDOW:
            return self._collecting(len(run), readings[-1].wall if readings else time.time(), store)
        outlook, remark = self._outlook(run, store)
        before = alarm.Alarm.of_state(store.state("alarm"))
        now = alarm.judge(before, outlook)
        if now != before:
            store.set_state("alarm", now.as_state())
        self.sentence = self._words(now, outlook) + remark
        wrong = None if now.level is alarm.Level.CALM else self.sentence
        name = "soon" if now.level >= alarm.Level.SOON else "likely"
        return [nagiosplugin.Metric(name, wrong), *self._numbers(outlook)]

    def _refuse_stale(self, age: float) -> None:
        """`age` in seconds, of the newest reading."""
        if age < 0:
            raise ServiceError("nothing has been measured since this machine started: see Traffic")
        if self._is_stale(age):
            raise ServiceError(f"nothing was measured for {words.duration(age)}: see Traffic")

    def _is_stale(self, age: float) -> bool:
        return not -self.link.sampling_seconds <= age <= STALE_CELLS * self.link.sampling_seconds

    def _collecting(self, samples: int, now: float, store: Store) -> Iterable[Any]:
        """Too little history; that is no fault, unless it stays so. `now` in seconds since 1970."""
        since = store.state("collecting").get("since")
        if since is None:
            since = now
            store.set_state("collecting", {"since": since})
        if now - since > COLLECTING_CELLS * self.link.sampling_seconds:
            waited = words.duration(now - since)
            raise ServiceError(f"no {WINDOW} samples in a row for {waited}, and so no forecast: see Traffic")
        missing = words.duration((WINDOW - samples) * self.link.sampling_seconds)
        self.sentence = f"too little history: {samples} of {WINDOW} samples; the first forecast comes in {missing}"
        return [nagiosplugin.Metric("samples", samples, min=0, max=WINDOW, context="numbers")]

    def _outlook(self, run: Sequence[Sample], store: Store) -> tuple[Outlook, str]:
        """The outlook that the alarm goes by, and what is to be said of how it came about."""
        known = next((outlook for outlook in store.read_outlooks(1) if outlook.decided), None)
        newest = run[-1]
        if known and (known.epoch, known.cell) == (newest.epoch, newest.cell):
            return known, self._who(known)
        threshold, decides = self.link.threshold_percent / 100 * newest.capacity_mbps, self._decides(store)
        try:
            outlooks = look_ahead(run, threshold, decides, url=self.url, timeout=self.timeout, identity=self.identity)
        except ServiceError as fault:
            # The gateway has services of its own: it is one alarm there, and not one for each link.
            cells = newest.cell - known.cell if known and known.epoch == newest.epoch else STALE_CELLS + 1
            if known is None or cells > STALE_CELLS:
                raise ServiceError(f"no forecast from the gateway: {fault}") from None
            age = words.duration(cells * self.link.sampling_seconds)
            return known, f"; of {age} ago, as the gateway gave no newer one: {fault}"
        store.add_outlooks(*outlooks)
        if store.state("collecting"):
            store.set_state("collecting", {})
        outlook = next(outlook for outlook in outlooks if outlook.decided)
        return outlook, self._who(outlook)

    def _decides(self, store: Store) -> Forecaster:
        if self.link.forecaster != "auto":
            return self.link.forecaster
        return "model" if store.state("trust").get("trusted", True) else "baseline"

    def _who(self, outlook: Outlook) -> str:
        if outlook.forecaster == "model":
            return ""
        is_told = self.link.forecaster == "baseline"
        return (
            f"; by the baseline, {'as the inventory says' if is_told else 'as the model is not trusted: see Accuracy'}"
        )

    def _words(self, now: alarm.Alarm, outlook: Outlook) -> str:
        end = outlook.path[-1]
        threshold = f"{self.link.threshold_percent:g} % of {words.capacity(outlook.capacity_mbps)}"
        ahead = f"(expected {words.bandwidth(end.mean)}, p90 {words.bandwidth(end.upper)})"
        if now.level is alarm.Level.FULL:
            since = words.duration(outlook.wall - now.since + self.link.sampling_seconds)
            if outlook.last_mbps <= outlook.threshold_mbps:
                return f"full for {since}, now {words.bandwidth(outlook.last_mbps)}, not yet calm again {ahead}"
            return f"full: {words.bandwidth(outlook.last_mbps)}, above {threshold} for {since} {ahead}"
        claim = alarm.claim(now, outlook)
        within = words.duration(claim.steps * self.link.sampling_seconds)
        said = f"{words.percent(claim.probability)} likely above {threshold} within {within} {ahead}"
        return f"{said}, not yet calm again" if claim.is_held else said

    def _numbers(self, outlook: Outlook) -> Iterable[Any]:
        rule, path = alarm.DEFAULT, outlook.path
        lead = alarm.lead_steps(outlook, rule.likely) * self.link.sampling_seconds
        yield nagiosplugin.Metric("probability", round(100 * path[-1].exceed_within, 2), "%", 0, 100, "probability")
        yield nagiosplugin.Metric(
            "lead", lead if path[-1].exceed_within >= rule.likely else 0.0, "s", 0, None, "numbers"
        )
        mbps = {"now": outlook.last_mbps, "threshold": outlook.threshold_mbps}
        mbps |= {"expected": path[-1].mean, "p10": path[-1].lower, "p90": path[-1].upper}
        for name, value in mbps.items():
            yield nagiosplugin.Metric(name, round(value, 3), min=0, context="numbers")


def main() -> None:
    """Entry point of `check_qos_forecast`."""
    parser = arguments.LinkArgumentParser(NAME, __doc__, service=True)
    wanted = parser.parse_link()
    check.run(
        NAME,
        LinkForecast(wanted, parser.identity(wanted)),
        check.FaultContext("likely", nagiosplugin.Warn),
        check.FaultContext("soon"),
        check.NumberContext(
            "probability", *(f"{100 * chance:g}" for chance in (alarm.DEFAULT.likely, alarm.DEFAULT.soon))
        ),
        check.NumberContext("numbers"),
        timeout=wanted.timeout,
        fault=nagiosplugin.Unknown,
    )
