import json
from dataclasses import replace

import numpy as np
import pytest

from ml_inference.forecasting.backtest import backtest
from ml_inference.forecasting.bootstrap import DRAWS, draws_of, estimate
from ml_inference.forecasting.comparison import compare
from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS, WINDOW, Single
from ml_inference.forecasting.scores import MACRO, Row, as_json, reliability, rows
from ml_inference.forecasting.segments import CALM, NEAR_CAPACITY, SEGMENTS, VOLATILE, segments_of
from ml_inference.forecasting.tables import table
from ml_inference.forecasting.windows import Windows

COLUMNS = 1 + len(QUANTILE_LEVELS)


def windows_of(targets: np.ndarray, last: float = 0.3, capacity: float = 200.0, traces: int = 1) -> Windows:
    """Windows with these targets [rows, HORIZONS], dealt out to the traces in turn."""
    count = len(targets)
    return Windows(
        inputs=np.full((count, WINDOW, 3), 100 * last, np.float32),
        context=np.zeros((count, 3), np.float32),
        targets=targets.astype(np.float32),
        last=np.full(count, last),
        capacity_mbps=np.full(count, capacity),
        step=np.ones(count, np.float32),
        trace_id=np.array([f"t{row % traces}" for row in range(count)]),
    )


def point(values: np.ndarray) -> Single:
    """Forecasts whose mean and quantiles are all the same point [rows, HORIZONS]."""
    return np.repeat(values[:, :, None], COLUMNS, axis=2).astype(np.float32)


def random_set(
    seed: int, name: str, traces: int = 6, capacity: float = 100.0
) -> tuple[str, str, Windows, dict[str, Single]]:
    random = np.random.default_rng(seed)
    targets = random.uniform(0.1, 0.9, (120, HORIZONS))
    windows = windows_of(targets, 0.5, capacity, traces)
    noisy = {model: point(targets + random.normal(0, sd, targets.shape)) for model, sd in (("good", 0.1), ("bad", 0.3))}
    return name, "test", windows, {"persistence": point(np.full(targets.shape, 0.5)), **noisy}


def row_of(found: list[Row], model: str, horizon: int = 1, name: str | None = None) -> Row:
    (row,) = [row for row in found if (row.model, row.horizon) == (model, horizon) and name in (None, row.set)]
    return row


def test_rows_when_calculated_by_hand_then_agree() -> None:
    targets = np.full((4, HORIZONS), 0.5)
    targets[3, 1:] = np.nan  # one segment ended after a step
    windows = windows_of(targets)
    forecast = point(np.full((4, HORIZONS), 0.45))
    forecast[0, :, -2:] = 0.6  # one row whose 80 % and 90 % intervals hold the value
    found = rows(
        [backtest("hand", "test", windows, {"persistence": point(np.full((4, HORIZONS), 0.3)), "m": forecast})]
    )
    row = row_of(found, "m", 2)
    assert (row.set, row.split, row.segment, row.n, row.traces) == ("hand", "test", "all", 3, 1)
    assert row.rmse == pytest.approx(10, rel=1e-6)  # 0.05 of 200 Mbps
    assert row.mae == pytest.approx(10, rel=1e-6)
    assert row.mase == pytest.approx(10 / 40, rel=1e-6)
    assert row.skill == pytest.approx(0.75, rel=1e-6)
    assert row.coverage_80 == row.coverage_90 == pytest.approx(1 / 3)
    assert row.width_80 == pytest.approx(0.15 * 200 / 3, rel=1e-6)
    # A point's CRPS is its absolute error; in row 0 two of the seven quantiles lie 0.1 above instead of 0.05 below.
    plain = 0.05
    first = 2 / 7 * (0.05 * (0.05 + 0.1 + 0.25 + 0.5 + 0.75) + 0.1 * (0.1 + 0.05))
    assert row.crps == pytest.approx(200 * (2 * plain + first) / 3, rel=1e-5)
    assert row.crps_gain == pytest.approx(1 - row.crps / 40, rel=1e-6)
    assert row_of(found, "m", 1).n == 4


