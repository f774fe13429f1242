"""Numbers as people say them."""

from __future__ import annotations


def bandwidth(mbps: float) -> str:
    """12.3 Mbps, 1.2 Gbps; three digits that say something."""
    value, unit = (mbps / 1000, "Gbps") if mbps >= 1000 else (mbps, "Mbps")
    return f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"


def capacity(mbps: float) -> str:
    """What a link can carry: 1 Gbit/s, 334 Mbit/s."""
    value, unit = (mbps / 1000, "Gbit/s") if mbps >= 1000 else (mbps, "Mbit/s")
    return f"{value:g} {unit}"


def duration(seconds: float) -> str:
    """25 s, 4 min, 3 h, 2 d; rounded down to what was reached."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.3g} s"


def percent(share: float) -> str:
    """A probability, never rounded to certainty: < 1 %, 82 %, > 99 %."""
    if 0 < share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"
