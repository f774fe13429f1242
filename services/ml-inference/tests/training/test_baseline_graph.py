"""A baseline's graph answers as the baseline does: the same numbers from ONNX Runtime as from numpy."""

from functools import cache
from itertools import chain

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml_inference.forecasting.baselines import (
    BASELINES,
    ExponentialSmoothing,
    LinearForecaster,
    MovingAverage,
    Persistence,
    Ridge,
    restore,
)
from ml_inference.forecasting.layout import FEATURES, HORIZONS, QUANTILE_LEVELS, WINDOW, Single
from ml_inference.forecasting.mixtures import mixed_links
from ml_inference.forecasting.windows import Windows, cut
from ml_inference.history import CONTEXT
from ml_inference.training.baseline_graph import graph_of
from qos_contract.predict import MAX_UTILISATION

PARITY = 1e-5
"""Fraction of capacity, or of the answer where that is larger."""


@cache
def links() -> Windows:
    return cut(mixed_links(np.random.default_rng(1), 40, 60))


@cache
def fitted(kind: type[LinearForecaster]) -> LinearForecaster:
    """Ridge is made up, for to fit it takes scikit-learn: weights of both signs, an offset, errors like another's."""
    if kind is not Ridge:
        baseline = kind()
        baseline.fit(links(), links())
        return baseline
    random = np.random.default_rng(2)
    weights = np.concatenate([random.normal(0, 0.1, (WINDOW - 1, HORIZONS)), np.full((1, HORIZONS), 0.8)])
    errors = fitted(MovingAverage).state()["errors"]
    offset = random.normal(0, 0.02, HORIZONS)
    return restore({"name": "ridge", "weights": weights.tolist(), "offset": offset.tolist(), "errors": errors})


@cache
def session(kind: type[LinearForecaster]) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(graph_of(fitted(kind)), providers=["CPUExecutionProvider"])


def run(kind: type[LinearForecaster], inputs: Single) -> Single:
    context = np.full((len(inputs), len(CONTEXT)), np.nan, np.float32)  # no baseline may look at it
    (answer,) = session(kind).run(None, {"window": inputs, "context": context})
    return np.asarray(answer)


def asked(inputs: Single) -> Windows:
    """Windows that nothing is known of but what a request holds."""
    rows = len(inputs)
    none = np.full(rows, np.nan)
    context, targets = np.zeros((rows, len(CONTEXT)), np.float32), np.full((rows, HORIZONS), np.nan, np.float32)
    return Windows(inputs, context, targets, none, none, none.astype(np.float32), np.full(rows, ""))


def edges() -> Single:
    """Windows of which the scale has to be floored, and those at the contract's limits."""
    constant = [np.full(WINDOW, value) for value in (0, 1e-30, 1e-3, 0.01, 37, 100, MAX_UTILISATION)]
    awake = np.zeros(WINDOW)
    awake[-1] = 80
    jumps = [awake, awake[::-1], np.tile([0, MAX_UTILISATION], WINDOW // 2), np.linspace(50, 50.001, WINDOW)]
    windows = np.zeros((len(constant) + len(jumps), WINDOW, len(FEATURES)), np.float32)
    windows[:, :, 1] = list(chain(constant, jumps))
    windows[::2, :, 2] = np.nan
    return windows


def test_kinds_when_counted_then_none_is_forgotten() -> None:
    assert set(BASELINES) == {Persistence, MovingAverage, ExponentialSmoothing, Ridge}


@pytest.mark.parametrize("kind", BASELINES)
def test_graph_when_asked_of_many_links_then_answers_as_numpy_does(kind: type[LinearForecaster]) -> None:
    answer = run(kind, links().inputs)
    assert answer.dtype == np.float32
    assert answer.shape == (len(links()), HORIZONS, 1 + len(QUANTILE_LEVELS))
    assert answer == pytest.approx(fitted(kind).predict(links()), abs=PARITY, rel=PARITY)


@pytest.mark.parametrize("kind", BASELINES)
def test_graph_when_windows_are_constant_or_at_the_limits_then_answers_as_numpy_does(
    kind: type[LinearForecaster],
) -> None:
    answer = run(kind, edges())
    assert np.isfinite(answer).all()
    assert answer == pytest.approx(fitted(kind).predict(asked(edges())), abs=PARITY, rel=PARITY)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(BASELINES),
    arrays(np.float32, (3, WINDOW), elements=st.floats(0, MAX_UTILISATION, width=32) | st.sampled_from([0.0, 50.0])),
)
def test_graph_when_window_is_anything_allowed_then_agrees_and_quantiles_never_cross(
    kind: type[LinearForecaster], util: np.ndarray
) -> None:
    inputs = np.full((3, WINDOW, len(FEATURES)), np.nan, np.float32)
    inputs[:, :, 1] = util
    answer, expected = run(kind, inputs), fitted(kind).predict(asked(inputs))
    assert answer == pytest.approx(expected, abs=PARITY, rel=PARITY)
    for forecast in (answer, expected):
        assert (forecast >= 0).all()
        assert (np.diff(forecast[:, :, 1:], axis=2) >= 0).all()


@pytest.mark.parametrize("kind", BASELINES)
def test_graph_when_asked_alone_then_answers_as_in_a_batch(kind: type[LinearForecaster]) -> None:
    inputs = links().inputs[:20]
    alone = np.concatenate([run(kind, inputs[row : row + 1]) for row in range(len(inputs))])
    assert alone == pytest.approx(run(kind, inputs), abs=1e-6)


@pytest.mark.parametrize("kind", BASELINES)
def test_graph_when_made_twice_then_has_the_same_bytes(kind: type[LinearForecaster]) -> None:
    again = restore(fitted(kind).state())
    assert graph_of(again) == graph_of(fitted(kind))
    assert (again.predict(links()) == fitted(kind).predict(links())).all()


@pytest.mark.parametrize("kind", BASELINES)
def test_graph_when_baseline_is_not_fitted_then_refuses(kind: type[LinearForecaster]) -> None:
    with pytest.raises(RuntimeError, match=f"{kind.name} has to be fitted"):
        graph_of(kind())
