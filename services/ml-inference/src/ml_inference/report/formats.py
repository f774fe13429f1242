"""Numbers as a person reads them."""

from __future__ import annotations

from typing import Final

MISSING: Final = "–"
MINUS: Final = "−"

NAMES: Final = {
    "lstm": "LSTM, fine-tuned",
    "lstm-zero-shot": "LSTM, zero-shot",
    "lightgbm": "LightGBM",
    "exponential-smoothing": "exponential smoothing",
    "moving-average": "moving average",
}
"""Models as a sentence calls them, where their own name is not good enough."""

PLACES: Final = {
    "ucc5g": "5G downloads",
    "cell_sat": "saturated cellular links",
    "nyu_lte": "LTE in New York",
    "lumos5g": "mmWave 5G and 4G",
    "leo_cell": "Starlink and US carriers",
    "sa5g": "5G standalone",
    "cesnet_ip103": "wired, one sample an hour",
}
"""What the public sets measured."""


def name_of(model: str) -> str:
    """The model as a sentence calls it."""
    return NAMES.get(model, model)


def fixed(value: float | None, digits: int) -> str:
    """`value` with so many decimals, a real minus sign, and no minus before zero."""
    if value is None:
        return MISSING
    text = f"{value:.{digits}f}"
    if not text.strip("-0."):
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def percent(fraction: float | None, digits: int = 1) -> str:
    """0.0553 → 5.5 %."""
    return MISSING if fraction is None else f"{fixed(100 * fraction, digits)} %"


def span(fraction: float | None, low: float | None, high: float | None) -> str:
    """0.055 in 0.048 … 0.061 → 5.5 % [4.8, 6.1]; without the brackets where there is no interval."""
    if fraction is None or low is None or high is None:
        return percent(fraction)
    return f"{percent(fraction)} [{fixed(100 * low, 1)}, {fixed(100 * high, 1)}]"


def ratio(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """0.995 [0.989, 1.001]."""
    if value is None or low is None or high is None:
        return fixed(value, 3)
    return f"{fixed(value, 3)} [{fixed(low, 3)}, {fixed(high, 3)}]"


def mbps(value: float | None) -> str:
    """Three or four significant digits: 2.97, 31.5, 1074."""
    if value is None:
        return MISSING
    return fixed(value, 2 if abs(value) < 10 else 1 if abs(value) < 1000 else 0)


def count(value: int) -> str:
    """12345 → 12,345."""
    return f"{value:,}"


def steps(horizon: int) -> str:
    """1 step, 5 steps."""
    return f"{horizon} step{'' if horizon == 1 else 's'}"


def listed(names: list[str]) -> str:
    """a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def place_of(name: str) -> str:
    """A set with what it is, where that is known."""
    return f"{name} ({PLACES[name]})" if name in PLACES else "mean of the sets" if name == "macro" else name
