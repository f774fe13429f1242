"""Links of which the best possible forecast is known: what a learner has to come near to.

`FiveLevelLink` – an access link that is handed over between five levels of capacity. The level is a Markov chain with
geometric dwell times (after Gilbert 1960 and Zorzi & Rao 1997); on top lies fast fading of power, a Gamma variable of
mean 1 (Nakagami-m). The best forecast is the chain's forward filter (Rabiner 1989), which is not linear: a model that
learns must beat a straight line here.

`LongRangeLink` – a link that carries many users. The logarithm of the load is a sum of four Ornstein–Uhlenbeck
processes with time constants from 1.5 to 250 steps, which together look long-range dependent (Leland et al. 1994). The
best forecast is closed-form: a Kalman filter (Kalman 1960) on the logarithm, and the mean of a log-normal variable. A
line nearly reaches it: a check that nothing is broken.

The spread of round-trip times follows the load and says nothing beyond it, so the best forecast needs the load alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.layout import HORIZONS, WINDOW, Double
from ml_inference.forecasting.monitor import BITS_PER_BYTE, rtt_spread
from ml_inference.forecasting.processes import ornstein_uhlenbeck

CAPACITY_MBPS: Final = 100.0
PACKET_BITS: Final = 1000.0 * BITS_PER_BYTE
PACKET_MS: Final = PACKET_BITS / (CAPACITY_MBPS * 1e6) * 1e3
"""Time on the wire."""


class KnownLink(Protocol):
    """A link with a law."""

    @property
    def name(self) -> str:
        """How tables call it."""
        ...

    @property
    def optimum(self) -> str:
        """How tables call its best forecast."""
        ...

    def traces(self, random: np.random.Generator, traces: int, rows: int) -> list[Trace]:
        """So many independent records of the link."""
        ...

    def best(self, trace: Trace) -> Double:
        """The mean of what follows, given all samples so far: [rows - WINDOW, HORIZONS] fractions of capacity."""
        ...


@dataclass(frozen=True)
class FiveLevelLink:
    """rate(t) = level[c(t)] · Gamma(m, 1/m), c a Markov chain."""

    levels: tuple[float, ...] = (0.10, 0.25, 0.45, 0.65, 0.90)
    """fractions of capacity"""
    stay: float = 20.0
    """steps for which a level lasts, on average"""
    neighbour: float = 0.6
    """share of the changes that lead to the next level up or down (at the ends: nowhere); the others lead anywhere"""
    fading: float = 25.0
    """m: 1 / m is the variance of the fading"""
    name: str = "five-level"
    optimum: str = "exact filter"

    def transition(self) -> Double:
        """Probability [from, to] of the next level."""
        count = len(self.levels)
        anywhere = np.full((count, count), 1 / count)
        beside = np.zeros((count, count))
        for level in range(count):
            for step in (-1, 1):
                beside[level, np.clip(level + step, 0, count - 1)] += 0.5
        change = self.neighbour * beside + (1 - self.neighbour) * anywhere
        return np.asarray((1 - 1 / self.stay) * np.eye(count) + change / self.stay)

    def traces(self, random: np.random.Generator, traces: int, rows: int) -> list[Trace]:
        """See KnownLink.traces."""
        reach = self.transition().cumsum(axis=1)  # [from, to]
        level = np.empty((traces, rows), np.intp)
        level[:, 0] = random.integers(0, len(self.levels), traces)
        for row in range(1, rows):
            level[:, row] = (random.random((traces, 1)) > reach[level[:, row - 1]]).sum(axis=1)
        fading = random.gamma(self.fading, 1 / self.fading, (traces, rows))
        return _recorded(random, self.name, np.array(self.levels)[level] * fading)

    def best(self, trace: Trace) -> Double:
        """See KnownLink.best: the forward filter."""
        share = np.maximum(trace.bandwidth_util / 100, 1e-12)
        levels, transition = np.array(self.levels), self.transition()
        # log density of Gamma(m, level / m), up to what is the same for all levels
        log_density = -self.fading * (np.log(levels) + share[:, None] / levels)  # [rows, levels]
        density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
        ahead = np.stack([np.linalg.matrix_power(transition, step) @ levels for step in range(1, HORIZONS + 1)], axis=1)
        belief = np.full(len(levels), 1 / len(levels))
        forecast = np.empty((len(share), HORIZONS))
        for row, likely in enumerate(density):
            belief = belief * likely
            belief /= belief.sum()
            forecast[row] = belief @ ahead
            belief = belief @ transition
        return forecast[WINDOW - 1 : -1]


@dataclass(frozen=True)
class LongRangeLink:
    """log rate(t) = log μ - σ²/2 + Σ OU_i(t)."""

    mean: float = 0.3
    """fraction of capacity"""
    spread: float = 0.35
    """standard deviation of the logarithm"""
    time_constants: tuple[float, ...] = (1.5, 8.0, 45.0, 250.0)
    """steps"""
    name: str = "long-range"
    optimum: str = "closed form"

    def traces(self, random: np.random.Generator, traces: int, rows: int) -> list[Trace]:
        """See KnownLink.traces."""
        wander = ornstein_uhlenbeck(random, np.array(self.time_constants), traces, rows).sum(axis=2)  # [traces, rows]
        logarithm = wander * self.spread / np.sqrt(len(self.time_constants))
        return _recorded(random, self.name, self.mean * np.exp(logarithm - self.spread**2 / 2))

    def best(self, trace: Trace) -> Double:
        """See KnownLink.best: Kalman filter of the four processes, of which only the sum is seen."""
        seen = np.log(np.maximum(trace.bandwidth_util / 100, 1e-12) / self.mean) + self.spread**2 / 2  # [rows]
        keep = np.exp(-1 / np.array(self.time_constants))  # [processes]
        stationary = np.eye(len(keep)) * self.spread**2 / len(keep)
        noise = stationary * (1 - keep**2)
        state, covariance = np.zeros(len(keep)), stationary
        forecast = np.empty((len(seen), HORIZONS))
        for row, value in enumerate(seen):
            gain = covariance.sum(axis=1) / covariance.sum()  # the sum is seen exactly
            state = state + gain * (value - state.sum())
            covariance = covariance - np.outer(gain, covariance.sum(axis=0))
            for step in range(HORIZONS):
                state_ahead, covariance = keep * state, np.outer(keep, keep) * covariance + noise
                if step == 0:
                    next_state, next_covariance = state_ahead, covariance
                state = state_ahead
                forecast[row, step] = self.mean * np.exp(state.sum() + covariance.sum() / 2 - self.spread**2 / 2)
            state, covariance = next_state, next_covariance
        return forecast[WINDOW - 1 : -1]


KNOWN_LINKS: Final[Sequence[KnownLink]] = (FiveLevelLink(), LongRangeLink())


def _recorded(random: np.random.Generator, name: str, share: Double) -> list[Trace]:
    """Records of loads [traces, rows], fractions of capacity, without rounding or limits, so that laws stay exact."""
    rtt = rtt_spread(random, share, np.full((len(share), 1), PACKET_MS))
    return [
        Trace(
            trace_id=f"{name}-{place:05d}",
            packet_rate=load * CAPACITY_MBPS * 1e6 / PACKET_BITS,
            bandwidth_util=100 * load,
            rtt_variance=rtt[place],
            bandwidth_mbps=load * CAPACITY_MBPS,
            capacity_mbps=CAPACITY_MBPS,
        )
        for place, load in enumerate(share)
    ]
