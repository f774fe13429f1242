"""Whether the quantiles keep their word: how often the truth lay at or below each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from ml_inference.report import canvas
from ml_inference.report.canvas import Frame
from ml_inference.report.charts.lines import LABEL_GAP, spread
from ml_inference.report.formats import fixed, name_of, percent
from ml_inference.report.palette import GRID, INK, MUTED, PROMINENT, look_of

SQUARE = Frame(width=360, height=300, right=14)
PANEL = Frame(height=220)
TALL = Frame(height=300)
TOLERANCE = 3.0  # percentage points drawn as a grey band

Curve = Sequence[tuple[float, float]]
"""(nominal level, observed share), rising."""


def draw_diagonal(name: str, title: str, curves: Mapping[str, Curve]) -> str:
    """Observed share against the nominal level; a forecaster that keeps its word lies on the diagonal."""
    return canvas.draw(name, _description(title, curves), SQUARE, lambda axes: _diagonal(axes, curves))


def draw_deviation(name: str, title: str, curves: Mapping[str, Curve], frame: Frame = PANEL) -> str:
    """The same less the diagonal, in percentage points: what is hard to see there."""
    return canvas.draw(name, _description(title, curves), frame, lambda axes: _deviation(axes, curves))


def _description(title: str, curves: Mapping[str, Curve]) -> str:
    told = [
        f"{name_of(model)} {', '.join(f'{percent(level, 0)} → {percent(seen)}' for level, seen in curve)}"
        for model, curve in curves.items()
    ]
    return f"{title}. Nominal level → observed share: {'; '.join(told)}."


def _diagonal(axes: Axes, curves: Mapping[str, Curve]) -> None:
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1.0, zorder=1)
    for model, curve in reversed(list(curves.items())):
        look, strong = look_of(model), model in PROMINENT
        axes.plot(
            [100 * level for level, _ in curve],
            [100 * seen for _, seen in curve],
            marker=look.marker,
            color=look.colour,
            linewidth=1.4 if strong else 0.8,
            markersize=5.5 if strong else 4,
            markeredgewidth=0,
            alpha=1 if strong else 0.7,
            zorder=4 if strong else 3,
        )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(25))
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    for index, model in enumerate(reversed(list(curves))):
        look = look_of(model)
        axes.plot(61, 6 + 7 * index, look.marker, color=look.colour, ms=5, mew=0)
        axes.text(65, 6 + 7 * index, look.label, va="center", color=INK, fontsize=canvas.FONT - 0.5)
    canvas.title(axes, "truth at or below the quantile, %", "the quantile's nominal level, %")


def _deviation(axes: Axes, curves: Mapping[str, Curve]) -> None:
    axes.axhspan(-TOLERANCE, TOLERANCE, color=GRID, alpha=0.6, linewidth=0, zorder=0)
    axes.axhline(0, color=MUTED, linewidth=1.2, zorder=1)
    points = {model: [100 * (seen - level) for level, seen in curve] for model, curve in curves.items()}
    reach = 1.15 * max([TOLERANCE, *(abs(value) for values in points.values() for value in values)])
    axes.set_ylim(-reach, reach)
    axes.set_xlim(0, 100)
    for model, values in reversed(list(points.items())):
        look, strong = look_of(model), model in PROMINENT
        levels = [100 * level for level, _ in curves[model]]
        width, size = (1.5, 5) if strong else (0.9, 4)
        axes.plot(levels, values, marker=look.marker, color=look.colour, linewidth=width, ms=size, mew=0, zorder=3)
    _names(axes, points, reach)
    axes.grid(visible=False, axis="x")
    axes.xaxis.set_major_locator(MultipleLocator(25))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: fixed(value, 0)))
    canvas.title(axes, "observed − nominal, points", "nominal level, %")


def _names(axes: Axes, points: Mapping[str, Sequence[float]], reach: float) -> None:
    height = axes.get_window_extent().height
    ends = [(values[-1] + reach) / (2 * reach) * height for values in points.values()]
    for model, place in zip(points, spread(ends, LABEL_GAP, height), strict=True):
        look, strong = look_of(model), model in PROMINENT
        axes.annotate(
            look.label,
            (1, place / height),
            (3, 0),
            "axes fraction",
            "offset points",
            va="center",
            color=look.colour if strong else INK,
            fontsize=canvas.FONT - 1,
            fontweight="bold" if strong else "normal",
        )
