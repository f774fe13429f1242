import numpy as np
import pytest

from ml_inference.forecasting.baselines import Baseline, ExponentialSmoothing, MovingAverage, Persistence
from ml_inference.forecasting.evaluation import evaluate
from ml_inference.forecasting.forecaster import Forecaster
from ml_inference.forecasting.generators import population
from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS
from ml_inference.forecasting.windows import Windows, cut

BASELINES = [Persistence(), MovingAverage(), ExponentialSmoothing()]


@pytest.fixture(scope="module")
def splits() -> dict[str, Windows]:
    traces = [trace for family in population(seed=2, links=200).values() for trace in family]
    return {name: cut([trace for trace in traces if trace.split == name]) for name in ("train", "val", "test")}


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.name)
def test_baseline_when_fitted_then_covers_what_it_promises(baseline: Baseline, splits: dict[str, Windows]) -> None:
    forecaster: Forecaster = baseline
    forecaster.fit(splits["train"], splits["val"])
    forecast = forecaster.predict(splits["test"].inputs)
    assert forecast.shape == (len(splits["test"]), HORIZONS, 1 + len(QUANTILE_LEVELS))
    assert (np.diff(forecast[:, :, 1:], axis=2) >= 0).all()
    for score in evaluate(forecast, splits["test"]):
        assert score.coverage_80 == pytest.approx(0.8, abs=0.05)


def test_persistence_when_scored_then_has_no_skill_over_itself(splits: dict[str, Windows]) -> None:
    persistence = Persistence()
    persistence.fit(splits["train"], splits["val"])
    for score in evaluate(persistence.predict(splits["test"].inputs), splits["test"]):
        assert score.skill == pytest.approx(0, abs=1e-6)


def test_baselines_when_window_is_known_then_points_are() -> None:
    share = np.arange(1.0, 11.0)[None, :]  # [1, WINDOW]
    assert Persistence().point(share) == [10]
    assert MovingAverage(4).point(share) == [8.5]
    assert ExponentialSmoothing(1.0).point(share) == [10]


def test_baseline_when_validation_changes_then_forecast_stays(splits: dict[str, Windows]) -> None:
    one, other = Persistence(), Persistence()
    one.fit(splits["train"], splits["val"])
    other.fit(splits["train"], splits["test"])
    assert (one.predict(splits["val"].inputs) == other.predict(splits["val"].inputs)).all()


def test_baseline_when_not_fitted_then_refuses(splits: dict[str, Windows]) -> None:
    with pytest.raises(RuntimeError, match="persistence has to be fitted"):
        Persistence().predict(splits["val"].inputs)
