"""Recorded traces: replayed, each row is in its cell of the grid again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from nagios_plugins.links import counters
from nagios_plugins.links.inventory import TraceSource
from nagios_plugins.links.records import Sample
from nagios_plugins.links.samples import samples_of
from nagios_plugins.links.sources import SourceError, trace

HEADER = "timestamp,packet_rate,bandwidth_util,bandwidth_mbps,capacity_mbps,rtt_variance,trace_id"
MBPS = [10.0, 20.0, 0.0, 55.5, 90.0, 30.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def rows(trace_id: str = "a", count: int = len(MBPS)) -> list[str]:
    return [
        f"{100 + 5 * n},{100 * n},{MBPS[n]},{MBPS[n]},100,{'' if n % 2 else n / 4},{trace_id}" for n in range(count)
    ]


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write a trace, as CSV or Parquet; returns its path."""

    def to(lines: list[str], *, header: str = HEADER, suffix: str = ".csv") -> str:
        file = tmp_path / f"trace{suffix}"
        csv = file.with_suffix(".csv")
        csv.write_text("\n".join([header, *lines]) + "\n")
        if suffix == ".parquet":
            with duckdb.connect(":memory:") as sql:
                sql.read_csv(str(csv)).write_parquet(str(file))
        return str(file)

    return to


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the clock of the poller."""
    now = [0.0]
    monkeypatch.setattr(trace, "uptime", lambda: now[0])

    def set_clock(uptime: float) -> None:
        now[0] = uptime

    return set_clock


def replay(source: TraceSource, clock: Any, uptimes: list[float], every: float = 5.0) -> list[Sample]:
    raw, readings = None, []
    for uptime in uptimes:
        clock(uptime)
        now = trace.read(source, every)
        made = counters.step(raw, now, sampling_seconds=every, rtt_spread_ms=now.rtt_spread_ms)
        assert made is not None
        raw = made[1]
        readings.append(made[0])
    return samples_of(readings, every)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("offset", [0.0, 2.4])
def test_trace_when_replayed_then_each_row_is_in_its_cell(write: Any, clock: Any, suffix: str, offset: float) -> None:
    source = TraceSource(write(rows(), suffix=suffix))
    cycle = 7 * len(MBPS) * 5
    samples = replay(source, clock, [cycle + offset + 5 * n for n in range(len(MBPS))])
    assert len(samples) == len(MBPS) - 1 - (offset > 0)
    for sample in samples:
        n = sample.cell % len(MBPS)
        assert sample.mbps == pytest.approx(MBPS[n], abs=1e-3) if offset == 0 else sample.mbps <= 90
        assert sample.capacity_mbps == 100


def test_trace_when_checks_come_often_then_cells_are_exactly_its_rows(write: Any, clock: Any) -> None:
    source = TraceSource(write(rows()))
    samples = replay(source, clock, [60 + 2.5 * n for n in range(2 * len(MBPS))])
    assert [sample.mbps for sample in samples] == pytest.approx(MBPS[:-1], abs=1e-3)
    assert [sample.packet_rate for sample in samples] == pytest.approx([100 * n for n in range(11)], abs=0.5)


def test_spread_when_a_check_comes_in_a_cell_then_is_that_of_the_time_before(write: Any, clock: Any) -> None:
    source = TraceSource(write(rows()))
    for uptime, spread in ((60.5, None), (64.5, 0.0), (65.5, 0.0), (69.0, None), (72.0, None), (74.0, 0.5)):
        clock(uptime)
        assert trace.read(source, 5.0).rtt_spread_ms == spread


def test_trace_when_it_begins_again_then_so_does_the_epoch(write: Any, clock: Any) -> None:
    source = TraceSource(write(rows(count=4)))
    samples = replay(source, clock, [5.0 * n for n in range(12)])
    assert [sample.cell for sample in samples] == [0, 1, 2, 4, 5, 6, 8, 9, 10]
    assert len({sample.epoch for sample in samples}) == 3


@pytest.mark.parametrize("how", ["seg", "gap"])
def test_segment_when_it_ends_then_so_does_the_epoch(write: Any, clock: Any, how: str) -> None:
    lines = rows(count=8)
    if how == "seg":
        source = TraceSource(write([f"{line},{n // 4}" for n, line in enumerate(lines)], header=f"{HEADER},seg"))
    else:
        late = [line.replace(line.split(",")[0], str(int(line.split(",")[0]) + 60), 1) for line in lines[4:]]
        source = TraceSource(write(lines[:4] + late))
    samples = replay(source, clock, [5.0 * n for n in range(8)])
    assert [sample.cell for sample in samples] == [0, 1, 2, 4, 5, 6]
    assert len({sample.epoch for sample in samples}) == 2


def test_trace_when_a_file_has_many_then_the_named_one_is_replayed_or_the_first(write: Any, clock: Any) -> None:
    file = write(rows("b", 3) + rows("a", 5))
    clock(0.0)
    assert trace.read(TraceSource(file), 5.0).octets.value == 0
    clock(4 * 5.0)
    assert replay(TraceSource(file, "a"), clock, [15.0, 20.0])[0].mbps == pytest.approx(MBPS[3])
    assert replay(TraceSource(file), clock, [15.0, 20.0])[0].mbps == pytest.approx(MBPS[0])


def test_timestamps_when_they_are_dates_then_are_read(write: Any, clock: Any) -> None:
    lines = [line.replace(line.split(",")[0], f"2026-01-01 00:00:{5 * n:02}", 1) for n, line in enumerate(rows())]
    clock(62.0)
    assert trace.read(TraceSource(write(lines[::-1])), 5.0).octets.value > 0
    assert replay(TraceSource(write(lines[::-1])), clock, [60.0, 65.0])[0].mbps == pytest.approx(MBPS[0])


@pytest.mark.parametrize(
    ("lines", "header", "said"),
    [
        (rows(), HEADER.replace("bandwidth_mbps", "speed"), "has no column bandwidth_mbps"),
        ([], HEADER, "has no rows of a trace"),
        (["1,2,3,,100,1,a", "2,2,3,3,100,1,a"], HEADER, "has a row without bandwidth"),
        (["1,2,3,-4,100,1,a"], HEADER, "has a row without bandwidth"),
        (["1,2,3,nan,100,1,a"], HEADER, "has a row without bandwidth"),
        (["1,2,3,1e400,100,1,a", "2,2,3,1,100,1,a"], HEADER, "has a row without bandwidth|cannot be read"),
        (["1,2,3,fast,100,1,a"], HEADER, "cannot be read"),
        (["soon,2,3,4,100,1,a"], HEADER, "cannot be read"),
    ],
)
def test_file_when_it_is_no_trace_then_that_is_said(
    write: Any, clock: Any, lines: list[str], header: str, said: str
) -> None:
    clock(61.0)
    with pytest.raises(SourceError, match=said):
        trace.read(TraceSource(write(lines, header=header)), 5.0)


def test_file_when_it_is_not_there_or_of_another_kind_then_that_is_said(tmp_path: Path, write: Any) -> None:
    (tmp_path / "bad.parquet").write_text("no parquet")
    (tmp_path / "bad.csv").write_bytes(b"\x00\xff" * 100)
    (tmp_path / "folder.csv").mkdir()
    for file in ("none.csv", "trace.txt", "folder.csv", "bad.parquet", "bad.csv"):
        with pytest.raises(SourceError, match=file.replace(".", r"\.")) as error:
            trace.read(TraceSource(str(tmp_path / file)), 5.0)
        assert "\n" not in str(error.value)
    with pytest.raises(SourceError, match="has no rows of a trace z"):
        trace.read(TraceSource(write(rows()), "z"), 5.0)
    without = [line.rpartition(",")[0] for line in rows()]
    with pytest.raises(SourceError, match="has no column trace_id"):
        trace.read(TraceSource(write(without, header=HEADER.removesuffix(",trace_id")), "z"), 5.0)


def test_trace_when_it_has_a_row_or_two_or_no_spread_then_is_replayed(write: Any, clock: Any) -> None:
    header = HEADER.removesuffix(",rtt_variance,trace_id")
    for count in (1, 2):
        lines = [",".join(line.split(",")[:5]) for line in rows(count=count)]
        clock(62.0)
        found = trace.read(TraceSource(write(lines, header=header)), 5.0)
        assert (found.rtt_spread_ms, found.capacity_mbps) == (None, 100.0)
