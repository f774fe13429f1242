"""The probability of passing a threshold at one step or more."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_inference.bundle import Forecast, exceed_within
from ml_inference.bundle.passage import STEP_CORRELATION

chances = st.lists(st.floats(0, 1), min_size=1, max_size=5)


@given(chances)
def test_passage_when_steps_are_added_then_never_falls_and_is_bounded_by_them(alone: list[float]) -> None:
    within = exceed_within(alone)
    assert len(within) == len(alone)
    assert within == sorted(within)
    for step, chance in enumerate(within):
        assert max(alone[: step + 1]) <= chance <= min(1.0, sum(alone[: step + 1]) + 1e-6)


def test_passage_when_there_is_one_step_then_is_its_own() -> None:
    assert exceed_within([0.3]) == [0.3]


@pytest.mark.parametrize(("alone", "expected"), [([0.0] * 5, 0.0), ([1.0, 0.0], 1.0), ([0.0, 1.0], 1.0)])
def test_passage_when_a_step_is_certain_then_so_is_the_whole(alone: list[float], expected: float) -> None:
    assert exceed_within(alone)[-1] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("alone", [[0.3] * 5, [0.01, 0.05, 0.2, 0.5, 0.9], [1e-12, 1e-300, 1e-5, 1 - 1e-12, 0.5]])
def test_passage_when_simulated_then_agrees(alone: list[float]) -> None:
    random = np.random.default_rng(4)
    rho, draws = STEP_CORRELATION, 400_000
    factor, own = random.standard_normal((draws, 1)), random.standard_normal((draws, len(alone)))
    latent = np.sqrt(rho) * factor + np.sqrt(1 - rho) * own  # [draws, steps] standard normal, correlated by ρ
    exceeds = latent > np.quantile(random.standard_normal(2_000_000), 1 - np.array(alone))
    for step in range(len(alone)):
        assert exceed_within(alone)[step] == pytest.approx(exceeds[:, : step + 1].any(axis=1).mean(), abs=0.004)


def test_batch_when_asked_with_thresholds_then_is_each_link_s_own() -> None:
    output = np.random.default_rng(1).random((3, 5, 8)).astype(np.float32)
    forecast = Forecast(output, (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95))
    batch = forecast.exceed_within([0.2, 0.5, 0.9])
    assert batch.shape == (3, 5)
    alone = [forecast.at(1, step).exceed_probability(0.5) for step in range(5)]
    assert batch[1].tolist() == exceed_within(alone)
