"""What the store has of a link, as the pages want it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nagios_plugins.links.inventory import Link
from nagios_plugins.links.records import Outlook, Sample
from nagios_plugins.links.samples import samples_of
from nagios_plugins.links.store import Store
from nagios_plugins.page import series
from nagios_plugins.page.series import Gap

STALE_CELLS = 3
"""sampling intervals after which a forecast, or a newest sample at a check, says nothing of now (check_qos_forecast)"""


@dataclass(frozen=True)
class Kept:
    """A link, and what is kept of it."""

    link: Link
    now: float
    """s since 1970"""
    start: float
    """of what was read, s since 1970"""
    samples: Sequence[Sample] = ()
    """oldest first"""
    outlooks: Sequence[Outlook] = ()
    """oldest first"""
    alarm: dict[str, Any] = field(default_factory=dict)
    trust: dict[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def newest(self) -> Sample | None:
        """The newest sample."""
        return self.samples[-1] if self.samples else None

    @cached_property
    def parts(self) -> list[list[Sample]]:
        """The samples, in runs without a gap."""
        return series.runs(self.samples, self.link.sampling_seconds)

    @cached_property
    def gaps(self) -> list[Gap]:
        """The times without samples."""
        return series.gaps(self.parts, self.link.sampling_seconds, self.start, self.now)

    @cached_property
    def came(self) -> list[Sample]:
        """The samples that forecasts are compared with."""
        first = min((outlook.wall for outlook in self.outlooks), default=self.now) - self.link.sampling_seconds
        return [sample for sample in self.samples if sample.wall >= first]

    @property
    def age(self) -> float:
        """s since the newest sample; a clock that was put back makes it no younger than 0."""
        return max(0.0, self.now - self.samples[-1].wall) if self.samples else 0.0

    @property
    def is_stale(self) -> bool:
        """Whether the newest sample is too old to say something of now."""
        return self.age > (STALE_CELLS + 2) * self.link.sampling_seconds

    @cached_property
    def decided(self) -> list[Outlook]:
        """The forecasts that alarms go by."""
        return [outlook for outlook in self.outlooks if outlook.decided]

    @cached_property
    def leading(self) -> Outlook | None:
        """The newest of these, as long as it is of now."""
        newest, outlook = self.newest, next(reversed(self.decided), None)
        if newest is None or outlook is None or outlook.epoch != newest.epoch or self.is_stale:
            return None
        return outlook if newest.cell - outlook.cell <= STALE_CELLS else None

    @cached_property
    def shadow(self) -> Outlook | None:
        """The other forecaster's of the same cell."""
        cell = self.leading and (self.leading.epoch, self.leading.cell)
        found = (o for o in reversed(self.outlooks) if (o.epoch, o.cell) == cell and not o.decided)
        return next(found, None)


def read(link: Link, folder: Path, hours: float, cells: int) -> Kept:
    """What is kept of a link's last hours, and the forecasts of so many cells, the newest.

    Raises:
        StoreError: it cannot be read.
    """
    now = time.time()
    start = now - hours * 3600
    with Store.open_read_only(folder, link.name) as store:
        readings = store.read_readings(int(hours * 3600 / link.sampling_seconds) + 2)
        samples = [sample for sample in samples_of(readings, link.sampling_seconds) if sample.wall >= start]
        outlooks, alarm, trust = store.read_outlooks(cells), store.state("alarm"), store.state("trust")
        return Kept(link, now, start, samples, outlooks, alarm, trust, store.notes)
