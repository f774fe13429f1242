import numpy as np
import pytest

from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.generators import FAMILIES, five_level_links, long_range_links, population
from ml_inference.forecasting.mixtures import mixed_links, plausibility


def shares(traces: list[Trace]) -> np.ndarray:
    """What the links carry, as fractions of capacity [links, rows]."""
    return np.stack([trace.bandwidth_util / 100 for trace in traces])


def correlation(series: np.ndarray, lag: int) -> np.ndarray:
    """Autocorrelation [links] of series [links, rows]."""
    centred = series - series.mean(axis=1, keepdims=True)
    return np.asarray((centred[:, lag:] * centred[:, :-lag]).mean(axis=1) / (centred**2).mean(axis=1))


@pytest.mark.parametrize("name", FAMILIES)
def test_family_when_seed_is_the_same_then_numbers_are(name: str) -> None:
    first, again, other = (FAMILIES[name](np.random.default_rng(seed), 5, 40) for seed in (4, 4, 5))
    for one, two in zip(first, again, strict=True):
        assert (one.packet_rate == two.packet_rate).all()
        assert np.array_equal(one.rtt_variance, two.rtt_variance, equal_nan=True)
        assert one.capacity_mbps == two.capacity_mbps
    assert not (first[0].packet_rate == other[0].packet_rate).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_family_when_made_then_keeps_the_column_contract(name: str) -> None:
    traces = FAMILIES[name](np.random.default_rng(1), 200, 60)
    for trace in traces:
        assert len(trace) == 60
        assert (trace.packet_rate >= 0).all()
        assert (trace.bandwidth_util >= 0).all()
        assert (trace.bandwidth_util <= 100).all()
        assert trace.bandwidth_mbps == pytest.approx(trace.bandwidth_util / 100 * trace.capacity_mbps)
        assert not (trace.rtt_variance < 0).any()
    capacities = {trace.capacity_mbps for trace in traces}
    assert len(capacities) == len(traces)
    means = shares(traces).mean(axis=1)
    assert means.min() < 0.3
    assert means.max() > 0.7
    unmeasured = np.mean([np.isnan(trace.rtt_variance).all() for trace in traces])
    assert 0.3 < unmeasured < 0.7


def test_five_level_when_made_then_jumps_are_rare_and_large() -> None:
    share = shares(five_level_links(np.random.default_rng(2), 300, 200))
    change = np.abs(np.diff(share, axis=1)) / share.std(axis=1, keepdims=True)
    jumps = change > 1.0
    assert 0.01 < jumps.mean() < 0.25
    # A few large changes on top of many small ones: heavier tails than any Gaussian process (kurtosis 3).
    steps = np.diff(share, axis=1)
    kurtosis = (steps**4).mean(axis=1) / (steps**2).mean(axis=1) ** 2
    assert np.median(kurtosis) > 3.5


def test_long_range_when_made_then_correlation_falls_slowly() -> None:
    share = shares(long_range_links(np.random.default_rng(2), 300, 400))
    near, far = np.median(correlation(share, 1)), np.median(correlation(share, 30))
    assert near > 0.7
    assert far > 0.1  # one process of 8 s would have left exp(-30/8) = 0.02


def test_mixed_when_made_then_only_plausible_links_are_kept() -> None:
    noise = np.random.default_rng(3).uniform(0, 1, (50, 120))  # no link forgets everything every second
    steady = shares(mixed_links(np.random.default_rng(3), 50, 120))
    assert plausibility(steady).mean() > 2 * plausibility(noise).mean()
    assert plausibility(steady * 7) == pytest.approx(plausibility(steady), rel=1e-4)


def test_population_when_made_then_splits_are_by_whole_link() -> None:
    families = population(seed=1, links=200, rows=20)
    assert set(families) == set(FAMILIES)
    for traces in families.values():
        splits = [trace.split for trace in traces]
        assert splits.count("train") == pytest.approx(0.7 * len(traces), abs=1)
        assert splits.count("val") == pytest.approx(0.15 * len(traces), abs=1)
        assert splits.count("test") == pytest.approx(0.15 * len(traces), abs=1)
