"""Links that are made, not measured: seeded, of any number, and free to redistribute.

Three families, all simulated for many links at once and read like a counter (mean of a step of 1 s):

`five_level_links` – an access link that is handed over between five levels of capacity. The level is a Markov
chain with geometric dwell times (after Gilbert 1960 and Zorzi & Rao 1997); on top lies fast fading of power, a
Gamma variable of mean 1 (Nakagami-m). The best predictor is the chain's forward filter, which is not linear: a
model that learns must beat a straight line here.

`long_range_links` – a link that carries many users. The logarithm of the load is a sum of four
Ornstein–Uhlenbeck processes with time constants from 1.5 to 250 s, which together look long-range dependent
(Leland et al. 1994), and a slow diurnal wave. Packets are Poisson given the load. The spread of round-trip times
follows the queue: the heavy-traffic wait of M/G/1 is exponential (Kingman 1961), so its standard deviation is
the Pollaczek–Khinchine mean wait.

`mixtures.mixed_links` – links each of another kind, so that a model learns to look before it forecasts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.mixtures import mixed_links
from ml_inference.forecasting.monitor import read
from ml_inference.forecasting.processes import markov_levels, ornstein_uhlenbeck

ROWS = 120
"""Samples of a generated link."""

LEVELS = 5
TIME_CONSTANTS = np.array([1.5, 8.0, 45.0, 250.0])  # [processes] s
SUBSTEPS = 4
"""Simulated moments of which a sample is the mean, as a counter reads them."""

Generator = Callable[[np.random.Generator, int, int], list[Trace]]


def five_level_links(random: np.random.Generator, links: int, rows: int = ROWS) -> list[Trace]:
    """Links that jump between five levels; every link draws its levels, dwell time and fading.

    rate(t) = L[c(t)] · Gamma(m, 1/m), with c a Markov chain on five levels spread over 15 … 100 % of capacity.
    """
    top = random.uniform(0.35, 1.0, links)  # [links] fraction of capacity
    depth = random.uniform(0.1, 0.6, links)  # [links] lowest level over the highest
    ladder = np.linspace(depth, np.ones(links), LEVELS, axis=1)  # [links, LEVELS]
    ladder = np.sort(ladder * random.lognormal(0, 0.08, ladder.shape), axis=1)
    levels = top[:, None] * ladder / ladder[:, -1:]
    level = markov_levels(random, links, rows, LEVELS)  # [links, rows]
    shape = np.exp(random.uniform(np.log(10), np.log(200), links))[:, None]  # [links, 1]
    fading = random.gamma(shape, 1 / shape, (links, rows))  # [links, rows]
    share = np.take_along_axis(levels, level, axis=1) * fading
    return read(random, "five-level", share)


def long_range_links(random: np.random.Generator, links: int, rows: int = ROWS) -> list[Trace]:
    """Links whose load wanders on all time scales between 1.5 s and minutes, often up to the link's capacity.

    log rate(t) = log μ + Σ OU_i(t) - σ²/2 + A sin(2πt/P + φ).
    """
    mean = np.exp(random.uniform(np.log(0.03), np.log(0.95), links))  # [links] fraction of capacity
    spread = np.exp(random.uniform(np.log(0.04), np.log(0.6), links))  # [links] sd of the logarithm
    weights = random.dirichlet(np.ones(len(TIME_CONSTANTS)), links)  # [links, processes] shares of the variance
    wander = ornstein_uhlenbeck(
        random, SUBSTEPS * TIME_CONSTANTS, links, rows * SUBSTEPS
    )  # [links, rows · SUBSTEPS, processes]
    load = np.einsum("ltp,lp->lt", wander, np.sqrt(weights)) * spread[:, None] - spread[:, None] ** 2 / 2
    seconds = np.arange(rows * SUBSTEPS) / SUBSTEPS  # [rows · SUBSTEPS]
    period = np.exp(random.uniform(np.log(120), np.log(7200), links))[:, None]
    phase = random.uniform(0, 2 * np.pi, links)[:, None]
    load += random.uniform(0, 0.5, links)[:, None] * np.sin(2 * np.pi * seconds / period + phase)
    share = np.minimum(mean[:, None] * np.exp(load), 1.0)  # [links, rows · SUBSTEPS]
    return read(random, "long-range", share.reshape(links, rows, SUBSTEPS).mean(axis=2))


FAMILIES: dict[str, Generator] = {"five-level": five_level_links, "long-range": long_range_links, "mixed": mixed_links}


def population(seed: int, links: int, rows: int = ROWS) -> dict[str, list[Trace]]:
    """`links` links, dealt out evenly to the families; the same seed gives the same numbers.

    Each link belongs to one split as a whole: 70 % train, 15 % val, 15 % test.
    """
    families = {}
    for index, (name, generate) in enumerate(FAMILIES.items()):
        share = len(range(index, links, len(FAMILIES)))
        made = generate(np.random.default_rng([seed, index]), share, rows)
        cuts = round(share * 0.70), round(share * 0.85)
        families[name] = [
            trace.rows(0, rows, "train" if i < cuts[0] else "val" if i < cuts[1] else "test")
            for i, trace in enumerate(made)
        ]
    return families
