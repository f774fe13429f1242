import json
from dataclasses import replace

import numpy as np
import pytest

from ml_inference.forecasting.backtest import backtest
from ml_inference.forecasting.baselines import (
    ExponentialSmoothing,
    LinearForecaster,
    MovingAverage,
    Persistence,
    Unit,
    mean_of,
    restore,
    smoothing_of,
)
from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.forecaster import Forecaster
from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS, WINDOW
from ml_inference.forecasting.scores import rows
from ml_inference.forecasting.windows import Windows, cut

BASELINES = [Persistence, MovingAverage, ExponentialSmoothing]


def windows_of(share: np.ndarray) -> Windows:
    """Windows of links [links, rows] that carry `share` of their capacity of 1 Mbps."""
    missing = np.full(share.shape[1], np.nan)
    return cut([Trace(f"t{number}", link, link * 100, missing, link, 1.0) for number, link in enumerate(share)])


def wandering(seed: int, links: int) -> Windows:
    """Links that wander around half of their capacity, each by steps of its own size."""
    random = np.random.default_rng(seed)
    size = random.uniform(0.01, 0.06, links)
    share = np.full((links, 120), 0.5)
    for row in range(1, share.shape[1]):
        share[:, row] = 0.5 + 0.8 * (share[:, row - 1] - 0.5) + size * random.normal(0, 1, links)
    return windows_of(np.clip(share, 0, 1))


@pytest.fixture(scope="module")
def splits() -> dict[str, Windows]:
    return {
        name: wandering(seed, links) for seed, (name, links) in enumerate({"train": 60, "val": 30, "test": 30}.items())
    }


@pytest.mark.parametrize("kind", BASELINES)
def test_baseline_when_fitted_then_covers_what_it_promises(
    kind: type[LinearForecaster], splits: dict[str, Windows]
) -> None:
    baseline: Forecaster = kind()
    baseline.fit(splits["train"], splits["val"])
    forecast = baseline.predict(splits["test"])
    assert forecast.shape == (len(splits["test"]), HORIZONS, 1 + len(QUANTILE_LEVELS))
    assert (np.diff(forecast[:, :, 1:], axis=2) >= 0).all()
    # Intervals of one width for all links keep their promise where they were fitted, and less so on others.
    tolerance = {"train": 0.005} | ({"test": 0.05} if kind.unit is Unit.WINDOW else {})
    for split, allowed in tolerance.items():
        windows = splits[split]
        forecasts = {"persistence": np.zeros_like(baseline.predict(windows)), baseline.name: baseline.predict(windows)}
        scored = [row for row in rows([backtest("generated", split, windows, forecasts)]) if row.model == baseline.name]
        for row in scored:
            assert row.coverage_80 == pytest.approx(0.8, abs=allowed)
            assert row.coverage_90 == pytest.approx(0.9, abs=allowed)


def test_persistence_when_nothing_is_cut_off_then_has_no_skill_over_the_last_value(splits: dict[str, Windows]) -> None:
    persistence = Persistence()
    persistence.fit(splits["train"], splits["val"])
    for row in rows(
        [backtest("generated", "test", splits["test"], {"persistence": persistence.predict(splits["test"])})]
    ):
        assert row.skill == pytest.approx(0, abs=1e-6)
        assert row.crps_gain == 0


def test_weights_when_calculated_by_hand_then_agree() -> None:
    share = np.arange(1.0, 11.0)  # [WINDOW]
    assert share @ mean_of(4) == pytest.approx(8.5)
    assert share @ smoothing_of(1.0) == pytest.approx(10)
    assert smoothing_of(0.5)[-2:] == pytest.approx(np.array([0.25, 0.5]) / (1 - 0.5**10))
    assert smoothing_of(0.02).sum() == pytest.approx(1)


