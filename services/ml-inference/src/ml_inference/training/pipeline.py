"""From traces to a judged model, and from that to a bundle on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ml_inference.bundle import BundleDescription, Manifest, load_bundle, write_bundle
from ml_inference.forecasting.baselines import BASELINES, LinearForecaster
from ml_inference.forecasting.forecaster import Forecaster
from ml_inference.forecasting.gate import Exam, Verdict, judge
from ml_inference.forecasting.layout import QUANTILE_LEVELS, WINDOW, Double, Single
from ml_inference.forecasting.lstm import LstmForecaster
from ml_inference.forecasting.metrics import crps_of_rows
from ml_inference.forecasting.windows import Windows, cut
from ml_inference.training.baseline_graph import graph_of
from ml_inference.training.export import Export, export
from ml_inference.training.sources import Source

HISTORIES: Final = (WINDOW, 20, 40, 80)
"""Samples from which on a model may be found fit to answer."""

LEAST_ROWS: Final = 100
"""Validation rows without which nothing is told of a length of history."""

CHAMPION: Final = "champion"


@dataclass(frozen=True, eq=False)
class Outcome:
    """A trained, exported and judged model, with its baselines; nothing of it is on disk yet."""

    source: Source
    forecaster: LstmForecaster
    baselines: Mapping[str, LinearForecaster]
    best: str
    """name of the baseline that answers in the model's place"""
    history_samples: int
    """samples from which on the model answers"""
    forecasts: Mapping[str, Single]
    """by model, of every window of the test split [rows, HORIZONS, 1 + quantiles]"""
    export: Export
    verdict: Verdict


def train(source: Source, forecaster: LstmForecaster, champion: Forecaster | None = None) -> Outcome:
    """Train on the source's train split, choose on val, and let the gate judge on test, once.

    Raises ParityError if the exported graph does not answer as the trained model does.
    """
    forecaster.fit(source.train, source.validation)
    baselines = {kind.name: kind() for kind in BASELINES}
    for baseline in baselines.values():
        baseline.fit(source.train, source.validation)
    validation = source.validation.complete()
    losses = {name: _losses(validation, baseline.predict(validation)) for name, baseline in baselines.items()}
    best = min(losses, key=lambda name: float(losses[name].mean()))
    samples = _samples_needed(validation, _losses(validation, forecaster.predict(validation)), losses[best])
    exam, rivals = source.parts["test"], dict(baselines)
    forecasts = {name: rival.forecast(exam) for name, rival in rivals.items()}
    if champion is not None:
        forecasts[CHAMPION] = champion.forecast(exam)
    named = CHAMPION if champion is not None else None
    verdict = judge(forecaster, [Exam(source.name, "test", exam, forecasts)], named)
    forecasts[forecaster.name] = forecaster.forecast(exam)
    return Outcome(source, forecaster, baselines, best, samples, forecasts, export(forecaster, cut(exam)), verdict)


def save(outcome: Outcome, folder: Path, description: BundleDescription) -> Manifest:
    """Write the bundle and let serving check it: to where nobody reads yet.

    Raises BundleError if it does not pass, OSError if `folder` cannot be written.
    """
    manifest = write_bundle(folder, outcome.export.graph, graph_of(outcome.baselines[outcome.best]), description)
    load_bundle(folder)
    return manifest


def _losses(windows: Windows, forecast: Single) -> Double:
    """CRPS of each row, mean of the horizons, in the link's usual steps: [rows]."""
    crps = crps_of_rows(windows.targets.astype(np.float64), forecast[:, :, 1:].astype(np.float64), QUANTILE_LEVELS)
    return np.asarray(crps.mean(axis=1) / windows.step)


def _samples_needed(validation: Windows, model: Double, baseline: Double) -> int:
    """The shortest history from which on, at every length that can be judged, the model errs less than the baseline."""
    samples = validation.context[:, -1]  # [rows]
    needed = WINDOW
    for low, high in zip(HISTORIES, (*HISTORIES[1:], np.inf), strict=True):
        rows = (samples >= low) & (samples < high)
        if rows.sum() >= LEAST_ROWS and model[rows].mean() > baseline[rows].mean() and np.isfinite(high):
            needed = int(high)
    return needed
