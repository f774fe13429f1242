"""Forecasts that learn next to nothing: what a model has to beat."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS, Double, Single
from ml_inference.forecasting.windows import Windows, scale_of


class Baseline(ABC):
    """One point for all horizons; the quantiles are those of its errors on train, in units of the window's scale."""

    def __init__(self) -> None:
        self._errors: Double | None = None  # [HORIZONS, quantiles]

    @property
    @abstractmethod
    def name(self) -> str:
        """How tables call it."""

    @abstractmethod
    def point(self, share: Double) -> Double:
        """The forecast [rows] from windows of utilisation [rows, WINDOW], both fractions of capacity."""

    def fit(self, train: Windows, validation: Windows) -> None:  # noqa: ARG002 – part of the protocol, nothing to choose
        """Learn how far the point is off, per horizon."""
        errors = train.targets - self.point(_share(train.inputs))[:, None]  # [rows, HORIZONS]
        scaled = errors / scale_of(train.inputs)[:, None]
        self._errors = np.quantile(scaled, QUANTILE_LEVELS, axis=0).T  # [HORIZONS, quantiles]

    def predict(self, inputs: Single) -> Single:
        """See Forecaster.predict. Raises RuntimeError before `fit`."""
        if self._errors is None:
            raise RuntimeError(f"{self.name} has to be fitted before it forecasts")
        point = self.point(_share(inputs))[:, None, None]  # [rows, 1, 1]
        quantiles = point + self._errors * scale_of(inputs)[:, None, None]  # [rows, HORIZONS, quantiles]
        mean = np.broadcast_to(point, (len(inputs), HORIZONS, 1))
        forecast = np.concatenate([mean, quantiles], axis=2)  # [rows, HORIZONS, 1 + quantiles]
        return np.asarray(np.maximum(forecast, 0), np.float32)


class Persistence(Baseline):
    """The last value carried on."""

    name = "persistence"

    def point(self, share: Double) -> Double:
        return share[:, -1]


class MovingAverage(Baseline):
    """The mean of the last `samples`."""

    def __init__(self, samples: int = 5) -> None:
        super().__init__()
        self.samples = samples

    @property
    def name(self) -> str:
        return f"moving average of {self.samples}"

    def point(self, share: Double) -> Double:
        return np.asarray(share[:, -self.samples :].mean(axis=1))


class ExponentialSmoothing(Baseline):
    """Weights that fall by 1 - alpha per step into the past, and sum to one over the window."""

    def __init__(self, alpha: float = 0.5) -> None:
        super().__init__()
        self.alpha = alpha

    @property
    def name(self) -> str:
        return f"exponential smoothing, α = {self.alpha}"

    def point(self, share: Double) -> Double:
        weights = (1 - self.alpha) ** np.arange(share.shape[1])[::-1]  # [WINDOW]
        return np.asarray(share @ (weights / weights.sum()))


def _share(inputs: Single) -> Double:
    """Utilisation as a fraction of capacity: [rows, WINDOW]."""
    return inputs[:, :, 1].astype(np.float64) / 100
