from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from ml_inference.forecasting.data import DataError, load
from ml_inference.forecasting.splits import split_traces

ROWS = 40


def columns(**changes: object) -> dict[str, object]:
    util = np.linspace(20.0, 60.0, ROWS)
    good: dict[str, object] = {
        "timestamp": np.arange(ROWS, dtype=float),
        "packet_rate": np.full(ROWS, 900.0),
        "bandwidth_util": util,
        "bandwidth_mbps": util / 100 * 50,
        "capacity_mbps": np.full(ROWS, 50.0),
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def written(folder: Path, content: Mapping[str, object], name: str = "link.parquet") -> Path:
    write = pyarrow.parquet.write_table if name.endswith("parquet") else pyarrow.csv.write_csv
    write(pa.table(content), folder / name)
    return folder / name


def with_row(value: float, row: int = 7, like: str = "packet_rate") -> np.ndarray:
    column = np.array(columns()[like], dtype=float)
    column[row] = value
    return column


@pytest.mark.parametrize("name", ["link.parquet", "link.csv"])
def test_load_when_data_are_good_then_units_and_values_are_kept(tmp_path: Path, name: str) -> None:
    (trace,) = load(written(tmp_path, columns(), name))
    assert len(trace) == ROWS
    assert trace.capacity_mbps == 50
    assert trace.bandwidth_mbps == pytest.approx(trace.bandwidth_util / 100 * 50)
    assert np.isnan(trace.rtt_variance).all()
    assert trace.split is None


def test_load_when_time_is_a_date_then_seconds_are_read(tmp_path: Path) -> None:
    when = pa.array(np.arange(ROWS) * 1_000_000 + 1_700_000_000_000_000, pa.timestamp("us"))
    (trace,) = load(written(tmp_path, columns(timestamp=when)))
    assert trace.start == 1_700_000_000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"packet_rate": None}, "column packet_rate is missing"),
        ({"capacity_mbps": None}, "column capacity_mbps is missing"),
        ({"timestamp": np.arange(ROWS)[::-1].astype(float)}, "timestamp goes back in row 2"),
        ({"timestamp": with_row(6.0, like="timestamp")}, "timestamp repeats in row 8"),
        ({"packet_rate": with_row(-1.0)}, "packet_rate is negative in row 8"),
        ({"packet_rate": with_row(np.inf)}, "packet_rate is empty or not finite in row 8"),
        ({"bandwidth_util": with_row(np.nan, like="bandwidth_util")}, "bandwidth_util is empty or not finite"),
        ({"bandwidth_util": with_row(1001.0, like="bandwidth_util")}, "bandwidth_util is above 1000 %"),
        ({"capacity_mbps": np.full(ROWS, np.nan)}, "capacity_mbps is empty or not finite in row 1; fill in the link's"),
        ({"capacity_mbps": np.zeros(ROWS)}, "capacity_mbps is zero"),
        ({"bandwidth_mbps": np.full(ROWS, 50.0)}, "bandwidth_mbps is not bandwidth_util / 100 × capacity_mbps"),
        ({"rtt_variance": np.full(ROWS, -2.0)}, "rtt_variance is negative"),
        ({"rtt_variance": np.full(ROWS, np.inf)}, "rtt_variance is infinite"),
        ({"packet_rate": np.full(ROWS, "many")}, "packet_rate holds something that is no number"),
    ],
)
def test_load_when_data_are_bad_then_one_sentence_names_file_and_column(
    tmp_path: Path, changes: dict[str, object], expected: str
) -> None:
    with pytest.raises(DataError) as refusal:
        load(written(tmp_path, columns(**changes)))
    message = str(refusal.value)
    assert message.startswith("link.parquet: column ")
    assert expected in message
    assert "\n" not in message


