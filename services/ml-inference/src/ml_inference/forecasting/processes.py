"""Random processes that generated links are made of, for many links at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml_inference.forecasting.layout import Double


def log_uniform(random: np.random.Generator, low: float, high: float, links: int) -> Double:
    """One number per link [links, 1], as likely between 1 and 2 as between 10 and 20."""
    return np.exp(random.uniform(np.log(low), np.log(high), links))[:, None]


def markov_levels(random: np.random.Generator, links: int, rows: int, levels: int) -> npt.NDArray[np.intp]:
    """Indices of levels [links, rows]: mean stay of 5 … 60 s, then mostly a neighbour, else any level."""
    leave = 1 / np.exp(random.uniform(np.log(5), np.log(60), links))  # [links] probability per step
    level = np.empty((links, rows), np.intp)
    level[:, 0] = random.integers(0, levels, links)
    for row in range(1, rows):
        here = level[:, row - 1]
        neighbour = np.clip(here + random.choice([-1, 1], links), 0, levels - 1)
        anywhere = random.integers(0, levels, links)
        target = np.where(random.random(links) < 0.6, neighbour, anywhere)
        level[:, row] = np.where(random.random(links) < leave, target, here)
    return level


def ornstein_uhlenbeck(random: np.random.Generator, time_constants: Double, links: int, steps: int) -> Double:
    """Stationary processes of variance 1, exact at any step: [links, steps, processes].

    `time_constants` are in steps, [processes] or [links, processes].
    """
    keep = np.exp(-1 / time_constants)
    noise = random.standard_normal((steps, links, time_constants.shape[-1]))
    states = np.empty_like(noise)  # [steps, links, processes]
    states[0] = noise[0]
    for step in range(1, steps):
        states[step] = keep * states[step - 1] + np.sqrt(1 - keep**2) * noise[step]
    return states.transpose(1, 0, 2)
