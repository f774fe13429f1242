"""A quantity by steps ahead: one line per model with its interval, named at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.markers import CARETDOWN, CARETUP
from matplotlib.ticker import FixedLocator, MaxNLocator, ScalarFormatter

from ml_inference.report import canvas
from ml_inference.report.canvas import Frame
from ml_inference.report.formats import fixed, name_of, steps
from ml_inference.report.palette import FOCUS, INK, MUTED, PROMINENT, look_of

DODGE = 0.085  # steps between two models at the same horizon
LABEL_GAP = 13.0  # px between two names
NARROW = Frame()
SHORT = Frame(height=200)
WIDE = Frame(width=760, height=300, right=120)
WIDE_SHORT = Frame(width=760, height=220, right=120)


@dataclass(frozen=True)
class Point:
    """A value at a horizon, its interval if there is one."""

    horizon: int
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Line:
    """One model's points."""

    model: str
    points: tuple[Point, ...]


def draw(name: str, title: str, unit: str, lines: Sequence[Line], frame: Frame = NARROW, base: float = 0.0) -> str:
    """The chart; `base` is where the reference (persistence, the optimum) lies, drawn as a strong line."""
    digits = 1 if unit.endswith("%") else 3
    told = [
        f"{name_of(line.model)} "
        + ", ".join(f"{fixed(point.value, digits)} at {steps(point.horizon)}" for point in line.points)
        for line in lines
    ]
    description = f"{title}. {unit}: {'; '.join(told)}."
    return canvas.draw(name, description, frame, lambda axes: _paint(axes, unit, lines, base))


def limits(values: dict[str, list[float]], base: float) -> tuple[float, float]:
    """A range that serves the models that matter; the others may lie outside it, on the lower side at most."""
    focus = [value for model in values if model in FOCUS for value in values[model]] + [base]
    every = [value for found in values.values() for value in found] + [base]
    if len(focus) == 1:
        focus = every
    room = (max(focus) - min(focus)) or 0.1 * abs(base) or 1.0
    low, high = max(min(every), min(focus) - 0.3 * room), min(max(every), max(focus) + 0.6 * room)
    return low - 0.06 * (high - low), high + 0.08 * (high - low)


def spread(places: Sequence[float], gap: float, top: float) -> list[float]:
    """Places moved as little as needed so that neighbours are `gap` apart and none is above `top`."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = [0.0] * len(places)
    previous = -float("inf")
    for index in order:
        moved[index] = previous = max(places[index], previous + gap)
    ceiling = top
    for index in reversed(order):
        moved[index] = ceiling = min(moved[index], ceiling)
        ceiling -= gap
    return moved


def _paint(axes: Axes, unit: str, lines: Sequence[Line], base: float) -> None:
    horizons = sorted({point.horizon for line in lines for point in line.points})
    values = {line.model: [number for point in line.points for number in _numbers(point)] for line in lines}
    bottom, top = limits(values, base)
    axes.set_ylim(bottom, top)
    axes.set_xlim(min(horizons) - 0.45, max(horizons) + 0.45)
    axes.axhline(base, color=MUTED, linewidth=1.2, zorder=1)
    middle = (len(lines) - 1) / 2
    for index, line in reversed(list(enumerate(lines))):
        _line(axes, line, (index - middle) * DODGE, (bottom, top))
    _names(axes, lines, middle)
    axes.grid(visible=False, axis="x")
    axes.xaxis.set_major_locator(FixedLocator(horizons))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(ScalarFormatter(useOffset=False))
    canvas.title(axes, unit, "steps ahead")


def _numbers(point: Point) -> list[float]:
    return [number for number in (point.value, point.low, point.high) if number is not None]


def _line(axes: Axes, line: Line, shift: float, window: tuple[float, float]) -> None:
    look, strong = look_of(line.model), line.model in PROMINENT
    x = [point.horizon + shift for point in line.points]
    y = [point.value for point in line.points]
    order = 4 if strong else 3
    width = 1.5 if strong else 0.9
    axes.plot(x, y, color=look.colour, linewidth=width, alpha=0.9 if strong else 0.55, zorder=order)
    for place, point in zip(x, line.points, strict=True):
        if point.low is not None and point.high is not None:
            axes.vlines(place, point.low, point.high, look.colour, linewidth=width + 0.3, zorder=order)
        if window[0] <= point.value <= window[1]:
            axes.plot(
                place, point.value, look.marker, color=look.colour, ms=5.5 if strong else 4.5, mew=0, zorder=order
            )
        else:
            low = point.value < window[0]
            edge = window[0] + (0.02 if low else 0.98) * (window[1] - window[0])
            axes.plot(place, edge, marker=CARETDOWN if low else CARETUP, color=look.colour, ms=6, mew=0, zorder=order)


def _names(axes: Axes, lines: Sequence[Line], middle: float) -> None:
    box = axes.get_window_extent()
    bottom, top = axes.get_ylim()

    def pixel(value: float) -> float:
        return float(min(max((value - bottom) / (top - bottom), 0), 1) * box.height)

    ends = [pixel(line.points[-1].value) for line in lines]
    for index, (line, end, place) in enumerate(zip(lines, ends, spread(ends, LABEL_GAP, box.height), strict=True)):
        look, strong = look_of(line.model), line.model in PROMINENT
        start = (line.points[-1].horizon + (index - middle) * DODGE, bottom + end / box.height * (top - bottom))
        axes.annotate(
            "",
            (1, place / box.height),
            start,
            "axes fraction",
            "data",
            arrowprops={"arrowstyle": "-", "color": look.colour, "linewidth": 0.6, "alpha": 0.6, "shrinkA": 3},
            annotation_clip=False,
        )
        axes.annotate(
            look.label,
            (1, place / box.height),
            (3, 0),
            "axes fraction",
            "offset points",
            va="center",
            color=look.colour if strong else INK,
            fontsize=canvas.FONT - (0.5 if strong else 1),
            fontweight="bold" if strong else "normal",
        )