def test_skill_when_link_exceeded_its_capacity_then_reference_is_what_was_measured() -> None:
    targets = np.full((3, HORIZONS), 1.2)
    windows = replace(windows_of(targets, last=1.0), last=np.full(3, 1.1))
    row = rows([backtest("over", "test", windows, {"persistence": point(np.ones((3, HORIZONS)))})])[0]
    assert row.skill == pytest.approx(1 - 0.2 / 0.1, rel=1e-4)


def test_interval_when_there_is_one_trace_then_is_not_known() -> None:
    found = rows([backtest(*random_set(1, "one", traces=1))])
    assert np.isnan(found[0].skill_low)
    assert np.isnan(found[0].crps_gain_high)
    entry = as_json(found)[0]
    assert entry["skill_low"] is None
    assert json.dumps(entry, allow_nan=False)
    assert "– (one trace)" in table(found, ["good"])


def test_interval_when_there_are_traces_then_holds_the_value_and_repeats() -> None:
    tested = backtest(*random_set(1, "six"))
    first, again, other = rows([tested]), rows([tested]), rows([tested], seed=1)
    assert first == again
    assert first != other
    for row in first:
        assert row.skill_low <= row.skill <= row.skill_high
        assert row.crps_gain_low <= row.crps_gain <= row.crps_gain_high


def test_draws_when_counted_then_each_has_as_many_traces() -> None:
    draws = draws_of("set", 7, seed=0)
    assert draws.shape == (1 + DRAWS, 7)
    assert (draws[0] == 1).all()
    assert (draws.sum(axis=1) == 7).all()
    assert draws[1:].mean(axis=0) == pytest.approx(1, abs=0.1)
    assert (draws == draws_of("set", 7, seed=0)).all()
    assert not (draws == draws_of("other", 7, seed=0)).all()


def test_estimate_when_draws_have_no_value_then_they_do_not_count() -> None:
    statistic = np.concatenate([[5.0], np.arange(1000.0), np.full(1000, np.nan)])
    assert estimate(statistic, 2) == pytest.approx((5, 25, 975), abs=1)
    assert np.isnan(estimate(statistic, 1)[1:]).all()


def test_pair_when_models_are_the_same_then_ratio_is_one_without_doubt() -> None:
    name, split, windows, forecasts = random_set(2, "set")
    for pair in compare([backtest(name, split, windows, forecasts | {"twin": forecasts["bad"]})], "twin", "bad"):
        assert (pair.rmse_ratio, pair.rmse_ratio_low, pair.rmse_ratio_high) == (1, 1, 1)
        assert (pair.crps_ratio, pair.crps_ratio_low, pair.crps_ratio_high) == (1, 1, 1)


def test_pair_when_errors_are_in_proportion_then_interval_is_a_point() -> None:
    name, split, windows, forecasts = random_set(2, "set")
    target = windows.targets
    half = target + (forecasts["bad"][:, :, 0] - target) / 2
    pairs = compare([backtest(name, split, windows, forecasts | {"half": point(half)})], "half", "bad")
    assert [pair.horizon for pair in pairs] == [1, 2, 3, 4, 5, None]
    for pair in pairs:
        assert (pair.rmse_ratio, pair.rmse_ratio_low, pair.rmse_ratio_high) == pytest.approx((0.5,) * 3, rel=1e-4)


