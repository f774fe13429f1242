"""Links with a law: their best forecast is the best. Links of all kinds: within bounds, and of all kinds."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.generators import KNOWN_LINKS, FiveLevelLink, KnownLink, LongRangeLink
from ml_inference.forecasting.layout import HORIZONS, WINDOW
from ml_inference.forecasting.metrics import rmse
from ml_inference.forecasting.mixtures import loads, mixed_links
from ml_inference.forecasting.windows import cut
from ml_inference.history import context_of
from qos_contract import PredictRequest

ROWS = 500


def by_name(law: KnownLink) -> str:
    return law.name


def shares(traces: list[Trace]) -> np.ndarray:
    """What the links carry, as fractions of capacity [links, rows]."""
    return np.stack([trace.bandwidth_util / 100 for trace in traces])


def trace_of(share: np.ndarray) -> Trace:
    missing = np.full(len(share), np.nan)
    return Trace("toy", share * 1000, share * 100, missing, share * 100, 100.0)


def errors(traces: list[Trace], forecasts: list[np.ndarray]) -> list[float]:
    """RMSE per horizon, fractions of capacity."""
    windows, forecast = cut(traces), np.concatenate(forecasts)
    known = np.isfinite(windows.targets)
    return [rmse(windows.targets[known[:, step], step], forecast[known[:, step], step]) for step in range(HORIZONS)]


def straight_lines(train: list[Trace], test: list[Trace]) -> list[float]:
    """RMSE per horizon of the least-squares AR(10) with intercept."""
    windows, later = cut(train).complete(), cut(test)
    rows = np.column_stack([windows.inputs[:, :, 1].astype(np.float64), np.ones(len(windows))])
    line, *_ = np.linalg.lstsq(rows, windows.targets.astype(np.float64))
    return errors(test, [np.column_stack([later.inputs[:, :, 1], np.ones(len(later))]) @ line])


def persistence(traces: list[Trace]) -> list[float]:
    return errors(traces, [np.repeat(cut(traces).last[:, None], HORIZONS, axis=1)])


@pytest.mark.parametrize("law", KNOWN_LINKS, ids=by_name)
def test_law_when_seed_is_the_same_then_numbers_are(law: KnownLink) -> None:
    first, again, other = (law.traces(np.random.default_rng(seed), 3, 40) for seed in (4, 4, 5))
    for one, two in zip(first, again, strict=True):
        assert (one.packet_rate == two.packet_rate).all()
        assert (one.bandwidth_mbps == two.bandwidth_mbps).all()
        assert np.array_equal(one.rtt_variance, two.rtt_variance, equal_nan=True)
    assert not (first[0].packet_rate == other[0].packet_rate).all()


@pytest.mark.parametrize("law", KNOWN_LINKS, ids=by_name)
def test_law_when_traces_are_made_then_they_keep_the_column_contract(law: KnownLink) -> None:
    traces = law.traces(np.random.default_rng(1), 40, 60)
    assert len({trace.trace_id for trace in traces}) == len(traces)
    for trace in traces:
        assert len(trace) == 60
        assert (trace.packet_rate > 0).all()
        assert (trace.bandwidth_util > 0).all()
        assert (trace.bandwidth_util <= 1000).all()
        assert trace.bandwidth_mbps == pytest.approx(trace.bandwidth_util / 100 * trace.capacity_mbps)
        assert not (trace.rtt_variance < 0).any()
    unmeasured = np.mean([np.isnan(trace.rtt_variance).all() for trace in traces])
    assert 0.2 < unmeasured < 0.7


@pytest.mark.parametrize("law", KNOWN_LINKS, ids=by_name)
def test_best_when_given_a_trace_then_has_a_row_for_each_window_and_never_looks_ahead(law: KnownLink) -> None:
    (trace,) = law.traces(np.random.default_rng(1), 1, 60)
    forecast = law.best(trace)
    assert forecast.shape == (60 - WINDOW, HORIZONS)
    later = trace.bandwidth_util.copy()
    later[40:] *= 3
    known = 40 - WINDOW + 1  # windows that end before sample 40
    assert (law.best(trace_of(later / 100))[:known] == forecast[:known]).all()


def test_five_levels_when_made_then_loads_lie_around_them_for_the_expected_time() -> None:
    law = FiveLevelLink()
    assert law.transition().sum(axis=1) == pytest.approx(1)
    share = shares(FiveLevelLink(fading=1e8).traces(np.random.default_rng(2), 100, ROWS))
    assert set(np.unique(share.round(2))) == set(law.levels)
    # A change leads back to the same level at the ends half of the time, or anywhere in one of five.
    stays = np.diag(law.transition()).mean()
    assert np.mean(share.round(2)[:, 1:] == share.round(2)[:, :-1]) == pytest.approx(stays, abs=0.005)
    fading = shares(law.traces(np.random.default_rng(2), 100, ROWS)) / share
    assert fading.mean() == pytest.approx(1, abs=0.15)


def test_filter_when_compared_with_every_hidden_path_then_agrees() -> None:
    law, start = FiveLevelLink(levels=(0.2, 0.5, 0.8), fading=6.0, stay=4.0), WINDOW
    levels, transition = np.array(law.levels), law.transition()
    share = shares(law.traces(np.random.default_rng(3), 1, start + 1))[0]
    paths = np.array(list(product(range(3), repeat=start)))  # [paths, samples]: every one that may have been
    log_weight = np.log(transition[paths[:, :-1], paths[:, 1:]]).sum(axis=1)
    hidden = levels[paths]  # [paths, samples]
    log_weight += (-law.fading * (np.log(hidden) + share[:start] / hidden)).sum(axis=1)
    weight = np.exp(log_weight - log_weight.max())
    last = np.bincount(paths[:, -1], weight / weight.sum(), minlength=3)  # belief after the last sample
    expected = [last @ np.linalg.matrix_power(transition, step) @ levels for step in range(1, HORIZONS + 1)]
    assert law.best(trace_of(share))[0] == pytest.approx(np.array(expected), rel=1e-9)


def test_filter_when_compared_with_the_forward_algorithm_then_agrees_at_every_row() -> None:
    law = FiveLevelLink()
    levels, transition = np.array(law.levels), law.transition()
    share = shares(law.traces(np.random.default_rng(9), 1, 80))[0]
    # log p(samples so far, level now), by the density in full: nothing is normalised before the end.
    log_gamma = law.fading * np.log(law.fading / levels) - math.lgamma(law.fading)
    density = log_gamma + (law.fading - 1) * np.log(share)[:, None] - law.fading * share[:, None] / levels
    forward = [density[0] - math.log(len(levels))]
    for row in range(1, len(share)):
        forward.append(density[row] + np.logaddexp.reduce(forward[-1][:, None] + np.log(transition), axis=0))
    belief = np.exp(np.stack(forward) - np.logaddexp.reduce(np.stack(forward), axis=1)[:, None])  # [rows, levels]
    best = law.best(trace_of(share))
    for step in range(1, HORIZONS + 1):
        expected = belief @ np.linalg.matrix_power(transition, step) @ levels
        assert best[:, step - 1] == pytest.approx(expected[WINDOW - 1 : -1], rel=1e-6)


def test_filter_when_beside_persistence_and_straight_lines_then_wins() -> None:
    law, random = FiveLevelLink(), np.random.default_rng(5)
    train, test = law.traces(random, 60, ROWS), law.traces(random, 40, ROWS)
    best = errors(test, [law.best(trace) for trace in test])
    for rivals in (persistence(test), straight_lines(train, test)):
        for least, rival in zip(best, rivals, strict=True):
            assert least < 0.97 * rival


@pytest.mark.parametrize(
    "wrong", [FiveLevelLink(stay=40.0), FiveLevelLink(stay=5.0), FiveLevelLink(neighbour=0.0), FiveLevelLink(fading=5)]
)
def test_filter_when_another_one_has_a_wrong_law_then_it_does_not_win(wrong: FiveLevelLink) -> None:
    law = FiveLevelLink()
    test = law.traces(np.random.default_rng(6), 60, ROWS)
    best = errors(test, [law.best(trace) for trace in test])
    worse = errors(test, [wrong.best(trace) for trace in test])
    assert sum(best) < sum(worse)
    assert all(least < rival * 1.001 for least, rival in zip(best, worse, strict=True))


@pytest.mark.parametrize("past", [WINDOW, WINDOW + 1, 60, 200])
def test_closed_form_when_compared_with_the_exact_covariance_then_agrees(past: int) -> None:
    law = LongRangeLink()
    share = shares(law.traces(np.random.default_rng(7), 1, past + 1))[0]
    constants = np.array(law.time_constants)

    def covariance(lag: np.ndarray) -> np.ndarray:
        """Of the logarithm, between samples so many steps apart."""
        return np.asarray(law.spread**2 * np.exp(-np.abs(lag)[..., None] / constants).mean(axis=-1))

    seen = np.log(share[:past] / law.mean) + law.spread**2 / 2
    steps = np.arange(past)
    among = covariance(steps[:, None] - steps[None])
    expected = []
    for step in range(1, HORIZONS + 1):
        towards = covariance(past - 1 + step - steps)
        weights = np.linalg.solve(among, towards)
        variance = law.spread**2 - weights @ towards
        expected.append(law.mean * np.exp(weights @ seen + variance / 2 - law.spread**2 / 2))
    assert law.best(trace_of(share))[past - WINDOW] == pytest.approx(np.array(expected), rel=1e-8)


def test_closed_form_when_beside_persistence_and_straight_lines_then_wins() -> None:
    law, random = LongRangeLink(), np.random.default_rng(8)
    train, test = law.traces(random, 60, ROWS), law.traces(random, 60, ROWS)
    best = errors(test, [law.best(trace) for trace in test])
    for least, last, line in zip(best, persistence(test), straight_lines(train, test), strict=True):
        assert least < 0.98 * last
        assert least < line


def test_long_range_when_made_then_correlation_falls_slowly() -> None:
    law = LongRangeLink()
    logarithm = np.log(shares(law.traces(np.random.default_rng(2), 300, 400)))
    centred = logarithm - np.log(law.mean) + law.spread**2 / 2
    assert centred.var() == pytest.approx(law.spread**2, rel=0.1)
    near, far = ((centred[:, lag:] * centred[:, :-lag]).mean() / centred.var() for lag in (1, 30))
    assert near > 0.8
    assert far > 0.2  # one process of 8 steps would have left exp(-30/8) = 0.02


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(WINDOW, 90))
def test_mixed_when_seed_is_anything_then_the_contract_takes_every_link(seed: int, links: int, rows: int) -> None:
    for trace in mixed_links(np.random.default_rng(seed), links, rows):
        spread = [None if np.isnan(value) else value for value in trace.rtt_variance.tolist()]
        PredictRequest.model_validate(
            {
                "packet_rate": trace.packet_rate.tolist(),
                "bandwidth_util": trace.bandwidth_util.tolist(),
                "rtt_variance": spread,
                "link_capacity_mbps": trace.capacity_mbps,
            }
        )
        assert np.isfinite(context_of(trace.bandwidth_util / 100, WINDOW - 1)).all()


def test_mixed_when_seed_is_the_same_then_numbers_are() -> None:
    first, again, other = (mixed_links(np.random.default_rng(seed), 5, 40) for seed in (4, 4, 5))
    for one, two in zip(first, again, strict=True):
        assert (one.packet_rate == two.packet_rate).all()
        assert np.array_equal(one.rtt_variance, two.rtt_variance, equal_nan=True)
        assert one.capacity_mbps == two.capacity_mbps
    assert not (first[0].packet_rate == other[0].packet_rate).all()


def test_mixed_when_made_then_keeps_the_column_contract() -> None:
    traces = mixed_links(np.random.default_rng(1), 200, 60)
    for trace in traces:
        assert len(trace) == 60
        assert np.isfinite(trace.packet_rate).all()
        assert (trace.packet_rate >= 0).all()
        assert (trace.bandwidth_util >= 0).all()
        assert (trace.bandwidth_util <= 100).all()
        assert trace.bandwidth_mbps == pytest.approx(trace.bandwidth_util / 100 * trace.capacity_mbps)
        assert not (trace.rtt_variance < 0).any()
    assert len({trace.capacity_mbps for trace in traces}) == len(traces)
    unmeasured = np.mean([np.isnan(trace.rtt_variance).all() for trace in traces])
    assert 0.3 < unmeasured < 0.7


def test_mixed_when_made_then_loads_are_of_many_kinds() -> None:
    share = loads(np.random.default_rng(3), 400, 240)
    assert share.shape == (400, 240)
    assert np.isfinite(share).all()
    assert share.min() >= 0
    assert share.max() <= 1
    means = share.mean(axis=1)
    assert means.min() < 0.2
    assert means.max() > 0.7
    silent = (share < 1e-3).any(axis=1) & (means > 0.05)
    assert 0.02 < silent.mean() < 0.8  # outages, or shapes that touch zero: in some links, not in all
    at_cap = (share > 0.97 * share.max(axis=1, keepdims=True)).mean(axis=1) > 0.15
    assert 0.02 < at_cap.mean() < 0.6
    change = np.diff(share, axis=1)
    moved = change[(change**2).sum(axis=1) > 0]
    echo = (moved[:, 1:] * moved[:, :-1]).sum(axis=1) / (moved**2).sum(axis=1)
    assert np.quantile(echo, 0.1) < -0.3  # noise
    assert np.quantile(echo, 0.9) > 0.0  # slopes
