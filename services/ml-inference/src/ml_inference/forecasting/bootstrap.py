"""Intervals of 95 %, from drawing whole traces again with replacement (Efron & Tibshirani 1993, chapter 8).

Rows of one trace resemble each other; drawn one by one they would promise far more certainty than there is. All models
of a set are scored on the same draws, so that what they share cancels out of their ratio.
"""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np

from ml_inference.forecasting.layout import Double

DRAWS: Final = 2000
TAILS: Final = (0.025, 0.975)

LEAST_TRACES: Final = 2
"""One trace drawn again is the same trace: there is nothing to tell an interval from."""


def draws_of(name: str, traces: int, seed: int) -> Double:
    """How often each trace is in each draw: [1 + DRAWS, traces]; the first row is the sample itself, each trace once.

    The same `name` and `seed` give the same draws. Sets of other names get other ones, or the draws of two sets with
    as many traces would rise and fall together.
    """
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    counts = random.multinomial(traces, np.full(traces, 1 / traces), size=DRAWS)  # [DRAWS, traces]
    return np.concatenate([np.ones((1, traces)), counts])


def totals(draws: Double, sums: Double) -> Double:
    """Sums over the traces of each draw: [1 + DRAWS, …] from draws [1 + DRAWS, traces] and sums [traces, …]."""
    return np.tensordot(draws, sums, axes=1)


def estimate(statistic: Double, traces: int) -> tuple[float, float, float]:
    """A statistic [1 + DRAWS] of the sample and of its draws as value, low, high.

    The ends are NaN for fewer than LEAST_TRACES traces. Draws in which the statistic has no value do not count.
    """
    value, drawn = float(statistic[0]), statistic[1:]
    drawn = drawn[~np.isnan(drawn)]
    if traces < LEAST_TRACES or not len(drawn):
        return value, float("nan"), float("nan")
    # Outwards to a draw: between two draws of which one is infinite (a reference without error) nothing lies.
    low, high = np.quantile(drawn, TAILS[0], method="lower"), np.quantile(drawn, TAILS[1], method="higher")
    return value, float(low), float(high)