def test_macro_when_sets_differ_then_is_their_unweighted_mean() -> None:
    tested = [backtest(*random_set(3, "small", capacity=10)), backtest(*random_set(4, "large", capacity=1000))]
    found = rows(tested)
    small, large, macro = (row_of(found, "good", 5, name) for name in ("small", "large", MACRO))
    for score in ("skill", "crps_gain", "mase", "coverage_80", "coverage_90"):
        mean = (getattr(small, score) + getattr(large, score)) / 2
        assert getattr(macro, score) == pytest.approx(mean)
    for score in ("rmse", "mae", "crps"):
        mean = np.sqrt(getattr(small, score) * getattr(large, score))
        assert getattr(macro, score) == pytest.approx(mean)
    assert (macro.n, macro.traces) == (small.n + large.n, small.traces + large.traces)
    assert macro.skill_low < macro.skill < macro.skill_high
    last = compare(tested, "good", "bad")[-1]
    assert (last.set, last.horizon) == (MACRO, None)
    ratios = [row_of(found, "good", step, MACRO).rmse / row_of(found, "bad", step, MACRO).rmse for step in range(1, 6)]
    assert last.rmse_ratio == pytest.approx(np.exp(np.log(ratios).mean()))


def test_macro_when_splits_are_mixed_then_refuses() -> None:
    name, _, windows, forecasts = random_set(3, "a")
    mixed = [backtest(name, "val", windows, forecasts), backtest("b", "test", windows, forecasts)]
    with pytest.raises(ValueError, match="score one split"):
        rows(mixed)


def test_reliability_when_quantiles_are_true_then_shares_are_the_levels() -> None:
    random = np.random.default_rng(5)
    targets = random.uniform(0, 1, (4000, HORIZONS))
    truth = np.empty((4000, HORIZONS, COLUMNS), np.float32)
    truth[:, :, 0], truth[:, :, 1:] = 0.5, QUANTILE_LEVELS
    found = reliability([backtest("uniform", "test", windows_of(targets), {"persistence": truth})])
    assert len(found) == HORIZONS * len(QUANTILE_LEVELS)
    for entry in found:
        assert entry.observed == pytest.approx(entry.level, abs=0.03)


def test_segments_when_windows_are_known_then_each_is_in_one_at_most() -> None:
    shapes = {"flat": [40.0] * 10, "jumping": [10.0, 90.0] * 4 + [10.0, 60.0], "full": [95.0] * 10, "idle": [0.0] * 10}
    inputs = np.zeros((4, WINDOW, 3), np.float32)
    inputs[:, :, 1] = list(shapes.values())
    masks = segments_of(replace(windows_of(np.zeros((4, HORIZONS))), inputs=inputs))
    assert masks["all"].all()
    assert masks[CALM].tolist() == [True, False, False, True]
    assert masks[VOLATILE].tolist() == [False, True, False, False]
    assert masks[NEAR_CAPACITY].tolist() == [False, False, True, False]
    assert np.sum([masks[name] for name in SEGMENTS], axis=0).max() <= 1


def test_segment_when_it_has_few_rows_then_is_left_out() -> None:
    name, split, windows, forecasts = random_set(6, "set")
    windows.inputs[:29, :, 1] = 95
    tested = backtest(name, split, windows, forecasts)
    assert tested.segments == ("all", CALM)
    assert rows([tested], NEAR_CAPACITY) == []
    assert compare([tested], "good", "bad", NEAR_CAPACITY) == []
    assert {row.n for row in rows([tested], CALM)} == {91}


def test_backtest_when_forecasts_are_of_other_rows_or_reference_is_missing_then_refuses() -> None:
    name, split, windows, forecasts = random_set(7, "set")
    with pytest.raises(ValueError, match="good forecast"):
        backtest(name, split, windows, forecasts | {"good": forecasts["good"][1:]})
    with pytest.raises(ValueError, match="forecasts of persistence are missing"):
        backtest(name, split, windows, {"good": forecasts["good"]})


def test_table_when_printed_then_models_come_in_the_order_asked_for() -> None:
    text = table(rows([backtest(*random_set(8, "set"))]), ["good", "persistence"])
    first, last = text.split("\n\n")
    assert first.startswith("set, test, 1 step ahead: 120 forecasts on 6 traces\nmodel")
    assert last.startswith("set, test, 5 steps ahead")
    lines = first.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["good", "persistence"]
    assert len({len(line) for line in lines[1:]}) == 1
