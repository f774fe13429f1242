"""What the default bundle's manifest promises: it is the default recipe's, and does as well as it says."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from ml_inference.bundle import Bundle, load_bundle
from ml_inference.forecasting.backtest import backtest
from ml_inference.forecasting.data import Trace, load
from ml_inference.forecasting.layout import HORIZONS
from ml_inference.forecasting.lstm import ZERO_SHOT, LstmForecaster
from ml_inference.forecasting.mixtures import mixed_links
from ml_inference.forecasting.scores import Row, rows
from ml_inference.forecasting.windows import cut
from ml_inference.serving.prediction import predict
from ml_inference.training.__main__ import LINKS
from ml_inference.training.served import ServedForecaster
from ml_inference.training.sources import ROWS, TEST_LINKS, generated
from qos_contract import EXAMPLE_REQUEST, PredictRequest

pytestmark = pytest.mark.training

FOLDER = Path(__file__).parents[2] / "bundles" / "default"
MEASURED = Path(__file__).parents[5] / "shared" / "data" / "lumos5g.parquet"
SEED = 1
"""The command's default."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(FOLDER)


def scores(bundle: Bundle, traces: list[Trace]) -> list[Row]:
    """Rows of the bundle's model, one per horizon."""
    windows = cut(traces)
    model = ServedForecaster(bundle, "lstm-zero-shot").predict(windows)
    still = np.repeat(np.repeat(windows.last[:, None, None], HORIZONS, axis=1), model.shape[2], axis=2)
    forecasts = {"lstm-zero-shot": model, "persistence": still.astype(np.float32)}
    return [row for row in rows([backtest("set", "test", windows, forecasts)]) if row.model == "lstm-zero-shot"]


def test_shipped_when_read_then_the_gate_passed_it_and_it_answers_every_question(bundle: Bundle) -> None:
    manifest = bundle.manifest
    assert manifest.gate.passed
    assert manifest.history_samples == manifest.window
    assert bundle.version == manifest.model_version
    assert manifest.parity_max_abs_difference <= 1e-5


def test_shipped_when_read_then_it_learnt_from_generated_links_alone(bundle: Bundle) -> None:
    data = bundle.manifest.data.model_dump()
    assert data["source"] == "generated links, none measured"
    assert data["links"] == LINKS
    assert data["rows"] == LINKS * ROWS
    assert not bundle.manifest.training["adapted"]
    assert not bundle.manifest.training["one_link"]


def test_shipped_when_read_then_its_recipe_is_the_default_one(bundle: Bundle) -> None:
    default = LstmForecaster.zero_shot(SEED)
    assert default.recipes == [replace(ZERO_SHOT, seed=SEED)]
    assert bundle.manifest.training == json.loads(json.dumps(default.settings()))
    assert bundle.manifest.name == default.name


def test_shipped_when_named_then_by_a_hash_of_its_data_and_settings(bundle: Bundle) -> None:
    origin = json.dumps([bundle.manifest.data.sha256, bundle.manifest.training], sort_keys=True).encode()
    assert bundle.manifest.model_version == (
        f"{bundle.manifest.created:%Y%m%d}-{hashlib.sha256(origin).hexdigest()[:8]}"
    )


def test_shipped_when_scored_again_then_agrees_with_its_manifest(bundle: Bundle) -> None:
    # The test links come first, so ten times as many have to be made, not all; another processor may round an
    # exponential otherwise and so draw other links.
    source = generated(SEED, 10 * TEST_LINKS)
    promised = bundle.manifest.metrics["scores"]
    assert [promise["horizon"] for promise in promised] == list(range(1, HORIZONS + 1))
    for row, promise in zip(scores(bundle, list(source.parts["test"])), promised, strict=True):
        assert (row.horizon, row.n) == (promise["horizon"], promise["n"])
        assert row.skill == pytest.approx(promise["skill"], abs=0.02)
        assert row.coverage_80 == pytest.approx(promise["coverage_80"], abs=0.015)
        assert row.coverage_90 == pytest.approx(promise["coverage_90"], abs=0.015)
        assert row.skill > 0.05


def test_shipped_when_capacity_is_another_then_forecasts_are_the_same_share_of_it(bundle: Bundle) -> None:
    links = mixed_links(np.random.default_rng(2), 6, 80)
    faster = [
        replace(
            link,
            capacity_mbps=10 * link.capacity_mbps,
            bandwidth_mbps=10 * link.bandwidth_mbps,
            packet_rate=10 * link.packet_rate,
        )
        for link in links
    ]
    forecaster = ServedForecaster(bundle, "shipped")
    assert np.abs(forecaster.forecast(faster) - forecaster.forecast(links)).max() < 1e-5


@pytest.mark.parametrize("horizon", range(1, HORIZONS + 1))
def test_shipped_when_asked_for_another_capacity_then_only_the_unit_changes(bundle: Bundle, horizon: int) -> None:
    small, large = (
        predict(bundle, PredictRequest.model_validate(EXAMPLE_REQUEST | {"horizon": horizon}), capacity)
        for capacity in (100.0, 1e6)
    )
    for name in ("predicted_bandwidth", "lower", "upper"):
        assert getattr(large, name) == pytest.approx(1e4 * getattr(small, name), rel=1e-5)


@pytest.mark.skipif(not MEASURED.is_file(), reason="needs ../shared/data/lumos5g.parquet beside the clone")
def test_shipped_when_it_meets_measured_links_that_it_never_saw_then_beats_the_last_value(bundle: Bundle) -> None:
    found = {row.horizon: row for row in scores(bundle, [trace for trace in load(MEASURED) if trace.split == "test"])}
    for horizon in (1, 5):
        assert found[horizon].n > 1000
        assert found[horizon].skill > 0, found[horizon]
