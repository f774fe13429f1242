"""Precision by recall on one set, and where the methods are compared."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from alert_replay.charts.looks import look_of
from alert_replay.counts import curve
from alert_replay.verdict import FORECAST, Method, Verdict
from ml_inference.forecasting.layout import Double
from ml_inference.report import canvas
from ml_inference.report.canvas import Frame
from ml_inference.report.formats import fixed, percent
from ml_inference.report.palette import MUTED

FRAME = Frame(height=240, right=14)
POINTS = np.linspace(0.05, 1, 96)
"""recalls that are drawn: at the left end a few samples make the line jump"""


def draw(name: str, verdict: Verdict, recall: float) -> str:
    """The chart of one set."""
    told = [
        f"{look_of(method.name).label} {percent(method.point.precision, 0)} at recall {fixed(method.point.recall, 2)}"
        for method in verdict.methods.values()
    ]
    base = float(verdict.events.mean())
    description = f"Precision by recall on {verdict.name}: {'; '.join(told)}; without any skill {percent(base, 0)}."
    return canvas.draw(name, description, FRAME, lambda axes: _paint(axes, verdict, recall, base))


def _paint(axes: Axes, verdict: Verdict, recall: float, base: float) -> None:
    axes.axhline(100 * base, color=MUTED, linewidth=1.0, linestyle=(0, (2, 3)), zorder=1)
    axes.axvline(100 * recall, color=MUTED, linewidth=1.0, zorder=1)
    for method in reversed(list(verdict.methods.values())):
        look, strong = look_of(method.name), method.name == FORECAST
        axes.plot(
            100 * POINTS,
            100 * _precision(method, verdict),
            color=look.colour,
            linewidth=2.0 if strong else 1.1,
            zorder=3,
        )
        at = (100 * method.point.recall, 100 * method.point.precision)
        axes.plot(*at, look.marker, color=look.colour, ms=6.5 if strong else 5, mew=0, zorder=4)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(25))
    canvas.title(axes, "alarms that came true, %", "passages' samples that were seen (recall), %")


def _precision(method: Method, verdict: Verdict) -> Double:
    """At each of POINTS, of the highest cut that reaches it."""
    recall, precision = curve(method.score, verdict.events)
    return np.asarray(precision[np.searchsorted(recall, POINTS - 1e-9)])
