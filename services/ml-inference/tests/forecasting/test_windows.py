import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_inference.forecasting.data import DataError, Trace
from ml_inference.forecasting.layout import HORIZONS, WINDOW
from ml_inference.forecasting.splits import split_traces
from ml_inference.forecasting.windows import cut, join, scale_of
from ml_inference.history import CONTEXT, MAX_HISTORY, SWING_STEPS, context_of


def link(share: np.ndarray, trace_id: str = "a", start: float = 0.0, split: str | None = None) -> Trace:
    missing = np.full(len(share), np.nan)
    return Trace(trace_id, share * 1000, share * 100, missing, share * 50, 50.0, start, split)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(1, 3))
def test_windows_when_cut_then_never_leave_their_segment(lengths: list[int], stride: int) -> None:
    # Segment k holds the values k.000, k.001, …: a window that crossed would mix whole numbers.
    segments = [link(number + np.arange(length) / 1000) for number, length in enumerate(lengths, start=1)]
    windows = cut(segments, stride)
    expected = [len(range(0, length - WINDOW, stride)) for length in lengths]
    assert len(windows) == sum(expected)
    inputs = windows.inputs[:, :, 1] / 100  # [rows, WINDOW]
    whole = np.concatenate([inputs, windows.targets], axis=1)  # [rows, WINDOW + HORIZONS]
    known = np.isfinite(whole)
    assert (~known | (np.floor(whole + 1e-5) == np.floor(whole[:, :1] + 1e-5))).all()
    steps = np.diff(whole, axis=1)
    assert steps[np.isfinite(steps)] == pytest.approx(0.001, abs=1e-5)
    # The segment's end, and nothing else, leaves targets unknown: the last ones first.
    left = [length - WINDOW - origin for length in lengths for origin in range(0, max(length - WINDOW, 0), stride)]
    assert np.isfinite(windows.targets).sum(axis=1).tolist() == [min(rows, HORIZONS) for rows in left]
    assert (np.diff(np.isfinite(windows.targets).astype(int), axis=1) <= 0).all()


def test_windows_when_cut_then_targets_follow_the_last_input() -> None:
    share = np.linspace(0.1, 0.9, 30)
    windows = cut([link(share)])
    assert windows.last == pytest.approx(share[WINDOW - 1 : -1])
    assert windows.inputs[:, -1, 1] / 100 == pytest.approx(windows.last, rel=1e-6)
    assert windows.targets[0] == pytest.approx(share[WINDOW : WINDOW + HORIZONS], rel=1e-6)


def test_windows_when_the_segment_ends_then_the_targets_behind_are_unknown() -> None:
    share = np.linspace(0.1, 0.9, WINDOW + 3)
    windows = cut([link(share)])
    assert windows.targets == pytest.approx(
        np.array(
            [[*share[WINDOW:], np.nan, np.nan], [*share[WINDOW + 1 :], *[np.nan] * 3], [share[-1], *[np.nan] * 4]]
        ),
        nan_ok=True,
    )
    assert len(windows.complete()) == 0


def test_complete_when_some_targets_are_unknown_then_keeps_the_other_rows_whole() -> None:
    windows = cut([link(np.linspace(0.1, 0.9, 30), "a"), link(np.linspace(0.2, 0.8, 20), "b")])
    complete = windows.complete()
    assert len(complete) == (30 - WINDOW - HORIZONS + 1) + (20 - WINDOW - HORIZONS + 1)
    assert np.isfinite(complete.targets).all()
    assert complete.trace_id.tolist() == ["a"] * 16 + ["b"] * 6
    assert complete.last[16] == pytest.approx(cut([link(np.linspace(0.2, 0.8, 20), "b")]).last[0])


def test_windows_when_joined_then_rows_follow_each_other() -> None:
    parts = [link(np.linspace(0.1, 0.9, 30), "a"), link(np.linspace(0.2, 0.8, 20), "b")]
    joined, cut_at_once = join([cut([part]) for part in parts]), cut(parts)
    assert (joined.inputs[:, :, :2] == cut_at_once.inputs[:, :, :2]).all()
    assert (joined.trace_id == cut_at_once.trace_id).all()


