"""What the bundle says of each sample that is watched: how likely the threshold is passed at each step ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from tqdm import tqdm

from alert_replay.linkset import LinkSet
from alert_replay.series import Series
from ml_inference.bundle import Bundle, Forecast, Inputs
from ml_inference.forecasting.layout import HORIZONS, Double
from ml_inference.forecasting.windows import Windows, cut
from ml_inference.history import CONTEXT

AT_ONCE: Final = 2048
"""windows that are forecast together: memory stays small"""
PACE: Final = 2.0
"""s between two updates of the progress that is shown"""
SHOWN: Final = (0.1, 0.9)
"""quantiles that an outlook carries"""


@dataclass(frozen=True, eq=False)
class Said:
    """The bundle's word on each sample that is watched, % of capacity."""

    mean: Double
    """[watched, HORIZONS]"""
    lower: Double
    """[watched, HORIZONS] one in ten is below"""
    upper: Double
    """[watched, HORIZONS] one in ten is above"""
    exceed: Double
    """[watched, HORIZONS] probability of more than the threshold at the step"""
    within: Double
    """[watched, HORIZONS] at it or at one before it"""


def ask(found: LinkSet, bundle: Bundle) -> Said:
    """Ask as a monitor does that sends all it has of the segment, 512 samples at most."""
    lots = list(_lots(found, bundle))
    return Said(*(np.concatenate(parts) for parts in zip(*lots, strict=True)))


def _lots(found: LinkSet, bundle: Bundle) -> Iterator[tuple[Double, ...]]:
    windows = cut(found.traces)
    share = found.threshold / 100
    ends = [bundle.manifest.quantile_levels.index(level) for level in SHOWN]
    with tqdm(total=len(windows), unit=" forecasts", desc=found.name, mininterval=PACE, delay=PACE) as shown:
        for first in range(0, len(windows), AT_ONCE):
            forecast = _forecast(windows, slice(first, first + AT_ONCE), bundle)
            lower, upper = (100.0 * forecast.quantiles[:, :, end].astype(np.float64) for end in ends)
            links = range(len(forecast.output))
            exceed = [[forecast.at(link, step).exceed_probability(share) for step in range(HORIZONS)] for link in links]
            within = forecast.exceed_within([share] * len(links))
            yield 100.0 * forecast.mean.astype(np.float64), lower, upper, np.array(exceed), within
            shown.update(len(links))


def _forecast(windows: Windows, lot: slice, bundle: Bundle) -> Forecast:
    """By the graph that answers where so much history is known."""
    inputs, context = windows.inputs[lot], windows.context[lot]
    levels, needed = bundle.manifest.quantile_levels, bundle.manifest.history_samples
    enough = context[:, CONTEXT.index("samples")] >= needed
    output = np.empty((len(inputs), HORIZONS, 1 + len(levels)), np.float32)
    for rows, graph in ((enough, bundle.graph_for(needed)), (~enough, bundle.baseline)):
        if rows.any():
            output[rows] = graph.forecast(Inputs(inputs[rows], context[rows])).output
    return Forecast(output, levels)


def within(series: Series, said: Said) -> Double:
    """[samples] probability that the threshold is passed within HORIZONS samples; NaN where none is given."""
    found = np.full(len(series), np.nan)
    found[series.watched] = said.within[:, -1]
    return found
