"""One of the worst forecasts: the window, what was forecast, what came."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ml_inference.report import canvas
from ml_inference.report.canvas import Frame
from ml_inference.report.charts.lines import LABEL_GAP, spread
from ml_inference.report.formats import mbps, name_of, steps
from ml_inference.report.palette import INK, MUTED, look_of
from ml_inference.report.records import Miss

FRAME = Frame(width=360, height=190, right=112, top=22)


def draw(name: str, miss: Miss) -> str:
    """The chart of one forecast."""
    interval = "" if miss.lower_mbps is None else f", interval {mbps(miss.lower_mbps)} to {mbps(miss.upper_mbps)}"
    description = (
        f"{miss.set}, trace {miss.trace_id}, row {miss.row}: last value {mbps(miss.last_mbps)} Mbps, "
        f"{name_of(miss.model)} forecast {mbps(miss.predicted_mbps)}{interval} for {steps(miss.horizon)} ahead, "
        f"{mbps(miss.actual_mbps)} came."
    )
    return canvas.draw(name, description, FRAME, lambda axes: _paint(axes, miss))


def _paint(axes: Axes, miss: Miss) -> None:
    colour = look_of(miss.model).colour
    time = list(range(1 - len(miss.window_mbps), 1))
    axes.plot(time, miss.window_mbps, color=MUTED, linewidth=1.1, marker="o", ms=2.5, mew=0)
    axes.plot([0, miss.horizon], [miss.last_mbps, miss.actual_mbps], color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    if miss.lower_mbps is not None and miss.upper_mbps is not None:
        axes.vlines(miss.horizon, miss.lower_mbps, miss.upper_mbps, colour, linewidth=7, alpha=0.3)
    axes.plot(miss.horizon, miss.predicted_mbps, look_of(miss.model).marker, color=colour, ms=6, mew=0)
    axes.plot(miss.horizon, miss.actual_mbps, "D", color=INK, ms=6, mew=0)
    top = 1.1 * max([*miss.window_mbps, miss.actual_mbps, miss.predicted_mbps, miss.upper_mbps or 0.0, 1e-6])
    axes.set_ylim(-0.03 * top, top)
    axes.set_xlim(time[0] - 0.5, miss.horizon + 0.7)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    _names(axes, miss, colour)
    canvas.title(axes, "Mbps", "steps from the last sample")


def _names(axes: Axes, miss: Miss, colour: str) -> None:
    bottom, top = axes.get_ylim()
    height = axes.get_window_extent().height
    names = [
        (f"came {mbps(miss.actual_mbps)}", INK, miss.actual_mbps),
        (f"forecast {mbps(miss.predicted_mbps)}", colour, miss.predicted_mbps),
    ]
    ends = [(value - bottom) / (top - bottom) * height for _, _, value in names]
    for (text, shade, _), place in zip(names, spread(ends, LABEL_GAP, height), strict=True):
        axes.annotate(
            text,
            (1, place / height),
            (3, 0),
            "axes fraction",
            "offset points",
            va="center",
            color=shade,
            fontweight="bold",
            fontsize=canvas.FONT - 1,
        )
