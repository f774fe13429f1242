"""What was found on each set, and over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from alert_replay.choice import choose
from alert_replay.configured import Levels, levels
from alert_replay.counts import Point, alike, point
from alert_replay.episodes import Episodes, episodes
from alert_replay.leads import Leads, leads
from alert_replay.linkset import LinkSet
from alert_replay.reliability import Bin, bins
from alert_replay.rivals import others, rivals
from alert_replay.scores import ask, within
from alert_replay.series import Mask
from ml_inference.bundle import Bundle
from ml_inference.forecasting.layout import Double

FORECAST: Final = "forecast"
SCORED: Final = "probability of passing the threshold within the horizon"


@dataclass(frozen=True, eq=False)
class Method:
    """One way to warn, at the wanted recall."""

    name: str
    how: str
    """its settings in words"""
    score: Double
    """[moments]"""
    point: Point
    leads: Leads


@dataclass(frozen=True, eq=False)
class Verdict:
    """One set."""

    links: LinkSet
    methods: Mapping[str, Method]
    """the forecast alert and its rivals"""
    others: Mapping[str, Method]
    """rivals set up otherwise"""
    rivals_chosen: bool
    """whether the rivals' settings were chosen on the past"""
    probability: Double
    """[samples] of passing the threshold within the horizon; NaN where none was given"""
    levels: Levels
    """[samples] of the alarm as it is configured"""
    episodes: Episodes
    """of that alarm"""

    @property
    def name(self) -> str:
        """Of the set."""
        return self.links.name

    @property
    def all_methods(self) -> dict[str, Method]:
        """Those that are compared, and the rivals set up otherwise."""
        return {**self.methods, **self.others}

    @property
    def forecast(self) -> Method:
        """The alert that is judged."""
        return self.methods[FORECAST]

    @property
    def events(self) -> Mask:
        """[moments] what came."""
        return self.links.series.events

    @cached_property
    def bins(self) -> list[Bin]:
        """Reliability of the forecast alert's probabilities."""
        return bins(self.forecast.score, self.events)

    @cached_property
    def best_rival(self) -> Method:
        """The one with the fewest false alarms."""
        return min(
            (method for name, method in self.methods.items() if name != FORECAST),
            key=lambda method: method.point.fair_false_alarms,
        )

    @property
    def ratio(self) -> float | None:
        """The forecast alert's false alarms / the best rival's; None where that has none and the alert has some."""
        return ratio(self.forecast, self.best_rival)

    def per_day(self, method: Method) -> float:
        """Its false alarms per day of link time."""
        return method.point.false_alarms / self.links.series.days


def ratio(method: Method, other: Method) -> float | None:
    """False alarms of the one / of the other, both at exactly the wanted recall; None for anything / 0."""
    mine, theirs = method.point.fair_false_alarms, other.point.fair_false_alarms
    if theirs == 0:
        return 1.0 if mine == 0 else None
    return mine / theirs


def judge_set(links: LinkSet, bundle: Bundle, recall: float) -> Verdict:
    """Replay one set."""
    series = links.series
    said = ask(links, bundle)
    probability = within(series, said)
    choice = choose(links.past, links.threshold, recall)

    def method(name: str, how: str, score: Double) -> Method:
        at = point(score, series.events, recall)
        return Method(name, how, score, at, leads(series, alike(score) >= at.cut))

    level = levels(series, said)
    return Verdict(
        links=links,
        methods={FORECAST: method(FORECAST, SCORED, probability[series.moments])}
        | {name: method(name, rival.how, rival.score) for name, rival in rivals(series, choice).items()},
        others={name: method(name, rival.how, rival.score) for name, rival in others(series, choice).items()},
        rivals_chosen=choice.on_past,
        probability=probability,
        levels=level,
        episodes=episodes(series, level),
    )
