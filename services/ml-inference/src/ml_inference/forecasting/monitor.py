"""What a monitor reads of a link whose true load is known: counters of packets and bytes, pings."""

from __future__ import annotations

import numpy as np

from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.layout import Double

BITS_PER_BYTE = 8
MAX_QUEUE_LOAD = 0.98
"""Above this utilisation the M/G/1 wait would grow without limit; a real queue drops packets instead."""


def read(random: np.random.Generator, family: str, share: Double) -> list[Trace]:
    """What a monitor would read of links that carry `share` [links, rows] of their capacity."""
    links = len(share)
    capacity = np.exp(random.uniform(np.log(10), np.log(1000), links))[:, None]  # [links, 1] Mbps
    packet_bits = BITS_PER_BYTE * random.uniform(300, 1500, links)[:, None]  # [links, 1]
    packets = random.poisson(np.clip(share, 0, 1) * capacity * 1e6 / packet_bits)  # [links, rows] in 1 s
    carried = np.minimum(packets * packet_bits / (capacity * 1e6), 1.0)  # [links, rows] fraction of capacity
    rtt = rtt_spread(random, carried, packet_bits / (capacity * 1e6) * 1e3)
    return [
        Trace(
            trace_id=f"{family}-{link:05d}",
            packet_rate=packets[link].astype(np.float64),
            bandwidth_util=100 * carried[link],
            rtt_variance=rtt[link],
            bandwidth_mbps=carried[link] * capacity[link, 0],
            capacity_mbps=float(capacity[link, 0]),
        )
        for link in range(links)
    ]


def rtt_spread(random: np.random.Generator, carried: Double, service_ms: Double) -> Double:
    """Standard deviation of RTT [links, rows] in ms, estimated from few pings; NaN where it is not measured.

    Pollaczek–Khinchine: W = service · (1 + cv²)/2 · ρ/(1 - ρ); bursts make the packet a train of packets.
    """
    links = len(carried)
    load = np.minimum(carried, MAX_QUEUE_LOAD)
    burst = np.exp(random.uniform(np.log(5), np.log(200), links))[:, None]  # [links, 1] (1 + cv²)/2 in packets
    wait = service_ms * burst * load / (1 - load)  # [links, rows]
    pings = random.integers(3, 30, links)[:, None]
    base = random.uniform(0.1, 3, links)[:, None]  # ms, everything that is not this queue
    measured = np.hypot(base, wait) * np.sqrt(random.chisquare(pings, carried.shape) / pings)
    kind = random.random(links)[:, None]  # [links, 1]: 45 % never measured, 15 % with holes
    missing = (kind < 0.45) | ((kind < 0.60) & (random.random(carried.shape) < 0.3))
    return np.where(missing, np.nan, measured)