def test_load_when_rows_are_missing_then_says_there_are_none(tmp_path: Path) -> None:
    empty = {name: np.asarray(column)[:0] for name, column in columns().items()}
    with pytest.raises(DataError, match="there are no rows"):
        load(written(tmp_path, empty))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("link.parquet", None, "there is no such file"),
        ("link.xlsx", b"", "must end in .parquet or .csv"),
        ("link.parquet", b"not a table", "not readable as parquet"),
        ("link.csv", b"a,b\n1\n", "not readable as csv"),
    ],
)
def test_load_when_file_cannot_be_read_then_says_why(
    tmp_path: Path, name: str, content: bytes | None, expected: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=expected):
        load(path)


def test_load_when_time_has_a_gap_then_segments_end_there(tmp_path: Path) -> None:
    time = np.arange(ROWS, dtype=float)
    time[25:] += 3
    assert [len(trace) for trace in load(written(tmp_path, columns(timestamp=time)))] == [25, 15]


def test_load_when_the_file_has_segments_then_their_word_counts_over_the_clock(tmp_path: Path) -> None:
    time = np.arange(ROWS, dtype=float)
    time[25:] += 3
    segments = np.repeat([0, 1], [10, 30])
    assert [len(trace) for trace in load(written(tmp_path, columns(timestamp=time, seg=segments)))] == [10, 30]


def test_load_when_capacity_or_split_changes_then_segments_end_there(tmp_path: Path) -> None:
    capacity = np.repeat([50.0, 80.0], [15, 25])
    util = np.asarray(columns()["bandwidth_util"])
    content = columns(
        capacity_mbps=capacity, bandwidth_mbps=util / 100 * capacity, split=np.repeat(["train", "test"], [30, 10])
    )
    traces = load(written(tmp_path, content))
    assert [(len(trace), trace.capacity_mbps, trace.split) for trace in traces] == [
        (15, 50, "train"),
        (15, 80, "train"),
        (10, 80, "test"),
    ]


def test_load_when_a_split_has_a_name_of_its_own_then_is_kept_but_not_trained_on(tmp_path: Path) -> None:
    traces = load(written(tmp_path, columns(split=np.repeat(["train", "holdout"], [30, 10]))))
    assert [(len(trace), trace.split) for trace in traces] == [(30, "train"), (10, "holdout")]
    with pytest.raises(DataError) as refusal:
        split_traces(traces)
    assert str(refusal.value) == "column split holds holdout; training takes train, val and test only"


@pytest.mark.parametrize(("step", "expected"), [(1.0, 1.0), (0.5, 0.5), (3600.0, 3600.0)])
def test_load_when_samples_are_apart_then_the_usual_step_is_told(tmp_path: Path, step: float, expected: float) -> None:
    time = np.arange(ROWS) * step
    time[25:] += 3 * step
    assert [trace.step_seconds for trace in load(written(tmp_path, columns(timestamp=time)))] == [expected] * 2


def test_load_when_a_segment_is_one_row_then_its_step_is_a_second(tmp_path: Path) -> None:
    capacity = np.repeat([50.0, 80.0], [ROWS - 1, 1])
    util = np.asarray(columns()["bandwidth_util"])
    content = columns(timestamp=np.arange(ROWS) * 5.0, capacity_mbps=capacity, bandwidth_mbps=util / 100 * capacity)
    assert [trace.step_seconds for trace in load(written(tmp_path, content))] == [5.0, 1.0]


def test_load_when_links_are_interleaved_then_each_is_one_trace(tmp_path: Path) -> None:
    time = np.repeat(np.arange(ROWS // 2, dtype=float), 2)
    traces = load(written(tmp_path, columns(timestamp=time, trace_id=np.tile(["a", "b"], ROWS // 2))))
    assert [(trace.trace_id, len(trace)) for trace in traces] == [("a", ROWS // 2), ("b", ROWS // 2)]
    assert (traces[0].bandwidth_util == np.asarray(columns()["bandwidth_util"])[::2]).all()
