"""What the templates are told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nagios_plugins.links.inventory import Link
from nagios_plugins.links.records import HORIZON, Outlook, Sample, Step
from nagios_plugins.links.store import StoreError
from nagios_plugins.links.verdict import BUDGET_WINDOW
from nagios_plugins.page import kept as store
from nagios_plugins.page import pictures, series, state
from nagios_plugins.page.charts import Chart
from nagios_plugins.page.drawing import threshold
from nagios_plugins.page.judged import AHEAD, Judged
from nagios_plugins.page.kept import Kept
from nagios_plugins.page.series import Past
from nagios_plugins.page.state import State

OVERVIEW_HOURS = 1
OVERVIEW_CELLS = HORIZON
"""whose forecasts a row needs: the newest that is not past"""
CHANCES_HOURS = 1
"""to show probabilities of; of more hours there would be too many forecasts to read"""
CHANCES_CELLS = 720
"""whose forecasts are that, where a sample is taken every 5 s"""
JUDGED_CELLS = BUDGET_WINDOW + 2 * HORIZON
"""whose forecasts are judged, those included that have not come due"""
ROWS = 12
"""of a table of numbers"""


@dataclass(frozen=True)
class Row:
    """A link in the overview."""

    name: str
    state: State
    sampling_seconds: float
    newest: Sample | None = None
    age: float = 0.0
    leading: Outlook | None = None
    spark: Chart | None = None


@dataclass(frozen=True)
class Coming:
    """One step of the newest forecast."""

    time: float
    step: Step
    other: Step | None
    """the shadow's"""


@dataclass(frozen=True)
class Stretch:
    """A part of the time that a picture shows, in numbers (Mbps)."""

    start: float
    end: float
    count: int
    lowest: float | None = None
    mean: float | None = None
    highest: float | None = None


@dataclass(frozen=True)
class Compared:
    """Forecasts some steps ahead beside what came."""

    chart: Chart
    newest: Sequence[Past]


def overview(links: Iterable[Link], folder: Path) -> dict[str, Any]:
    """Every link, what is wrong first.

    Raises:
        StoreError: nothing at all can be read.
    """
    rows, faults = [], []
    for link in links:
        try:
            rows.append(_row(store.read(link, folder, OVERVIEW_HOURS, OVERVIEW_CELLS)))
        except StoreError as error:
            faults.append(error)
            rows.append(Row(link.name, State("unknown", f"The store cannot be read: {error}."), link.sampling_seconds))
    if faults and len(faults) == len(rows):
        raise faults[0]
    rows.sort(key=lambda row: (state.LEVELS.index(row.state.level), row.name))
    counts = {level: sum(row.state.level == level for row in rows) for level in state.LEVELS}
    worst = rows[0].state.level if rows else "ok"
    return {"rows": rows, "counts": counts, "icon": worst, "now": time.time()}


def _row(kept: Kept) -> Row:
    spark = pictures.spark(kept)
    return Row(kept.link.name, state.of(kept), kept.link.sampling_seconds, kept.newest, kept.age, kept.leading, spark)


def link(wanted: Link, folder: Path, hours: int) -> dict[str, Any]:
    """All that is known of a link.

    Raises:
        StoreError: it cannot be read.
    """
    cells = CHANCES_CELLS if hours <= CHANCES_HOURS else JUDGED_CELLS
    kept = store.read(wanted, folder, hours, cells)
    return facts(kept, hours)


def facts(kept: Kept, hours: int) -> dict[str, Any]:
    """What is shown of what is kept."""
    judged, newest, now = Judged(kept), kept.newest, state.of(kept)
    return {
        "hours": hours,
        "link": kept.link,
        "kept": kept,
        "now": kept.now,
        "state": now,
        "icon": now.level,
        "threshold": threshold(kept.link, newest) if newest else None,
        "near": pictures.near(kept, newest) if newest else None,
        "coming": coming(kept),
        "recent": list(reversed(kept.samples[-ROWS:])),
        "long": pictures.long(kept),
        "chances": pictures.chances(kept) if kept.decided and hours <= CHANCES_HOURS else None,
        "stretches": stretches(kept),
        "gaps": list(reversed(kept.gaps[-ROWS:])),
        "compared": compared(judged),
        "judged": judged,
    }


def coming(kept: Kept) -> list[Coming]:
    """The steps of the newest forecast."""
    leading, shadow, seconds = kept.leading, kept.shadow, kept.link.sampling_seconds
    if leading is None:
        return []
    others = shadow.path if shadow else (None,) * len(leading.path)
    pairs = zip(leading.path, others, strict=True)
    return [Coming(leading.wall + (index + 1) * seconds, *pair) for index, pair in enumerate(pairs)]


def stretches(kept: Kept) -> list[Stretch]:
    """What a link carried, in some numbers."""
    width = (kept.now - kept.start) / ROWS
    groups: list[list[float]] = [[] for _ in range(ROWS)]
    for sample in kept.samples:
        if sample.wall < kept.now:  # the clock may have been put back
            groups[min(int((sample.wall - kept.start) / width), ROWS - 1)].append(sample.mbps)
    found = []
    for index, values in enumerate(groups):
        start, end = kept.start + index * width, kept.start + (index + 1) * width
        known = (min(values), sum(values) / len(values), max(values)) if values else (None, None, None)
        found.append(Stretch(start, end, len(values), *known))
    return found


def compared(judged: Judged) -> list[Compared]:
    """How the forecasts that alarms go by did."""
    found = []
    for ahead in AHEAD:
        if forecasts := series.past(judged.dues[judged.forecaster, ahead]):
            chart = pictures.past(judged.kept, forecasts, ahead, judged.forecaster)
            found.append(Compared(chart, list(reversed(forecasts[-ROWS:]))))
    return found