def test_windows_when_the_future_changes_then_what_a_forecast_sees_stays() -> None:
    share = np.random.default_rng(3).uniform(0.1, 0.9, 60)
    changed = share.copy()
    origin = 40
    changed[origin:] = 5.0
    before, after = cut([link(share)]), cut([link(changed)])
    known = origin - WINDOW + 1  # windows that end before the origin
    assert (before.inputs[:known, :, :2] == after.inputs[:known, :, :2]).all()
    assert (before.context[:known] == after.context[:known]).all()
    assert (before.last[:known] == after.last[:known]).all()
    assert (scale_of(before.inputs[:known]) == scale_of(after.inputs[:known])).all()


@pytest.mark.parametrize("rows", [WINDOW, 40, MAX_HISTORY + 30])
def test_context_when_compared_with_the_plain_slice_then_agrees(rows: int) -> None:
    share = np.random.default_rng(rows).uniform(0.1, 0.9, rows)
    context = context_of(share, WINDOW - 1)  # [origins, context]
    assert context.shape == (rows - WINDOW + 1, len(CONTEXT))
    for place in {0, len(context) // 2, len(context) - 1}:
        history = share[: WINDOW + place][-MAX_HISTORY:]
        change, swing = np.diff(history), history[SWING_STEPS:] - history[:-SWING_STEPS]
        expected = {
            "level": history.mean(),
            "level_30": history[-30:].mean(),
            "level_100": history[-100:].mean(),
            "step": np.sqrt(np.mean(change**2)),
            "swing": np.sqrt(np.mean(swing**2)),
            "echo_1": (change[1:] * change[:-1]).sum() / (change**2).sum(),
            "echo_2": (change[2:] * change[:-2]).sum() / (change**2).sum(),
            "samples": len(history),
        }
        assert dict(zip(CONTEXT, context[place].tolist(), strict=True)) == pytest.approx(expected, rel=1e-4)


def test_context_when_cut_then_belongs_to_its_origin() -> None:
    share = np.random.default_rng(8).uniform(0.1, 0.9, 40)
    every, third = cut([link(share)]), cut([link(share)], stride=3)
    assert every.context == pytest.approx(context_of(share, WINDOW - 1)[:-1], rel=1e-5)
    assert (third.context == every.context[::3]).all()
    assert every.context[7] == pytest.approx(context_of(share[: WINDOW + 7], WINDOW - 1)[-1], rel=1e-5)


def test_windows_when_no_segment_is_long_enough_then_there_are_none() -> None:
    windows = cut([link(np.full(WINDOW, 0.5))])
    assert len(windows) == 0
    assert windows.targets.shape == (0, HORIZONS)


def test_scale_when_window_is_flat_then_stays_above_zero() -> None:
    inputs = np.zeros((2, WINDOW, 3), np.float32)
    inputs[1, :, 1] = 40
    assert scale_of(inputs) == pytest.approx([1e-4, 0.02])


def test_split_when_there_are_traces_then_each_is_in_one_part_in_time_order() -> None:
    traces = [link(np.full(20, 0.5), f"t{day}", start=float(100 - day)) for day in range(20)]
    parts = split_traces(traces)
    assert [len(parts[name]) for name in ("train", "val", "test")] == [14, 3, 3]
    ends = {name: [trace.start for trace in part] for name, part in parts.items()}
    assert max(ends["train"]) < min(ends["val"])
    assert max(ends["val"]) < min(ends["test"])


def test_split_when_there_is_one_trace_then_windows_do_not_cross_the_cuts() -> None:
    parts = split_traces([link(np.arange(100.0)), link(np.arange(100.0, 200.0))])
    rows = {name: np.concatenate([trace.bandwidth_mbps / 50 for trace in part]) for name, part in parts.items()}
    assert {name: (part[0], part[-1]) for name, part in rows.items()} == {
        "train": (0, 139),
        "val": (140, 169),
        "test": (170, 199),
    }
    train = cut(parts["train"])
    assert np.nanmax(train.targets) <= 139


def test_split_when_the_data_say_so_then_they_are_followed() -> None:
    traces = [link(np.full(20, 0.5), name, split=name) for name in ("test", "train", "val")]
    assert {name: part[0].trace_id for name, part in split_traces(traces).items()} == {
        "train": "train",
        "val": "val",
        "test": "test",
    }


def test_split_when_a_part_stays_empty_then_refuses() -> None:
    with pytest.raises(DataError, match="no rows are left for val"):
        split_traces([link(np.full(20, 0.5), "a", split="train"), link(np.full(20, 0.5), "b", split="test")])
