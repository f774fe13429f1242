"""The network as Keras sees it: raw windows and context in, quantiles in fractions of capacity out.

All scaling is inside, so what is exported needs no scaler beside it. The network sees a window in numbers without a
unit: in units of the window's own scale s, of the link's level, and of the link's usual step S. S is a constant where
the link's past is known (it was adapted to it), and the step of the history at hand where it is not. It answers in
units of s or of S: forecast = last + unit · network. So the same picture at ten times the capacity gives the same
fraction of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from ml_inference.forecasting.baselines import smoothing_of
from ml_inference.forecasting.features import SMOOTHING
from ml_inference.forecasting.layout import (
    FEATURES,
    HORIZONS,
    QUANTILE_LEVELS,
    SPREAD_FLOOR,
    UTILISATION_FLOOR,
    WINDOW,
    Single,
)
from ml_inference.history import CONTEXT

INPUTS = ("window", "context")
STEP_FLOOR = 1e-4
"""Smallest usual step of a history, a fraction of capacity."""

FARTHEST = 40.0
"""Levels are cut off at so many usual steps: beyond, a link is smooth, however smooth."""

BOUND = 8.0
"""Standardised features are cut off here: no window, however wild, drives the network where it never was."""

OUTPUTS = 1 + len(QUANTILE_LEVELS)
ENDS = np.stack([np.eye(WINDOW)[-1], np.full(WINDOW, 1 / WINDOW)], axis=1).astype(np.float32)
"""The last value and the mean, as a product."""

LEVEL = CONTEXT.index("level")
SIZES = ("mean", "scale", *CONTEXT[LEVEL:])
"""What is compared by its logarithm."""
STEP = SIZES.index("step")
SIZE_FLOORS = np.array([UTILISATION_FLOOR, UTILISATION_FLOOR, UTILISATION_FLOOR, STEP_FLOOR, STEP_FLOOR, 1], np.float32)

COMPARED = (("scale", "mean"), ("mean", "level"), ("scale", "level"), ("step", "scale"), ("step", "level"),
            ("swing", "step"), ("swing", "scale"))  # fmt: skip
RATIOS = np.stack(
    [np.array([(name == over) - (name == under) for name in SIZES], np.float32) for over, under in COMPARED]
    + [np.array([name == "samples" for name in SIZES], np.float32)],
    axis=1,
)
"""Logarithms of ratios, and of the number of samples, from the sizes' logarithms [sizes, features]."""


def _smoothed() -> Single:
    """From a window's shape to the shape itself, its exponential means and its slope: [WINDOW, features]."""
    means = [smoothing_of(alpha) for alpha in SMOOTHING]
    slope = (np.arange(WINDOW) - (WINDOW - 1) / 2) / WINDOW
    return np.concatenate([np.eye(WINDOW)[:, :-1], np.stack([*means, slope], axis=1)], axis=1).astype(np.float32)


SMOOTHED = _smoothed()


@dataclass(frozen=True)
class Front:
    """What stands before the layers that learn."""

    inputs: Sequence[Any]
    last: Any  # [batch, 1] fraction of capacity
    units: dict[str, Any]  # "window" and "link": fractions of capacity, [batch, 1] or one number for all
    sequence: Any  # [batch, WINDOW, channels], not standardised
    flat: Any  # [batch, features], not standardised
    own: Any  # [batch, own features], not standardised: what means something on one link only


@dataclass(frozen=True, eq=False)
class Standard:
    """Zero mean and unit variance over train's rows: the constants of it."""

    mean: Single
    spread: Single

    @classmethod
    def of(cls, features: Single) -> Standard:
        """From features [rows, …, features] of train."""
        rows = features.reshape(-1, features.shape[-1]).astype(np.float64)  # [rows · steps, features]
        return cls(rows.mean(axis=0).astype(np.float32), np.sqrt(rows.var(axis=0) + 1e-6).astype(np.float32))

    def __call__(self, features: Any) -> Any:
        """Standardise a tensor or an array, and cut it off at BOUND."""
        # Not keras.layers.Normalization: its statistics leave the exporter as inputs of the graph, not as constants.
        return ops.clip((features - self.mean) / self.spread, -BOUND, BOUND)


def front(link_step: float | None) -> Front:
    """Features of windows and context; `link_step` is S, a fraction of capacity, None to take it from the context.

    Written in few wide operations: in the exported graph each costs a third of a microsecond, whatever its width.
    """
    window = keras.Input((WINDOW, len(FEATURES)), dtype="float32", name=INPUTS[0])
    context = keras.Input((len(CONTEXT),), dtype="float32", name=INPUTS[1])
    share = window[:, :, 1] / 100  # [batch, WINDOW]
    ends = ops.matmul(share, ENDS)  # [batch, 2]
    last, mean = ends[:, :1], ends[:, 1:]
    spread = ops.sqrt(ops.mean(ops.square(share - mean), axis=1, keepdims=True))  # [batch, 1]
    scale = ops.maximum(spread, ops.maximum(SPREAD_FLOOR * mean, UTILISATION_FLOOR))
    sizes = ops.maximum(ops.concatenate([mean, scale, context[:, LEVEL:]], axis=1), SIZE_FLOORS)  # [batch, sizes]
    usual = sizes[:, STEP : STEP + 1] if link_step is None else link_step
    away = share - last  # [batch, WINDOW]
    shape, level = away / scale, ops.minimum(share / usual, FARTHEST)
    logarithms = ops.log(sizes)
    rate, rtt, measured, rtt_mean = _traffic(window)
    flat = [
        *_summary(share, shape, sizes[:, :1], ends),
        ops.matmul(logarithms, RATIOS),
        (context[:, LEVEL - 2 : LEVEL + 1] - last) / scale,
        context[:, : LEVEL - 2],  # both autocorrelations
        level[:, -1:],
        rate[:, -1:],
        rtt[:, -1:],
    ]
    own = [level, ops.log(1 + ops.concatenate([rtt_mean, rtt[:, -1:] * rtt_mean], axis=1)), logarithms[:, 1 : STEP + 1]]
    channels = [shape, share, level, ops.sqrt(level), away / usual, rate, rtt, measured]
    beside = ops.reshape(ops.concatenate(channels, axis=1), (-1, len(channels), WINDOW))  # one operation less for each
    sequence = ops.transpose(beside, (0, 2, 1))  # [batch, WINDOW, channels]
    units = {"window": scale, "link": usual}
    return Front((window, context), last, units, sequence, ops.concatenate(flat, axis=1), ops.concatenate(own, axis=1))


