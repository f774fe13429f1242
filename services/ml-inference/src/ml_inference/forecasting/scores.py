"""Scores of a backtest: one row per set, horizon and model, and their unweighted mean over the sets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ml_inference.forecasting.backtest import Backtest, Measure
from ml_inference.forecasting.bootstrap import draws_of, estimate, totals
from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS, Double
from ml_inference.forecasting.segments import ALL

MACRO: Final = "macro"

IN_MBPS: Final = frozenset({"rmse", "mae", "crps", "width_80", "width_90"})
"""Scores that a larger link has more of: over sets they have a geometric mean only."""


@dataclass(frozen=True)
class Row:
    """How one model did on one set, so many steps ahead.

    Intervals are NaN where the set has one trace: it cannot be drawn again in another way. In rows of MACRO skill,
    gains, mase and coverages are plain means over the sets; n and traces are summed; and what is in Mbps is a
    geometric mean, so that a ratio of two macro rows is the geometric mean of the sets' ratios: a plain mean of Mbps
    would be the fastest link's alone.
    """

    set: str
    split: str
    segment: str
    horizon: int  # steps
    model: str
    n: int  # forecasts
    traces: int
    rmse: float  # Mbps
    mae: float  # Mbps
    mase: float  # see metrics.mase
    skill: float  # 1 - RMSE / RMSE of the last value, a fraction
    skill_low: float
    skill_high: float
    crps: float  # Mbps
    crps_gain: float  # 1 - CRPS / CRPS of persistence with residual quantiles, a fraction
    crps_gain_low: float
    crps_gain_high: float
    coverage_80: float  # fraction of values
    coverage_90: float
    width_80: float  # Mbps
    width_90: float


@dataclass(frozen=True)
class Reliability:
    """How often values lay at or below the quantile `level`: of an honest forecast, that often."""

    set: str
    split: str
    horizon: int  # steps
    model: str
    level: float
    observed: float  # fraction of values
    n: int


def rows(backtests: Sequence[Backtest], segment: str = ALL, seed: int = 0) -> list[Row]:
    """Rows by set, then model, then horizon; rows of MACRO come last, if there is more than one set to average.

    Sets with too few rows of the segment are left out.
    """
    backtests = [each for each in backtests if segment in each.segments]
    scored = [_figures_of(each, segment, seed) for each in backtests]
    made = []
    for each, figures in zip(backtests, scored, strict=True):
        count = each.traces(segment)
        for model in each.models:
            made += _rows(each, segment, model, each.rows(segment), figures[model], (count, count))
    if len(backtests) > 1:
        counts = [each.traces(segment) for each in backtests]
        n = np.sum([each.rows(segment) for each in backtests], axis=0)
        macro = Backtest(MACRO, split_of(backtests), {})
        for model in shared_models(backtests):
            averaged = _mean_of([figures[model] for figures in scored])
            made += _rows(macro, segment, model, n, averaged, (sum(counts), min(counts)))
    return made


def reliability(backtests: Sequence[Backtest]) -> list[Reliability]:
    """Observed shares by set (MACRO last: the plain mean over sets), model, horizon and level."""
    observed = [{model: _reliability_of(sums) for model, sums in each.sums[ALL].items()} for each in backtests]
    found = [
        (each.set, each.split, model, share[model], each.rows(ALL))
        for each, share in zip(backtests, observed, strict=True)
        for model in each.models
    ]
    if len(backtests) > 1:
        n = np.sum([each.rows(ALL) for each in backtests], axis=0)
        for model in shared_models(backtests):
            mean = np.mean([share[model] for share in observed], axis=0)
            found.append((MACRO, split_of(backtests), model, mean, n))
    return [
        Reliability(name, split, step + 1, model, level, float(share[step, column]), int(n[step]))
        for name, split, model, share, n in found
        for step in range(HORIZONS)
        for column, level in enumerate(QUANTILE_LEVELS)
    ]


def as_json(entries: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of any dataclass here, for JSON: a number that is not finite is None."""
    return [
        {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(entry).items()
        }
        for entry in entries
    ]


