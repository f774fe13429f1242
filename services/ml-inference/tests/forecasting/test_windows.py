import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_inference.forecasting.data import DataError, Trace
from ml_inference.forecasting.layout import HORIZONS, WINDOW
from ml_inference.forecasting.splits import split_traces
from ml_inference.forecasting.windows import cut, inputs_of, scale_of


def link(share: np.ndarray, trace_id: str = "a", start: float = 0.0, split: str | None = None) -> Trace:
    missing = np.full(len(share), np.nan)
    return Trace(trace_id, share * 1000, share * 100, missing, share * 50, 50.0, start, split)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(1, 3))
def test_windows_when_cut_then_never_leave_their_segment(lengths: list[int], stride: int) -> None:
    # Segment k holds the values k.000, k.001, …: a window that crossed would mix whole numbers.
    segments = [link(number + np.arange(length) / 1000) for number, length in enumerate(lengths, start=1)]
    windows = cut(segments, stride)
    expected = sum(len(range(0, length - WINDOW - HORIZONS + 1, stride)) for length in lengths)
    assert len(windows) == expected
    inputs = windows.inputs[:, :, 1] / 100  # [rows, WINDOW]
    whole = np.concatenate([inputs, windows.targets], axis=1)  # [rows, WINDOW + HORIZONS]
    assert (np.floor(whole + 1e-5) == np.floor(whole[:, :1] + 1e-5)).all()
    assert np.diff(whole, axis=1) == pytest.approx(0.001, abs=1e-5)


def test_windows_when_cut_then_targets_follow_the_last_input() -> None:
    share = np.linspace(0.1, 0.9, 30)
    windows = cut([link(share)])
    assert windows.last == pytest.approx(share[WINDOW - 1 : -HORIZONS])
    assert windows.inputs[:, -1, 1] / 100 == pytest.approx(windows.last, rel=1e-6)
    assert windows.targets[0] == pytest.approx(share[WINDOW : WINDOW + HORIZONS], rel=1e-6)


def test_windows_when_the_future_changes_then_inputs_stay() -> None:
    share = np.random.default_rng(3).uniform(0.1, 0.9, 60)
    changed = share.copy()
    origin = 40
    changed[origin:] = 5.0
    before, after = inputs_of(link(share)), inputs_of(link(changed))
    known = origin - WINDOW + 1  # windows that end before the origin
    assert (before[:known, :, :2] == after[:known, :, :2]).all()
    assert (scale_of(before[:known]) == scale_of(after[:known])).all()


def test_windows_when_no_segment_is_long_enough_then_there_are_none() -> None:
    windows = cut([link(np.full(WINDOW + HORIZONS - 1, 0.5))])
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
    assert train.targets.max() <= 139


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
