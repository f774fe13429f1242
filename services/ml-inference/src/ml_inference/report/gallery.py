"""Which charts the page shows: from an evaluation to captions and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from ml_inference.report.charts import calibration, fans, lines, segments, worst
from ml_inference.report.charts.calibration import Curve
from ml_inference.report.charts.lines import Line, Point
from ml_inference.report.evaluation import MACRO, PERSISTENCE, Evaluation, ordered
from ml_inference.report.formats import name_of, place_of, steps
from ml_inference.report.records import Optimum, Score

Measure = Literal["skill", "crps_gain"]


@dataclass(frozen=True)
class Panel:
    """A chart with its caption; `wide` is the same chart for a wide page, if there is one."""

    caption: str
    note: str
    svg: str
    wide: str = ""


def gains(evaluation: Evaluation, measure: Measure) -> list[Panel]:
    """The gain over persistence by steps ahead: the mean of the sets first, then each set."""
    title, unit = ("Skill", "skill, %") if measure == "skill" else ("CRPS gain", "CRPS gain, %")
    panels = []
    for index, place in enumerate(_places(evaluation)):
        found = [line for model in evaluation.models if (line := _gain_line(evaluation, measure, place, model))]
        if not found:
            continue
        told = f"{title} on {place_of(place)}"
        name = f"{measure}{index}"
        frame = lines.NARROW if measure == "skill" else lines.SHORT
        broad = lines.WIDE if measure == "skill" else lines.WIDE_SHORT
        panels.append(
            Panel(
                place_of(place),
                "" if place == MACRO else _rows(evaluation, place),
                lines.draw(name, told, unit, found, frame),
                lines.draw(f"{name}w", told, unit, found, broad) if place == MACRO else "",
            )
        )
    return panels


def fan_charts(evaluation: Evaluation) -> list[Panel]:
    """Every trace that the evaluation kept with its forecasts."""
    traces = [trace for trace in evaluation.details.fans if trace.past_mbps or trace.actual_mbps]
    places, models = list(dict.fromkeys(trace.set for trace in traces)), ordered(trace.model for trace in traces)
    traces.sort(key=lambda trace: (places.index(trace.set), models.index(trace.model)))
    return [
        Panel(f"{place_of(trace.set)}: {name_of(trace.model)}", f"trace {trace.trace_id}", fans.draw(f"fan{i}", trace))
        for i, trace in enumerate(traces)
    ]


def diagonals(evaluation: Evaluation) -> list[Panel]:
    """Reliability over all sets at the nearest and the farthest horizon, and what it lacks over all horizons."""
    horizons = sorted({one.horizon for one in evaluation.details.reliability})
    panels = []
    for horizon in sorted({*horizons[:1], *horizons[-1:]}):
        curves = _curves(evaluation, lambda place: place != MACRO, {horizon})
        title = f"Mean of the sets, {steps(horizon)} ahead"
        panels.append(Panel(title, "", calibration.draw_diagonal(f"calibration{horizon}", title, curves)))
    if horizons:
        title = "Mean of the sets, distance from the diagonal"
        curves = _curves(evaluation, lambda place: place != MACRO, set(horizons))
        panels.append(Panel(title, "", calibration.draw_deviation("deviation", title, curves, calibration.TALL)))
    return panels


def deviations(evaluation: Evaluation) -> list[Panel]:
    """Observed less nominal per set, mean over the horizons."""
    found = evaluation.details.reliability
    horizons = {one.horizon for one in found}
    panels = []
    for index, place in enumerate(dict.fromkeys(one.set for one in found if one.set != MACRO)):
        curves = _curves(evaluation, place.__eq__, horizons)
        svg = calibration.draw_deviation(f"deviation{index}", f"Calibration on {place_of(place)}", curves)
        panels.append(Panel(place_of(place), "", svg))
    return panels


def segment_charts(evaluation: Evaluation) -> list[Panel]:
    """Skill on the parts of each set, at the nearest and the farthest horizon."""
    known = [one for one in evaluation.details.segments if one.skill is not None and one.model != PERSISTENCE]
    horizons = sorted({one.horizon for one in known})
    shown = [one for one in known if one.horizon in {*horizons[:1], *horizons[-1:]}]
    panels = []
    for index, place in enumerate(dict.fromkeys(one.set for one in shown)):
        here = [one for one in shown if one.set == place]
        svg = segments.draw(f"segment{index}", f"Skill by segment on {place_of(place)}", here)
        panels.append(Panel(place_of(place), "", svg))
    return panels


def segment_models(evaluation: Evaluation) -> list[str]:
    """The models on those charts, in their order."""
    return ordered(one.model for one in evaluation.details.segments if one.model != PERSISTENCE)


def optimum_charts(evaluation: Evaluation) -> list[Panel]:
    """RMSE ÷ the optimum's, one chart per generator."""
    found = evaluation.details.optimum
    panels = []
    for index, generator in enumerate(dict.fromkeys(one.generator for one in found)):
        here = [one for one in found if one.generator == generator]
        series = [_optimum_line(model, here) for model in ordered(one.model for one in here)]
        title = f"RMSE in units of the optimum on the generator {generator}"
        svg = lines.draw(f"optimum{index}", title, "RMSE ÷ optimum", series, base=1.0)
        panels.append(Panel(generator, f"1 = {here[0].optimum}", svg))
    return panels


