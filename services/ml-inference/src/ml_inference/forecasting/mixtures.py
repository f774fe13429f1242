"""Links each of another kind: mixtures of slow and fast processes, levels, ramps, outages, caps and noise.

No two links follow one law. A model trained on them has to find out from the window and the history what kind of link
it sees, as on links it never met. No figure in here was fitted to a measured link: the ranges are wide on purpose.
"""

from __future__ import annotations

import numpy as np

from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.layout import Double
from ml_inference.forecasting.monitor import read
from ml_inference.forecasting.processes import log_uniform, markov_levels, ornstein_uhlenbeck

PROCESSES = 4
LEVELS = 5
TINY = 1e-9


def mixed_links(random: np.random.Generator, links: int, rows: int) -> list[Trace]:
    """Links of all kinds, `rows` samples each."""
    return read(random, "mixed", loads(random, links, rows))


def loads(random: np.random.Generator, links: int, rows: int) -> Double:
    """Loads [links, rows] as fractions of capacity, of every kind."""
    load = _shaped(random, _latent(random, links, rows))
    load = _some(random, 0.30, _faded(random, load), load)
    load = _some(random, 0.60, _averaged(load), load)
    load = _some(random, 0.30, _jumpy(random, load), load)
    load = _some(random, 0.35, _capped(random, load), load)
    load = _some(random, 0.45, load * _outages(random, links, rows), load)
    load = _some(random, 0.25, _late(random, load), load)
    noise = log_uniform(random, 0.002, 0.05, links) * load.mean(axis=1, keepdims=True)
    load = np.maximum(load + noise * random.standard_normal(load.shape), 0)
    headroom = random.uniform(0.02, 0.8, (links, 1)) * np.abs(random.standard_normal((links, 1)))
    capacity = np.quantile(load, 0.995, axis=1, keepdims=True) * np.exp(headroom) + TINY
    return np.asarray(np.minimum(load / capacity, 1))


def _some(random: np.random.Generator, share: float, changed: Double, load: Double) -> Double:
    """A share of the links changed, the others as they were."""
    return np.where(random.random((len(load), 1)) < share, changed, load)


def _latent(random: np.random.Generator, links: int, rows: int) -> Double:
    """Wanderings [links, rows] of variance near 1, with levels in some, a ramp or a sawtooth in a few."""
    constants = np.exp(random.uniform(0, np.log(400), (links, PROCESSES)))  # [links, processes] steps
    weights = np.sqrt(random.dirichlet(np.ones(PROCESSES), links))  # [links, processes]
    latent = np.einsum("ltp,lp->lt", ornstein_uhlenbeck(random, constants, links, rows), weights)
    heights = random.standard_normal((links, LEVELS))
    levels = np.take_along_axis(heights, markov_levels(random, links, rows, LEVELS), axis=1)
    part = random.uniform(0.2, 0.95, (links, 1))
    latent = _some(random, 0.45, np.sqrt(1 - part) * latent + np.sqrt(part) * levels, latent)
    ramp = random.standard_normal((links, 1)) * np.linspace(-1, 1, rows)
    latent = _some(random, 0.15, latent + ramp, latent)
    period = log_uniform(random, 4, 60, links)  # steps
    saw = 2 * ((np.arange(rows) / period + random.random((links, 1))) % 1) - 1
    return _some(random, 0.12, latent + random.uniform(0.2, 1, (links, 1)) * saw, latent)


def _shaped(random: np.random.Generator, latent: Double) -> Double:
    """Loads ≥ 0 from wanderings, by one of four shapes."""
    links = len(latent)
    swing = random.uniform(0.3, 1.8, (links, 1)) * latent
    offset = random.uniform(0.5, 2.0, (links, 1))
    shapes = [np.exp(swing), np.maximum(offset + swing, 0), 1 / (1 + np.exp(-2 * swing)), (offset + swing) ** 2]
    return np.choose(random.integers(0, len(shapes), (links, 1)), shapes)


def _faded(random: np.random.Generator, load: Double) -> Double:
    """Fast fading of power: a Gamma variable of mean 1 at every step."""
    shape = log_uniform(random, 3, 200, len(load))
    return load * random.gamma(shape, 1 / shape, load.shape)


def _averaged(load: Double) -> Double:
    """The mean of neighbouring steps: a counter that reads a faster process."""
    return np.concatenate([load[:, :1], (load[:, 1:] + load[:, :-1]) / 2], axis=1)


def _jumpy(random: np.random.Generator, load: Double) -> Double:
    """Single steps that stand out: bursts in half of the links, dips in the others."""
    links = len(load)
    often = log_uniform(random, 0.005, 0.08, links)
    burst, dip = random.uniform(1.3, 3, (links, 1)), random.uniform(0.1, 0.7, (links, 1))
    factor = np.where(random.random((links, 1)) < 0.5, burst, dip)
    return np.where(random.random(load.shape) < often, load * factor, load)


def _late(random: np.random.Generator, load: Double) -> Double:
    """Some bytes of every step are counted in the next one: the counter was read a little early."""
    moved = load * random.uniform(0.05, 0.5, (len(load), 1)) * random.random(load.shape)
    counted = load - moved
    counted[:, 1:] += moved[:, :-1]
    return counted


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
