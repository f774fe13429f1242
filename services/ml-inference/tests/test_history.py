"""What a history tells of a link: the same wherever it is worked out, finite whatever it holds, blind to what comes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml_inference.history import CONTEXT, MAX_HISTORY, SWING_STEPS, TINY, context_of, newest_context
from qos_contract import WINDOW
from qos_contract.predict import MAX_SAMPLES, MAX_UTILISATION

FIRST = WINDOW - 1
MAX_SHARE = MAX_UTILISATION / 100

shares = st.floats(0, MAX_SHARE) | st.sampled_from([0.0, 0.5, 1.0, MAX_SHARE])
histories = st.integers(WINDOW, 60).flatmap(lambda rows: arrays(np.float64, rows, elements=shares))


def column(context: np.ndarray, name: str) -> np.ndarray:
    return np.asarray(context[:, CONTEXT.index(name)])


@given(histories)
def test_context_when_computed_at_every_origin_then_is_that_of_the_slice_that_ends_there(share: np.ndarray) -> None:
    together = context_of(share, FIRST)  # [origins, context]
    alone = [context_of(share[:end], end - 1) for end in range(WINDOW, len(share) + 1)]
    assert together.shape == (len(share) - FIRST, len(CONTEXT))
    assert all(one.shape == (1, len(CONTEXT)) for one in alone)
    assert (together == np.concatenate(alone)).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(MAX_HISTORY, MAX_HISTORY + 200))
def test_context_when_the_trace_is_longer_than_a_request_then_training_sees_what_serving_does(
    seed: int, rows: int
) -> None:
    random = np.random.default_rng(seed)
    share = random.uniform(0, random.uniform(0.01, MAX_SHARE), rows)
    trained = context_of(share, rows - 1)
    served = context_of(share[-MAX_SAMPLES:], MAX_SAMPLES - 1)
    assert trained == pytest.approx(served, rel=1e-5, abs=1e-7)


@given(histories, st.data())
def test_context_when_what_comes_later_changes_then_stays(share: np.ndarray, data: st.DataObject) -> None:
    origin = data.draw(st.integers(WINDOW, len(share)))
    changed = share.copy()
    changed[origin:] = MAX_SHARE - changed[origin:]
    known = origin - FIRST  # rows that end before the origin
    assert (context_of(changed, FIRST)[:known] == context_of(share, FIRST)[:known]).all()


@pytest.mark.parametrize("value", [0.0, 1e-12, 0.4, MAX_SHARE, 1e6])
@pytest.mark.parametrize("rows", [WINDOW, 40, MAX_HISTORY + 40])
def test_context_when_the_link_never_moves_then_says_so(value: float, rows: int) -> None:
    context = context_of(np.full(rows, value), FIRST)
    assert np.isfinite(context).all()
    for name in ("echo_1", "echo_2", "step", "swing"):
        assert (column(context, name) == 0).all()
    for name in ("level", "level_30", "level_100"):
        assert column(context, name) == pytest.approx(value, rel=1e-6, abs=1e-12)


@given(histories)
def test_context_when_history_is_anything_allowed_then_is_finite_and_within_its_bounds(share: np.ndarray) -> None:
    context = context_of(share, FIRST)
    assert np.isfinite(context).all()
    for name in ("echo_1", "echo_2"):
        assert (np.abs(column(context, name)) <= 1 + 1e-6).all()
    for name in ("level", "level_30", "level_100"):
        assert (column(context, name) <= share.max() * (1 + 1e-6) + 1e-12).all()
        assert (column(context, name) >= share.min() * (1 - 1e-6) - 1e-12).all()
    assert (column(context, "step") >= 0).all()
    assert (column(context, "step") <= MAX_SHARE * (1 + 1e-6)).all()


def test_context_when_a_wild_link_falls_silent_then_stays_finite() -> None:
    wild = np.random.default_rng(1).uniform(0, MAX_SHARE, 5000)
    context = context_of(np.concatenate([wild, np.zeros(2 * MAX_HISTORY)]), FIRST)
    assert np.isfinite(context).all()
    # Sums over the whole trace leave their rounding behind; nothing of it may look like traffic.
    silent = context[-MAX_HISTORY + 1 :]
    for name in ("level", "level_30", "level_100", "step", "swing"):
        assert column(silent, name) == pytest.approx(0, abs=1e-5)


def test_context_when_there_are_ten_samples_then_one_row_tells_of_them() -> None:
    share = np.array([0.1, 0.3, 0.2, 0.5, 0.4, 0.6, 0.9, 0.7, 0.8, 0.2])
    context = context_of(share, FIRST)
    change, swing = np.diff(share), share[SWING_STEPS:] - share[:-SWING_STEPS]
    assert context.shape == (1, len(CONTEXT))
    assert context.dtype == np.float32
    assert dict(zip(CONTEXT, context[0].tolist(), strict=True)) == pytest.approx(
        {
            "echo_1": (change[1:] @ change[:-1]) / (change @ change),
            "echo_2": (change[2:] @ change[:-2]) / (change @ change),
            "level_100": share.mean(),
            "level_30": share.mean(),
            "level": share.mean(),
            "step": np.sqrt(np.mean(change**2)),
            "swing": np.sqrt(np.mean(swing**2)),
            "samples": WINDOW,
        },
        rel=1e-6,
    )


def test_context_when_a_request_is_as_long_as_it_may_be_then_all_of_it_counts() -> None:
    assert MAX_HISTORY == MAX_SAMPLES
    share = np.linspace(0, 1, MAX_SAMPLES + 3)
    assert column(context_of(share, FIRST), "samples").tolist() == [*range(WINDOW, MAX_SAMPLES + 1), *[MAX_SAMPLES] * 3]


def told(share: np.ndarray) -> dict[str, float]:
    """The definitions of history.CONTEXT, spelt out for the newest sample of `share`."""
    share = share[-MAX_HISTORY:]
    rows = len(share)
    change = [share[row] - share[row - 1] for row in range(1, rows)]
    swing = [share[row] - share[row - SWING_STEPS] for row in range(SWING_STEPS, rows)]
    squares = sum(each**2 for each in change) + TINY

    def echo(lag: int) -> float:
        return float(sum(change[row] * change[row - lag] for row in range(lag, rows - 1)) / squares)

    return {
        "echo_1": echo(1),
        "echo_2": echo(2),
        "level_100": float(np.mean(share[-100:])),
        "level_30": float(np.mean(share[-30:])),
        "level": float(np.mean(share)),
        "step": float(np.sqrt(np.mean(np.square(change)))),
        "swing": float(np.sqrt(np.mean(np.square(swing)))),
        "samples": float(rows),
    }


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(SWING_STEPS + 1, MAX_HISTORY + 60), st.floats(0.01, 1))
def test_context_when_spelt_out_then_agrees(seed: int, rows: int, size: float) -> None:
    random = np.random.default_rng(seed)
    share = np.clip(np.cumsum(random.normal(0, size / 10, rows)) + size * random.random(rows), 0, MAX_SHARE)
    context = context_of(share, SWING_STEPS)
    for row in {0, 1, len(context) // 2, len(context) - 1} & set(range(len(context))):
        expected = told(share[: SWING_STEPS + row + 1])
        assert dict(zip(CONTEXT, context[row].tolist(), strict=True)) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(WINDOW, 80), st.floats(1e-2, 10))
def test_context_when_the_link_is_larger_then_levels_are_and_echoes_stay(seed: int, rows: int, factor: float) -> None:
    share = np.random.default_rng(seed).uniform(0.05, 1, rows)
    one, other = context_of(share, FIRST), context_of(share * factor, FIRST)
    for name in CONTEXT:
        grows = 1 if name.startswith("echo") or name == "samples" else factor
        assert column(other, name) == pytest.approx(column(one, name) * grows, rel=1e-4, abs=1e-4), name


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, MAX_SHARE), st.integers(1, 100))
def test_context_when_more_comes_before_512_samples_then_they_alone_count(seed: int, before: float, more: int) -> None:
    random = np.random.default_rng(seed)
    share = random.uniform(0.1, 1, MAX_HISTORY)
    earlier = np.concatenate([random.uniform(0, before, more), share])
    known = context_of(share, MAX_HISTORY - 1)
    assert context_of(earlier, len(earlier) - 1) == pytest.approx(known, rel=1e-4, abs=1e-5)
    earlier[more] += 0.5  # the oldest that counts
    assert column(context_of(earlier, len(earlier) - 1), "level") > column(known, "level")


def test_context_when_asked_from_the_first_possible_sample_then_has_that_row() -> None:
    share = np.array([0.1, 0.4, 0.2, 0.6, 0.3, 0.7, 0.5])
    context = context_of(share, SWING_STEPS)
    assert column(context, "samples").tolist() == [6, 7]
    assert column(context, "swing")[0] == pytest.approx(0.6)
    assert column(context, "swing")[1] == pytest.approx(np.sqrt((0.6**2 + 0.1**2) / 2))
    assert column(context, "echo_2")[0] == pytest.approx(told(share[:6])["echo_2"])


@given(histories)
def test_newest_when_worked_out_for_one_link_then_is_the_last_row_of_all(share: np.ndarray) -> None:
    row = context_of(share, len(share) - 1)[0]
    newest = np.array(newest_context(share.tolist()), dtype=np.float32)
    # Running sums lose digits where small changes follow large ones: that much the two may differ.
    scale = np.abs(share).max() ** 2 * 1e-9
    squares = np.square(np.diff(share)).sum()
    loose = scale / (squares + TINY)
    assert newest[2:] == pytest.approx(row[2:], rel=1e-5, abs=1e-5 + scale**0.5)
    assert newest[:2] == pytest.approx(row[:2], rel=1e-5, abs=1e-5 + loose)
