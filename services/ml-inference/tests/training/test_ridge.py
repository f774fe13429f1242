"""Ridge finds the filter that made the data, and forecasts without scikit-learn once it has."""

import json

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("sklearn")

from ml_inference.forecasting.baselines import Persistence, Ridge, restore
from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.layout import HORIZONS
from ml_inference.forecasting.metrics import rmse
from ml_inference.forecasting.windows import Windows, cut
from ml_inference.training.baseline_graph import graph_of

pytestmark = pytest.mark.training

PULL = 0.6
"""What is left of a link's distance to its mean of one half after a step."""


def links(seed: int) -> Windows:
    random = np.random.default_rng(seed)
    share = np.full((4, 600), 0.5)
    for row in range(1, share.shape[1]):
        share[:, row] = 0.5 + PULL * (share[:, row - 1] - 0.5) + random.normal(0, 0.05, 4)
    share = np.maximum(share, 0)
    missing = np.full(share.shape[1], np.nan)
    return cut([Trace(f"t{number}", link, link * 100, missing, link * 20, 20.0) for number, link in enumerate(share)])


def test_ridge_when_a_link_returns_to_its_mean_then_forecasts_that() -> None:
    ridge, persistence = Ridge(), Persistence()
    for forecaster in (ridge, persistence):
        forecaster.fit(links(1), links(2))
    test = links(3).complete()
    optimum = 0.5 + PULL ** np.arange(1, HORIZONS + 1) * (test.last[:, None] - 0.5)  # [rows, HORIZONS]
    assert rmse(ridge.predict(test)[:, :, 0], optimum) < 0.012
    assert rmse(test.targets, ridge.predict(test)[:, :, 0]) < 0.9 * rmse(
        test.targets, persistence.predict(test)[:, :, 0]
    )


def test_ridge_when_kept_as_json_then_forecasts_are_the_same() -> None:
    ridge, test = Ridge(), links(3)
    ridge.fit(links(1), links(2))
    again = restore(json.loads(json.dumps(ridge.state())))
    assert isinstance(again, Ridge)
    assert (again.predict(test) == ridge.predict(test)).all()


def test_ridge_when_exported_then_graph_answers_as_it_does() -> None:
    ridge, test = Ridge(), links(3)
    ridge.fit(links(1), links(2))
    session = onnxruntime.InferenceSession(graph_of(ridge), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"window": test.inputs, "context": test.context})
    assert np.asarray(answer) == pytest.approx(ridge.predict(test), abs=1e-5)
