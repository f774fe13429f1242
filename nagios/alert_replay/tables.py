"""The tables of a replay: the same ones for the terminal, for Markdown and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from alert_replay.episodes import Episodes
from alert_replay.replay import Replay
from alert_replay.verdict import FORECAST, Method, Verdict, ratio
from ml_inference.report.formats import MISSING, count, fixed, percent

NAMES: Final = {
    FORECAST: "forecast",
    "static": "static threshold",
    "predict_linear": "predict_linear",
    "holt_winters": "Holt-Winters",
}
"""Methods as a person calls them."""


@dataclass(frozen=True)
class Table:
    """Text, the first columns of which name what the others are about."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1
    """how many columns are names"""
    strong: Sequence[int] = ()
    """rows that stand out"""


def name_of(method: str) -> str:
    """As a person calls it."""
    return NAMES.get(method, method)


def methods(replay: Replay) -> Table:
    """All sets and methods."""
    found = [_method(verdict, method) for verdict in replay.verdicts for method in verdict.methods.values()]
    return Table(
        f"At recall {replay.recall:g}",
        ("set", "method", "recall", "precision", "false alarms", "per day", "÷ best rival", "median lead", "warned of"),
        found,
        names=2,
        strong=[index for index, row in enumerate(found) if row[1] == name_of(FORECAST)],
    )


def _method(verdict: Verdict, method: Method) -> list[str]:
    return [
        verdict.name,
        name_of(method.name),
        fixed(method.point.recall, 2),
        fixed(method.point.precision, 2),
        count(method.point.false_alarms),
        _rate(verdict.per_day(method)),
        fixed(ratio(method, verdict.best_rival), 2),
        _samples(method.leads.median),
        f"{method.leads.warned} of {method.leads.passages}",
    ]


def configured(replay: Replay) -> Table:
    """The alarm with its own thresholds and its hysteresis."""
    return Table(
        "As configured: warnings, with hysteresis",
        ("set", "warnings", "per day", "false", "per day", "came true", "full", "warned of", "median lead", "alarmed"),
        [_configured(verdict) for verdict in replay.verdicts],
    )


def _configured(verdict: Verdict) -> list[str]:
    found = verdict.episodes
    return [
        verdict.name,
        count(found.warnings),
        _rate(found.per_day(found.warnings)),
        count(len(found.false_at)),
        _rate(found.per_day(len(found.false_at))),
        percent(found.precision, 0),
        count(found.arrivals),
        percent(found.recall, 0),
        _lead(found),
        percent(found.days_alarmed / found.days, 0),
    ]


def settings(replay: Replay) -> Table:
    """False alarms of the rivals as they are, and set up otherwise; the last row is the mean of the sets' ratios."""
    first = replay.verdicts[0]
    names = [*first.methods, *first.others]
    body = [
        [
            verdict.name,
            *(fixed(verdict.all_methods[name].point.fair_false_alarms, 0) for name in names),
        ]
        for verdict in replay.verdicts
    ]
    body.append(["forecast ÷ this one, mean", "1.00", *(fixed(replay.macro_against(name), 2) for name in names[1:])])
    return Table(
        "False alarms, rivals set up otherwise too", ("set", *map(name_of, names)), body, strong=[len(body) - 1]
    )


def _rate(value: float) -> str:
    return fixed(value, 1) if value < 10 else count(round(value))


def _samples(value: float | None) -> str:
    return MISSING if value is None else f"{value:g} sample{'' if value == 1 else 's'}"


def _lead(found: Episodes) -> str:
    seconds = "" if found.median_seconds is None else f", {found.median_seconds:g} s"
    return _samples(found.median) + seconds
