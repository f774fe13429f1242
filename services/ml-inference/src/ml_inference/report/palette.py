"""Which colour and marker a model has: the same on every chart, told apart without colour too.

Colours are Okabe and Ito's (https://jfly.uni-koeln.de/color/), made darker where lines on white need it. A chart is
drawn with the light ones; in the page each becomes a CSS variable, so that a dark page can have others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ml_inference.report.evaluation import FINE_TUNED, ZERO_SHOT

INK: Final = "#1b2733"
MUTED: Final = "#5b6875"
GRID: Final = "#e3e7eb"
PAPER: Final = "#fdfefe"

DARK: Final = {INK: "#e8edf2", MUTED: "#a3b0bd", GRID: "#303b46", PAPER: "#171d23"}
"""What the four become on a dark page."""


@dataclass(frozen=True)
class Look:
    """How one model is drawn."""

    colour: str
    dark: str
    marker: str
    glyph: str  # the marker as a character, for keys in the text
    label: str  # short: it stands beside a line's end


LOOKS: Final = {
    FINE_TUNED: Look("#d55e00", "#f28b3c", "o", "●", "LSTM fine-tuned"),
    ZERO_SHOT: Look("#0072b2", "#58b4f0", "s", "■", "LSTM zero-shot"),
    "lightgbm": Look("#009e73", "#2fc49a", "^", "▲", "LightGBM"),
    "ridge": Look("#b8679a", "#d992bf", "D", "◆", "ridge"),
    "exponential-smoothing": Look("#b78700", "#e0b040", "v", "▼", "exp. smoothing"),
    "moving-average": Look("#8a8f94", "#8b949d", "X", "✖", "moving average"),
    "persistence": Look("#4c5661", "#b4bfca", "P", "✚", "persistence"),
}
_OTHERS: Final = {"#7a5c3e": "#c3a98c", "#5e6b2f": "#b3bf85", "#6a4c93": "#b59ddb", "#3d6b73": "#8cbcc4"}
PROMINENT: Final = (FINE_TUNED, ZERO_SHOT)
"""Drawn strongly and on top."""

FOCUS: Final = (*PROMINENT, "lightgbm", "ridge")
"""A chart's range is chosen for these; what lies far outside is marked at the edge."""


def look_of(model: str) -> Look:
    """The model's look; a name never heard of gets one of four colours, always the same."""
    if model in LOOKS:
        return LOOKS[model]
    colour = list(_OTHERS)[sum(model.encode()) % len(_OTHERS)]
    return Look(colour, _OTHERS[colour], "p", "⬟", model if len(model) <= 17 else f"{model[:16]}…")


def variables() -> dict[str, tuple[str, str, str]]:
    """{colour in the chart: (CSS variable, on a light page, on a dark page)}."""
    greys = {INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper"}
    found = {colour: (f"--{name}", colour, DARK[colour]) for colour, name in greys.items()}
    dark = {look.colour: look.dark for look in LOOKS.values()} | _OTHERS
    return found | {colour: (f"--c{colour[1:]}", colour, other) for colour, other in dark.items()}
