"""When an outlook is a reason to warn: probability, lead time, and a hysteresis so that an alarm does not flap.

The same rule is behind the check and behind `make replay-alerts`, which says how good it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any, Final

from nagios_plugins.links.records import Outlook


class Level(IntEnum):
    """How much a link is a reason to act."""

    CALM = 0
    LIKELY = 1
    """it is likely to pass the threshold within the horizon: WARNING"""
    SOON = 2
    """it is very likely to pass it, and soon: CRITICAL"""
    FULL = 3
    """it is above the threshold now: CRITICAL"""


@dataclass(frozen=True)
class Rule:
    """What is warned of. Probabilities are those of passing the threshold at one step or more."""

    likely: float = 0.35
    """probability within the horizon from which on it is a WARNING: on the validation splits of seven measured sets, of
    0.35 to 0.5 the best mean of what comes true (about half) and what is warned of (two of three times on most)"""
    soon: float = 0.8
    """probability within `soon_steps` from which on it is CRITICAL"""
    soon_steps: int = 3
    """steps; an alarm that has more time than that need not wake anybody"""
    release: float = 0.6
    """a level is let go below this share of the probability that raised it"""
    release_percent: float = 2.0
    """and a full link is full until it is so far below the threshold, % of capacity"""
    calm_steps: int = 3
    """steps in a row that have to be calmer before a level falls"""


DEFAULT: Final = Rule()


@dataclass(frozen=True)
class Alarm:
    """A link's alarm after an outlook."""

    level: Level = Level.CALM
    epoch: int = -1
    cell: int = -1
    """of the outlook that was judged last"""
    since: float = 0.0
    """s since 1970, at the end of the cell that brought this level"""
    calmer: int = 0
    """outlooks in a row that would let the level fall"""

    def as_state(self) -> dict[str, Any]:
        """For the store."""
        return asdict(self) | {"level": int(self.level)}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Alarm:
        """From the store; what cannot be read there is a link without an alarm."""
        try:
            level, since = Level(state["level"]), float(state["since"])
            return cls(level, int(state["epoch"]), int(state["cell"]), since, int(state["calmer"]))
        except (KeyError, TypeError, ValueError):
            return cls()


@dataclass(frozen=True)
class Claim:
    """What an alarm says of an outlook."""

    steps: int
    """within which the threshold is passed"""
    probability: float
    """that it is"""
    is_held: bool
    """whether the hysteresis holds the alarm's level: the outlook by itself would be a lower one"""


def judge(alarm: Alarm, outlook: Outlook, rule: Rule = DEFAULT) -> Alarm:
    """The alarm after an outlook; a level rises at once, and falls when it was calmer for some steps.

    An outlook that was judged already changes nothing.
    """
    if (outlook.epoch, outlook.cell) == (alarm.epoch, alarm.cell):
        return alarm
    wanted, held = _level(outlook, rule), _level(outlook, _released(rule, alarm.level), full=alarm.level is Level.FULL)
    calmer = 0
    if wanted > alarm.level:
        level = wanted
    elif held >= alarm.level:
        level = alarm.level
    else:
        calmer = alarm.calmer + 1
        level = alarm.level if calmer < rule.calm_steps else held
    changed = level is not alarm.level or alarm.since == 0
    return Alarm(level, outlook.epoch, outlook.cell, outlook.wall if changed else alarm.since, 0 if changed else calmer)


def claim(alarm: Alarm, outlook: Outlook, rule: Rule = DEFAULT) -> Claim:
    """What is to be said of an outlook that the alarm was judged by."""
    steps = lead_steps(outlook, rule.soon) if alarm.level is Level.SOON else len(outlook.path)
    return Claim(steps, outlook.path[steps - 1].exceed_within, alarm.level > _level(outlook, rule))


def lead_steps(outlook: Outlook, probability: float) -> int:
    """Steps until the threshold is passed with this probability; the whole horizon where it never is."""
    within = [step.exceed_within for step in outlook.path]
    return next((step for step, chance in enumerate(within, start=1) if chance >= probability), len(within))


def _level(outlook: Outlook, rule: Rule, *, full: bool = False) -> Level:
    release_mbps = rule.release_percent / 100 * outlook.capacity_mbps if full else 0.0
    if outlook.last_mbps > outlook.threshold_mbps - release_mbps:
        return Level.FULL
    if outlook.path[min(rule.soon_steps, len(outlook.path)) - 1].exceed_within >= rule.soon:
        return Level.SOON
    return Level.LIKELY if outlook.path[-1].exceed_within >= rule.likely else Level.CALM


def _released(rule: Rule, level: Level) -> Rule:
    """What it takes to hold a level that is there; to reach another one takes what it always takes."""
    likely = rule.likely * (rule.release if level >= Level.LIKELY else 1)
    soon = rule.soon * (rule.release if level >= Level.SOON else 1)
    return Rule(likely, soon, rule.soon_steps, rule.release, rule.release_percent, rule.calm_steps)
