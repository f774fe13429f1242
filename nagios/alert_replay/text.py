"""What a replay found, in words: for the terminal, and as Markdown for the documentation."""

from __future__ import annotations

from typing import Final

from alert_replay import tables
from alert_replay.linkset import PAST
from alert_replay.reliability import SURE, SURE_WANTED
from alert_replay.replay import Replay
from alert_replay.tables import Table
from alert_replay.verdict import Verdict
from ml_inference.forecasting.layout import HORIZONS
from ml_inference.report.formats import MISSING, count, fixed, listed, percent

MACRO_WANTED: Final = 0.75
"""the mean ratio of false alarms that the project aims at"""


def summary(replay: Replay) -> list[str]:
    """What to know of it, a sentence each."""
    return [
        _macro(replay),
        *(
            f"On {verdict.name}, in no mean, the best rival has none and the forecast alert "
            f"{count(verdict.forecast.point.false_alarms)}."
            for verdict in replay.endless
        ),
        _ahead(replay),
        _sure(replay),
    ]


def _macro(replay: Replay) -> str:
    told = "False alarms of the forecast alert ÷ those of the best rival"
    if replay.macro is None:
        return f"{told}: not to be said, as the best rival has none."
    names = [verdict.name for verdict in replay.together if verdict not in replay.endless]
    of_what = f", the mean of {listed(names)}" if len(names) > 1 else f" on {names[0]}"
    whole = (
        "" if replay.macro_of_rows is None else f" (of whole alarms, ties not split, {fixed(replay.macro_of_rows, 3)})"
    )
    return f"{told}: {fixed(replay.macro, 3)}{whole}{of_what}; {MACRO_WANTED:g} at most is aimed at."


def _ahead(replay: Replay) -> str:
    if len(replay.together) == 1:
        return f"It has {'' if replay.ahead else 'not '}fewer than every rival."
    return f"It has fewer than every rival on {len(replay.ahead)} of {len(replay.together)} sets."


def _sure(replay: Replay) -> str:
    number, share = replay.sure
    if share is None:
        return f"No forecast was as sure as {100 * SURE:.0f} %."
    wanted = f"{100 * SURE_WANTED:.0f} % or more is aimed at"
    return f"Of {count(number)} forecasts of {100 * SURE:.0f} % or more {percent(share, 0)} came true ({wanted})."


def about(verdict: Verdict) -> str:
    """What was asked on a set."""
    series, links = verdict.links.series, verdict.links
    chosen = "" if verdict.rivals_chosen else "; no past that passes it, so that rivals have usual settings"
    if links.split == PAST:
        chosen = "; the rivals' settings are chosen on the same rows"
    return (
        f"{verdict.name}, split {links.split}: threshold {links.threshold:.3g} % of capacity ({links.threshold_is}); "
        f"{count(len(series.moments))} samples under it, {percent(float(series.events.mean()))} of them with a passage "
        f"within {HORIZONS} samples of {links.step_seconds:g} s; {_time(series.days)} of link time{chosen}"
    )


def _time(days: float) -> str:
    return f"{days:.1f} days" if days >= 2 else f"{24 * days:.1f} h"


def terminal(replay: Replay) -> str:
    """All of it, for a person at a terminal."""
    parts = [
        *(about(verdict) for verdict in replay.verdicts),
        "",
        _aligned(tables.methods(replay)),
        "",
        _aligned(tables.settings(replay)),
        "",
        _aligned(tables.configured(replay)),
        "",
        *summary(replay),
        f"The forecasts are {replay.model_version}'s.",
    ]
    return "\n".join(parts)


def _aligned(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(table.header, *table.rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if index < table.names else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (table.header, *table.rows)
    ]
    return "\n".join([table.title, *(f"  {line}" for line in lines)])


def markdown(replay: Replay) -> str:
    """What the documentation includes."""
    return "\n".join(
        [
            "<!-- Written by `make replay-alerts`. Do not edit it by hand. -->",
            "",
            *(f"- {_plain(sentence)}" for sentence in summary(replay)),
            "",
            _piped(tables.methods(replay)),
            "",
            _piped(tables.settings(replay)),
            "",
            _piped(tables.configured(replay)),
            "",
            *(f"- {_plain(about(verdict))}" for verdict in replay.verdicts),
            "",
            f"Forecasts by {replay.model_version}.",
            "",
        ]
    )


def _piped(table: Table) -> str:
    rule = ["---"] * table.names + ["--:"] * (len(table.header) - table.names)
    rows = [
        [f"**{_plain(cell)}**" if number in table.strong and cell != MISSING else _plain(cell) for cell in row]
        for number, row in enumerate(table.rows)
    ]
    lines = [f"| {' | '.join(row)} |" for row in (table.header, rule, *rows)]
    return "\n".join([f"**{table.title}**", "", *lines])


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{character}" if character in "\\`*<>|[" else character for character in text)
