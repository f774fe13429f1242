"""The report as one HTML page with everything it needs inside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from alert_replay import tables, text
from alert_replay.charts import excerpt, honesty, ratios, recall, warning
from alert_replay.charts.looks import look_of
from alert_replay.replay import Replay
from alert_replay.verdict import Verdict, ratio
from ml_inference.forecasting.layout import HORIZONS
from ml_inference.report import palette
from ml_inference.report.formats import count, place_of
from ml_inference.report.page import TEMPLATES as SHARED

TEMPLATES: Final = Path(__file__).parent / "templates"
NARROW, BROAD = 360.0, 760.0  # px


@dataclass(frozen=True)
class Panel:
    """A chart with its caption; `wide` is the same chart for a wide page, if there is one."""

    caption: str
    note: str
    svg: str
    wide: str = ""


def page(replay: Replay) -> str:
    """All of it."""
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES, SHARED]),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    sets = list(enumerate(replay.verdicts))
    return environment.get_template("alerts.html.j2").render(
        replay=replay,
        horizon=HORIZONS,
        summary=text.summary(replay),
        about=[text.about(verdict) for verdict in replay.verdicts],
        looks=[look_of(method) for method in replay.verdicts[0].methods],
        methods=tables.methods(replay),
        settings=tables.settings(replay),
        configured=tables.configured(replay),
        ratios=_ratios(replay),
        recalls=[Panel(place_of(v.name), "", recall.draw(f"recall{n}", v, replay.recall)) for n, v in sets],
        honesty=_honesty(replay),
        leads=[Panel(place_of(v.name), _passages(v), warning.draw(f"lead{n}", v)) for n, v in sets],
        excerpts=[panel for n, v in sets for panel in _excerpts(n, v)],
        colours=palette.variables().values(),
    )


def _ratios(replay: Replay) -> list[Panel]:
    rows = []
    for verdict in replay.verdicts:
        found = {name: ratio(method, verdict.best_rival) for name, method in verdict.methods.items()}
        rows.append((verdict.name, {name: value for name, value in found.items() if value is not None}))
    return [Panel("", "", ratios.draw("ratios", rows, NARROW), ratios.draw("ratios-wide", rows, BROAD))]


def _honesty(replay: Replay) -> list[Panel]:
    whole = honesty.draw("honesty", "Reliability of all sets together", replay.bins)
    each = [
        Panel(
            place_of(verdict.name),
            "",
            honesty.draw(f"honesty{number}", f"Reliability on {verdict.name}", verdict.bins, small=True),
        )
        for number, verdict in enumerate(replay.verdicts)
    ]
    return [Panel("all sets together", f"{count(replay.forecasts)} forecasts", whole), *each]


def _passages(verdict: Verdict) -> str:
    return f"{count(verdict.forecast.leads.passages)} passages"


def _excerpts(number: int, verdict: Verdict) -> list[Panel]:
    """The middle one of the warnings that came true, and of those that did not: chosen by nobody."""
    found = []
    for kind, places in (("came true", verdict.episodes.true_at), ("did not come true", verdict.episodes.false_at)):
        if places:
            title = f"{verdict.name}: a warning that {kind}"
            piece = excerpt.cut_out(verdict, places[len(places) // 2])
            note = f"number {len(places) // 2 + 1} of {count(len(places))}"
            found.append(Panel(title, note, excerpt.draw(f"excerpt{number}{kind[0]}", title, piece)))
    return found
