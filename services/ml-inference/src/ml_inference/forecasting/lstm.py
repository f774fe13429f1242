"""The LSTM as a forecaster: trained on many links, or adapted to one from its past."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from ml_inference.forecasting import network
from ml_inference.forecasting.forecaster import WindowForecaster
from ml_inference.forecasting.layout import FEATURES, HORIZONS, QUANTILE_LEVELS, WINDOW, Single
from ml_inference.forecasting.windows import Windows
from ml_inference.history import CONTEXT

PREDICT_BATCH = 8192
CAUTION = (0.85, 0.87, 0.88, 0.90, 0.90)
"""How much of its way from the last value the mean goes, per horizon, on links that are none of those learnt from:
where the two differ, less is lost. From earlier work on such models, not from this one's scores."""

SHIFT_ROWS = 1000
"""Validation rows of which half as much is believed as of any number of them."""


@dataclass(frozen=True)
class Recipe:
    """How one core is built and trained."""

    unit: str = "window"
    """What it answers in: "window" (the window's own scale) or "link" (the link's usual step)."""
    seed: int = 0
    batches: int = 4000
    """Batches that it is shown."""
    epochs: tuple[int, int] = (1, 30)
    """Fewest and most passes over the data that these batches may be."""
    batch: int = 512
    units: int = 32
    """Cells of the LSTM."""
    hidden: int = 48
    """Neurons between the LSTM and the forecast."""
    dropout: float = 0.0
    learning_rate: float = 3e-3
    """AdamW's first; it falls to zero along a cosine."""
    pinball_weight: float = 1.5
    """Weight of the quantiles beside the squared error of the mean, both in units of a link's usual step."""

    def passes(self, rows: int) -> int:
        """Epochs over so many rows."""
        return int(np.clip(round(self.batches * self.batch / rows), *self.epochs))


ZERO_SHOT = Recipe(batches=6000, epochs=(1, 4))
ADAPTED = Recipe(seed=11, batches=2500, epochs=(4, 40), batch=256, learning_rate=1e-3, dropout=0.1)
"""Begins with the weights that generated links left."""

FRESH = (
    Recipe(seed=12, unit="link", batches=2500, epochs=(4, 40), batch=256, learning_rate=2e-3, dropout=0.1),
    Recipe(seed=13, unit="window", batches=2500, epochs=(4, 40), batch=256, learning_rate=2e-3, dropout=0.1),
)
"""Begin from nothing: members that differ help an average more than more of a kind."""


