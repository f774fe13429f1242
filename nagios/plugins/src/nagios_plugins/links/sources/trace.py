"""A recorded trace, replayed over and over: a row in each cell of the grid, as counters that grow evenly in it."""

from __future__ import annotations

import math
import statistics
import time
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import duckdb

from nagios_plugins.links.inventory import TraceSource
from nagios_plugins.links.records import MBPS
from nagios_plugins.links.sources import Counter, Counters, SourceError, boot_id, uptime

READERS: Final = {".csv": "read_csv", ".parquet": "read_parquet"}
NEEDED: Final = ("timestamp", "bandwidth_mbps", "packet_rate", "capacity_mbps")
"""columns (docs/models.md)"""
GAP: Final = 1.5
"""times the usual time between two rows, where a segment ends in a file without `seg`"""


class Row(NamedTuple):
    """A row of the trace."""

    at: float
    """s"""
    mbps: float | None
    packet_rate: float | None
    """packets/s"""
    capacity_mbps: float | None
    rtt_spread_ms: float | None
    segment: str | None
    """None in a file without `seg`"""


def read(source: TraceSource, sampling_seconds: float) -> Counters:
    """What counters would say now, had the trace been replayed since this machine started.

    Raises:
        SourceError: the file cannot be read, or is no trace.
    """
    at, wall = uptime(), time.time()
    cell = math.floor(at / sampling_seconds)
    try:
        rows = _rows(source)
    except duckdb.Error as error:
        raise SourceError(f"{source.file} cannot be read: {str(error).splitlines()[0]}") from None
    if not rows:
        raise SourceError(f"{source.file} has no rows of a trace {source.trace_id}")
    mbps, rates = [_number(source, row.mbps) for row in rows], [_number(source, row.packet_rate) for row in rows]
    cycle, n = divmod(cell, len(rows))
    share = at / sampling_seconds - cell
    # What a reading says of round-trip times is of the time before it.
    before = rows[math.floor(at / sampling_seconds - 0.5) % len(rows)]
    return Counters(
        identity=f"trace {source.file} {source.trace_id} {cycle} {segment_of(rows, n)}",
        boot=boot_id(),
        uptime=at,
        wall=wall,
        octets=Counter(round(_carried(mbps, cycle, n, share) * MBPS * sampling_seconds)),
        packets=(Counter(round(_carried(rates, cycle, n, share) * sampling_seconds)),),
        capacity_mbps=rows[n].capacity_mbps,
        rtt_spread_ms=before.rtt_spread_ms,
    )


def segment_of(rows: list[Row], n: int) -> int:
    """The segment that a row belongs to, counted from 0: no forecast may look across its ends."""
    usual = statistics.median([after.at - before.at for before, after in pairwise(rows)] or [0.0])
    return sum(
        before.segment != after.segment or (after.segment is None and after.at - before.at > GAP * usual)
        for before, after in pairwise(rows[: n + 1])
    )


def _carried(values: list[float], cycle: int, n: int, share: float) -> float:
    """The sum of all that were replayed, and a share of the one that is."""
    return cycle * math.fsum(values) + math.fsum(values[:n]) + share * values[n]


def _number(source: TraceSource, value: float | None) -> float:
    if value is None or not 0 <= value < math.inf:
        raise SourceError(f"{source.file} has a row without bandwidth or packet rate: see docs/models.md")
    return value


def _rows(source: TraceSource) -> list[Row]:
    """The trace's rows in time order."""
    reader = READERS.get(Path(source.file).suffix)
    if reader is None or not Path(source.file).is_file():
        raise SourceError(f"there is no trace {source.file}: it should be a .csv or .parquet file")
    with duckdb.connect(":memory:", config={"threads": 1, "autoinstall_known_extensions": False}) as sql:
        columns = {row[0]: row[1] for row in sql.execute(f"DESCRIBE FROM {reader}(?)", [source.file]).fetchall()}
        if missing := [name for name in NEEDED if name not in columns]:
            raise SourceError(f"{source.file} has no column {missing[0]}: see docs/models.md")
        if source.trace_id and "trace_id" not in columns:
            raise SourceError(f"{source.file} has no column trace_id, so no trace {source.trace_id}")
        is_time = any(word in columns["timestamp"] for word in ("TIME", "DATE", "VARCHAR"))
        marks = [name for name in ("seg", "split") if name in columns]
        wanted = {
            "at": "epoch(CAST(timestamp AS TIMESTAMP))" if is_time else "CAST(timestamp AS DOUBLE)",
            "mbps": "CAST(bandwidth_mbps AS DOUBLE)",
            "packet_rate": "CAST(packet_rate AS DOUBLE)",
            "capacity_mbps": "CAST(capacity_mbps AS DOUBLE)",
            "rtt_spread_ms": "nullif(CAST(rtt_variance AS DOUBLE), 'nan')" if "rtt_variance" in columns else "NULL",
            "segment": f"concat_ws(' ', {', '.join(marks)})" if "seg" in columns else "NULL",
        }
        chosen, values = "true", {"file": source.file}
        if source.trace_id:
            chosen, values = "CAST(trace_id AS VARCHAR) = $trace", values | {"trace": source.trace_id}
        elif "trace_id" in columns:
            chosen = f"trace_id = (SELECT trace_id FROM {reader}($file) LIMIT 1)"  # noqa: S608  one of READERS
        query = f"SELECT {', '.join(wanted.values())} FROM {reader}($file) WHERE {chosen} ORDER BY 1"  # noqa: S608  what is written here
        return [Row(*row) for row in sql.execute(query, values).fetchall()]
