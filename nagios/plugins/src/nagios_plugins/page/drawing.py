"""What several pictures of a link have: a threshold, intervals of forecasts, curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nagios_plugins.links.inventory import Link
from nagios_plugins.links.records import Outlook, Sample
from nagios_plugins.page import charts, words
from nagios_plugins.page.charts import Label, Pair, Shape
from nagios_plugins.page.scales import Frame
from nagios_plugins.page.series import Past

SEEN = 0.01
"""of the picture's height: two forecasts nearer than this are drawn as one"""


def threshold(link: Link, newest: Sample) -> float:
    """What is warned of, in Mbps."""
    return newest.capacity_mbps * link.threshold_percent / 100


def limit(frame: Frame, value: float, *, shown: bool) -> list[Shape]:
    """The threshold, where it is in the picture."""
    return [Shape("limit", charts.across(frame, value))] if shown else []


def limit_label(frame: Frame, value: float, *, shown: bool) -> Label:
    """What stands at it, or that it is not in the picture."""
    text = f"threshold {words.plain_rate(value)}"
    return Label("limit", text, 0.6, frame.y(value) / 10) if shown else Label("limit", f"↑ {text}, far above", 0.6, 6)


def curve(frame: Frame, times: Iterable[float], values: Iterable[float]) -> str:
    """A line through values at moments (s since 1970)."""
    return charts.line(_at(frame, times, values))


def points(frame: Frame, times: Iterable[float], values: Iterable[float]) -> str:
    """A dot at each."""
    return charts.dots(_at(frame, times, values))


def interval(frame: Frame, part: Sequence[Past]) -> str:
    """From the lower to the upper ends of forecasts that have come due."""
    times = [one.time for one in part]
    return charts.band(_at(frame, times, (one.upper for one in part)), _at(frame, times, (one.lower for one in part)))


def fan(frame: Frame, outlook: Outlook, seconds: float, name: str) -> list[Shape]:
    """A forecast that is still to come: its interval, and its mean in it."""
    times = [outlook.wall + index * seconds for index in range(len(outlook.path) + 1)]
    lower, mean, upper = (
        _at(frame, times, [outlook.last_mbps, *(getattr(step, which) for step in outlook.path)])
        for which in ("lower", "mean", "upper")
    )
    return [Shape(name, charts.band(upper, lower)), Shape(f"{name}-mean", charts.line(mean))]


def differ(frame: Frame, one: Outlook, other: Outlook) -> bool:
    """Whether two forecasts can be told apart in a picture."""
    pairs = zip(one.path, other.path, strict=True)
    differences = (abs(getattr(a, name) - getattr(b, name)) for a, b in pairs for name in ("mean", "lower", "upper"))
    return any(difference > SEEN * frame.top for difference in differences)


def _at(frame: Frame, times: Iterable[float], values: Iterable[float]) -> list[Pair]:
    return [(frame.x(moment), frame.y(value)) for moment, value in zip(times, values, strict=True)]
