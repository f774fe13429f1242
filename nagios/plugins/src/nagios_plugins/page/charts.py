"""What a picture is made of: paths in a square of SIZE, which the browser stretches, and words at a part of its width.

Words are not stretched, so they stay readable on a phone. There is no style in it but names of classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from nagios_plugins.page.scales import SIZE, Frame, Tick
from nagios_plugins.page.series import Column, Gap

Pair = tuple[float, float]

HOLE_WITH_WORDS = 0.2 * SIZE
"""width of one that has room for them, on a phone too"""


@dataclass(frozen=True)
class Shape:
    """A path, and the class that says what it is."""

    name: str
    path: str


@dataclass(frozen=True)
class Label:
    """Words in a picture."""

    name: str
    text: str
    x: float
    """% of the width"""
    y: float
    """% of the height"""
    anchor: Literal["start", "middle", "end"] = "start"


@dataclass(frozen=True)
class Key:
    """A line of the legend: the class of a shape, and what it stands for."""

    name: str
    text: str


@dataclass(frozen=True)
class Chart:
    """A picture with all that has to be said of it."""

    title: str
    description: str
    kind: str = "high"
    """class that gives the height"""
    shapes: list[Shape] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    x_ticks: list[Tick] = field(default_factory=list)
    y_ticks: list[Tick] = field(default_factory=list)
    x_title: str = ""
    y_title: str = ""


def line(points: Iterable[Pair]) -> str:
    """A line through points; one alone is a dot, where line ends are round."""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    if not path:
        return ""
    return f"M{path}" if "L" in path else f"M{path}h0"


def band(upper: Sequence[Pair], lower: Sequence[Pair]) -> str:
    """What lies between two lines."""
    return f"{line([*upper, *reversed(lower)])}z" if upper else ""


def dots(points: Iterable[Pair]) -> str:
    """A dot at each point."""
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)


def across(frame: Frame, value: float) -> str:
    """A level line."""
    return line([(0.0, frame.y(value)), (SIZE, frame.y(value))])


def upright(frame: Frame, moment: float) -> str:
    """A line at a moment."""
    return line([(frame.x(moment), 0.0), (frame.x(moment), SIZE)])


def holes(frame: Frame, found: Iterable[Gap]) -> str:
    """The times without a sample, each at least as wide as can be seen."""
    path = ""
    for gap in found:
        left, right = frame.x(gap.start), frame.x(gap.end)
        path += f"M{left:.1f} 0H{max(right, left + 1.5):.1f}V{SIZE:g}H{left:.1f}z"
    return path


def hole_labels(frame: Frame, found: Iterable[Gap]) -> list[Label]:
    """What stands in those that are wide enough."""
    edges = ((frame.x(gap.start), frame.x(gap.end)) for gap in found)
    middles = [(left + right) / 2 for left, right in edges if right - left > HOLE_WITH_WORDS]
    return [Label("hole", "no samples", middle / 10, 50, "middle") for middle in middles]


def spread(frame: Frame, parts: Iterable[Sequence[Column]]) -> str:
    """From the lowest to the highest value of each column."""
    return "".join(
        band(
            [(frame.x(column.time), frame.y(column.highest)) for column in part],
            [(frame.x(column.time), frame.y(column.lowest)) for column in part],
        )
        for part in parts
    )


def bars(frame: Frame, columns: Iterable[Column]) -> str:
    """From the bottom to the highest value of each column."""
    return "".join(f"M{frame.x(column.time):.1f} {SIZE:g}V{frame.y(column.highest):.1f}" for column in columns)


def means(frame: Frame, parts: Iterable[Sequence[Column]]) -> str:
    """Through the means of the columns."""
    return "".join(line([(frame.x(column.time), frame.y(column.mean)) for column in part]) for part in parts)
