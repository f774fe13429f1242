"""What every model here can do, from the last value carried on to the LSTM."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.layout import Single
from ml_inference.forecasting.windows import Windows, cut


class Forecaster(Protocol):
    """Learns from windows, forecasts from windows and from whole traces.

    A forecast is [rows, HORIZONS, 1 + quantiles] in fractions of capacity: the mean, then layout.QUANTILE_LEVELS.
    """

    @property
    def name(self) -> str:
        """How tables call it."""
        ...

    def fit(self, train: Windows, validation: Windows) -> None:
        """Learn from `train`; `validation` may choose among what was learnt, never feed it."""
        ...

    def predict(self, windows: Windows) -> Single:
        """Forecast windows by their `inputs` and `context`; all else in them is known only later."""
        ...

    def forecast(self, traces: Sequence[Trace]) -> Single:
        """Forecast at every origin of every segment, in the order of `cut(traces)`.

        Whatever a model does to a trace before it looks at it happens in here, and with it any leak of the future:
        so this, and not `predict`, is what the gate tests.
        """
        ...


class WindowForecaster(ABC):
    """A forecaster that sees nothing but windows, and so the future only if `cut` shows it."""

    name: str
    """See Forecaster.name."""

    @abstractmethod
    def fit(self, train: Windows, validation: Windows) -> None:
        """See Forecaster.fit."""

    @abstractmethod
    def predict(self, windows: Windows) -> Single:
        """See Forecaster.predict."""

    def forecast(self, traces: Sequence[Trace]) -> Single:
        """See Forecaster.forecast."""
        return self.predict(cut(traces))