def shared_models(backtests: Sequence[Backtest]) -> list[str]:
    """Models that every set has forecasts of, in the first one's order."""
    return [model for model in backtests[0].models if all(model in each.models for each in backtests)]


def split_of(backtests: Sequence[Backtest]) -> str:
    """The one split that all sets were scored on. Raises ValueError if there are several."""
    splits = {each.split for each in backtests}
    if len(splits) > 1:
        raise ValueError(f"sets of the splits {', '.join(sorted(splits))} have no common mean; score one split")
    return splits.pop()


def quotient(over: Double, under: Double) -> Double:
    """over / under, in which 0 / 0 is 1: where two forecasts are exact, none is better."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((over == 0) & (under == 0), 1.0, over / under)


def _figures_of(each: Backtest, segment: str, seed: int) -> dict[str, dict[str, Double]]:
    sums = each.sums[segment]
    draws = draws_of(each.set, len(sums[each.models[0]]), seed)  # [1 + DRAWS, traces]
    return {model: _figures(totals(draws, sums[model][:, :, : len(Measure)])) for model in each.models}


def _figures(total: Double) -> dict[str, Double]:
    """Scores by name, each [1 + DRAWS, HORIZONS], from sums [1 + DRAWS, HORIZONS, measures]."""
    column = {measure: total[:, :, measure] for measure in Measure}
    with np.errstate(divide="ignore", invalid="ignore"):  # a draw may hold no row of a segment: NaN
        mean = {measure: column[measure] / column[Measure.ROWS] for measure in Measure}
        mase = mean[Measure.ABSOLUTE] / mean[Measure.STEP_ABSOLUTE]
    rmse = np.sqrt(mean[Measure.SQUARED])
    return {
        "rmse": rmse,
        "mae": mean[Measure.ABSOLUTE],
        "mase": mase,
        "skill": 1 - quotient(rmse, np.sqrt(mean[Measure.LAST_SQUARED])),
        "crps": mean[Measure.CRPS],
        "crps_gain": 1 - quotient(mean[Measure.CRPS], mean[Measure.REFERENCE_CRPS]),
        "coverage_80": mean[Measure.INSIDE_80],
        "coverage_90": mean[Measure.INSIDE_90],
        "width_80": mean[Measure.WIDTH_80],
        "width_90": mean[Measure.WIDTH_90],
    }


def _mean_of(figures: Sequence[Mapping[str, Double]]) -> dict[str, Double]:
    """The sets' mean of each score, draw by draw: [1 + DRAWS, HORIZONS]."""
    means = {}
    for name in figures[0]:
        stacked = np.stack([each[name] for each in figures])  # [sets, 1 + DRAWS, HORIZONS]
        with np.errstate(divide="ignore", invalid="ignore"):  # an exact forecast has an error of zero, and so the mean
            means[name] = np.exp(np.log(stacked).mean(axis=0)) if name in IN_MBPS else stacked.mean(axis=0)
    return means


def _rows(
    each: Backtest, segment: str, model: str, n: Double, figures: Mapping[str, Double], traces: tuple[int, int]
) -> list[Row]:
    """Rows of one model; `traces` are how many there are, and how many the set with the fewest has."""
    made = []
    for step in np.flatnonzero(n):
        scores = {name: float(figure[0, step]) for name, figure in figures.items()}
        for name in ("skill", "crps_gain"):
            _, low, high = estimate(figures[name][:, step], traces[1])
            scores |= {f"{name}_low": low, f"{name}_high": high}
        made.append(Row(each.set, each.split, segment, int(step) + 1, model, int(n[step]), traces[0], **scores))
    return made


def _reliability_of(sums: Double) -> Double:
    """Shares [HORIZONS, quantiles] of values at or below each quantile, from sums [traces, HORIZONS, …]."""
    total = sums.sum(axis=0)  # [HORIZONS, measures + quantiles]
    with np.errstate(invalid="ignore"):  # a set of the shortest segments has no row of the last horizon: NaN
        return np.asarray(total[:, len(Measure) :] / total[:, Measure.ROWS, None])
