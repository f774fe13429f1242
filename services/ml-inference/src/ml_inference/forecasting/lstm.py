"""The LSTM: raw windows in, quantiles in fractions of capacity out; every feature is made inside the graph.

The network sees a window only through numbers without a scale, and answers in units of the window's own scale
s: forecast = last + s · network. So the same picture at ten times the capacity gives the same fraction, and
whatever serves the exported graph feeds it raw numbers. Statistics of features (the "scaler") come from train
windows alone and are constants of the graph.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from ml_inference.forecasting.layout import (
    FEATURES,
    HORIZONS,
    QUANTILE_LEVELS,
    SPREAD_FLOOR,
    UTILISATION_FLOOR,
    WINDOW,
    Single,
)
from ml_inference.forecasting.windows import Windows

INPUT_NAME = "window"
BOUND = 8.0
"""Standardised features are cut off here: no window, however wild, drives the network where it never was."""

MEDIAN = QUANTILE_LEVELS.index(0.5)
PREDICT_BATCH = 8192


@dataclass(frozen=True)
class Recipe:
    """How the LSTM is built and trained."""

    seed: int = 1
    epochs: int = 4
    units: int = 24
    """Cells of the LSTM."""
    hidden: int = 48
    """Neurons between the LSTM and the forecast."""
    batch: int = 512
    learning_rate: float = 3e-3
    """Adam's first; it falls to zero along a cosine."""
    pinball_weight: float = 1.5
    """Weight of the quantiles beside the squared error of the mean, both in units of a link's usual step."""
    progress: int = field(default=0, compare=False)
    """Keras' verbosity: 0 silent, 1 a bar, 2 a line per epoch."""

    def settings(self) -> dict[str, Any]:
        """All that decides the weights."""
        return {name: value for name, value in asdict(self).items() if name != "progress"}


class LstmForecaster:
    """See Forecaster. `fit` is deterministic from the recipe's seed, given the same versions and thread count."""

    name = "LSTM"

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The Keras model. Raises RuntimeError before `fit`."""
        if self._model is None:
            raise RuntimeError("the LSTM has to be fitted before it forecasts")
        return self._model

    def fit(self, train: Windows, validation: Windows) -> None:
        """Train; the epoch whose weights do best on `validation` is kept."""
        recipe = self.recipe
        keras.utils.set_random_seed(recipe.seed)
        self._model = _build(recipe, train.inputs)
        steps = recipe.epochs * -(-len(train) // recipe.batch)
        schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
        self._model.compile(
            keras.optimizers.Adam(schedule, clipnorm=1.0),
            loss=lambda truth, forecast: _loss(truth, forecast, recipe.pinball_weight),
            jit_compile=False,
        )
        self._model.fit(
            train.inputs,
            _truth(train),
            batch_size=recipe.batch,
            epochs=recipe.epochs,
            validation_data=(validation.inputs, _truth(validation)),
            validation_batch_size=PREDICT_BATCH,
            callbacks=[keras.callbacks.EarlyStopping(patience=recipe.epochs, restore_best_weights=True)],
            verbose=recipe.progress,
        )

    def predict(self, inputs: Single) -> Single:
        """See Forecaster.predict."""
        return np.asarray(self.model.predict(inputs, batch_size=PREDICT_BATCH, verbose=0), np.float32)

    def export(self, path: Path) -> None:
        """Write the graph as ONNX: input `window` [batch, WINDOW, features], free batch, one output."""
        signature = [keras.InputSpec(shape=(None, WINDOW, len(FEATURES)), dtype="float32", name=INPUT_NAME)]
        self.model.export(path, format="onnx", verbose=False, input_signature=signature)


def _truth(windows: Windows) -> Single:
    """What the loss compares with: targets and, in the last column, the link's usual step [rows, HORIZONS + 1]."""
    return np.concatenate([windows.targets, windows.step[:, None]], axis=1)


def _loss(truth: Any, forecast: Any, pinball_weight: float) -> Any:
    """Squared error of the mean + weighted pinball loss, in units of the link's step: every link counts alike."""
    targets, step = truth[:, :HORIZONS], truth[:, HORIZONS:]  # [batch, HORIZONS], [batch, 1]
    square = ops.mean(ops.square((targets - forecast[:, :, 0]) / step))
    error = (targets[:, :, None] - forecast[:, :, 1:]) / step[:, :, None]  # [batch, HORIZONS, quantiles]
    levels = ops.convert_to_tensor(QUANTILE_LEVELS, "float32")
    return square + pinball_weight * ops.mean(ops.maximum(levels * error, (levels - 1) * error))


