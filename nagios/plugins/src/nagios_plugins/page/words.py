"""Numbers and times as a person reads them."""

from __future__ import annotations

import math
import time

PREFIXES = (("T", 1e6), ("G", 1e3), ("M", 1.0), ("k", 1e-3))
UNITS = ((86400, "day"), (3600, "h"), (60, "min"), (1, "s"))


def unit(largest: float) -> tuple[str, float]:
    """The unit that rates of up to `largest` Mbps are said in, and its Mbps."""
    for prefix, size in PREFIXES:
        if largest >= 0.9995 * size:  # or this would be said as 1000 of the smaller one
            return f"{prefix}bps", size
    return ("Mbps", 1.0) if largest <= 0 else ("kbps", 1e-3)


def figure(value: float) -> str:
    """Three figures, and never an exponent: 0.123, 1.23, 12.3, 123, 1234."""
    size = abs(value)
    digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    return f"{value:.{digits}f}" if round(value, digits) else "0"


def plain(value: float) -> str:
    """The same without zeros at the end: what was set is exact."""
    text = figure(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def rate(mbps: float) -> str:
    """A rate in Mbps, with its unit."""
    name, size = unit(abs(mbps))
    return f"{figure(mbps / size)} {name}"


def plain_rate(mbps: float) -> str:
    """A rate that was set."""
    name, size = unit(abs(mbps))
    return f"{plain(mbps / size)} {name}"


def change(mbps: float, capacity_mbps: float) -> str:
    """A difference of rates in Mbps, with its sign, in the unit of the link's capacity."""
    name, size = unit(capacity_mbps)
    return f"{signed(mbps / size)} {name}"


def between(lower: float, upper: float) -> str:
    """An interval of rates in Mbps."""
    name, size = unit(max(abs(lower), abs(upper)))
    return f"{figure(lower / size)} … {figure(upper / size)} {name}"


def signed(value: float) -> str:
    """A number with its sign."""
    sign = "+" if value > 0 else "−" if value < 0 else ""
    text = figure(abs(value))
    return text if text == "0" else f"{sign}{text}"


def gain(percent: float | None) -> str:
    """How much % better than something; None where that leaves nothing to gain."""
    return (
        "–" if percent is None else f"{'+' if percent >= 0.5 else '−' if percent <= -0.5 else ''}{abs(percent):.0f} %"
    )


def part(percent: float) -> str:
    """A part of 100 that is no more than an estimate."""
    return f"{percent:.0f} %"


def percent(value: float) -> str:
    """A part of 100."""
    return f"{figure(value)} %"


def duration(seconds: float) -> str:
    """A time span: its two largest units."""
    left = max(0, round(seconds))
    parts = []
    for size, name in UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}{'s' if name == 'day' and count > 1 else ''}")
        elif parts:
            break
    return " ".join(parts[:2]) or ("0 s" if seconds < 0.05 else f"{figure(seconds)} s")


def clock(wall: float) -> str:
    """A time of day here."""
    return time.strftime("%H:%M:%S", time.localtime(wall))


def moment(wall: float, now: float) -> str:
    """A time with the offset that counts then, and its day where that is not today's."""
    form = "%H:%M:%S" if time.localtime(wall)[:3] == time.localtime(now)[:3] else "%Y-%m-%d %H:%M:%S"
    return f"{time.strftime(form, time.localtime(wall))} {offset(wall)}"


def offset(wall: float) -> str:
    """The zone's distance from UTC at that time."""
    minutes = round(time.localtime(wall).tm_gmtoff / 60)
    return f"UTC{'−' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def zone(start: float, end: float) -> str:
    """The zone of a span of time; there are two where the clocks are put on or back."""
    first, last = offset(start), offset(end)
    return last if first == last else f"{first}, then {last}"


def is_time(value: object) -> bool:
    """Whether a value is a time that can be said."""
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value < 1e11
