"""Forecasts along a real trace: what was known, what came, and each forecast's spread."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ml_inference.report import canvas
from ml_inference.report.canvas import Frame
from ml_inference.report.formats import name_of
from ml_inference.report.palette import INK, MUTED, look_of
from ml_inference.report.records import Fan, FanTrace

SLOW = 600.0
"""Seconds between two samples from which on time is shown in hours."""

FRAME = Frame(width=460, height=250, left=42, right=10, top=26, bottom=38)
BANDS = ((0.05, 0.95, 0.13), (0.10, 0.90, 0.20), (0.25, 0.75, 0.30))
"""The quantiles that bound each band, and how dense it is drawn on top of those before."""


def draw(name: str, trace: FanTrace) -> str:
    """The chart of one trace."""
    unit, _ = _clock(trace)
    description = (
        f"{len(trace.fans)} forecasts by {name_of(trace.model)} on trace {trace.trace_id} of {trace.set}: "
        f"bandwidth in Mbps over time in {unit}, with 50, 80 and 90 % bands and what really came."
    )
    return canvas.draw(name, description, FRAME, lambda axes: _paint(axes, trace))


def _paint(axes: Axes, trace: FanTrace) -> None:
    unit, step = _clock(trace)
    truth = [*trace.past_mbps, *trace.actual_mbps]
    known = len(trace.past_mbps)
    time = [(index - known + 1) * step for index in range(len(truth))]  # 0 = the last sample of the past
    for fan in trace.fans:
        if 0 <= fan.origin < len(truth):
            _fan(axes, trace, fan, time[fan.origin], truth[fan.origin])
    axes.plot(time[:known], truth[:known], color=MUTED, linewidth=1.1)
    axes.plot(time[max(known - 1, 0) :], truth[max(known - 1, 0) :], color=INK, linewidth=1.2, zorder=4)
    axes.axvline(0, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    axes.set_xlim(time[0] - step / 2, time[-1] + step * 2)
    axes.set_ylim(bottom=0)
    axes.margins(y=0.06)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.annotate(
        "past", (0, 1), (-4, 9), ("data", "axes fraction"), "offset points", ha="right", color=MUTED, fontsize=10.5
    )
    axes.annotate(
        "forecast from here on", (0, 1), (4, 9), ("data", "axes fraction"), "offset points", color=MUTED, fontsize=10.5
    )
    canvas.title(axes, "Mbps", unit)


def _clock(trace: FanTrace) -> tuple[str, float]:
    """The unit of time that suits the trace, and one step in it."""
    if not trace.step_seconds:
        return "steps", 1.0
    return ("seconds", trace.step_seconds) if trace.step_seconds < SLOW else ("hours", trace.step_seconds / 3600)


def _fan(axes: Axes, trace: FanTrace, fan: Fan, start: float, last: float) -> None:
    (_, step), colour = _clock(trace), look_of(trace.model).colour
    time = [start + step * ahead for ahead in range(len(fan.mean) + 1)]
    for lower, upper, density in BANDS:
        if lower in trace.levels and upper in trace.levels:
            edges = [[last, *(row[trace.levels.index(level)] for row in fan.quantiles)] for level in (lower, upper)]
            axes.fill_between(time, *edges, color=colour, alpha=density, linewidth=0, zorder=2)
    axes.plot(time, [last, *fan.mean], color=colour, linewidth=1.8, zorder=3)
    axes.plot(start, last, "o", color=colour, ms=3.5, mew=0, zorder=5)
