"""One chart as a piece of SVG that can stand inside a page: no ids that clash, nothing loaded, no dates.

Sizes are in px of the page at the width the chart is made for; the page may stretch it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from markupsafe import escape
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ml_inference.report import palette

Painter = Callable[[Axes], None]

FONT: Final = 11.0
_DPI: Final = 72  # of matplotlib's SVG: one point is one unit
_THEME: Final = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that sizes are measured alike everywhere
    "font.size": FONT,
    "text.color": palette.INK,
    "text.parse_math": False,
    "axes.edgecolor": palette.MUTED,
    "axes.labelcolor": palette.MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": palette.GRID,
    "grid.linewidth": 0.8,
    "xtick.color": palette.MUTED,
    "ytick.color": palette.MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "ml_inference.report",
}
_STRIPPED: Final = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}\b")


@dataclass(frozen=True)
class Frame:
    """A chart's size and the margins around its axes, in px."""

    width: float = 360
    height: float = 250
    left: float = 38
    right: float = 104
    top: float = 22
    bottom: float = 36


def draw(name: str, description: str, frame: Frame, paint: Painter) -> str:
    """The chart as an <svg> element. `name` makes its ids unique on the page, `description` is read aloud."""
    with style.context(["default", _THEME]):
        figure = Figure(figsize=(frame.width / _DPI, frame.height / _DPI), dpi=_DPI)
        axes = figure.add_axes(
            (
                frame.left / frame.width,
                frame.bottom / frame.height,
                (frame.width - frame.left - frame.right) / frame.width,
                (frame.height - frame.top - frame.bottom) / frame.height,
            )
        )
        paint(axes)
        content = io.StringIO()
        figure.savefig(content, format="svg", metadata={"Date": None})
    return _embedded(content.getvalue(), name, description)


def title(axes: Axes, vertical: str, horizontal: str) -> None:
    """What the axes show: the vertical one's name lies flat above it, where it can be read."""
    axes.annotate(
        vertical, (0, 1), (-32, 9), "axes fraction", "offset points", color=palette.MUTED, fontsize=FONT - 0.5
    )
    axes.set_xlabel(horizontal, fontsize=FONT - 0.5, labelpad=3)


def _embedded(svg: str, name: str, description: str) -> str:
    names = palette.variables()
    body = _STRIPPED.sub("", svg)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r"url\(#", f"url(#{name}-", body)
    body = re.sub(r'xlink:href="#', f'href="#{name}-', body)
    body = _COLOUR.sub(lambda found: f"var({names[found[0]][0]})" if found[0] in names else found[0], body)
    body = re.sub(r"\s*\n\s*", "\n", body[body.index("<svg") :])
    box = re.search(r'viewBox="([^"]*)"', body)
    opening = f'<svg class="chart" viewBox="{box[1] if box else ""}" role="img" aria-label="{escape(description)}">'
    return opening + f"<title>{escape(description)}</title>" + body[body.index(">") + 1 :].strip()
