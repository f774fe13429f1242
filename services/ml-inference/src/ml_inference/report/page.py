"""The two documents, from their templates: the page and the model card."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ml_inference.report import formats, gallery, palette
from ml_inference.report.evaluation import MACRO, PERSISTENCE, Evaluation
from ml_inference.report.verdict import answer, is_lstm, verdicts

TEMPLATES: Final = Path(__file__).parent / "templates"
_MARKDOWN: Final = re.compile(r"([\\`*<>|]|(?<=\])\()")


def page(evaluation: Evaluation) -> str:
    """The report as HTML, with everything it needs inside."""
    charts = {
        "fans": gallery.fan_charts(evaluation),
        "skill": gallery.gains(evaluation, "skill"),
        "crps": gallery.gains(evaluation, "crps_gain"),
        "diagonals": gallery.diagonals(evaluation),
        "deviations": gallery.deviations(evaluation),
        "segments": gallery.segment_charts(evaluation),
        "optimum": gallery.optimum_charts(evaluation),
        "worst": gallery.worst_charts(evaluation),
    }
    return _render(
        "report.html.j2",
        evaluation,
        charts=charts,
        segment_models=gallery.segment_models(evaluation),
        colours=palette.variables().values(),
    )


def card(evaluation: Evaluation) -> str:
    """The model card as Markdown."""
    shown = [model for model in evaluation.models if is_lstm(model) or model in ("lightgbm", "ridge")]
    return _render("model-card.md.j2", evaluation, shown=shown)


def _render(template: str, evaluation: Evaluation, **more: Any) -> str:
    found = verdicts(evaluation)
    return (
        _environment()
        .get_template(template)
        .render(
            evaluation=evaluation,
            details=evaluation.details,
            places=list(dict.fromkeys([evaluation.overall, *evaluation.sets])) if evaluation.scores else [],
            verdicts=found,
            answer=answer(found),
            MACRO=MACRO,
            PERSISTENCE=PERSISTENCE,
            **more,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for function in (
        formats.percent, formats.span, formats.ratio, formats.mbps, formats.fixed, formats.count, formats.steps,
        formats.name_of, formats.place_of, formats.listed, palette.look_of, is_lstm, tight, plain, moment,
    ):  # fmt: skip
        environment.filters[function.__name__] = function
    return environment


def tight(text: str) -> str:
    """Numbers keep their units on a page's line."""
    return re.sub(r"(?<=\d) (?=%|Mbps|µs|\[)|(?<=RMSE) (?=\d)", "\u00a0", text)


def plain(text: object) -> str:
    """Text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", str(text)).replace("\n", " ")


def moment(text: str) -> str:
    """2026-12-02T10:11:12+00:00 → 2 December 2026; anything else as it is."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{found.day} {found:%B %Y}"
