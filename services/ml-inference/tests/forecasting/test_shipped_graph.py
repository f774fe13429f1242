"""The default bundle's graph, run by ONNX Runtime alone: no window breaks it, and no unit moves it."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml_inference.bundle import Bundle, inputs_of, load_bundle
from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS, WINDOW, Single
from ml_inference.forecasting.mixtures import mixed_links
from ml_inference.forecasting.windows import cut
from ml_inference.history import context_of
from qos_contract import EXAMPLE_REQUEST, PredictRequest

FOLDER = Path(__file__).parents[2] / "bundles" / "default"


@cache
def bundle() -> Bundle:
    return load_bundle(FOLDER)


def run(windows: Single) -> Single:
    """What the graph itself says, before serving cuts anything, sorted [rows, HORIZONS, 1 + quantiles]."""
    share = windows[:, :, 1].astype(np.float64) / 100
    context = np.concatenate([context_of(each, WINDOW - 1) for each in share])
    raw = np.asarray(bundle().model.session.run(None, {"window": windows, "context": context})[0])
    return np.concatenate([raw[:, :, :1], np.sort(raw[:, :, 1:], axis=2)], axis=2)


def column(low: float, high: float, *, missing: bool = False) -> st.SearchStrategy[np.ndarray]:
    numbers = st.floats(low, high, width=32) | st.sampled_from([low, high])
    return arrays(np.float32, WINDOW, elements=numbers | st.just(np.nan) if missing else numbers)


@settings(max_examples=300, deadline=None)
@given(column(0, 1e10), column(0, 1000), column(0, 600_000, missing=True))
def test_graph_when_window_is_anything_allowed_then_forecast_is_finite_and_ordered(
    rate: np.ndarray, util: np.ndarray, rtt: np.ndarray
) -> None:
    forecast = run(np.stack([rate, util, rtt], axis=1)[None].astype(np.float32))
    assert forecast.shape == (1, HORIZONS, 1 + len(QUANTILE_LEVELS))
    assert np.isfinite(forecast).all()
    assert (forecast >= 0).all()
    # float32: sums of many gaps may round by a last digit
    assert (np.diff(forecast[:, :, 1:], axis=2) >= -1e-6 * np.abs(forecast).max()).all()


def test_graph_when_readme_window_is_asked_then_forecast_continues_it() -> None:
    mean = run(inputs_of(PredictRequest.model_validate(EXAMPLE_REQUEST)).window)[0, :, 0] * 100  # [HORIZONS] Mbps
    assert (mean > 50).all()
    assert (mean < 90).all()
    assert mean[0] == pytest.approx(65, abs=7)


def test_graph_when_packets_are_counted_otherwise_then_forecast_stays() -> None:
    window = inputs_of(PredictRequest.model_validate(EXAMPLE_REQUEST)).window
    larger = window * np.array([1000, 1, 64], np.float32)  # smaller packets, slower path: the same picture
    assert run(larger) == pytest.approx(run(window), abs=1e-5)


def test_graph_when_asked_alone_or_in_a_batch_then_answers_alike() -> None:
    windows = cut(mixed_links(np.random.default_rng(3), 20, 60)).inputs[:64]
    alone = np.concatenate([run(windows[row : row + 1]) for row in range(len(windows))])
    assert run(windows) == pytest.approx(alone, abs=1e-6)


def test_bundle_when_shipped_then_is_small_and_names_no_machine() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000
    assert {path.name for path in FOLDER.iterdir()} == {"manifest.json", "model.onnx", "baseline.onnx"}
    content = b"".join(path.read_bytes() for path in FOLDER.iterdir())
    assert not any(place in content for place in (b"/home/", b"/work/", b"/root/", b"/tmp/"))
