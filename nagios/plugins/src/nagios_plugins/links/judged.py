"""A forecaster of a link and how it did, for people and for graphs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from nagios_plugins.links import words
from nagios_plugins.links.accuracy import FLOOR, Due, Record, Tally
from nagios_plugins.links.inventory import Link
from nagios_plugins.links.records import HORIZON
from nagios_plugins.links.trust import TRIAL, Trust
from nagios_plugins.links.verdict import BUDGET_WINDOW, ENOUGH, Verdict

MAX_SKILL: Final = 1000.0
"""%; on a link that hardly moves any error looks huge beside the last value's"""


class Level(IntEnum):
    """What Nagios is told."""

    GOOD = 0
    DOUBTFUL = 1
    UNTRUE = 2


@dataclass(frozen=True)
class Judged:
    """A forecaster, and what is to be said of it."""

    name: str
    verdict: Verdict
    near: Tally
    """its newest forecasts one step ahead"""
    far: Tally
    """and HORIZON steps ahead"""

    @classmethod
    def of(cls, name: str, near: Sequence[Due], far: Sequence[Due], trust: Trust) -> Judged:
        """From what has come due; `trust` is for what of it is not held against the model any more."""
        record = Record(near)
        verdict = trust.verdict(record)
        count = verdict.count or BUDGET_WINDOW
        return cls(name, verdict, record.newest(count), Record(far).newest(count))

    def numbers(self) -> Iterator[tuple[str, float, str, str]]:
        """Name, value, unit and kind of each figure that there is."""
        for ahead, tally in (("", self.near), (f"_{HORIZON}", self.far)):
            if not tally.number:
                continue
            if tally.skill is not None:
                yield f"skill{ahead}", round(max(tally.skill, -MAX_SKILL), 2), "%", "numbers"
            yield f"coverage{ahead}", round(tally.coverage, 2), "%", "numbers"
            yield f"bias{ahead}", round(tally.bias, 3), "%", "numbers"
            yield f"bias_mbps{ahead}", round(tally.bias_mbps, 4), "", "numbers"
        yield "budget_left", round(100 * self.verdict.budget_left, 2), "%", "budget"
        yield "burn_fast", round(self.verdict.fast_burn, 3), "", "fast"
        yield "burn_slow", round(self.verdict.slow_burn, 3), "", "slow"

    def sentence(self) -> str:
        """How good it is, or why it is not good enough."""
        verdict = self.verdict
        if not verdict.is_enough:
            return f"nothing to judge yet: {verdict.count} of {ENOUGH} forecasts of the {self.name} have come due"
        if verdict.reasons:
            return f"{self.name}: {' and '.join(verdict.reasons)}"
        bias = f"{'-' if self.near.bias < 0 else '+'}{words.bandwidth(abs(self.near.bias_mbps))}"
        name = f"{self.name} has nearly spent its error budget: it" if verdict.is_low else self.name
        return (
            f"{name} {self._skill()}; {self.near.coverage:.0f} % of the last {self.near.number:.0f} values within "
            f"its 80 % interval, bias {bias}, {max(100 * verdict.budget_left, 0):.0f} % of the error budget left"
        )

    def _skill(self) -> str:
        error, last = (total / self.near.number for total in (self.near.absolute, self.near.last_absolute))
        if max(error, last) < FLOOR:
            return f"is off by {100 * error:.2g} % of capacity on average"
        said = f"is {_compared(self.near)} than the last value"
        return said + (f", {HORIZON} steps ahead {_compared(self.far)}" if self.far.number else "")


def _compared(tally: Tally) -> str:
    skill = 0.0 if tally.skill is None else max(tally.skill, -MAX_SKILL)
    return f"{abs(skill):.3g} % {'worse' if skill < 0 else 'better'}"


def account(link: Link, trust: Trust, model: Judged, baseline: Judged | None) -> tuple[Level, str]:
    """What the operator is told: how good the forecasts are, and whom the link's alarms go by.

    `baseline` is None where the gate refused the model: then the "model" is the baseline, and there is no other.
    """
    subject = baseline if baseline and link.forecaster == "baseline" else model
    level = Level.UNTRUE if subject.verdict.reasons else Level.DOUBTFUL if subject.verdict.is_low else Level.GOOD
    lost = f"since {_moment(trust.since)}" + (f", as {trust.why}" if trust.why else "")
    if baseline is None:
        return level, f"{subject.sentence()}; the gate refused the model, and this baseline answers in its place"
    if link.forecaster == "baseline":
        remark = "" if trust.trusted else f"; the model is not trusted {lost}"
        return level, f"{subject.sentence()}; alarms go by the baseline, as the inventory says{remark}"
    if trust.trusted:
        return level, subject.sentence()
    if link.forecaster == "model":
        return level, f"{subject.sentence()}; alarms go by it, as the inventory says; not trusted {lost}"
    if baseline.verdict.reasons:
        return (
            Level.UNTRUE,
            f"{subject.sentence()}; alarms go by the baseline {lost}, which is no better: {baseline.sentence()}",
        )
    if level is Level.UNTRUE:
        return level, f"{subject.sentence()}; alarms go by the baseline since {_moment(trust.since)}"
    earned = f"the model has been good for {trust.good} of the {TRIAL} forecasts that it takes"
    return Level.DOUBTFUL, f"alarms go by the baseline {lost}; {earned}; {subject.sentence()}"


def _moment(wall: float | None) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(wall)) if wall is not None else "an unknown time"
    except (ValueError, OverflowError, OSError):
        return "an unknown time"
