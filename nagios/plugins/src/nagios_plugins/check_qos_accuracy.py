"""Do a link's forecasts come true, and may its alarms go by the model?

Joins what was forecast with what came. CRITICAL where the model is not to be relied on: its error budget is spent or
burns too fast, it is biased, or it is worse than the last value (links/verdict.py has the limits and where they come
from). The link's alarms then go by the baseline, and the check says so (WARNING), until the model has been good for 60
forecasts in a row. The inventory's `forecaster` overrides that. No service is asked: what both said is in the store.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import nagiosplugin

from nagios_plugins import arguments, check
from nagios_plugins.http import ServiceError
from nagios_plugins.links import words
from nagios_plugins.links.accuracy import Due, Key, due, of_newest_version
from nagios_plugins.links.inventory import Link
from nagios_plugins.links.judged import Judged, Level, account
from nagios_plugins.links.records import HORIZON, WINDOW, Forecaster, Outlook, Reading, Sample
from nagios_plugins.links.samples import samples_of
from nagios_plugins.links.store import Store
from nagios_plugins.links.trust import NEVER, Trust, step
from nagios_plugins.links.verdict import BUDGET_WINDOW, FAST_BURN, LOW_BUDGET, SLOW_BURN

NAME = "ACCURACY"
STALE_CELLS: Final = 20
"""A forecast that is older, or that should have come due so long ago, says that nothing goes on."""
FORECASTERS: Final[tuple[Forecaster, ...]] = ("model", "baseline")
CELLS: Final = BUDGET_WINDOW + 60
"""that are read: those that are judged, and those that came since the check ran last"""


class Accuracy(check.LinkResource):
    """A link, and how its forecasts have come true."""

    def __init__(self, link: Link, folder: Path) -> None:
        super().__init__(link, folder)
        self.now = int(time.clock_gettime(time.CLOCK_BOOTTIME) // link.sampling_seconds)
        """the cell that is not over yet"""

    def look(self, store: Store) -> Iterable[Any]:
        """What is wrong with the forecasts, and the numbers.

        Raises:
            ServiceError: nothing can be said of them.
        """
        outlooks = store.read_outlooks(CELLS)
        readings = store.read_readings(2 * CELLS)
        samples = samples_of(readings, self.link.sampling_seconds)
        if not outlooks:
            self.sentence = self._nothing_forecast(readings, samples)
            return []
        versions = {outlook.forecaster: outlook.model_version for outlook in outlooks}
        is_refused = versions.get("model") == versions.get("baseline")
        near = {who: of_newest_version(due(outlooks, samples, who)) for who in FORECASTERS}
        far = {who: of_newest_version(due(outlooks, samples, who, HORIZON)) for who in FORECASTERS}
        self._refuse_stale(outlooks, max((dues[-1].key for dues in near.values() if dues), default=NEVER))
        trust = self._trust(store, [] if is_refused else near["model"])
        model, baseline = (
            Judged.of(
                f"{who} {versions.get(who, '')}".strip(), near[who], far[who], trust if who == "model" else Trust()
            )
            for who in FORECASTERS
        )
        level, self.sentence = account(self.link, trust, model, None if is_refused else baseline)
        subject = baseline if self.link.forecaster == "baseline" else model
        wrong = [] if level is Level.GOOD else [nagiosplugin.Metric(level.name.lower(), self.sentence)]
        return [
            *wrong,
            *(
                nagiosplugin.Metric(name, value, unit, context=context)
                for name, value, unit, context in subject.numbers()
            ),
        ]

    def _nothing_forecast(self, readings: Sequence[Reading], samples: Sequence[Sample]) -> str:
        """Too little history is no fault, unless it stays so; that nothing can be measured is Traffic's to tell."""
        if not readings:
            return "nothing to judge yet: nothing has been measured"
        newest = int(readings[-1].uptime // self.link.sampling_seconds)
        if self._is_old(newest):
            raise ServiceError(f"the newest reading is {self._of_when(newest)}: see Traffic")
        if len(samples) > WINDOW + STALE_CELLS:
            raise ServiceError(f"there are {len(samples)} samples, but nothing was forecast: see Forecast")
        return "nothing to judge yet: no forecast has been made"

    def _refuse_stale(self, outlooks: Sequence[Outlook], newest_due: Key) -> None:
        newest = outlooks[-1]
        if self._is_old(newest.cell):
            raise ServiceError(f"the newest forecast is {self._of_when(newest.cell)}: see Forecast")
        waiting = [
            each.cell for each in outlooks if each.epoch == newest.epoch and (each.epoch, each.cell) > newest_due
        ]
        if waiting and self._is_old(waiting[0]):
            raise ServiceError(f"no forecast has come due since the one {self._of_when(waiting[0])}: see Traffic")

    def _is_old(self, cell: int) -> bool:
        return not -1 <= self.now - cell <= STALE_CELLS

    def _of_when(self, cell: int) -> str:
        if cell > self.now:  # the clock of the cells began anew
            return "of before the machine or its sampling began anew"
        return f"of {words.duration((self.now - cell) * self.link.sampling_seconds)} ago"

    @staticmethod
    def _trust(store: Store, dues: Sequence[Due]) -> Trust:
        """After what has come due since the last check; if that is nothing, or the model is the baseline, as before."""
        before = Trust.of(store.state("trust"))
        after = step(before, dues)
        if after != before:
            store.set_state("trust", after.as_state())
        return after


def main() -> None:
    """Entry point of `check_qos_accuracy`."""
    parser = arguments.LinkArgumentParser(NAME, __doc__)
    wanted = parser.parse_link()
    check.run(
        NAME,
        Accuracy(wanted.link, wanted.store),
        check.FaultContext("doubtful", nagiosplugin.Warn),
        check.FaultContext("untrue"),
        check.NumberContext("numbers"),
        check.NumberContext("budget", f"{100 * LOW_BUDGET:g}:", "0:"),
        check.NumberContext("fast", critical=f"{FAST_BURN:g}"),
        check.NumberContext("slow", critical=f"{SLOW_BURN:g}"),
        timeout=wanted.timeout,
        fault=nagiosplugin.Unknown,
    )
