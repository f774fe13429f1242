"""Links each of another kind: mixtures of slow and fast processes, levels, ramps, outages, caps and noise.

No two links of this family follow one law. A model trained on it has to find out from the window what kind of
link it sees, as on links it never met. Only links whose summary statistics are plausible for real access links
are kept: a logistic rule on seven statistics of a link's steps, whose coefficients were fitted to such
statistics, never to a window.
"""

from __future__ import annotations

import numpy as np

from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.layout import Double
from ml_inference.forecasting.monitor import read
from ml_inference.forecasting.processes import log_uniform, markov_levels, ornstein_uhlenbeck

PROCESSES = 4
LEVELS = 5
BLOCK = 10
"""Steps over which a level is compared with its own restlessness."""

OVERDRAW = 4
"""Candidates for every link still wanted; about a third are kept."""

TINY = 1e-9

INTERCEPT, LARGEST = 0.383, 2.56
RULE = np.array(
    [  # mean, standard deviation, linear and quadratic coefficient of
        (-0.600, 0.615, 0.870, 0.585),  # log coefficient of variation
        (-0.206, 0.274, -0.336, -0.349),  # lag-1 autocorrelation of differences
        (-0.045, 0.157, -0.252, 0.038),  # lag-2 autocorrelation of differences
        (0.729, 0.252, 0.462, 0.126),  # lag-1 autocorrelation
        (-0.931, 0.692, -0.679, -0.686),  # log of rms difference over mean
        (-0.816, 0.427, 0.425, -0.070),  # log of (mean |difference|)² over mean square difference
        (0.515, 0.554, -0.735, -0.481),  # correlation of level and mean |difference| over blocks
    ]
)  # [statistics, 4]


def mixed_links(random: np.random.Generator, links: int, rows: int) -> list[Trace]:
    """Plausible links of all kinds, `rows` samples each."""
    kept: list[Double] = []
    while sum(map(len, kept)) < links:
        candidates = _candidates(random, OVERDRAW * links, rows)  # [candidates, rows]
        kept.append(candidates[random.random(len(candidates)) < plausibility(candidates)])
    return read(random, "mixed", np.concatenate(kept)[:links])


def plausibility(series: Double) -> Double:
    """Probability [links] with which a link [links, rows] is kept; the scale of a series does not matter."""
    difference = np.diff(series, axis=1)
    mean = series.mean(axis=1) + TINY
    root = np.sqrt((difference**2).mean(axis=1)) + TINY
    whole = series.shape[1] // BLOCK * BLOCK
    level = series[:, :whole].reshape(len(series), -1, BLOCK).mean(axis=2)  # [links, blocks]
    change = np.abs(np.diff(series, axis=1, prepend=series[:, :1]))[:, :whole]
    restless = change.reshape(len(series), -1, BLOCK).mean(axis=2)  # [links, blocks]
    statistics = np.stack(
        [
            np.log(series.std(axis=1) / mean + TINY),
            _correlation(difference[:, 1:], difference[:, :-1]),
            _correlation(difference[:, 2:], difference[:, :-2]),
            _correlation(series[:, 1:], series[:, :-1]),
            np.log(root / mean),
            np.log(np.abs(difference).mean(axis=1) ** 2 / root**2 + TINY),
            _correlation(level, restless),
        ],
        axis=1,
    )  # [links, statistics]
    centre, spread, linear, quadratic = RULE.T
    z = np.clip((statistics - centre) / spread, -3, 3)
    return np.asarray(np.minimum(np.exp(np.clip(INTERCEPT + z @ linear + z**2 @ quadratic, -6, 3)) / LARGEST, 1))


def _correlation(one: Double, other: Double) -> Double:
    """Correlation [links] of two sets of series [links, rows]."""
    one, other = one - one.mean(axis=1, keepdims=True), other - other.mean(axis=1, keepdims=True)
    return np.asarray((one * other).sum(axis=1) / (np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1)) + TINY))


