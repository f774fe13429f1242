"""Readings become samples: what was carried in each cell of the grid, whenever the readings came."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from nagios_plugins.links.counters import GAP
from nagios_plugins.links.records import MBPS, Reading, Sample


def samples_of(readings: list[Reading], sampling_seconds: float) -> list[Sample]:
    """A sample of each cell that lies between the readings of one epoch without a gap, oldest first.

    Between two readings traffic is taken to be even; so the cells' traffic adds up to what the counters grew by.
    """
    found: list[Sample] = []
    for run in _runs(readings, sampling_seconds):
        found += _samples_of_run(run, sampling_seconds)
    return found


def newest_run(samples: list[Sample]) -> list[Sample]:
    """The last consecutive cells of one epoch."""
    start = len(samples)
    while start > 0 and (
        start == len(samples)
        or (samples[start - 1].epoch == samples[start].epoch and samples[start - 1].cell == samples[start].cell - 1)
    ):
        start -= 1
    return samples[start:]


def _runs(readings: list[Reading], sampling_seconds: float) -> Iterator[list[Reading]]:
    run: list[Reading] = []
    for reading in readings:
        if run and reading.epoch == run[-1].epoch and reading.uptime <= run[-1].uptime:
            continue
        if run and (reading.epoch != run[-1].epoch or reading.uptime - run[-1].uptime > GAP * sampling_seconds):
            yield run
            run = []
        run.append(reading)
    if run:
        yield run


def _samples_of_run(run: list[Reading], sampling_seconds: float) -> list[Sample]:
    first, end = math.ceil(run[0].uptime / sampling_seconds), math.floor(run[-1].uptime / sampling_seconds)
    pairs = list(pairwise(run))
    found, at = [], 0
    for cell in range(first, end):
        left, right = cell * sampling_seconds, (cell + 1) * sampling_seconds
        while at < len(pairs) and pairs[at][1].uptime <= left:
            at += 1
        parts = []
        here = at
        while here < len(pairs) and pairs[here][0].uptime < right:
            parts.append(pairs[here])
            here += 1
        found.append(_sample(parts, cell, left, right))
    return found


def _sample(parts: list[tuple[Reading, Reading]], cell: int, left: float, right: float) -> Sample:
    """Of the pairs of readings that overlap with the cell."""
    octets = packets = spread = measured = 0.0
    for before, after in parts:
        overlap = min(after.uptime, right) - max(before.uptime, left)
        share = overlap / (after.uptime - before.uptime)
        octets += share * (after.octets - before.octets)
        packets += share * (after.packets - before.packets)
        if after.rtt_spread_ms is not None:
            spread, measured = spread + overlap * after.rtt_spread_ms, measured + overlap
    last, seconds = parts[-1][1], right - left
    return Sample(
        epoch=last.epoch,
        cell=cell,
        wall=last.wall - (last.uptime - right),
        packet_rate=packets / seconds,
        mbps=octets / seconds / MBPS,
        capacity_mbps=last.capacity_mbps,
        rtt_spread_ms=spread / measured if measured else None,
    )
