"""Boosted trees on tiny data: they learn, say the same twice, and survive being written down."""

import json

import numpy as np
import pytest

pytest.importorskip("lightgbm")

from ml_inference.forecasting.boosting import Boosting
from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.features import features_of
from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS
from ml_inference.forecasting.leaks import sees_the_future
from ml_inference.forecasting.metrics import coverage, rmse
from ml_inference.forecasting.windows import cut

pytestmark = pytest.mark.training


def jumping(seed: int, links: int) -> list[Trace]:
    """Links that are handed over between five levels every 20 samples or so, with fading on top."""
    random = np.random.default_rng(seed)
    level = random.uniform(0.1, 0.8, (links, 5))
    place = np.zeros((links, 120), int)
    for row in range(1, place.shape[1]):
        jumps = random.random(links) < 0.05
        place[:, row] = np.where(jumps, random.integers(0, 5, links), place[:, row - 1])
    share = np.take_along_axis(level, place, axis=1) * random.gamma(20, 1 / 20, place.shape)
    rtt = np.full(place.shape[1], 3.0)
    return [Trace(f"t{number}", link * 1000, link * 100, rtt, link * 50, 50.0) for number, link in enumerate(share)]


TRAIN, VALIDATION, TEST = jumping(1, 30), jumping(2, 10), jumping(3, 10)


@pytest.fixture(scope="module")
def boosting() -> Boosting:
    model = Boosting(seed=1)
    model.fit(cut(TRAIN), cut(VALIDATION))
    return model


def test_boosting_when_links_jump_between_levels_then_beats_the_last_value(boosting: Boosting) -> None:
    test = cut(TEST).complete()
    forecast = boosting.predict(test)
    assert forecast.shape == (len(test), HORIZONS, 1 + len(QUANTILE_LEVELS))
    assert rmse(test.targets[:, 0], forecast[:, 0, 0]) < 0.97 * rmse(test.targets[:, 0], test.last)
    assert (np.diff(forecast[:, :, 1:], axis=2) >= 0).all()
    assert coverage(test.targets, forecast[:, :, 2], forecast[:, :, -2]) == pytest.approx(0.8, abs=0.08)


def test_boosting_when_only_the_future_changes_then_forecasts_stay(boosting: Boosting) -> None:
    assert sees_the_future(boosting, TEST) is None


def test_boosting_when_kept_as_json_then_forecasts_are_the_same(boosting: Boosting) -> None:
    again = Boosting.from_state(json.loads(json.dumps(boosting.state())))
    assert (again.forecast(TEST) == boosting.forecast(TEST)).all()
    with pytest.raises(ValueError, match="the state of ridge"):
        Boosting.from_state({"name": "ridge"})


def test_boosting_when_fitted_twice_then_forecasts_are_the_same(boosting: Boosting) -> None:
    again = Boosting(seed=1)
    again.fit(cut(TRAIN), cut(VALIDATION))
    assert (again.forecast(TEST) == boosting.forecast(TEST)).all()


def test_boosting_when_not_fitted_then_refuses() -> None:
    with pytest.raises(RuntimeError, match="lightgbm has to be fitted"):
        Boosting().forecast(TEST)


def test_features_when_round_trips_were_never_measured_then_only_theirs_is_unknown() -> None:
    windows = cut(TEST)
    windows.inputs[:, :, 2] = np.nan
    unknown = np.isnan(features_of(windows, 0.1)).any(axis=0)  # [features]
    assert unknown.sum() == 1
