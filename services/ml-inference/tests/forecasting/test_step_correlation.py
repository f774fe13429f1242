"""The correlation that joins a forecast's steps is what generated links say it is."""

from pathlib import Path

import numpy as np
import pytest

from ml_inference.bundle import Inputs, load_bundle
from ml_inference.bundle.passage import STEP_CORRELATION, FactorCopula
from ml_inference.forecasting.mixtures import mixed_links
from ml_inference.forecasting.windows import cut

BUNDLE = Path(__file__).parents[2] / "bundles/default"
TINY = 1e-6


def test_correlation_when_compared_on_generated_links_then_is_the_most_likely() -> None:
    traces = mixed_links(np.random.default_rng(8), 300, 200)
    windows = cut(traces, stride=20).complete()
    forecast = load_bundle(BUNDLE).model.forecast(Inputs(windows.inputs, windows.context))
    shares = {trace.trace_id: trace.bandwidth_mbps / trace.capacity_mbps for trace in traces}
    threshold = np.array([np.percentile(shares[name], 85) for name in windows.trace_id])
    below = np.flatnonzero(windows.last < threshold)
    exceeds = (windows.targets > threshold[:, None]).any(axis=1)
    alone = {
        row: [forecast.at(row, step).exceed_probability(threshold[row]) for step in range(5)] for row in below.tolist()
    }

    def surprise(correlation: float) -> float:
        """Mean log loss of the probabilities that the correlation makes."""
        copula = FactorCopula(correlation)
        chance = np.clip([copula.exceed_within(alone[row])[-1] for row in below.tolist()], TINY, 1 - TINY)
        return float(-np.log(np.where(exceeds[below], chance, 1 - chance)).mean())

    losses = {correlation / 20: surprise(correlation / 20) for correlation in range(1, 20)}
    assert len(below) > 1000
    assert min(losses, key=losses.__getitem__) == pytest.approx(STEP_CORRELATION, abs=0.11), losses
