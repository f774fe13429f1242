"""Samples and forecasts as series over time: where they are broken, and how many values become a column of pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nagios_plugins.links.accuracy import Due, Record
from nagios_plugins.links.records import Sample

NOT_LATE = 2.5
"""sampling intervals that the newest sample may be old without a gap being shown: the next one takes a while"""


@dataclass(frozen=True)
class Point:
    """A value at a moment (s since 1970)."""

    time: float
    value: float


@dataclass(frozen=True)
class Column:
    """What lies in one column of pixels."""

    time: float
    lowest: float
    highest: float
    mean: float


@dataclass(frozen=True)
class Gap:
    """A time (s since 1970) of which nothing is known."""

    start: float
    end: float


@dataclass(frozen=True)
class Past:
    """A forecast whose time has come, beside what came. Rates in Mbps."""

    time: float
    """s since 1970 when it came"""
    came: float
    mean: float
    lower: float
    upper: float
    is_miss: bool
    """whether it came to lie outside the interval, beyond what links/accuracy.py calls no difference"""


def runs(samples: Sequence[Sample], seconds: float) -> list[list[Sample]]:
    """Samples that follow each other without a gap, oldest first; `seconds` is the sampling interval.

    The clock on the wall may have been set meanwhile: a line must not go back in time, nor on through an hour left out.
    """
    found: list[list[Sample]] = []
    for sample in samples:
        before = found[-1][-1] if found else None
        follows = (
            before is not None
            and (sample.epoch, sample.cell) == (before.epoch, before.cell + 1)
            and 0 < sample.wall - before.wall < 2 * seconds
        )
        if follows:
            found[-1].append(sample)
        else:
            found.append([sample])
    return found


def gaps(parts: Sequence[Sequence[Sample]], seconds: float, start: float, end: float) -> list[Gap]:
    """The times between `start` and `end` that no run of samples covers."""
    edges = [start, *(edge for part in parts for edge in (part[0].wall - seconds, part[-1].wall)), end]
    found = [Gap(max(left, start), min(right, end)) for left, right in zip(edges[::2], edges[1::2], strict=True)]
    long_enough = [seconds / 2] * (len(found) - 1) + [NOT_LATE * seconds]
    return [gap for gap, least in zip(found, long_enough, strict=True) if gap.end - gap.start > least]


def thin(points: Iterable[Point], start: float, end: float, columns: int) -> list[Column]:
    """So many columns, or less, of what lies between `start` and `end`: no lowest and no highest value is lost."""
    groups: dict[int, list[Point]] = {}
    width = (end - start) / columns
    for point in points:
        if start <= point.time <= end:
            groups.setdefault(int((point.time - start) / width), []).append(point)
    return [
        _column(groups[index], start + (index + 0.5) * width)
        for index in sorted(groups)  # the clock may have been put back
    ]


def _column(group: list[Point], middle: float) -> Column:
    if len(group) == 1:
        value = group[0].value
        return Column(group[0].time, value, value, value)
    values = [point.value for point in group]
    return Column(middle, min(values), max(values), sum(values) / len(values))


def rates(part: Iterable[Sample]) -> list[Point]:
    """What a link carried, in Mbps."""
    return [Point(sample.wall, sample.mbps) for sample in part]


def past(dues: Sequence[Due]) -> list[Past]:
    """Forecasts that have come due, in Mbps."""
    record = Record(dues)
    return [
        Past(
            due.wall,
            due.came * due.capacity_mbps,
            due.mean * due.capacity_mbps,
            due.lower * due.capacity_mbps,
            due.upper * due.capacity_mbps,
            is_miss=record.newest(1, end).outside > 0,
        )
        for end, due in enumerate(dues, start=1)
    ]


def split(items: Sequence[Past], seconds: float) -> list[list[Past]]:
    """Parts of what has come due, broken where the next is not the next sampling interval's."""
    found: list[list[Past]] = []
    for item in items:
        if found and 0 < item.time - found[-1][-1].time < 1.5 * seconds:
            found[-1].append(item)
        else:
            found.append([item])
    return found
