"""The pictures of a link: what comes next, what was, and how forecasts did."""

from __future__ import annotations

from collections.abc import Sequence

from nagios_plugins.links import alarm
from nagios_plugins.links.accuracy import due
from nagios_plugins.links.records import HORIZON, Outlook, Sample
from nagios_plugins.page import charts, drawing, scales, series, words
from nagios_plugins.page.charts import Chart, Key, Shape
from nagios_plugins.page.drawing import threshold
from nagios_plugins.page.kept import Kept
from nagios_plugins.page.scales import Frame
from nagios_plugins.page.series import Past, Point

NEAR = 30
"""samples beside the forecast"""
PAST = 240
"""forecasts that are compared with what came in a picture"""
COLUMNS = 800
"""of a picture: its width in pixels on a desk's screen, or less"""
SPARKS = 120
"""columns of a row's small picture"""


def near(kept: Kept, newest: Sample) -> Chart:
    """The newest samples, the newest forecast, and what had been forecast one step ahead."""
    leading, shadow, seconds = kept.leading, kept.shadow, kept.link.sampling_seconds
    shown, limit = kept.samples[-NEAR:], threshold(kept.link, newest)
    was = series.past(due(kept.outlooks, shown, leading.forecaster)) if leading else []
    both = [outlook for outlook in (leading, shadow) if outlook]
    steps = [step.upper for outlook in both for step in outlook.path]
    top, is_shown = scales.top(
        max([sample.mbps for sample in shown] + [one.upper for one in was] + steps), limit, newest.capacity_mbps
    )
    end = (leading or newest).wall + HORIZON * seconds
    frame = Frame(newest.wall - NEAR * seconds, end, top)
    if leading and shadow and not drawing.differ(frame, leading, shadow):
        shadow = None
    parts = series.runs(shown, seconds)
    holes = series.gaps(parts, seconds, frame.start, newest.wall)
    name, size = words.unit(top)
    return Chart(
        title="What comes next",
        description=_next_in_words(newest, leading, limit, seconds),
        shapes=[
            Shape("gap", charts.holes(frame, holes)),
            Shape("was", "".join(drawing.interval(frame, part) for part in series.split(was, seconds))),
            *(drawing.fan(frame, leading, seconds, "fan") if leading else []),
            *(drawing.fan(frame, shadow, seconds, "other") if shadow else []),
            Shape("now", charts.upright(frame, newest.wall)),
            *drawing.limit(frame, limit, shown=is_shown),
            *_measured(frame, parts),
        ],
        labels=[drawing.limit_label(frame, limit, shown=is_shown), *charts.hole_labels(frame, holes)],
        keys=_near_keys(leading, shadow, bool(was), seconds),
        x_ticks=scales.distance_ticks(frame, newest.wall),
        y_ticks=scales.value_ticks(frame, size),
        x_title=f"time from the newest sample, of {words.moment(newest.wall, kept.now)}",
        y_title=name,
    )


def _measured(frame: Frame, parts: Sequence[Sequence[Sample]]) -> list[Shape]:
    each = [([sample.wall for sample in part], [sample.mbps for sample in part]) for part in parts]
    curves = (drawing.curve(frame, *part) for part in each)
    return [Shape("came", "".join(curves)), Shape("dot", "".join(drawing.points(frame, *part) for part in each))]


def _near_keys(leading: Outlook | None, shadow: Outlook | None, was: bool, seconds: float) -> list[Key]:
    keys = [Key("came", "measured")]
    if was:
        keys.append(Key("was", f"forecast {words.duration(seconds)} before, 80 % interval"))
    if leading:
        keys.append(Key("fan", f"forecast of the {leading.forecaster}, 80 % interval"))
    if leading and shadow:
        keys.append(Key("other", f"of the {shadow.forecaster}, which alarms do not go by"))
    return keys


def _next_in_words(newest: Sample, leading: Outlook | None, limit: float, seconds: float) -> str:
    text = f"The newest sample is {words.rate(newest.mbps)}"
    if leading is None:
        return f"{text}. There is no forecast from it."
    last = leading.path[-1]
    return (
        f"{text}; in {words.duration(HORIZON * seconds)} {words.rate(last.mean)} are forecast, in four of five cases "
        f"{words.between(last.lower, last.upper)}. The threshold is {words.plain_rate(limit)}."
    )