@dataclass(eq=False)
class LstmForecaster(WindowForecaster):
    """See Forecaster. `fit` is deterministic from the recipes' seeds, given the same versions and thread count.

    With `base` the link's own step is taken from train, the base's core is adapted to it, and others, trained from
    nothing, are averaged with it. Without, one core is trained, and the step is looked up in the context.
    """

    name: str
    recipes: Sequence[Recipe]
    base: LstmForecaster | None = None
    one_link: bool = False
    """Train is the past of the very links that are forecast."""
    progress: int = 0
    """Keras' verbosity: 0 silent, 1 a bar, 2 a line per epoch."""
    link_step: float | None = field(default=None, init=False)
    """S, the link's root mean square one-step change on train, a fraction of capacity; None: from the context."""
    members: list[network.Member] = field(default_factory=list, init=False)
    _model: Any = field(default=None, init=False)

    @classmethod
    def zero_shot(cls, seed: int, batches: int | None = None, progress: int = 0) -> LstmForecaster:
        """A forecaster for links that nobody has seen; `batches` other than the recipe's make it quicker, and worse."""
        return cls("lstm-zero-shot", _seeded((ZERO_SHOT,), seed, batches), progress=progress)

    @classmethod
    def adapted(cls, base: LstmForecaster, seed: int, batches: int | None = None, progress: int = 0) -> LstmForecaster:
        """A forecaster for one set of links, to be fitted to their past."""
        return cls("lstm", _seeded((ADAPTED, *FRESH), seed, batches), base, one_link=True, progress=progress)

    @property
    def model(self) -> Any:
        """The Keras model. Raises RuntimeError before `fit`."""
        if self._model is None:
            raise RuntimeError("the LSTM has to be fitted before it forecasts")
        return self._model

    def settings(self) -> dict[str, Any]:
        """All that decides the weights, beside the data."""
        return {
            "members": [asdict(recipe) for recipe in self.recipes],
            "one_link": self.one_link,
            "adapted": None if self.base is None else self.base.fingerprint(),
        }

    def fingerprint(self) -> str:
        """A hash of the weights. Raises RuntimeError before `fit`."""
        weights = [weight.tobytes() for weight in self.model.get_weights()]
        return hashlib.sha256(b"".join(weights)).hexdigest()[:12]

    def fit(self, train: Windows, validation: Windows) -> None:
        """Train; of every core the epoch whose weights do best on `validation` is kept."""
        train, validation = train.complete(), validation.complete()
        if self.one_link:
            self.link_step = train.usual_step()
        ahead = network.front(self.link_step)
        parts = _Parts(ahead, train, self.link_step), _Parts(ahead, validation, self.link_step)
        self.members = []
        for recipe in self.recipes:
            # The first begins with the base's weights.
            start = self.base.members[0] if self.base is not None and not self.members else None
            self.members.append(self._train(recipe, *parts, start))
        caution = np.ones((HORIZONS, network.OUTPUTS), np.float32)
        if not self.one_link:
            caution[:, 0] = CAUTION
        self._model = network.whole(ahead, self.members, caution)
        if self.one_link:
            self._model = network.whole(ahead, self.members, caution, self._shift(validation, parts[1]))

    def predict(self, windows: Windows) -> Single:
        """See Forecaster.predict."""
        return self.answer([windows.inputs, windows.context])

    def answer(self, inputs: Sequence[Single]) -> Single:
        """Forecasts [rows, HORIZONS, 1 + quantiles] for windows [rows, WINDOW, features] and [rows, context]."""
        raw = np.asarray(self.model.predict(list(inputs), batch_size=PREDICT_BATCH, verbose=0), np.float32)
        raw[:, :, 1:].sort(axis=2)
        return raw

    def export(self, path: Path) -> None:
        """Write the graph as ONNX: inputs `window` and `context`, free batch, one output."""
        shapes = (WINDOW, len(FEATURES)), (len(CONTEXT),)
        signature = [
            keras.InputSpec(shape=(None, *shape), dtype="float32", name=name)
            for name, shape in zip(network.INPUTS, shapes, strict=True)
        ]
        self.model.export(path, format="onnx", verbose=False, input_signature=[signature])

    def _train(self, recipe: Recipe, train: _Parts, validation: _Parts, start: network.Member | None) -> network.Member:
        """One core, trained in its unit on standardised features."""
        keras.utils.set_random_seed(recipe.seed)
        if start is None:
            flat = np.asarray(network.flat_of(train.features, self.one_link))
            standards = network.Standard.of(train.features[0]), network.Standard.of(flat), self.one_link
        else:
            standards = start.sequence, start.flat, start.own
        member = network.Member(None, *standards, recipe.unit)
        shown = train.shown(member)
        channels, features = (part.shape[-1] for part in shown)
        model = network.core(channels, features, recipe.units, recipe.hidden, recipe.dropout)
        if start is not None:
            model.set_weights(start.core.get_weights())
        epochs = recipe.passes(len(train.last))
        steps = epochs * -(-len(train.last) // recipe.batch)
        schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-3, clipnorm=1.0, use_ema=True, ema_momentum=0.99)
        spread = np.sqrt(np.mean((train.truth(recipe.unit)[:, :HORIZONS] * train.weight(recipe.unit)) ** 2, axis=0))
        model.compile(optimizer, loss=_Loss(recipe.pinball_weight, spread.astype(np.float32)))
        model.fit(
            shown,
            train.truth(recipe.unit),
            batch_size=recipe.batch,
            epochs=epochs,
            validation_data=(validation.shown(member), validation.truth(recipe.unit)),
            validation_batch_size=PREDICT_BATCH,
            # Averaged weights are judged and kept, the others go on learning.
            callbacks=[
                keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
                keras.callbacks.EarlyStopping(patience=epochs, restore_best_weights=True),
            ],
            verbose=self.progress,
        )
        return network.Member(model, *standards, recipe.unit)

    def _shift(self, validation: Windows, parts: _Parts) -> Single:
        """What quantiles are moved by [HORIZONS, OUTPUTS], in units of the window's scale.

        Half of what they are off on validation, and less where that is short: other traces are off elsewhere.
        """
        forecast = self.predict(validation)
        off = (validation.targets[:, :, None] - forecast[:, :, 1:]) / parts.units["window"][:, :, None]
        trust = 0.5 * len(off) / (len(off) + SHIFT_ROWS)
        shift = [np.quantile(off[:, :, place], level, axis=0) for place, level in enumerate(QUANTILE_LEVELS)]
        return np.concatenate([np.zeros((HORIZONS, 1)), trust * np.stack(shift, axis=1)], axis=1).astype(np.float32)


