"""What is kept of a link, as the parts hand it to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

HORIZON: Final = 5
"""Steps that a forecast looks ahead; a step is the link's sampling interval."""
WINDOW: Final = 10
"""Samples without which there is no forecast."""
HISTORY: Final = 512
"""Samples that a question carries at most; those before the window tell the link's character."""
MBPS: Final = 1e6 / 8
"""Octets per second in one Mbps."""

Forecaster = Literal["model", "baseline"]


@dataclass(frozen=True)
class Reading:
    """A link's counters at one moment. Only what lies between two readings of one epoch is traffic that was seen."""

    epoch: int
    """grows where the counters do not go on: a reset, a reboot, a gap, another capacity"""
    uptime: float
    """s of the poller's own clock that runs on in sleep and never jumps"""
    wall: float
    """s since 1970, for people"""
    octets: int
    """since the epoch began, without wraps"""
    packets: int
    """since the epoch began, without wraps"""
    capacity_mbps: float
    rtt_spread_ms: float | None
    """standard deviation of the round-trip times since the reading before; None = not measured"""


@dataclass(frozen=True)
class Sample:
    """What a link carried in one cell of the grid: cell n ends n × the sampling interval after the poller's start."""

    epoch: int
    cell: int
    wall: float
    """s since 1970 at the end of the cell"""
    packet_rate: float
    """packets/s"""
    mbps: float
    capacity_mbps: float
    rtt_spread_ms: float | None
    """None = not measured"""

    @property
    def utilisation(self) -> float:
        """% of the link's capacity."""
        return 100 * self.mbps / self.capacity_mbps


@dataclass(frozen=True)
class Step:
    """One step of a forecast's path."""

    mean: float
    """Mbps; the expected value"""
    lower: float
    """Mbps; one in ten is below"""
    upper: float
    """Mbps; one in ten is above"""
    exceed: float
    """probability of more than the threshold at this step"""
    exceed_within: float
    """probability of more than the threshold at this step or one before it"""


@dataclass(frozen=True)
class Outlook:
    """What one forecaster says of a link's next steps, from all samples up to `cell` of `epoch`."""

    epoch: int
    cell: int
    wall: float
    """s since 1970 at the end of that cell"""
    forecaster: Forecaster
    model_version: str
    """who really answered, in its own words"""
    decided: bool
    """whether alarms go by this one, and not by the other forecaster's"""
    last_mbps: float
    """of that cell"""
    threshold_mbps: float
    capacity_mbps: float
    path: tuple[Step, ...]
    """HORIZON steps, the nearest first"""
