"""The gate lets a good model through, and says why it refuses a biased, a leaking, a crossing or a lopsided one."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_inference.forecasting.baselines import ExponentialSmoothing, LinearForecaster, MovingAverage, Persistence
from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.forecaster import WindowForecaster
from ml_inference.forecasting.gate import Exam, Verdict, judge
from ml_inference.forecasting.layout import HORIZONS, WINDOW, Double, Single
from ml_inference.forecasting.leaks import sees_the_future
from ml_inference.forecasting.segments import CALM, VOLATILE, segments_of
from ml_inference.forecasting.windows import Windows, cut

CAPACITY = 50.0
PULL = -0.5
"""A link that overshoots: what was above the mean comes out below it, half as far."""


def links(seed: int, count: int = 8, rows: int = 160) -> list[Trace]:
    """Links around 40 % of capacity: calm ones and, every other, volatile ones."""
    random = np.random.default_rng(seed)
    noise = np.where(np.arange(count) % 2, 0.12, 0.02)[:, None]
    share = np.full((count, rows), 0.4)
    for row in range(1, rows):
        shock = noise[:, 0] * random.normal(0, 1, count)
        share[:, row] = np.clip(0.4 + PULL * (share[:, row - 1] - 0.4) + shock, 0, 0.79)
    missing = np.full(rows, np.nan)
    return [
        Trace(f"link {number}", link * 1000, link * 100, missing, link * CAPACITY, CAPACITY)
        for number, link in enumerate(share)
    ]


TRAIN, TEST = links(1), links(2)


class Filter(LinearForecaster):
    """The filter that made the links."""

    name = "filter"

    def weigh(self, train: Windows, validation: Windows) -> tuple[Double, Double]:  # noqa: ARG002 – nothing to learn
        pull = np.asarray(PULL ** np.arange(1, HORIZONS + 1), np.float64)  # [HORIZONS]
        weights = np.zeros((WINDOW, HORIZONS))
        weights[-1] = pull
        return weights, 0.4 * (1 - pull)


class Biased(LinearForecaster):
    """The last value, moved by a bias."""

    name = "biased"

    def weigh(self, train: Windows, validation: Windows) -> tuple[Double, Double]:  # noqa: ARG002 – nothing to learn
        return np.tile(np.eye(WINDOW)[:, -1:], HORIZONS), np.full(HORIZONS, 0.1)


class Smoother(Filter):
    """Smooths the whole trace by a centred mean of three before it cuts windows: knows half of what comes next."""

    name = "smoother"

    def weigh(self, train: Windows, validation: Windows) -> tuple[Double, Double]:
        weights, offset = super().weigh(train, validation)
        weights[-3:, 0], offset[0] = [-1, 0, 3], -0.4  # undoes the mean as far as three means can
        return weights, offset

    def forecast(self, traces: Sequence[Trace]) -> Single:
        return self.predict(cut([replace(trace, bandwidth_util=self.smooth(trace.bandwidth_util)) for trace in traces]))

    @staticmethod
    def smooth(series: Double) -> Double:
        padded = np.pad(series, 1, mode="edge")
        return np.asarray((padded[:-2] + padded[1:-1] + padded[2:]) / 3)


class Changed(WindowForecaster):
    """The filter's forecasts, altered before they are given out."""

    name = "changed"

    def __init__(self, alter: Callable[[Single, Windows], object]) -> None:
        self.inner, self.alter = fitted(Filter()), alter

    def fit(self, train: Windows, validation: Windows) -> None:
        """Is fitted already."""

    def predict(self, windows: Windows) -> Single:
        forecast = self.inner.predict(windows)
        self.alter(forecast, windows)
        return forecast


def fitted(forecaster: LinearForecaster) -> LinearForecaster:
    forecaster.fit(cut(TRAIN), cut(TRAIN))
    return forecaster


def exam(traces: Sequence[Trace] = TEST, name: str = "swing", champion: WindowForecaster | None = None) -> Exam:
    """Exponential smoothing stands in for ridge, which only the training environment can fit."""
    rivals = {
        "persistence": fitted(Persistence()),
        "moving-average": fitted(MovingAverage()),
        "ridge": fitted(ExponentialSmoothing()),
    }
    forecasts = {rival: forecaster.forecast(traces) for rival, forecaster in rivals.items()}
    if champion:
        forecasts["champion"] = champion.forecast(traces)
    return Exam(name, "test", traces, forecasts)


def failed(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.checks if not check.passed]


def test_gate_when_model_is_good_then_passes() -> None:
    verdict = judge(fitted(Filter()), [exam(), exam(links(3), "swing again")])
    assert verdict.passed, verdict.reasons
    assert verdict.reasons == ()
    assert [tested.set for tested in verdict.backtests] == ["swing", "swing again"]
    assert verdict.backtests[0].models[0] == "filter"


def test_gate_when_model_is_biased_then_says_what_it_does_not_beat() -> None:
    verdict = judge(fitted(Biased()), [exam()])
    assert not verdict.passed
    assert failed(verdict) == ["better than persistence", "better than moving-average", "better than ridge"]
    assert verdict.reasons[0].startswith("RMSE (swing, mean of the horizons) is 1.")
    assert verdict.reasons[0].endswith("of persistence's; the whole interval has to lie below 1")


