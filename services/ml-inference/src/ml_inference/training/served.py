"""A bundle as a forecaster: what the services would answer, over whole traces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_inference.bundle import Bundle, Inputs
from ml_inference.forecasting.forecaster import WindowForecaster
from ml_inference.forecasting.layout import Single
from ml_inference.forecasting.windows import Windows

BATCH = 8192


@dataclass(frozen=True)
class ServedForecaster(WindowForecaster):
    """See Forecaster; the bundle's model speaks, whatever the gate said of it."""

    bundle: Bundle
    name: str

    def fit(self, train: Windows, validation: Windows) -> None:  # noqa: ARG002 – part of the interface
        """Refuse: raises RuntimeError."""
        raise RuntimeError("a bundle is served as it is; train a new one")

    def predict(self, windows: Windows) -> Single:
        """See Forecaster.predict."""
        parts = [
            self.bundle.model.forecast(
                Inputs(windows.inputs[first : first + BATCH], windows.context[first : first + BATCH])
            )
            for first in range(0, len(windows), BATCH)
        ]
        return np.concatenate([np.concatenate([part.mean[..., None], part.quantiles], axis=2) for part in parts])