def _build(recipe: Recipe, train: Single) -> Any:
    window = keras.Input((WINDOW, len(FEATURES)), dtype="float32", name=INPUT_NAME)
    last, scale, sequence, flat = _features(window)
    features = keras.Model(window, [sequence, flat])
    sequences, flats = features.predict(train, batch_size=PREDICT_BATCH, verbose=0)
    sequence = _standardise(sequence, sequences)  # [batch, WINDOW, channels]
    flat = _standardise(flat, flats)  # [batch, flat features]
    memory = keras.layers.LSTM(recipe.units)(sequence)  # [batch, units]
    hidden = keras.layers.Dense(recipe.hidden, "relu")(ops.concatenate([memory, flat], axis=1))
    together = ops.concatenate([hidden, flat], axis=1)  # the flat features pass by: a line stays a line
    network = _quantiles(together)  # [batch, HORIZONS, 1 + quantiles]
    forecast = ops.relu(last[:, :, None] + scale[:, :, None] * network)
    return keras.Model(window, forecast)


def _features(window: Any) -> tuple[Any, Any, Any, Any]:
    """From raw windows to the last value, the scale (both [batch, 1], fractions of capacity) and features.

    Sequence [batch, WINDOW, 5] and flat [batch, 19]; nothing in them has a unit.
    """
    share = window[:, :, 1] / 100  # [batch, WINDOW]
    last, mean = share[:, -1:], ops.mean(share, axis=1, keepdims=True)  # [batch, 1]
    spread = ops.sqrt(ops.mean(ops.square(share - mean), axis=1, keepdims=True))
    scale = ops.maximum(spread, ops.maximum(SPREAD_FLOOR * mean, UTILISATION_FLOOR))
    shape = (share - last) / scale  # [batch, WINDOW]
    steps = shape[:, 1:] - shape[:, :-1]
    rate = window[:, :, 0]
    rate_mean = ops.maximum(ops.mean(rate, axis=1, keepdims=True), 1e-3)
    missing = ops.isnan(window[:, :, 2])  # [batch, WINDOW]
    measured = 1 - ops.cast(missing, "float32")
    rtt = ops.where(missing, 0.0, window[:, :, 2])
    rtt_sum, count = ops.sum(rtt, axis=1, keepdims=True), ops.sum(measured, axis=1, keepdims=True)
    rtt_mean = ops.maximum(rtt_sum / ops.maximum(count, 1.0), 1e-6)
    channels = [shape, share, rate / rate_mean - 1, (rtt / rtt_mean - 1) * measured, measured]
    flat = [
        shape[:, :-1],
        scale / ops.maximum(mean, UTILISATION_FLOOR),
        share[:, -1:],
        mean,
        ops.max(share, axis=1, keepdims=True),
        ops.max(shape, axis=1, keepdims=True),
        ops.min(shape, axis=1, keepdims=True),
        ops.mean(ops.abs(steps), axis=1, keepdims=True),
        ops.mean(steps[:, 1:] * steps[:, :-1], axis=1, keepdims=True),
        rate[:, -1:] / rate_mean - 1,
        (rtt[:, -1:] / rtt_mean - 1) * measured[:, -1:],
    ]
    return last, scale, ops.stack(channels, axis=2), ops.concatenate(flat, axis=1)


def _standardise(features: Any, train: Single) -> Any:
    """Zero mean and unit variance over train's rows (and, in a sequence, its steps), cut off at BOUND."""
    rows = train.reshape(-1, train.shape[-1]).astype(np.float64)  # [rows · steps, features]
    mean, spread = rows.mean(axis=0).astype(np.float32), np.sqrt(rows.var(axis=0) + 1e-6).astype(np.float32)
    # Not keras.layers.Normalization: its statistics leave the exporter as inputs of the graph, not as constants.
    return ops.clip((features - mean) / spread, -BOUND, BOUND)


def _quantiles(features: Any) -> Any:
    """Mean and quantiles [batch, HORIZONS, 1 + quantiles] in units of the window's scale.

    Quantiles are the median plus or minus sums of positive gaps, so they cannot cross.
    """
    gaps = len(QUANTILE_LEVELS) - 1
    centre = keras.layers.Dense(HORIZONS * 2, kernel_initializer="zeros")(features)  # mean and median
    distance = keras.layers.Dense(HORIZONS * gaps, "softplus", kernel_initializer="zeros")(features)
    from_centre = np.zeros((2, 1 + len(QUANTILE_LEVELS)), np.float32)
    from_centre[0, 0] = 1
    from_centre[1, 1:] = 1
    from_gaps = np.zeros((gaps, 1 + len(QUANTILE_LEVELS)), np.float32)
    for gap in range(gaps):  # gap g lies between the quantiles g and g + 1
        if gap < MEDIAN:
            from_gaps[gap, 1 : 2 + gap] = -1
        else:
            from_gaps[gap, 2 + gap :] = 1
    each = np.eye(HORIZONS, dtype=np.float32)
    # One product for all horizons at once: in the exported graph every operation costs a microsecond.
    flat = ops.matmul(centre, np.kron(each, from_centre)) + ops.matmul(distance, np.kron(each, from_gaps))
    return ops.reshape(flat, (-1, HORIZONS, 1 + len(QUANTILE_LEVELS)))
