"""What every model here can do, from the last value carried on to the LSTM."""

from __future__ import annotations

from typing import Protocol

from ml_inference.forecasting.layout import Single
from ml_inference.forecasting.windows import Windows


class Forecaster(Protocol):
    """Learns from windows, forecasts from windows."""

    @property
    def name(self) -> str:
        """How tables call it."""
        ...

    def fit(self, train: Windows, validation: Windows) -> None:
        """Learn from `train`; `validation` may choose among what was learnt, never feed it."""
        ...

    def predict(self, inputs: Single) -> Single:
        """Forecast windows [rows, WINDOW, features] in layout.FEATURE_UNITS.

        Gives [rows, HORIZONS, 1 + quantiles] in fractions of capacity: the mean, then layout.QUANTILE_LEVELS.
        """
        ...
