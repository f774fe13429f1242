"""A piece of a link's time round a warning: utilisation, threshold, probability, and what the alarm said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, MultipleLocator

from alert_replay.charts.looks import look_of
from alert_replay.configured import Levels
from alert_replay.verdict import FORECAST, Verdict
from ml_inference.forecasting.layout import Double
from ml_inference.report import canvas
from ml_inference.report.canvas import Frame
from ml_inference.report.formats import percent
from ml_inference.report.palette import INK, LOOKS, MUTED
from nagios_plugins.links.alarm import Level

FRAME = Frame(width=420, height=230, left=38, right=36)
BEFORE, AFTER = 25, 25  # samples
WARNED = LOOKS["exponential-smoothing"].colour
SHADES = {Level.LIKELY: (WARNED, 0.25), Level.SOON: (WARNED, 0.6), Level.FULL: (MUTED, 0.22)}
"""colour and density of what the alarm says"""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """[samples] around a warning; time in samples from its beginning."""

    time: Double
    utilisation: Double
    """% of capacity"""
    probability: Double
    """of passing the threshold within the horizon; NaN where there is none"""
    level: Levels
    threshold: float
    """% of capacity"""


def cut_out(verdict: Verdict, place: int) -> Excerpt:
    """Round a sample, within its segment."""
    series = verdict.links.series
    near = np.arange(max(place - BEFORE, 0), min(place + AFTER + 1, len(series)))
    near = near[series.segment[near] == series.segment[place]]
    return Excerpt(
        (near - place).astype(np.float64),
        series.utilisation[near],
        verdict.probability[near],
        verdict.levels[near],
        series.threshold,
    )


def draw(name: str, title: str, excerpt: Excerpt) -> str:
    """The chart."""
    at = int(np.flatnonzero(excerpt.time == 0)[0])
    over = excerpt.time[(excerpt.time > 0) & (excerpt.utilisation > excerpt.threshold)]
    came = f"it is passed {over[0]:.0f} samples later" if len(over) else "it is not passed in this piece"
    description = (
        f"{title}. Utilisation {excerpt.utilisation[at]:.1f} % where the warning begins, "
        f"{percent(excerpt.probability[at], 0)} likely to pass {excerpt.threshold:.1f} % within the horizon; {came}."
    )
    return canvas.draw(name, description, FRAME, lambda axes: _paint(axes, excerpt))


def _paint(axes: Axes, excerpt: Excerpt) -> None:
    for level, (colour, density) in SHADES.items():
        for time in excerpt.time[excerpt.level == level]:
            axes.axvspan(time - 0.5, time + 0.5, color=colour, alpha=density, linewidth=0, zorder=0)
    chance = axes.twinx()
    chance.plot(excerpt.time, 100 * excerpt.probability, color=look_of(FORECAST).colour, linewidth=1.3)
    chance.set_ylim(0, 100)
    chance.yaxis.set_major_locator(MultipleLocator(50))
    chance.grid(visible=False)
    chance.tick_params(axis="y", colors=look_of(FORECAST).colour)
    axes.axhline(excerpt.threshold, color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
    axes.plot(excerpt.time, excerpt.utilisation, color=INK, linewidth=1.3, marker="o", ms=2.4, mew=0, zorder=3)
    axes.set_xlim(-BEFORE - 0.5, AFTER + 0.5)
    axes.set_ylim(0, 1.12 * max(excerpt.threshold, float(excerpt.utilisation.max()), 1e-3))
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.annotate(
        "likelihood, %", (1, 1), (32, 9), "axes fraction", "offset points",
        ha="right", color=look_of(FORECAST).colour, fontsize=canvas.FONT - 0.5,
    )  # fmt: skip
    canvas.title(axes, "utilisation, %", "samples from the beginning of the warning")