def test_moving_average_when_only_the_mean_of_three_is_right_then_finds_it() -> None:
    random = np.random.default_rng(1)
    share = random.uniform(0.3, 0.7, (4, 300))
    for row in range(3, share.shape[1]):
        share[:, row] = share[:, row - 3 : row].mean(axis=1) + random.normal(0, 0.02, 4)
    baseline = MovingAverage()
    baseline.fit(windows_of(share), windows_of(share))
    assert baseline.weights is not None
    assert baseline.weights[:, 0] == pytest.approx(mean_of(3))


def test_smoothing_when_a_level_hides_in_noise_then_long_horizons_are_smoothed_as_much() -> None:
    random = np.random.default_rng(2)
    level = 0.5 + 0.01 * np.cumsum(random.normal(0, 1, (4, 400)), axis=1)
    noisy, smooth = ExponentialSmoothing(), ExponentialSmoothing()
    noisy.fit(*[windows_of(level + random.normal(0, 0.05, level.shape))] * 2)
    smooth.fit(*[windows_of(level)] * 2)
    assert noisy.weights is not None
    assert smooth.weights is not None
    assert (noisy.weights[-1] < 0.4).all()
    assert (smooth.weights[-1] > 0.8).all()


def test_persistence_when_windows_differ_then_its_intervals_are_one_share_of_capacity() -> None:
    random = np.random.default_rng(3)
    windows = windows_of(random.uniform(0.4, 0.6, (2, 100)))
    spans = {}
    for kind in (Persistence, MovingAverage):
        baseline = kind()
        baseline.fit(windows, windows)
        forecast = baseline.predict(windows)
        spans[kind] = (forecast[:, 0, -1] - forecast[:, 0, 1]).std()
    assert spans[Persistence] < 1e-6
    assert spans[MovingAverage] > 1e-3


def test_baseline_when_targets_are_partly_unknown_then_learns_from_the_others(splits: dict[str, Windows]) -> None:
    train = splits["train"]
    holes = replace(train, targets=train.targets.copy())
    holes.targets[::2, -1] = np.nan
    one, other = ExponentialSmoothing(), ExponentialSmoothing()
    one.fit(holes, splits["val"])
    other.fit(train.where(np.asarray(np.isfinite(holes.targets).all(axis=1))), splits["val"])
    assert one.state() == other.state()


@pytest.mark.parametrize("kind", BASELINES)
def test_state_when_it_has_been_json_then_forecasts_are_the_same(
    kind: type[LinearForecaster], splits: dict[str, Windows]
) -> None:
    baseline = kind()
    baseline.fit(splits["train"], splits["val"])
    again = restore(json.loads(json.dumps(baseline.state())))
    assert type(again) is kind
    assert (again.predict(splits["test"]) == baseline.predict(splits["test"])).all()


def test_state_when_it_is_another_ones_then_refuses(splits: dict[str, Windows]) -> None:
    persistence = Persistence()
    persistence.fit(splits["train"], splits["val"])
    state = persistence.state()
    with pytest.raises(ValueError, match="the state of persistence, not of moving-average"):
        MovingAverage.from_state(state)
    with pytest.raises(ValueError, match="there is no baseline oracle"):
        restore(state | {"name": "oracle"})
    with pytest.raises(ValueError, match="fitted for another window"):
        restore(state | {"weights": [[1.0] * HORIZONS] * (WINDOW + 1)})


def test_baseline_when_validation_changes_then_forecast_stays(splits: dict[str, Windows]) -> None:
    one, other = ExponentialSmoothing(), ExponentialSmoothing()
    one.fit(splits["train"], splits["val"])
    other.fit(splits["train"], splits["test"])
    assert one.state() == other.state()


def test_baseline_when_not_fitted_then_refuses(splits: dict[str, Windows]) -> None:
    with pytest.raises(RuntimeError, match="persistence has to be fitted"):
        Persistence().predict(splits["val"])
    with pytest.raises(RuntimeError, match="persistence has to be fitted"):
        Persistence().state()


def test_baseline_when_there_are_no_rows_then_refuses() -> None:
    short = windows_of(np.full((1, WINDOW + 2), 0.5))  # windows, none with all its targets
    with pytest.raises(ValueError, match="no rows to learn from"):
        Persistence().fit(short, short)