def _traffic(window: Any) -> tuple[Any, Any, Any, Any]:
    """Packet rate over its mean, spread of RTT over its mean (0 where it was not measured), where it was, that mean."""
    rate, rtt = window[:, :, 0], window[:, :, 2]  # [batch, WINDOW]
    rate_mean = ops.maximum(ops.mean(rate, axis=1, keepdims=True), 1e-3)
    missing = ops.isnan(rtt)
    measured = 1 - ops.cast(missing, "float32")
    known = ops.where(missing, 0.0, rtt)
    count = ops.maximum(ops.sum(measured, axis=1, keepdims=True), 1.0)
    rtt_mean = ops.maximum(ops.sum(known, axis=1, keepdims=True) / count, 1e-6)
    return rate / rate_mean, known / rtt_mean, measured, rtt_mean


def _summary(share: Any, shape: Any, mean: Any, ends: Any) -> list[Any]:
    """What the window looks like as a whole: tensors [batch, …], without a unit."""
    highest = ops.max(share, axis=1, keepdims=True)
    extremes = ops.concatenate([ends, highest, ops.min(share, axis=1, keepdims=True)], axis=1)  # [batch, 4]
    steps = shape[:, 1:] - shape[:, :-1]  # [batch, WINDOW - 1]
    square = ops.mean(ops.square(steps), axis=1, keepdims=True)
    echo = ops.mean(steps[:, 1:] * steps[:, :-1], axis=1, keepdims=True) / ops.maximum(square, 1e-6)
    at_top = ops.mean(ops.cast(share >= 0.98 * highest, "float32"), axis=1, keepdims=True)
    return [ops.matmul(shape, SMOOTHED), extremes, extremes / mean, ops.sqrt(square), echo, at_top]


def core(channels: int, features: int, units: int, hidden: int, dropout: float) -> Any:
    """The layers that learn: standardised sequence and flat features → [batch, HORIZONS · (mean and quantiles)]."""
    sequence, flat = keras.Input((WINDOW, channels)), keras.Input((features,))
    memory = keras.layers.LSTM(units)(sequence)  # [batch, units]
    memory = keras.layers.Dropout(dropout)(memory)
    deep = keras.layers.Dense(hidden, "relu")(ops.concatenate([memory, flat], axis=1))
    deep = keras.layers.Dropout(dropout)(deep)
    together = ops.concatenate([deep, flat], axis=1)  # the flat features pass by: a line stays a line
    answer = keras.layers.Dense(HORIZONS * OUTPUTS, kernel_initializer="zeros")(together)
    return keras.Model([sequence, flat], answer)


@dataclass(frozen=True, eq=False)
class Member:
    """A trained core, with what it is shown and what it answers in."""

    core: Any
    sequence: Standard
    flat: Standard
    own: bool
    """whether it sees the link's own features beside the flat ones"""
    unit: str

    def shown(self, parts: Sequence[Any]) -> list[Any]:
        """Sequence and flat features, standardised, from all three parts of a front as tensors or arrays."""
        return [self.sequence(parts[0]), self.flat(flat_of(parts, self.own))]


def flat_of(parts: Sequence[Any], own: bool) -> Any:
    """The flat features [batch, features] of a front's parts, with the link's own or without."""
    return ops.concatenate(parts[1:], axis=1) if own else parts[1]


def whole(ahead: Front, members: Sequence[Member], caution: Single, shift: Single | None = None) -> Any:
    """One model of several cores: the mean of their forecasts, never negative.

    `caution` [HORIZONS, OUTPUTS] is how much of the way from the last value is gone; `shift`, of the same shape and in
    units of the window's scale, is what forecasts are moved by. Quantiles may cross here; `predict` sorts them.
    """
    parts = ahead.sequence, ahead.flat, ahead.own
    steps: dict[str, Any] = {} if shift is None else {"window": np.float32(len(members)) * shift.reshape(1, -1)}
    for member in members:
        answer = member.core(member.shown(parts))  # [batch, HORIZONS · OUTPUTS]
        steps[member.unit] = answer + steps[member.unit] if member.unit in steps else answer
    total = ahead.last
    for unit, answers in steps.items():
        total = total + ahead.units[unit] * (answers * (caution.reshape(1, -1) / np.float32(len(members))))
    return keras.Model(list(ahead.inputs), ops.reshape(ops.relu(total), (-1, HORIZONS, OUTPUTS)))
