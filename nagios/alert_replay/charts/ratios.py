"""False alarms of each method in units of the best rival's: one row per set, one marker per method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.markers import CARETRIGHT
from matplotlib.ticker import MaxNLocator

from alert_replay.charts.looks import look_of
from alert_replay.tables import name_of
from alert_replay.verdict import FORECAST
from ml_inference.report import canvas
from ml_inference.report.canvas import Frame
from ml_inference.report.formats import fixed
from ml_inference.report.palette import GRID, INK, MUTED

Row = tuple[str, Mapping[str, float]]
"""A set, and of each method its false alarms / the best rival's"""

FARTHEST = 2.2
"""what is worse is marked at the edge"""
PITCH, MARK_GAP = 46.0, 9.0  # px


def draw(name: str, rows: Sequence[Row], width: float) -> str:
    """The chart of all sets."""
    told = [
        f"{place}: {', '.join(f'{name_of(method)} {fixed(value, 2)}' for method, value in row.items())}"
        for place, row in rows
    ]
    left = 12 + 6.6 * max(len(place) for place, _ in rows)
    frame = Frame(width=width, height=44 + PITCH * len(rows), left=min(left, 0.35 * width), right=14, top=8, bottom=36)
    description = f"False alarms in units of the best rival's. {'; '.join(told)}."
    return canvas.draw(name, description, frame, lambda axes: _paint(axes, rows))


def _paint(axes: Axes, rows: Sequence[Row]) -> None:
    most = max(value for _, row in rows for value in row.values())
    right = min(max(1.15, 1.06 * most), FARTHEST)
    axes.set_xlim(0, right)
    axes.set_ylim(len(rows) * PITCH, 0)
    axes.axvline(1, color=MUTED, linewidth=1.2, zorder=1)
    for number, (_, row) in enumerate(rows):
        if number:
            axes.axhline(number * PITCH, color=GRID, linewidth=0.8, zorder=0)
        for place, (method, value) in enumerate(row.items()):
            _mark(axes, method, value, number * PITCH + PITCH / 2 + (place - (len(row) - 1) / 2) * MARK_GAP, right)
    axes.set_yticks([(number + 0.5) * PITCH for number in range(len(rows))])
    axes.set_yticklabels(
        [place if len(place) <= 18 else f"{place[:17]}…" for place, _ in rows], color=INK, fontsize=10.5
    )
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("false alarms ÷ the best rival's", fontsize=canvas.FONT - 0.5, labelpad=3)


def _mark(axes: Axes, method: str, value: float, height: float, right: float) -> None:
    look, strong = look_of(method), method == FORECAST
    if strong:
        axes.hlines(height, 0, min(value, right), look.colour, linewidth=2.2, zorder=2)
    size = 6.5 if strong else 5
    if value <= right:
        axes.plot(value, height, look.marker, color=look.colour, ms=size, mew=0, zorder=3)
    else:
        axes.plot(0.985 * right, height, marker=CARETRIGHT, color=look.colour, ms=6, mew=0, zorder=3)
