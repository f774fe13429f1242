"""Two models on the same rows: the ratio of their errors, with an interval from the same draws for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml_inference.forecasting.backtest import Backtest, Measure
from ml_inference.forecasting.bootstrap import draws_of, estimate, totals
from ml_inference.forecasting.layout import HORIZONS, Double
from ml_inference.forecasting.scores import MACRO, quotient, split_of
from ml_inference.forecasting.segments import ALL


@dataclass(frozen=True)
class Pair:
    """Error of `model` / error of `other`: below 1 `model` is better. Intervals of single traces are NaN."""

    set: str
    split: str
    segment: str
    horizon: int | None  # steps; None = geometric mean over the horizons
    model: str
    other: str
    rmse_ratio: float
    rmse_ratio_low: float
    rmse_ratio_high: float
    crps_ratio: float
    crps_ratio_low: float
    crps_ratio_high: float


def compare(backtests: Sequence[Backtest], model: str, other: str, segment: str = ALL, seed: int = 0) -> list[Pair]:
    """Pairs by set, then horizon, then over all horizons; MACRO (geometric mean over sets) last, if there are several.

    Sets with too few rows of the segment are left out.
    """
    backtests = [each for each in backtests if segment in each.segments]
    ratios = [_ratios(each, model, other, segment, seed) for each in backtests]
    pairs = []
    for each, ratio in zip(backtests, ratios, strict=True):
        pairs += _pairs((each.set, each.split, segment), (model, other), ratio, each.traces(segment))
    if len(backtests) > 1:
        fewest = min(each.traces(segment) for each in backtests)
        names = (MACRO, split_of(backtests), segment)
        pairs += _pairs(names, (model, other), _geometric_mean(np.stack(ratios), axis=0), fewest)
    return pairs


def overall(pairs: Sequence[Pair]) -> Pair | None:
    """The one pair that says all: over all horizons, and over all sets if there are several. None of no pairs."""
    return pairs[-1] if pairs else None


def _ratios(each: Backtest, model: str, other: str, segment: str, seed: int) -> Double:
    """Ratios of RMSE and of CRPS: [1 + DRAWS, HORIZONS, 2]; NaN where a draw holds no rows."""
    sums = each.sums[segment]
    draws = draws_of(each.set, len(sums[model]), seed)  # [1 + DRAWS, traces]
    # One product per model and not one for both: the same sums then have the same last digits, and their ratio is 1.
    ours, theirs = (totals(draws, sums[name][:, :, : len(Measure)]) for name in (model, other))
    rmse = np.sqrt(quotient(ours[:, :, Measure.SQUARED], theirs[:, :, Measure.SQUARED]))
    crps = quotient(ours[:, :, Measure.CRPS], theirs[:, :, Measure.CRPS])
    return np.where(ours[:, :, [Measure.ROWS]] > 0, np.stack([rmse, crps], axis=2), np.nan)


def _geometric_mean(ratios: Double, axis: int) -> Double:
    with np.errstate(divide="ignore", invalid="ignore"):  # an exact forecast's ratio is 0, and so the mean
        return np.asarray(np.exp(np.log(ratios).mean(axis=axis)))


def _pairs(names: tuple[str, str, str], models: tuple[str, str], ratios: Double, traces: int) -> list[Pair]:
    columns: list[tuple[int | None, Double]] = [(step + 1, ratios[:, step]) for step in range(HORIZONS)]
    columns.append((None, _geometric_mean(ratios, axis=1)))  # [1 + DRAWS, 2]
    return [
        Pair(*names, horizon, *models, *estimate(ratio[:, 0], traces), *estimate(ratio[:, 1], traces))
        for horizon, ratio in columns
    ]
