"""Gradient-boosted trees, the strongest baseline: what an LSTM has to match before it is worth its weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from ml_inference.forecasting.features import features_of
from ml_inference.forecasting.forecaster import WindowForecaster
from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS, Double, Single
from ml_inference.forecasting.windows import Windows

MEAN_ROUNDS: Final = 400
QUANTILE_ROUNDS: Final = 100
"""Most trees of a booster; validation stops it earlier."""

PATIENCE: Final = 25
"""Trees without a better validation loss after which a booster stops."""

QUANTILE_RATE: Final = 0.1
QUANTILE_ROWS: Final = 20_000
"""Training rows that a quantile's booster sees at most, drawn at random; it also learns twice as fast. There are seven
times as many of them as for the mean, and they would take most of the time."""

PARAMETERS: Final[Mapping[str, Any]] = {
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 100,
    "max_bin": 63,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "verbosity": -1,
}


class Boosting(WindowForecaster):
    """One booster per horizon for the mean, and one per horizon and quantile; all forecast (y - last) / step.

    `step` is the root mean square one-step change of the training data. Needs LightGBM (Ke et al. 2017).
    """

    name = "lightgbm"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.step: float | None = None  # fraction of capacity
        self.boosters: list[list[Any]] = []  # [HORIZONS][1 + quantiles]

    def fit(self, train: Windows, validation: Windows) -> None:
        """See Forecaster.fit. Raises ValueError if no window of `train` or of `validation` has all its targets."""
        train, validation = train.complete(), validation.complete()
        if not len(train) or not len(validation):
            raise ValueError(f"{self.name} needs rows to learn from and rows to stop by; bring longer segments")
        step = train.usual_step()
        few = np.zeros(len(train), bool)
        few[np.random.default_rng(self.seed).permutation(len(train))[:QUANTILE_ROWS]] = True
        means = self._boost(train, validation, step, [None])
        quantiles = self._boost(train.where(few), validation, step, QUANTILE_LEVELS)
        self.step = step
        self.boosters = [[*mean, *rest] for mean, rest in zip(means, quantiles, strict=True)]

    def predict(self, windows: Windows) -> Single:
        """See Forecaster.predict. Raises RuntimeError before `fit`."""
        if self.step is None:
            raise RuntimeError(f"{self.name} has to be fitted before it forecasts")
        forecast = np.empty((len(windows), HORIZONS, 1 + len(QUANTILE_LEVELS)))
        if not len(windows):
            return forecast.astype(np.float32)
        features = features_of(windows, self.step)  # [rows, features]
        for horizon, boosters in enumerate(self.boosters):
            for column, booster in enumerate(boosters):
                forecast[:, horizon, column] = booster.predict(features, num_threads=PARAMETERS["num_threads"])
        # Boosters know nothing of each other: their quantiles may cross, and sorted ones are never worse
        # (Chernozhukov et al. 2010).
        forecast[:, :, 1:].sort(axis=2)
        last = windows.inputs[:, -1, 1].astype(np.float64) / 100  # [rows]
        return np.asarray(np.maximum(last[:, None, None] + self.step * forecast, 0), np.float32)

    def state(self) -> dict[str, Any]:
        """All that was learnt, for JSON: the boosters as LightGBM's own text. Raises RuntimeError before `fit`."""
        if self.step is None:
            raise RuntimeError(f"{self.name} has to be fitted before it is kept")
        texts = [[booster.model_to_string() for booster in boosters] for boosters in self.boosters]
        return {"name": self.name, "seed": self.seed, "step": self.step, "boosters": texts}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """What `state` gave, ready to forecast. Raises ValueError for another model's or another layout's."""
        import lightgbm

        if state["name"] != cls.name:
            raise ValueError(f"this is the state of {state['name']}, not of {cls.name}")
        if [len(texts) for texts in state["boosters"]] != [1 + len(QUANTILE_LEVELS)] * HORIZONS:
            raise ValueError(f"{cls.name} was fitted for other horizons or quantiles; fit it again")
        model = cls(state["seed"])
        model.step = float(state["step"])
        model.boosters = [[lightgbm.Booster(model_str=text) for text in texts] for texts in state["boosters"]]
        return model

    def _boost(
        self, train: Windows, validation: Windows, step: float, levels: tuple[float, ...] | list[None]
    ) -> list[list[Any]]:
        """Boosters [HORIZONS][levels]; a level of None is the mean."""
        import lightgbm

        # The features are binned once, then only the labels change from booster to booster.
        known = lightgbm.Dataset(features_of(train, step), _labels(train, step, 0), params=dict(PARAMETERS))
        unseen = known.create_valid(
            features_of(validation, step), _labels(validation, step, 0), params=dict(PARAMETERS)
        )
        known.construct()
        unseen.construct()
        boosters = []
        for horizon in range(HORIZONS):
            known.set_label(_labels(train, step, horizon))
            unseen.set_label(_labels(validation, step, horizon))
            boosters.append([self._boost_one(known, unseen, level) for level in levels])
        return boosters

    def _boost_one(self, known: Any, unseen: Any, level: float | None) -> Any:  # lightgbm.Dataset has no types
        import lightgbm

        task: dict[str, Any] = (
            {"objective": "l2"}
            if level is None
            else {
                "objective": "quantile",
                "alpha": level,
                "learning_rate": QUANTILE_RATE,
            }
        )
        return lightgbm.train(
            {**PARAMETERS, **task, "seed": self.seed},
            known,
            num_boost_round=MEAN_ROUNDS if level is None else QUANTILE_ROUNDS,
            valid_sets=[unseen],
            callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
        )


def _labels(windows: Windows, step: float, horizon: int) -> npt.NDArray[np.float32]:
    """What a booster learns [rows]: how far the value lies from the last one seen, in steps."""
    last: Double = windows.inputs[:, -1, 1].astype(np.float64) / 100
    return np.asarray((windows.targets[:, horizon] - last) / step, np.float32)
