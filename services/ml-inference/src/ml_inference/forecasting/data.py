"""Measured traces from Parquet or CSV, by a fixed column contract.

| column | unit | |
|---|---|---|
| timestamp | s (or a date and time) | required; strictly rising within a trace |
| packet_rate | packets/s | required, ≥ 0 |
| bandwidth_util | % of the link's capacity | required, 0 … 1000 |
| bandwidth_mbps | Mbps | required, ≥ 0: the series that is forecast |
| capacity_mbps | Mbps | required, > 0: what bandwidth_util was divided by |
| rtt_variance | ms, standard deviation of RTT | optional; empty or NaN = not measured |
| trace_id | – | optional; without it the file is one trace |
| seg | – | optional; a run of rows that may be read as equally spaced |
| split | train, val, test or a name of your own | optional; see `splits` |

A segment ends where trace_id, seg, split or the capacity changes; in a file without `seg` also at a gap in
time. Nothing is ever filled in or bridged. Where there is a `seg`, its word counts and not the clock's: whoever
recorded the data may have cut out pauses on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ml_inference.forecasting.layout import Double

REQUIRED = ("timestamp", "packet_rate", "bandwidth_util", "bandwidth_mbps", "capacity_mbps")
GAP_STEPS = 1.5
"""More than this many usual steps between two rows is a gap."""

MAX_UTIL_PERCENT = 1000.0
AGREEMENT = 0.01
"""bandwidth_mbps may differ from bandwidth_util × capacity_mbps by this fraction of capacity, not by more."""

Columns = Mapping[str, Double]
Labels = npt.NDArray[np.str_]


class DataError(ValueError):
    """The data cannot be used; the message is one sentence for the person who brought them."""


@dataclass(frozen=True, eq=False)
class Trace:
    """One contiguous run of equally spaced samples of one link: arrays of [rows]."""

    trace_id: str
    packet_rate: Double  # packets/s
    bandwidth_util: Double  # % of capacity
    rtt_variance: Double  # ms; NaN = not measured
    bandwidth_mbps: Double  # the series that is forecast
    capacity_mbps: float
    start: float = 0.0  # s, of the segment this was cut from
    split: str | None = None
    step_seconds: float = 1.0  # from one sample to the next, the usual one

    def __len__(self) -> int:
        return len(self.bandwidth_mbps)

    def rows(self, first: int, last: int, split: str | None) -> Trace:
        """The rows first … last - 1 as a trace of their own that belongs to `split`."""
        part = slice(first, last)
        return replace(
            self,
            packet_rate=self.packet_rate[part],
            bandwidth_util=self.bandwidth_util[part],
            rtt_variance=self.rtt_variance[part],
            bandwidth_mbps=self.bandwidth_mbps[part],
            split=split,
        )


def load(path: Path) -> list[Trace]:
    """Read a .parquet or .csv file into segments, in the file's order.

    Raises DataError with one sentence that names the file, the column and what to do.
    """
    table = _read(path)
    for column in REQUIRED:
        if column not in table.column_names:
            raise DataError(f"{path.name}: column {column} is missing; the file needs {', '.join(REQUIRED)}")
    if table.num_rows == 0:
        raise DataError(f"{path.name}: there are no rows; check how the file was written")
    columns = {name: _numbers(table, name, path.name) for name in REQUIRED}
    columns["rtt_variance"] = _rtt(table, path.name)
    _check_values(columns, path.name)
    labels = {name: _labels(table, name) for name in ("trace_id", "seg", "split")}
    return _segments(columns, labels, path.name)


def _read(path: Path) -> pa.Table:
    readers = {".parquet": pyarrow.parquet.read_table, ".csv": pyarrow.csv.read_csv}
    if path.suffix not in readers:
        raise DataError(f"{path.name}: the name must end in .parquet or .csv")
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; check the path")
    try:
        return readers[path.suffix](path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path.name}: not readable as {path.suffix[1:]} ({reason}); write it again") from error


def _numbers(table: pa.Table, name: str, file: str) -> Double:
    column = table[name]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
        return np.asarray(column.to_numpy(), np.float64) / 1e6
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
    except pa.ArrowException as error:
        raise DataError(f"{file}: column {name} holds something that is no number; remove it") from error


def _rtt(table: pa.Table, file: str) -> Double:
    if "rtt_variance" not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return _numbers(table, "rtt_variance", file)


def _labels(table: pa.Table, name: str) -> Labels | None:
    """A column as text, None where the file does not have it."""
    if name not in table.column_names:
        return None
    return np.array([str(value) for value in table[name].to_pylist()])


def _refuse(wrong: npt.NDArray[np.bool_], file: str, column: str, problem: str, remedy: str) -> None:
    if wrong.any():
        raise DataError(f"{file}: column {column} {problem} in row {int(wrong.argmax()) + 1}; {remedy}")


def _check_values(columns: Columns, file: str) -> None:
    for name in REQUIRED:
        remedy = "leave such rows out (a gap is allowed) or fill in what was measured"
        if name == "capacity_mbps":
            remedy = "fill in the link's capacity: a forecast is a share of it"
        _refuse(~np.isfinite(columns[name]), file, name, "is empty or not finite", remedy)
    for name in (*REQUIRED[1:], "rtt_variance"):
        _refuse(columns[name] < 0, file, name, "is negative", "correct or leave out the row")
    _refuse(
        np.isinf(columns["rtt_variance"]),
        file,
        "rtt_variance",
        "is infinite",
        "leave the field empty instead",
    )
    _refuse(columns["capacity_mbps"] == 0, file, "capacity_mbps", "is zero", "fill in the link's capacity")
    util, capacity = columns["bandwidth_util"], columns["capacity_mbps"]
    _refuse(util > MAX_UTIL_PERCENT, file, "bandwidth_util", "is above 1000 %", "write it as % of capacity")
    # A source that cuts utilisation off at 100 % may still have measured more than its nominal capacity.
    expected = util / 100 * capacity
    differs = (np.abs(columns["bandwidth_mbps"] - expected) > AGREEMENT * capacity) & (util != 100)
    _refuse(
        differs,
        file,
        "bandwidth_mbps",
        "is not bandwidth_util / 100 × capacity_mbps",
        "bring the three into agreement",
    )


def _segments(columns: Columns, labels: Mapping[str, Labels | None], file: str) -> list[Trace]:
    rows = len(columns["timestamp"])
    trace_id = labels["trace_id"] if labels["trace_id"] is not None else np.full(rows, "trace")
    order = _by_trace(trace_id)
    columns = {name: column[order] for name, column in columns.items()}
    labels = {name: None if label is None else label[order] for name, label in labels.items()}
    trace_id, split = trace_id[order], labels["split"]
    bounds = [*_beginnings(columns, labels, trace_id, order, file), rows]
    return [
        Trace(
            trace_id=str(trace_id[first]),
            packet_rate=columns["packet_rate"][first:last],
            bandwidth_util=columns["bandwidth_util"][first:last],
            rtt_variance=columns["rtt_variance"][first:last],
            bandwidth_mbps=columns["bandwidth_mbps"][first:last],
            capacity_mbps=float(columns["capacity_mbps"][first]),
            start=float(columns["timestamp"][first]),
            split=None if split is None else str(split[first]),
            step_seconds=_usual_step(columns["timestamp"][first:last]),
        )
        for first, last in pairwise(bounds)
    ]


def usual_step_seconds(traces: Sequence[Trace]) -> float:
    """From one sample to the next on most of the traces, s."""
    return float(np.median([trace.step_seconds for trace in traces]))


def _usual_step(timestamp: Double) -> float:
    """s between two rows; 1 where there is one row only."""
    return float(np.median(np.diff(timestamp))) if len(timestamp) > 1 else 1.0


def _by_trace(trace_id: Labels) -> npt.NDArray[np.intp]:
    """The rows' order with every trace's rows together: files ordered by time alone mix their links."""
    _, first, trace = np.unique(trace_id, return_index=True, return_inverse=True)
    return np.argsort(first[trace], kind="stable")


def _beginnings(
    columns: Columns,
    labels: Mapping[str, Labels | None],
    trace_id: Labels,
    order: npt.NDArray[np.intp],
    file: str,
) -> list[int]:
    """The rows at which a segment starts."""
    begins = np.concatenate([[True], trace_id[1:] != trace_id[:-1]])  # [rows]
    step = np.diff(np.asarray(columns["timestamp"], np.float64))  # [rows - 1]
    inside = ~begins[1:]
    if labels["seg"] is not None:
        begins[1:] |= labels["seg"][1:] != labels["seg"][:-1]
    elif inside.any():
        begins[1:] |= step > GAP_STEPS * np.median(step[inside])
    # Time must rise within a whole trace: sorting here could hide a mix-up of two links.
    for wrong, problem in ((inside & (step == 0), "repeats"), (inside & (step < 0), "goes back")):
        if wrong.any():
            row = int(wrong.argmax()) + 1
            raise DataError(
                f"{file}: column timestamp {problem} in row {order[row] + 1} (trace {trace_id[row]}); "
                "sort the rows by time and give every link its own trace_id"
            )
    begins[1:] |= np.diff(np.asarray(columns["capacity_mbps"], np.float64)) != 0
    if labels["split"] is not None:
        begins[1:] |= labels["split"][1:] != labels["split"][:-1]
    return np.flatnonzero(begins).tolist()
