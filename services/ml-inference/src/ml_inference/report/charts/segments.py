"""Skill on parts of a set, calm or volatile say: one row per part and horizon, one marker per model."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.markers import CARETLEFT, CARETRIGHT
from matplotlib.ticker import MaxNLocator

from ml_inference.report import canvas
from ml_inference.report.canvas import Frame
from ml_inference.report.charts.lines import limits
from ml_inference.report.evaluation import ordered
from ml_inference.report.formats import name_of, percent, steps
from ml_inference.report.palette import GRID, INK, MUTED, PROMINENT, look_of
from ml_inference.report.records import Segment

ROW_GAP = 14.0  # px between the groups of two rows
MARK_GAP = 9.0  # px between two models of a row


def draw(name: str, title: str, segments: Sequence[Segment]) -> str:
    """The chart of one set; every segment in `segments` has a skill."""
    models = ordered(segment.model for segment in segments)
    rows = list(dict.fromkeys((segment.segment, segment.horizon) for segment in segments))
    told = [
        f"{name_of(segment.model)} on {segment.segment} at {steps(segment.horizon)} {percent(segment.skill)}"
        for segment in segments
    ]
    height = 62 + len(rows) * (len(models) * MARK_GAP + ROW_GAP)
    frame = Frame(height=height, left=104, right=14, top=8, bottom=36)
    return canvas.draw(name, f"{title}: {'; '.join(told)}.", frame, lambda axes: _paint(axes, rows, models, segments))


def _paint(axes: Axes, rows: list[tuple[str, int]], models: list[str], segments: Sequence[Segment]) -> None:
    values: dict[str, list[float]] = {model: [] for model in models}
    for one in segments:
        values[one.model] += [100 * value for value in (one.skill, one.skill_low, one.skill_high) if value is not None]
    window = limits(values, 0.0)
    axes.set_xlim(*window)
    pitch = len(models) * MARK_GAP + ROW_GAP
    axes.set_ylim(len(rows) * pitch, 0)
    axes.axvline(0, color=MUTED, linewidth=1.2, zorder=1)
    for one in segments:
        row = rows.index((one.segment, one.horizon)) * pitch + ROW_GAP / 2
        _mark(axes, one, row + (models.index(one.model) + 0.5) * MARK_GAP, window)
    for index in range(1, len(rows)):
        axes.axhline(index * pitch, color=GRID, linewidth=0.8, zorder=0)
    axes.set_yticks([(index + 0.5) * pitch for index in range(len(rows))])
    axes.set_yticklabels([f"{segment}\n{steps(horizon)}" for segment, horizon in rows], color=INK, fontsize=10.5)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("skill against persistence, %", fontsize=canvas.FONT - 0.5, labelpad=3)


def _mark(axes: Axes, one: Segment, place: float, window: tuple[float, float]) -> None:
    look, strong = look_of(one.model), one.model in PROMINENT
    skill = 100 * (one.skill or 0.0)
    if one.skill_low is not None and one.skill_high is not None:
        axes.hlines(place, 100 * one.skill_low, 100 * one.skill_high, look.colour, linewidth=1.8 if strong else 1.1)
    if window[0] <= skill <= window[1]:
        axes.plot(skill, place, look.marker, color=look.colour, ms=5.5 if strong else 4.5, mew=0, zorder=3)
    else:
        low = skill < window[0]
        edge = window[0] + (0.02 if low else 0.98) * (window[1] - window[0])
        axes.plot(edge, place, marker=CARETLEFT if low else CARETRIGHT, color=look.colour, ms=6, mew=0, zorder=3)