def long(kept: Kept) -> Chart:
    """What the link carried in the last hours; each column of pixels from its lowest to its highest sample."""
    start, end, newest, holes = kept.start, kept.now, kept.newest, kept.gaps
    limit, capacity = (threshold(kept.link, newest), newest.capacity_mbps) if newest else (0.0, 100.0)
    top, is_shown = scales.top(max((sample.mbps for sample in kept.samples), default=0.0), limit, capacity)
    frame = Frame(start, end, top)
    columns = [series.thin(series.rates(part), start, end, COLUMNS) for part in kept.parts]
    is_thin = any(column.lowest < column.highest for part in columns for column in part)
    name, size = words.unit(top)
    keys = [Key("came", "measured, mean" if is_thin else "measured")]
    if is_thin:
        keys.append(Key("spread", f"from lowest to highest sample of each {words.duration((end - start) / COLUMNS)}"))
    if holes:
        missing = words.duration(sum(gap.end - gap.start for gap in holes))
        keys.append(Key("gap", f"no samples: {missing} in all"))
    labels = [drawing.limit_label(frame, limit, shown=is_shown)] if newest else []
    return Chart(
        title=f"The last {words.duration(end - start)}",
        description=f"Bandwidth in {name} from {words.moment(start, end)} to {words.moment(end, end)}; gaps in it: "
        f"{len(holes)}. The numbers are in the table below.",
        shapes=[
            Shape("gap", charts.holes(frame, holes)),
            Shape("spread", charts.spread(frame, columns) if is_thin else ""),
            *drawing.limit(frame, limit, shown=is_shown and newest is not None),
            Shape("came", charts.means(frame, columns)),
        ],
        labels=[*labels, *charts.hole_labels(frame, holes)],
        keys=keys,
        x_ticks=scales.time_ticks(frame),
        y_ticks=scales.value_ticks(frame, size),
        x_title=f"time of day, {words.zone(start, end)}",
        y_title=name,
    )


def chances(kept: Kept) -> Chart:
    """How likely it was, with each forecast that alarms went by, that the threshold would be passed."""
    frame = Frame(kept.start, kept.now, 100.0)
    found = [Point(outlook.wall, 100 * outlook.path[-1].exceed_within) for outlook in kept.decided]
    columns = series.thin(found, kept.start, kept.now, COLUMNS)
    level, ahead = 100 * alarm.DEFAULT.likely, words.duration(HORIZON * kept.link.sampling_seconds)
    return Chart(
        title=f"Probability of passing the threshold within {ahead}",
        description=f"As it was forecast; now {words.part(found[-1].value) if found else 'unknown'}. "
        f"From {level:g} % on it is a warning.",
        kind="strip",
        shapes=[
            Shape("chance", charts.bars(frame, columns)),
            Shape("limit", charts.across(frame, level)),
        ],
        keys=[Key("chance", "as it was forecast"), Key("limit", f"from {level:g} % on: WARNING")],
        x_ticks=scales.time_ticks(frame),
        y_ticks=[scales.Tick(0.0, "100"), scales.Tick(100.0, "0")],
        x_title=f"time of day, {words.zone(kept.start, kept.now)}",
        y_title="%",
    )


def past(kept: Kept, forecasts: Sequence[Past], ahead: int, forecaster: str) -> Chart:
    """Forecasts `ahead` steps ahead, one at least, beside what came."""
    seconds, newest, shown = kept.link.sampling_seconds, kept.samples[-1], forecasts[-PAST:]
    limit = threshold(kept.link, newest)
    top, is_shown = scales.top(max(max(one.came, one.upper) for one in shown), limit, newest.capacity_mbps)
    frame = Frame(min(shown[0].time, shown[-1].time - 10 * seconds), shown[-1].time, top)
    parts = [([one.time for one in part], part) for part in series.split(shown, seconds)]
    misses = [one for one in shown if one.is_miss]
    name, size = words.unit(top)
    distance = words.duration(ahead * seconds)
    return Chart(
        title=f"Forecast {distance} before",
        description=f"{len(shown)} forecasts of the {forecaster}, each made {distance} before, beside what came. "
        f"{len(misses)} times it came to lie outside the 80 % interval.",
        kind="low",
        shapes=[
            Shape("was", "".join(drawing.interval(frame, part) for _, part in parts)),
            *drawing.limit(frame, limit, shown=is_shown),
            Shape("mean", "".join(drawing.curve(frame, times, (o.mean for o in part)) for times, part in parts)),
            _measured(frame, series.runs(_within(kept.came, frame), seconds))[0],
            Shape("miss", drawing.points(frame, (one.time for one in misses), (one.came for one in misses))),
        ],
        keys=[
            Key("came", "measured"),
            Key("mean", f"forecast {distance} before"),
            Key("was", "its 80 % interval"),
            Key("miss", f"outside: {len(misses)} of {len(shown)}"),
        ],
        x_ticks=scales.time_ticks(frame),
        y_ticks=scales.value_ticks(frame, size, 3),
        x_title=f"time of day, {words.zone(frame.start, frame.end)}",
        y_title=name,
    )


def _within(samples: Sequence[Sample], frame: Frame) -> list[Sample]:
    return [sample for sample in samples if frame.start <= sample.wall <= frame.end]


def spark(kept: Kept) -> Chart:
    """A row's small picture."""
    start, end, rates = kept.start, kept.now, [sample.mbps for sample in kept.samples] or [0.0]
    limit = threshold(kept.link, kept.newest) if kept.newest else 1.0
    top, is_shown = scales.top(max(rates), limit, limit)
    frame = Frame(start, end, top)
    columns = [series.thin(series.rates(part), start, end, SPARKS) for part in kept.parts]
    return Chart(
        title=f"The last {words.duration(end - start)}",
        description=words.between(min(rates), max(rates)) if kept.samples else "no samples",
        kind="spark",
        shapes=[
            Shape("gap", charts.holes(frame, kept.gaps)),
            *drawing.limit(frame, limit, shown=is_shown),
            Shape("spread", charts.spread(frame, columns)),
        ],
    )
