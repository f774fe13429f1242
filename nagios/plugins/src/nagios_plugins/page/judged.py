"""How the forecasts of a link did, who answers, and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import get_args

from nagios_plugins.links.accuracy import Due, Record, Tally, due, of_newest_version
from nagios_plugins.links.records import HORIZON, Forecaster
from nagios_plugins.links.trust import TRIAL, Trust
from nagios_plugins.links.verdict import BUDGET_WINDOW, ENOUGH, FAST, OBJECTIVE, SLOW, Verdict, judge
from nagios_plugins.page import words
from nagios_plugins.page.kept import Kept

AHEAD = (1, HORIZON)
"""steps whose forecasts are compared with what came"""


@dataclass(frozen=True)
class Score:
    """How one forecaster did, some steps ahead."""

    forecaster: Forecaster
    ahead: int
    tally: Tally


@dataclass(frozen=True)
class Judged:
    """What came of a link's forecasts."""

    kept: Kept

    @cached_property
    def forecaster(self) -> Forecaster:
        """Whom alarms go by."""
        newest = self.kept.decided[-1:]
        return newest[0].forecaster if newest else self.trust.forecaster(self.kept.link)

    @cached_property
    def trust(self) -> Trust:
        """Whether the model is trusted."""
        return Trust.of(self.kept.trust)

    @cached_property
    def dues(self) -> dict[tuple[Forecaster, int], list[Due]]:
        """What has come due of each forecaster's newest version, by the steps that it looked ahead."""
        kept, found = self.kept, {}
        for forecaster in get_args(Forecaster):
            for ahead in AHEAD:
                found[forecaster, ahead] = of_newest_version(due(kept.outlooks, kept.came, forecaster, ahead))
        return found

    @property
    def scores(self) -> list[Score]:
        """Of each forecaster that something has come due of, whom alarms go by first."""
        found = [
            Score(forecaster, ahead, Record(dues).newest(BUDGET_WINDOW))
            for (forecaster, ahead), dues in self.dues.items()
            if dues
        ]
        return sorted(found, key=lambda score: (score.forecaster != self.forecaster, score.ahead))

    @cached_property
    def verdict(self) -> Verdict | None:
        """On whom alarms go by; None as long as nothing has come due."""
        dues = self.dues[self.forecaster, 1]
        if not dues:
            return None
        record = Record(dues)
        return self.trust.verdict(record) if self.forecaster == "model" else judge(record)

    enough, fast, slow = ENOUGH, FAST, SLOW

    @property
    def budget_in_words(self) -> str:
        """What the error budget is."""
        later = words.duration(self.kept.link.sampling_seconds)
        return (
            f"A forecast is bad where the value {later} later fell outside its 80 % interval. "
            f"Of the newest {BUDGET_WINDOW} up to {(1 - OBJECTIVE) * BUDGET_WINDOW:.0f} may be."
        )

    @property
    def answer(self) -> str:
        """Who answers, since when, and why."""
        trust, link, now = self.trust, self.kept.link, self.kept.now
        since = f" since {words.moment(trust.since, now)}" if words.is_time(trust.since) and trust.since else ""
        if link.forecaster != "auto":
            return f"The {link.forecaster} answers, as the inventory says, whatever the figures are."
        if trust.trusted:
            return f"The model answers; it is trusted{f'{since} again' if since else ', and never was not'}."
        return (
            f"The baseline answers{since}, as the model is not trusted: {trust.why}. The model has to be good "
            f"{TRIAL} times in a row to be trusted again; it was {trust.good} times."
        )