def _candidates(random: np.random.Generator, links: int, rows: int) -> Double:
    """Loads [links, rows] as fractions of capacity, of every kind."""
    load = _shaped(random, _latent(random, links, rows))
    load = np.where(random.random((links, 1)) < 0.6, _averaged(load), load)
    load *= 1 + log_uniform(random, 0.003, 0.2, links) * random.standard_normal(load.shape)
    load = np.where(random.random((links, 1)) < 0.35, _capped(random, load), load)
    load = np.where(random.random((links, 1)) < 0.45, load * _outages(random, links, rows), load)
    load = np.maximum(load, 0)
    headroom = random.uniform(0.02, 0.8, (links, 1)) * np.abs(random.standard_normal((links, 1)))
    capacity = np.quantile(load, 0.995, axis=1, keepdims=True) * np.exp(headroom) + TINY
    return np.minimum(load / capacity, 1)


def _latent(random: np.random.Generator, links: int, rows: int) -> Double:
    """Unbounded wanderings [links, rows] of variance near 1, with levels in some and a ramp in some."""
    constants = np.exp(random.uniform(0, np.log(400), (links, PROCESSES)))  # [links, processes] steps
    weights = np.sqrt(random.dirichlet(np.ones(PROCESSES), links))  # [links, processes]
    latent = np.einsum("ltp,lp->lt", ornstein_uhlenbeck(random, constants, links, rows), weights)
    heights = random.standard_normal((links, LEVELS))
    levels = np.take_along_axis(heights, markov_levels(random, links, rows, LEVELS), axis=1)
    latent += np.where(random.random((links, 1)) < 0.45, random.uniform(0.3, 1.5, (links, 1)), 0) * levels
    ramp = random.normal(0, 1, (links, 1)) * np.linspace(-1, 1, rows)
    return np.asarray(latent + np.where(random.random((links, 1)) < 0.25, ramp, 0))


def _shaped(random: np.random.Generator, latent: Double) -> Double:
    """Loads ≥ 0 from wanderings, by one of four shapes."""
    links = len(latent)
    swing = random.uniform(0.3, 1.8, (links, 1)) * latent
    offset = random.uniform(0.5, 2.0, (links, 1))
    shapes = [np.exp(swing), np.maximum(offset + swing, 0), 1 / (1 + np.exp(-2 * swing)), (offset + swing) ** 2]
    return np.choose(random.integers(0, len(shapes), (links, 1)), shapes)


def _averaged(load: Double) -> Double:
    """The mean of neighbouring steps: a counter that reads a faster process."""
    return np.concatenate([load[:, :1], (load[:, 1:] + load[:, :-1]) / 2], axis=1)


def _capped(random: np.random.Generator, load: Double) -> Double:
    """Cut off at a ceiling that trembles a little: a shaper, or the radio's best rate."""
    share = random.uniform(0.5, 0.98, len(load))
    ceiling = np.array([np.quantile(row, at) for row, at in zip(load, share, strict=True)])[:, None]
    tremble = random.uniform(0, 0.06, (len(load), 1)) * random.standard_normal(load.shape)
    return np.minimum(load, ceiling * (1 + tremble))


def _outages(random: np.random.Generator, links: int, rows: int) -> Double:
    """Factors [links, rows], 1 but for outages and dips whose lengths follow a Pareto law (exponent 1.3)."""
    often = log_uniform(random, 0.002, 0.05, links)
    depth = np.where(random.random((links, 1)) < 0.6, 0.0, random.uniform(0.05, 0.7, (links, 1)))
    starts = random.random((links, rows)) < often
    lengths = np.minimum(np.ceil(random.pareto(1.3, (links, rows)) + 0.5), 40)
    left = np.zeros(links)
    factors = np.ones((links, rows))
    for row in range(rows):
        left = np.where(starts[:, row], np.maximum(left, lengths[:, row]), left - 1)
        factors[:, row] = np.where(left > 0, depth[:, 0], 1)
    return factors