def worst_charts(evaluation: Evaluation) -> list[Panel]:
    """The worst forecasts."""
    return [
        Panel(
            f"{place_of(miss.set)}: {name_of(miss.model)}",
            f"trace {miss.trace_id}, row {miss.row}, {steps(miss.horizon)} ahead",
            worst.draw(f"worst{index}", miss),
        )
        for index, miss in enumerate(evaluation.details.worst)
        if miss.window_mbps
    ]


def _places(evaluation: Evaluation) -> list[str]:
    return list(dict.fromkeys([evaluation.overall, *evaluation.sets])) if evaluation.scores else []


def _rows(evaluation: Evaluation, place: str) -> str:
    scored = next((score for score in evaluation.scores if score.set == place), None)
    return f"{scored.n:,} forecasts" if scored else ""


def _gain_line(evaluation: Evaluation, measure: Measure, place: str, model: str) -> Line | None:
    if model == PERSISTENCE:
        return None  # it is the line at zero
    scores = [score for horizon in evaluation.horizons if (score := evaluation.score(place, model, horizon))]
    points = tuple(point for score in scores if (point := _point(score, measure)))
    return Line(model, points) if points else None


def _point(score: Score, measure: Measure) -> Point | None:
    value = score.skill if measure == "skill" else score.crps_gain
    low = score.skill_low if measure == "skill" else score.crps_gain_low
    high = score.skill_high if measure == "skill" else score.crps_gain_high
    if value is None:
        return None
    return Point(score.horizon, 100 * value, None if low is None else 100 * low, None if high is None else 100 * high)


def _optimum_line(model: str, found: Iterable[Optimum]) -> Line:
    mine = sorted((one for one in found if one.model == model), key=lambda one: one.horizon)
    return Line(model, tuple(Point(one.horizon, one.ratio, None, None) for one in mine))


def _curves(evaluation: Evaluation, wanted: Callable[[str], bool], horizons: set[int]) -> dict[str, Curve]:
    """Per model the mean over sets and horizons, each counting alike."""
    found = [one for one in evaluation.details.reliability if wanted(one.set) and one.horizon in horizons]
    curves: dict[str, Curve] = {}
    for model in ordered(one.model for one in found):
        seen: dict[float, list[float]] = {}
        for one in found:
            if one.model == model:
                seen.setdefault(one.level, []).append(one.observed)
        curves[model] = [(level, sum(seen[level]) / len(seen[level])) for level in sorted(seen)]
    return curves
