"""Backtests of several sets: which of them have a common mean, and their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ml_inference.forecasting.backtest import Backtest, backtest
from ml_inference.forecasting.data import Trace, usual_step_seconds
from ml_inference.forecasting.layout import Single
from ml_inference.forecasting.scores import Row, rows
from ml_inference.forecasting.windows import cut

MACRO_STEP_SECONDS: Final = 2.0
"""Sets sampled more slowly are scored, but are no part of the mean: five hours ahead is another question than five
seconds."""


@dataclass(frozen=True, eq=False)
class Backtests:
    """Sets that make up the mean, and those that are sampled too slowly for it."""

    together: list[Backtest] = field(default_factory=list)
    apart: list[Backtest] = field(default_factory=list)

    def add(self, name: str, split: str, traces: Sequence[Trace], forecasts: Mapping[str, Single]) -> None:
        """Score forecasts [rows, HORIZONS, 1 + quantiles] of `cut(traces)`. Raises ValueError as `backtest` does."""
        slow = usual_step_seconds(traces) > MACRO_STEP_SECONDS
        (self.apart if slow else self.together).append(backtest(name, split, cut(traces), forecasts))

    def rows(self) -> list[Row]:
        """Rows of the sets in the mean, of the mean, and of the others."""
        return [*rows(self.together), *rows(self.apart)]
