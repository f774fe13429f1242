"""All sets together, and what is written down of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from alert_replay.episodes import Episodes
from alert_replay.leads import Leads
from alert_replay.reliability import Bin, bins, sure
from alert_replay.series import Mask
from alert_replay.verdict import Method, Verdict, ratio
from ml_inference.forecasting.layout import HORIZONS, Double

MACRO_STEP_SECONDS: Final = 60.0
"""Sets sampled more slowly are scored, but are no part of the mean: five hours ahead is another question."""


@dataclass(frozen=True, eq=False)
class Replay:
    """What one run found; there is one set at least."""

    verdicts: Sequence[Verdict]
    left_out: Sequence[str]
    """files that could not be scored, with the reason"""
    model_version: str
    recall: float
    """that every method was brought to"""

    @cached_property
    def together(self) -> list[Verdict]:
        """The sets that make up the mean."""
        quick = [verdict for verdict in self.verdicts if verdict.links.step_seconds <= MACRO_STEP_SECONDS]
        return quick or list(self.verdicts)

    @cached_property
    def macro(self) -> float | None:
        """Mean over the sets of the forecast alert's false alarms / the best rival's."""
        found = [verdict.ratio for verdict in self.together if verdict.ratio is not None]
        return float(np.mean(found)) if found else None

    @cached_property
    def macro_of_rows(self) -> float | None:
        """The same of whole alarms, as alerts.json has them: of samples that are tied at a rival's cut, all."""
        found = []
        for verdict in self.together:
            theirs = min(each.point.false_alarms for each in verdict.methods.values() if each is not verdict.forecast)
            if theirs:
                found.append(verdict.forecast.point.false_alarms / theirs)
        return float(np.mean(found)) if found else None

    @cached_property
    def ahead(self) -> list[Verdict]:
        """The sets in the mean on which the forecast alert has fewer false alarms than every rival."""
        return [
            verdict
            for verdict in self.together
            if verdict.forecast.point.fair_false_alarms < verdict.best_rival.point.fair_false_alarms
        ]

    @cached_property
    def bins(self) -> list[Bin]:
        """Reliability over the sets in the mean."""
        return bins(*self._forecasts())

    @property
    def forecasts(self) -> int:
        """How many that were."""
        return sum(each.count for each in self.bins)

    @cached_property
    def sure(self) -> tuple[int, float | None]:
        """Of these sets' forecasts how many were sure, and the share of them that came true."""
        return sure(*self._forecasts())

    @property
    def endless(self) -> list[Verdict]:
        """Sets that are no part of the mean, though they should be: there the best rival has no false alarm at all."""
        return [verdict for verdict in self.together if verdict.ratio is None]

    def macro_against(self, name: str) -> float | None:
        """The same mean, were this rival (or this other setting) the only one."""
        found = [ratio(verdict.forecast, verdict.all_methods[name]) for verdict in self.together]
        known = [each for each in found if each is not None]
        return float(np.mean(known)) if known else None

    def _forecasts(self) -> tuple[Double, Mask]:
        scores = [verdict.forecast.score for verdict in self.together]
        return np.concatenate(scores), np.concatenate([verdict.events for verdict in self.together])


def rows(replay: Replay) -> list[dict[str, Any]]:
    """The content of alerts.json: one row per set and method."""
    return [
        {
            "set": verdict.name,
            "method": method.name,
            "recall": round(method.point.recall, 6),
            "precision": round(method.point.precision, 6),
            "false_alarms": method.point.false_alarms,
            "median_lead_samples": method.leads.median,
        }
        for verdict in replay.verdicts
        for method in verdict.methods.values()
    ]


def details(replay: Replay) -> dict[str, Any]:
    """The content of alerts-details.json: everything else."""
    count, share = replay.sure
    return {
        "model_version": replay.model_version,
        "recall": replay.recall,
        "horizon_samples": HORIZONS,
        "macro": {
            "sets": [verdict.name for verdict in replay.together],
            "false_alarms_to_best_rival": replay.macro,
            "false_alarms_to_best_rival_by_rows": replay.macro_of_rows,
            "sets_with_fewer_than_every_rival": [verdict.name for verdict in replay.ahead],
            "false_alarms_to": {name: replay.macro_against(name) for name in _rival_names(replay)},
        },
        "probability": {
            "sure_from": 0.8,
            "sure": count,
            "sure_that_came_true": share,
            "bins": [asdict(each) for each in replay.bins],
        },
        "sets": [_set(verdict) for verdict in replay.verdicts],
        "left_out": list(replay.left_out),
    }


def _rival_names(replay: Replay) -> list[str]:
    first = replay.verdicts[0]
    return [*list(first.methods)[1:], *first.others]


def _set(verdict: Verdict) -> dict[str, Any]:
    series, links = verdict.links.series, verdict.links
    count, share = sure(verdict.forecast.score, verdict.events)
    return {
        "set": verdict.name,
        "split": links.split,
        "segments": len(links.traces),
        "samples_watched": int(series.known.sum()),
        "days_watched": series.days,
        "step_seconds": links.step_seconds,
        "threshold_percent": links.threshold,
        "threshold_is": links.threshold_is,
        "moments": len(series.moments),
        "events": int(series.events.sum()),
        "false_alarms_to_best_rival": verdict.ratio,
        "best_rival": verdict.best_rival.name,
        "rivals_chosen_on_the_past": verdict.rivals_chosen,
        "methods": {method.name: _method(verdict, method) for method in verdict.methods.values()},
        "others": {method.name: _method(verdict, method) for method in verdict.others.values()},
        "sure": count,
        "sure_that_came_true": share,
        "bins": [asdict(each) for each in verdict.bins],
        "as_configured": _episodes(verdict.episodes),
    }


def _method(verdict: Verdict, method: Method) -> dict[str, Any]:
    return {
        "how": method.how,
        "cut": method.point.cut,
        "alarms": method.point.hits + method.point.false_alarms,
        "false_alarms_at_the_recall": method.point.fair_false_alarms,
        "false_alarms_per_day": verdict.per_day(method),
        **_leads(method.leads),
    }


def _leads(found: Leads) -> dict[str, Any]:
    return {
        "passages": found.passages,
        "passages_warned_of": found.warned,
        "passages_by_lead_samples": found.by_samples,
        "passages_by_longest_possible_lead_samples": found.by_possible,
    }


def _episodes(found: Episodes) -> dict[str, Any]:
    return {
        "share_of_time_alarmed": found.days_alarmed / found.days,
        "warnings": found.warnings,
        "warnings_per_day": found.per_day(found.warnings),
        "came_true": len(found.true_at),
        "false": len(found.false_at),
        "false_per_day": found.per_day(len(found.false_at)),
        "undecided": found.undecided,
        "precision": found.precision,
        "arrivals": found.arrivals,
        "arrivals_warned_of": len(found.leads),
        "median_lead_samples": found.median,
        "median_lead_seconds": found.median_seconds,
    }
