"""Train, validation and test by whole trace and in time order: never at random, never across a window."""

from __future__ import annotations

from collections.abc import Sequence

from ml_inference.forecasting.data import DataError, Trace

SHARES = {"train": 0.70, "val": 0.15, "test": 0.15}


def split_traces(traces: Sequence[Trace]) -> dict[str, list[Trace]]:
    """Sort segments into train, val and test.

    The data's own `split` counts. Without one whole traces are dealt out in time order, 70 / 15 / 15 % of the
    rows; fewer than three traces are each cut by time, and no window crosses a cut.
    Raises DataError if a part stays empty.
    """
    if all(trace.split is not None for trace in traces):
        strange = {str(trace.split) for trace in traces} - set(SHARES)
        if strange:
            raise DataError(f"column split holds {', '.join(sorted(strange))}; training takes train, val and test only")
        parts = {name: [trace for trace in traces if trace.split == name] for name in SHARES}
    elif len({trace.trace_id for trace in traces}) < len(SHARES):
        parts = _by_time(traces)
    else:
        parts = _by_trace(traces)
    for name, part in parts.items():
        if not part:
            raise DataError(f"no rows are left for {name}; bring more traces, or set the column split")
    return parts


def _part_of(position: float) -> str:
    """The split that holds the row at this share (0 … 1) of all rows."""
    if position < SHARES["train"]:
        return "train"
    return "val" if position < SHARES["train"] + SHARES["val"] else "test"


def _by_trace(traces: Sequence[Trace]) -> dict[str, list[Trace]]:
    starts: dict[str, float] = {}
    for trace in traces:
        starts.setdefault(trace.trace_id, trace.start)
    order = sorted(starts, key=starts.__getitem__)  # stable: the file's order where starts are equal
    total, seen = sum(len(trace) for trace in traces), 0
    parts: dict[str, list[Trace]] = {name: [] for name in SHARES}
    for trace_id in order:
        segments = [trace for trace in traces if trace.trace_id == trace_id]
        rows = sum(len(segment) for segment in segments)
        part = _part_of((seen + rows / 2) / total)  # where the trace's middle lies
        parts[part] += [segment.rows(0, len(segment), part) for segment in segments]
        seen += rows
    return parts


def _by_time(traces: Sequence[Trace]) -> dict[str, list[Trace]]:
    parts: dict[str, list[Trace]] = {name: [] for name in SHARES}
    for trace_id in dict.fromkeys(trace.trace_id for trace in traces):
        segments = [trace for trace in traces if trace.trace_id == trace_id]
        total, seen = sum(len(segment) for segment in segments), 0
        cuts = [0, round(total * 0.70), round(total * 0.85), total]
        for segment in segments:
            for name, first, last in zip(SHARES, cuts[:-1], cuts[1:], strict=True):
                inner = slice(max(first - seen, 0), min(last - seen, len(segment)))
                if inner.start < inner.stop:
                    parts[name].append(segment.rows(inner.start, inner.stop, name))
            seen += len(segment)
    return parts
