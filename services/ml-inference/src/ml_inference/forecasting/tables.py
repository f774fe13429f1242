"""Scores as text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ml_inference.forecasting.scores import Row

HEAD = (
    f"{'RMSE, Mbps':>12}{'skill, %':>10}  {'95 % interval':<15}{'CRPS gain, %':>13}  {'95 % interval':<15}"
    f"{'in 80 %':>8}{'in 90 %':>8}"
)
"""Column heads behind the model's name; the last two are how much of the intervals' promise is kept."""


def table(rows: Sequence[Row], models: Sequence[str], horizons: Sequence[int] = (1, 5)) -> str:
    """A block per set and horizon with a line per model, sets in the order of the rows and models in the one given."""
    width = max(map(len, (*models, "model"))) + 2
    found = {(row.set, row.horizon, row.model): row for row in rows}
    blocks = []
    for name in dict.fromkeys(row.set for row in rows):
        for horizon in horizons:
            chosen = [found[name, horizon, model] for model in models if (name, horizon, model) in found]
            if chosen:
                blocks.append("\n".join([_title(chosen[0]), f"{'model':<{width}}{HEAD}", *_lines(chosen, width)]))
    return "\n\n".join(blocks)


def _title(row: Row) -> str:
    steps = "1 step" if row.horizon == 1 else f"{row.horizon} steps"
    return f"{row.set}, {row.split}, {steps} ahead: {row.n:,} forecasts on {row.traces:,} traces"


def _lines(rows: Sequence[Row], width: int) -> list[str]:
    lines = []
    for row in rows:
        skill = f"{_percent(row.skill):>10}  {_interval(row.skill_low, row.skill_high):<15}"
        gain = f"{_percent(row.crps_gain):>13}  {_interval(row.crps_gain_low, row.crps_gain_high):<15}"
        kept = f"{_percent(row.coverage_80):>8}{_percent(row.coverage_90):>8}"
        lines.append(f"{row.model:<{width}}{row.rmse:>12.3f}{skill}{gain}{kept}")
    return lines


def _percent(fraction: float) -> str:
    """One digit behind the point; a dash for what is not known."""
    return f"{100 * fraction:.1f}" if math.isfinite(fraction) else "–"


def _interval(low: float, high: float) -> str:
    if math.isnan(low) or math.isnan(high):
        return "– (one trace)"
    return f"[{_percent(low)}, {_percent(high)}]"