def _seeded(recipes: Sequence[Recipe], seed: int, batches: int | None) -> list[Recipe]:
    """The recipes from another seed and, if asked for, of another length."""
    recipes = [replace(recipe, seed=seed + recipe.seed) for recipe in recipes]
    return (
        [replace(recipe, batches=batches, epochs=(1, recipe.epochs[1])) for recipe in recipes] if batches else recipes
    )


class _Parts:
    """Windows with their features worked out once, instead of in every epoch."""

    def __init__(self, ahead: network.Front, windows: Windows, link_step: float | None) -> None:
        units = [ahead.units[unit] + ops.zeros_like(ahead.last) for unit in ("window", "link")]  # [batch, 1] each
        parts = [ahead.sequence, ahead.flat, ahead.own, ahead.last, *units]
        model = keras.Model(list(ahead.inputs), parts)
        inputs = [windows.inputs, windows.context]
        *self.features, self.last, window, link = model.predict(inputs, batch_size=PREDICT_BATCH, verbose=0)
        self.units = {"window": window, "link": link}  # [rows, 1] each, fractions of capacity
        self.targets = windows.targets
        # On many links each counts alike, however restless; on the one link all that it did does.
        self.step = windows.step[:, None] if link_step is None else np.float32(link_step)

    def shown(self, member: network.Member) -> list[Single]:
        """What the member's core is shown."""
        return [np.asarray(part) for part in member.shown(self.features)]

    def truth(self, unit: str) -> Single:
        """Targets in the core's unit and, in the last column, that unit in usual steps: [rows, HORIZONS + 1]."""
        away = (self.targets - self.last) / self.units[unit]
        return np.concatenate([away, self.weight(unit)], axis=1).astype(np.float32)

    def weight(self, unit: str) -> Single:
        """The unit in usual steps [rows, 1]."""
        return np.asarray(self.units[unit] / self.step, np.float32)


class _Loss:
    """Squared error of the mean + weighted pinball loss, in units of how far links move within each horizon.

    So every link counts alike, and every horizon: a step ahead would else weigh little beside five.
    """

    def __init__(self, pinball_weight: float, spread: Single) -> None:
        self._pinball_weight = pinball_weight
        self._spread = spread[None, :, None]  # [1, HORIZONS, 1] in usual steps

    def __call__(self, truth: Any, forecast: Any) -> Any:
        targets, weight = truth[:, :HORIZONS, None], truth[:, HORIZONS:, None]  # [batch, HORIZONS, 1], [batch, 1, 1]
        answers = ops.reshape(forecast, (-1, HORIZONS, network.OUTPUTS))
        error = (targets - answers) * weight / self._spread  # [batch, HORIZONS, mean and quantiles]
        levels = ops.convert_to_tensor(QUANTILE_LEVELS, "float32")
        square = ops.mean(ops.square(error[:, :, 0]))
        pinball = ops.maximum(levels * error[:, :, 1:], (levels - 1) * error[:, :, 1:])
        return square + self._pinball_weight * ops.mean(pinball)