def test_gate_when_model_leaks_then_is_refused_however_well_it_scores() -> None:
    verdict = judge(fitted(Smoother()), [exam()])
    assert {check.name for check in verdict.checks if check.passed} >= {"better than persistence", "better than ridge"}
    assert failed(verdict)[0] == "no leak on swing"
    assert "it sees the future: the forecast made at row" in verdict.reasons[0]
    assert "of trace link " in verdict.reasons[0]


def test_gate_when_model_is_worse_than_the_champion_on_one_segment_then_names_it() -> None:
    def spoil(forecast: Single, windows: Windows) -> None:
        forecast[segments_of(windows)[CALM]] += 0.01

    verdict = judge(Changed(spoil), [exam(champion=fitted(Filter()))], champion="champion")
    assert f"no worse when {CALM}" in failed(verdict)
    assert f"no worse when {VOLATILE}" not in failed(verdict)
    assert any(reason.startswith("calm windows: RMSE") and "champion's" in reason for reason in verdict.reasons)


def test_gate_when_model_is_as_good_as_the_champion_then_passes() -> None:
    assert judge(fitted(Filter()), [exam(champion=fitted(Filter()))], champion="champion").passed


def test_gate_when_intervals_are_too_narrow_then_says_what_they_hold() -> None:
    def narrow(forecast: Single, _: Windows) -> None:
        forecast[:, :, 1:] = forecast[:, :, 4:5] + (forecast[:, :, 1:] - forecast[:, :, 4:5]) / 3

    verdict = judge(Changed(narrow), [exam()])
    assert failed(verdict) == ["coverage on swing"]
    assert verdict.reasons[0].startswith("swing: the 80 % interval holds 3")
    assert verdict.reasons[0].endswith("more than 10 points off")


def test_gate_when_forecasts_are_not_finite_or_cross_then_nothing_else_is_asked() -> None:
    def lose(forecast: Single, _: Windows) -> None:
        forecast[3, 1, 2] = np.nan

    def cross(forecast: Single, _: Windows) -> None:
        forecast[5, 0, [1, 7]] = forecast[5, 0, [7, 1]]

    for alter, expected in ((lose, "1 of 1200 forecasts are not finite"), (cross, "quantiles of 1 forecasts cross")):
        verdict = judge(Changed(alter), [exam()])
        assert len(verdict.reasons) == len(verdict.checks) == 1
        assert expected in verdict.reasons[0]
        assert verdict.backtests == ()


def test_gate_when_there_is_one_trace_then_asks_for_more() -> None:
    verdict = judge(fitted(Filter()), [exam(TEST[:1])])
    assert "swing: one trace gives no interval against ridge; bring at least 2 traces" in verdict.reasons[-1]


def test_gate_when_a_rival_is_missing_then_refuses_to_judge() -> None:
    with pytest.raises(ValueError, match="the rivals must be champion, moving-average, persistence, ridge"):
        judge(fitted(Filter()), [exam()], champion="champion")


@pytest.mark.parametrize("forecaster", [Persistence(), MovingAverage(), ExponentialSmoothing(), Filter()])
def test_leak_when_a_model_sees_windows_alone_then_none_is_found(forecaster: LinearForecaster) -> None:
    assert sees_the_future(fitted(forecaster), TEST) is None


@pytest.mark.parametrize("field", ["last", "step", "targets"])
def test_leak_when_a_model_reads_what_is_known_later_then_is_found_unless_it_is_known_now(field: str) -> None:
    def peek(forecast: Single, windows: Windows) -> None:
        known_later = np.nan_to_num(getattr(windows, field)).reshape(len(windows), -1)[:, :1]  # [rows, 1]
        forecast += 0.01 * known_later[:, :, None]

    assert (sees_the_future(Changed(peek), TEST) is None) == (field == "last")


def test_leak_when_a_figure_of_the_whole_set_is_used_then_is_found() -> None:
    def normalise(forecast: Single, windows: Windows) -> None:
        forecast *= 0.4 / windows.inputs[:, :, 1].mean() * 100

    assert "moves by" in str(sees_the_future(Changed(normalise), TEST))


def test_leak_when_forecasts_are_drawn_at_random_then_says_so() -> None:
    random = np.random.default_rng(0)

    def shake(forecast: Single, _: Windows) -> None:
        forecast += random.normal(0, 0.01)

    assert "differently each time" in str(sees_the_future(Changed(shake), TEST))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(WINDOW + 1, 40))
def test_cut_when_every_row_after_the_origin_changes_then_what_is_seen_stays(seed: int, rows: int) -> None:
    seen: list[np.ndarray] = []

    class Witness(Changed):
        """Gives out all that a model may look at, instead of a forecast."""

        def predict(self, windows: Windows) -> Single:
            seen.append(windows.inputs)
            parts = [np.nan_to_num(windows.inputs).reshape(len(windows), -1), windows.context]
            return np.concatenate(parts, axis=1)[:, None, :]  # [rows, 1, everything]

    witness = Witness(lambda *_: None)
    assert sees_the_future(witness, [trace.rows(0, rows, None) for trace in TEST[:3]], seed) is None
    # Other windows did change: there was something to see. (A segment's last rows are only ever targets.)
    assert rows < 2 * WINDOW or not all(np.array_equal(seen[0], inputs, equal_nan=True) for inputs in seen)
