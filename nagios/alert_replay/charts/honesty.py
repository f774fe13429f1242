"""What was said to be likely, and how often it came."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from alert_replay.charts.looks import look_of
from alert_replay.reliability import SURE, Bin
from alert_replay.verdict import FORECAST
from ml_inference.report import canvas
from ml_inference.report.canvas import Frame
from ml_inference.report.formats import count, percent
from ml_inference.report.palette import GRID, MUTED

WHOLE = Frame(width=360, height=300, right=16, left=40)
SMALL = Frame(width=360, height=240, right=16, left=40)
FEW = 20
"""forecasts in a bin: fewer say little, and are drawn hollow"""


def draw(name: str, title: str, bins: Sequence[Bin], *, small: bool = False) -> str:
    """The chart; on the diagonal the probabilities keep their word."""
    told = [
        f"{percent(each.said, 0)} said, {percent(each.came, 0)} came ({count(each.count)} forecasts)" for each in bins
    ]
    return canvas.draw(
        name,
        f"{title}. {'; '.join(told)}.",
        SMALL if small else WHOLE,
        lambda axes: _paint(axes, bins, numbered=not small),
    )


def _paint(axes: Axes, bins: Sequence[Bin], *, numbered: bool) -> None:
    look = look_of(FORECAST)
    axes.axvspan(100 * SURE, 100, color=GRID, alpha=0.6, linewidth=0, zorder=0)
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1.0, zorder=1)
    axes.plot([100 * each.said for each in bins], [100 * each.came for each in bins], color=look.colour, linewidth=1.6)
    for each in bins:
        at, low = (100 * each.said, 100 * each.came), each.came > 0.88
        filled = {"mew": 0} if each.count >= FEW else {"mew": 1.2, "mfc": "none"}
        axes.plot(*at, look.marker, color=look.colour, ms=6, zorder=3, **filled)
        if numbered:
            where = {"xytext": (5, -10 if low else 6), "ha": "right" if each.said > 0.9 else "left"}
            axes.annotate(count(each.count), at, textcoords="offset points", color=MUTED, fontsize=9, **where)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(25))
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    canvas.title(axes, "came true, %", "said to be so likely, %")
