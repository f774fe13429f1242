"""Where a value lies in a picture, and where the ticks of its axes do."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from nagios_plugins.page import words

SIZE = 1000.0
"""Width and height of what is drawn, stretched to the place that there is."""
HEADROOM = 1.12
"""Room above the highest value."""
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""s between ticks"""
LEAST = 1e-9
"""Mbps that are not nothing"""
MOST_TICKS = 6
"""that a phone has room for"""


@dataclass(frozen=True)
class Tick:
    """A line across the picture, and what stands beside it."""

    at: float
    """% of the picture's width or height, from the left or the top"""
    text: str


@dataclass(frozen=True)
class Frame:
    """What a picture shows: a span of time (s since 1970) and values from 0."""

    start: float
    end: float
    top: float

    def x(self, moment: float) -> float:
        """Distance from the left edge."""
        return SIZE * min(max((moment - self.start) / (self.end - self.start), 0.0), 1.0)

    def y(self, value: float) -> float:
        """Distance from the top."""
        return SIZE * (1 - min(max(value / self.top, 0.0), 1.0))


def top(highest: float, limit: float, capacity: float) -> tuple[float, bool]:
    """The highest value of an axis in Mbps, and whether the limit is in the picture.

    A limit far above would press the curve flat; where it is not in the picture, the picture says so.
    """
    if highest < LEAST:
        return max(limit, capacity) * HEADROOM, True
    shows_limit = limit <= 2.5 * highest
    return max(highest, limit if shows_limit else 0.0) * HEADROOM, shows_limit


def value_ticks(frame: Frame, size: float = 1.0, count: int = 4) -> list[Tick]:
    """Round values from 0; `size` is the unit that they are said in."""
    rough = frame.top / size / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    return [
        Tick(frame.y(number * step * size) / 10, words.plain(number * step))
        for number in range(int(frame.top / size / step) + 1)
    ]


def time_ticks(frame: Frame) -> list[Tick]:
    """Round times of day here."""
    span = frame.end - frame.start
    step = next((step for step in STEPS if span / step <= MOST_TICKS), STEPS[-1])
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 21600 else "%a %H:%M"
    # Round in the zone that the span ends in; where clocks were put on or back within it, older ticks are an hour off.
    shift = time.localtime(frame.end).tm_gmtoff
    first = math.ceil((frame.start + shift) / step) * step - shift
    moments = [first + number * step for number in range(int((frame.end - first) / step) + 1)]
    return [Tick(frame.x(moment) / 10, time.strftime(form, time.localtime(moment))) for moment in moments]


def distance_ticks(frame: Frame, now: float) -> list[Tick]:
    """Round distances from `now` back, and that of the end, where that lies ahead."""
    span = now - frame.start
    step = next((step for step in STEPS if span / step <= MOST_TICKS - 2), STEPS[-1])
    back = [Tick(frame.x(now - n * step) / 10, f"−{words.duration(n * step)}") for n in range(1, int(span / step) + 1)]
    ahead = [Tick(100.0, f"+{words.duration(frame.end - now)}")] if frame.end > now else []
    return [*reversed(back), Tick(frame.x(now) / 10, "now"), *ahead]
