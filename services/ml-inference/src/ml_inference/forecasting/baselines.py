"""Forecasts that learn next to nothing: what a model has to beat.

Each is a matrix: point = share [rows, WINDOW] @ weights [WINDOW, HORIZONS] + offset [HORIZONS], and around it the
quantiles of the errors it made on train. That is little enough to keep as JSON, or as constants of an exported graph.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar, Final, Self

import numpy as np

from ml_inference.forecasting.forecaster import WindowForecaster
from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS, WINDOW, Double, Single
from ml_inference.forecasting.windows import Windows, scale_of

SAMPLES: Final = tuple(range(2, WINDOW + 1))
"""Lengths of which a moving average chooses one per horizon."""

ALPHAS: Final = tuple(round(0.02 * count, 2) for count in range(1, 51))
"""Weights of the newest sample of which exponential smoothing chooses one per horizon."""

PENALTIES: Final = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
"""Ridge's penalties, in units of the lags' mean square: they depend neither on its unit nor on the number of rows."""


class Unit(Enum):
    """What a baseline's errors are counted in."""

    CAPACITY = "fraction of the link's capacity"
    WINDOW = "the window's own scale"


class LinearForecaster(WindowForecaster):
    """A point that is linear in the window, and the quantiles of its errors on train, per horizon."""

    unit: ClassVar[Unit] = Unit.WINDOW

    def __init__(self) -> None:
        self.weights: Double | None = None  # [WINDOW, HORIZONS]
        self.offset: Double = np.zeros(HORIZONS)  # [HORIZONS] fraction of capacity; only ridge has one
        self.errors: Double | None = None  # [HORIZONS, quantiles] in `unit`

    @abstractmethod
    def weigh(self, train: Windows, validation: Windows) -> tuple[Double, Double]:
        """Weights [WINDOW, HORIZONS] and offset [HORIZONS], from windows of which every target is known."""

    def fit(self, train: Windows, validation: Windows) -> None:
        """See Forecaster.fit. Raises ValueError if no window of `train` has all its targets."""
        train = train.complete()
        if not len(train):
            raise ValueError(f"{self.name} has no rows to learn from; bring longer segments")
        self.weights, self.offset = self.weigh(train, validation.complete())
        errors = train.targets - (_share(train) @ self.weights + self.offset)  # [rows, HORIZONS]
        self.errors = np.quantile(errors / self._unit(train), QUANTILE_LEVELS, axis=0).T  # [HORIZONS, quantiles]

    def predict(self, windows: Windows) -> Single:
        """See Forecaster.predict. Raises RuntimeError before `fit`."""
        if self.weights is None or self.errors is None:
            raise RuntimeError(f"{self.name} has to be fitted before it forecasts")
        point = (_share(windows) @ self.weights + self.offset)[:, :, None]  # [rows, HORIZONS, 1]
        quantiles = point + self.errors * self._unit(windows)[:, :, None]  # [rows, HORIZONS, quantiles]
        forecast = np.concatenate([point, quantiles], axis=2)  # [rows, HORIZONS, 1 + quantiles]
        return np.asarray(np.maximum(forecast, 0), np.float32)

    def state(self) -> dict[str, Any]:
        """All that was learnt, for JSON. Raises RuntimeError before `fit`."""
        if self.weights is None or self.errors is None:
            raise RuntimeError(f"{self.name} has to be fitted before it is kept")
        arrays = {"weights": self.weights, "offset": self.offset, "errors": self.errors}
        return {"name": self.name} | {name: array.tolist() for name, array in arrays.items()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """What `state` gave, ready to forecast. Raises ValueError for another baseline's or another layout's."""
        baseline = cls()
        weights, offset, errors = (np.asarray(state[name], np.float64) for name in ("weights", "offset", "errors"))
        if state["name"] != baseline.name:
            raise ValueError(f"this is the state of {state['name']}, not of {baseline.name}")
        expected = ((WINDOW, HORIZONS), (HORIZONS,), (HORIZONS, len(QUANTILE_LEVELS)))
        if (weights.shape, offset.shape, errors.shape) != expected:
            raise ValueError(f"{baseline.name} was fitted for another window, horizon or quantiles; fit it again")
        baseline.weights, baseline.offset, baseline.errors = weights, offset, errors
        return baseline

    def _unit(self, windows: Windows) -> Double:
        """What one unit of error is for each row: [rows, 1] fractions of capacity."""
        if self.unit is Unit.CAPACITY:
            return np.ones((len(windows), 1))
        return scale_of(windows.inputs)[:, None]


class Persistence(LinearForecaster):
    """The last value carried on.

    Its quantiles are the same share of capacity for every window: it is the reference of CRPS gains, and stays the
    textbook's "persistence + residual quantiles".
    """

    name = "persistence"
    unit = Unit.CAPACITY

    def weigh(self, train: Windows, validation: Windows) -> tuple[Double, Double]:  # noqa: ARG002 – nothing to learn
        return np.tile(np.eye(WINDOW)[:, -1:], HORIZONS), np.zeros(HORIZONS)


class MovingAverage(LinearForecaster):
    """The mean of the last few samples; how many is chosen on train, per horizon."""

    name = "moving-average"

    def weigh(self, train: Windows, validation: Windows) -> tuple[Double, Double]:  # noqa: ARG002 – chosen on train
        return _best(train, np.stack([mean_of(samples) for samples in SAMPLES])), np.zeros(HORIZONS)


class ExponentialSmoothing(LinearForecaster):
    """Weights that fall by 1 - alpha per step into the past; alpha is chosen on train, per horizon."""

    name = "exponential-smoothing"

    def weigh(self, train: Windows, validation: Windows) -> tuple[Double, Double]:  # noqa: ARG002 – chosen on train
        return _best(train, np.stack([smoothing_of(alpha) for alpha in ALPHAS])), np.zeros(HORIZONS)


class Ridge(LinearForecaster):
    """Least squares on the window, penalised; the penalty is chosen on validation, per horizon.

    It learns the step from the last value by the lags' differences to it and by its level, with an intercept: so a
    link returns to its mean, which is worth 1.5 points of skill at five steps on measured links. Rows are weighted so
    that every link counts alike. Needs scikit-learn to fit, not to forecast.
    """

    name = "ridge"

    def weigh(self, train: Windows, validation: Windows) -> tuple[Double, Double]:
        from sklearn.linear_model import Ridge as RidgeRegression  # not where forecasts are served

        share = _share(train)
        lags = _from_last(share)  # [rows, WINDOW]
        weight = (train.step.astype(np.float64).min() / train.step) ** 2  # [rows]
        spread = np.average(lags**2, axis=0, weights=weight).mean()
        weights, offsets, squares = [], [], []
        for penalty in PENALTIES:
            model = RidgeRegression(alpha=max(penalty * spread * weight.sum(), np.finfo(float).tiny))
            model.fit(lags, train.targets - share[:, -1:], sample_weight=weight)
            slopes = np.asarray(model.coef_.T, np.float64)  # [WINDOW, HORIZONS]
            # last + Σ slope · (share - last) + level · last, folded back into weights on share
            last = 1 + slopes[-1] - slopes[:-1].sum(axis=0)  # [HORIZONS]
            weights.append(np.concatenate([slopes[:-1], last[None]]))
            offsets.append(np.asarray(model.intercept_, np.float64))
            errors = validation.targets - (_share(validation) @ weights[-1] + offsets[-1])  # [rows, HORIZONS]
            squares.append(((errors / validation.step[:, None]) ** 2).sum(axis=0))
        chosen = np.argmin(squares, axis=0), np.arange(HORIZONS)  # [HORIZONS], [HORIZONS]
        return np.stack(weights).transpose(0, 2, 1)[chosen].T, np.stack(offsets)[chosen]


BASELINES: Final = (Persistence, MovingAverage, ExponentialSmoothing, Ridge)


def restore(state: Mapping[str, Any]) -> LinearForecaster:
    """The baseline that gave this state. Raises ValueError if there is none of its name."""
    for baseline in BASELINES:
        if baseline.name == state["name"]:
            return baseline.from_state(state)
    raise ValueError(f"there is no baseline {state['name']}; known are {', '.join(each.name for each in BASELINES)}")


def mean_of(samples: int) -> Double:
    """Weights [WINDOW] of the mean of the last `samples`."""
    return np.where(np.arange(WINDOW) >= WINDOW - samples, 1 / samples, 0.0)


def smoothing_of(alpha: float) -> Double:
    """Weights [WINDOW] of exponential smoothing, which sum to one over the window. 0 < alpha ≤ 1."""
    weights = (1 - alpha) ** np.arange(WINDOW)[::-1]  # [WINDOW]
    return np.asarray(weights / weights.sum())


def _best(train: Windows, candidates: Double) -> Double:
    """The weights [WINDOW, HORIZONS] that err least per horizon, of candidates [candidates, WINDOW]."""
    squares = _squares(train, np.repeat(candidates[:, :, None], HORIZONS, axis=2))  # [candidates, HORIZONS]
    return np.asarray(candidates[squares.argmin(axis=0)].T)


def _squares(windows: Windows, weights: Double) -> Double:
    """Squared errors [candidates, HORIZONS] by weights [candidates, WINDOW, HORIZONS], up to one number per horizon.

    In units of the links' steps, and by moments of the window: Σ(y - w·x)² = w·Xw - 2 w·Xy + Σy² reads the rows once
    for any number of candidates. Σy² is the same for all of them and left out.
    """
    share = _share(windows)
    # Counted from the last value: weights that sum to one do not move, and squares of small numbers lose no digits.
    lags = (share - share[:, -1:]) / windows.step[:, None]  # [rows, WINDOW]
    target = (windows.targets - share[:, -1:]) / windows.step[:, None]  # [rows, HORIZONS]
    own = np.einsum("cwh,wv,cvh->ch", weights, lags.T @ lags, weights, optimize=True)
    return np.asarray(own - 2 * np.einsum("cwh,wh->ch", weights, lags.T @ target))


def _from_last(share: Double) -> Double:
    """The lags as differences to the last value, and that value: [rows, WINDOW]."""
    return np.concatenate([share[:, :-1] - share[:, -1:], share[:, -1:]], axis=1)


def _share(windows: Windows) -> Double:
    """Utilisation as a fraction of capacity: [rows, WINDOW]."""
    return windows.inputs[:, :, 1].astype(np.float64) / 100
