"""How a link is, in one word and one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nagios_plugins.links import alarm
from nagios_plugins.links.alarm import Alarm, Level
from nagios_plugins.links.records import WINDOW, Outlook, Sample
from nagios_plugins.links.samples import newest_run
from nagios_plugins.links.words import percent as chance
from nagios_plugins.page import words
from nagios_plugins.page.kept import Kept

LEVELS: Final = ("critical", "warning", "unknown", "waiting", "ok")
"""what has to be looked at first"""
WORDS: Final = {Level.CALM: "ok", Level.LIKELY: "warning", Level.SOON: "critical", Level.FULL: "critical"}


@dataclass(frozen=True)
class State:
    """How a link is."""

    level: str
    """of LEVELS"""
    sentence: str
    since: float | None = None
    """s since 1970; None where nobody has noted it"""
    runbook: str = "link-forecast"
    """says what to do"""


def of(kept: Kept) -> State:
    """The alarm's state, or why there is none."""
    if kept.newest is None:
        span = words.duration(kept.now - kept.start)
        return State("unknown", f"No sample in the last {span}: see Traffic in Nagios.", runbook="traffic")
    if kept.is_stale:
        age = words.duration(kept.age)
        sentence = f"No sample for {age}, so nobody knows what comes: see Traffic in Nagios."
        return State("unknown", sentence, runbook="traffic")
    if kept.leading is None:
        return _without_forecast(kept)
    now = Alarm.of_state(kept.alarm)
    since = now.since if words.is_time(now.since) and now.since > 0 else None
    return State(WORDS[now.level], _sentence(now, kept.leading, kept.newest, kept.link.sampling_seconds), since)


def _sentence(now: Alarm, outlook: Outlook, newest: Sample, seconds: float) -> str:
    limit = words.plain_rate(outlook.threshold_mbps)
    if newest.mbps > outlook.threshold_mbps:  # it may be newer than the forecast
        return f"Full: {words.rate(newest.mbps)}, above the threshold of {limit}."
    claim = alarm.claim(now, outlook)
    text = f"{chance(claim.probability)} likely to pass {limit} within {words.duration(claim.steps * seconds)}"
    return f"{text}; not yet calm again." if claim.is_held else f"{text}."


def _without_forecast(kept: Kept) -> State:
    seconds = kept.link.sampling_seconds
    count = len(newest_run(list(kept.samples[-WINDOW:])))
    if count < WINDOW:
        wait = words.duration((WINDOW - count) * seconds)
        sentence = f"Too little history: {count} of {WINDOW} samples in a row; a forecast can be made in {wait}."
        return State("waiting", sentence)
    if kept.decided:
        made = words.moment(kept.decided[-1].wall, kept.now)
        return State("unknown", f"The newest forecast is of {made}, and too old: see Forecast in Nagios.")
    return State("unknown", "No forecast has been made: see Forecast in Nagios.")
