"""How early the first alarm was: of a set's passages the share with one sample of lead or more, two or more …"""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MultipleLocator

from alert_replay.charts.looks import look_of
from alert_replay.verdict import FORECAST, Verdict
from ml_inference.forecasting.layout import HORIZONS
from ml_inference.report import canvas
from ml_inference.report.canvas import Frame
from ml_inference.report.formats import fixed
from ml_inference.report.palette import MUTED

FRAME = Frame(height=220, right=14)
STEPS = range(1, HORIZONS + 1)


def draw(name: str, verdict: Verdict) -> str:
    """The chart of one set."""
    shares = {method.name: at_least(method.leads.by_samples) for method in verdict.methods.values()}
    possible = at_least(verdict.forecast.leads.by_possible)
    told = [
        f"{look_of(method).label} {', '.join(fixed(value, 0) for value in row)} %" for method, row in shares.items()
    ]
    told.append(f"possible {', '.join(fixed(value, 0) for value in possible)} %")
    description = (
        f"Passages on {verdict.name} that were warned of 1 to {HORIZONS} samples before or earlier. {'; '.join(told)}."
    )
    return canvas.draw(name, description, FRAME, lambda axes: _paint(axes, shares, possible))


def at_least(by_samples: list[int]) -> list[float]:
    """% of the passages with a lead of 1, 2 … samples or more, from how many had 0, 1, 2 …"""
    whole = max(sum(by_samples), 1)
    return [100 * sum(by_samples[lead:]) / whole for lead in STEPS]


def _paint(axes: Axes, shares: Mapping[str, list[float]], possible: list[float]) -> None:
    axes.plot(STEPS, possible, color=MUTED, linewidth=1.0, linestyle=(0, (2, 3)), zorder=1)
    for method, row in reversed(list(shares.items())):
        look, strong = look_of(method), method == FORECAST
        axes.plot(
            STEPS, row, marker=look.marker, color=look.colour, linewidth=1.8 if strong else 1.0,
            ms=6 if strong else 4.5, mew=0, zorder=4 if strong else 3,
        )  # fmt: skip
    axes.set_xlim(0.7, HORIZONS + 0.3)
    axes.set_ylim(0, 100)
    axes.xaxis.set_major_locator(FixedLocator(list(STEPS)))
    axes.yaxis.set_major_locator(MultipleLocator(25))
    axes.grid(visible=False, axis="x")
    canvas.title(axes, "passages warned of, %", "samples before the passage, or earlier")
