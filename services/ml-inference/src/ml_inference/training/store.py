"""Fitted models beside their bundle in the registry, so that they can be run again without training."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ml_inference.bundle import BundleDescription, load_bundle
from ml_inference.forecasting.baselines import restore
from ml_inference.forecasting.boosting import Boosting
from ml_inference.forecasting.comparison import compare
from ml_inference.forecasting.forecaster import Forecaster
from ml_inference.forecasting.scores import as_json, reliability, rows
from ml_inference.forecasting.segments import SEGMENTS
from ml_inference.training.description import summary_of
from ml_inference.training.pipeline import Outcome, save
from ml_inference.training.provenance import code_version
from ml_inference.training.registry import Registry, Version
from ml_inference.training.served import ServedForecaster
from ml_inference.training.showcase import fan

FITTED_FILE: Final = "baselines.json.gz"
REPORT_FILE: Final = "report.html"
ZERO_SHOT: Final = "zero-shot"
"""Name under which the model that knows no real link is registered; others have their set's name."""


def record(
    registry: Registry, outcome: Outcome, manifest: BundleDescription, extra: Sequence[Boosting] = ()
) -> Version:
    """Keep a bundle with its fitted baselines as the next version of its set's model. Raises RegistryError."""
    name = ZERO_SHOT if outcome.forecaster.base is None else outcome.source.name
    states = [*(each.state() for each in outcome.baselines.values()), *(each.state() for each in extra)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "bundle")
        save(outcome, folder, manifest)
        (folder / REPORT_FILE).write_text(_report(outcome, manifest), encoding="utf-8")
        (folder / FITTED_FILE).write_bytes(gzip.compress(json.dumps(states).encode(), mtime=0))
        return registry.record(name, "forecasts", folder, _flat(manifest.training), _metrics(manifest), _tags(manifest))


def _report(outcome: Outcome, description: BundleDescription) -> str:
    """The report's page for this one model: how it did on its test split beside its baselines, with charts."""
    from ml_inference.report import page  # loads matplotlib: backtests do without
    from ml_inference.report.evaluation import Evaluation
    from ml_inference.report.records import Details, Score

    scored, name = outcome.verdict.backtests, outcome.forecaster.name
    fans = fan(outcome.source.name, name, outcome.source.parts["test"], outcome.forecasts[name]) if scored else None
    details = {
        "created": description.created.isoformat(),
        "code_version": code_version(),
        "seed": description.training["members"][0]["seed"],
        "split": description.metrics["split"],
        "models": [summary_of(outcome, description)],
        "segments": as_json([row for segment in SEGMENTS for row in rows(scored, segment)]),
        "reliability": as_json(reliability(scored)),
        "paired": as_json([pair for other in outcome.baselines for pair in compare(scored, name, other)]),
        "fans": [fans] if fans else [],
    }
    scores = tuple(Score.model_validate(row) for row in as_json(rows(scored)))
    return page.page(Evaluation(scores, Details.model_validate(details)))


def recall(folder: Path, name: str) -> list[Forecaster]:
    """The model of a recorded bundle, under `name`, and the baselines that were fitted with it.

    Raises BundleError if the bundle cannot be used.
    """
    path = folder / FITTED_FILE
    states = json.loads(gzip.decompress(path.read_bytes())) if path.is_file() else []
    fitted = [Boosting.from_state(state) if state["name"] == Boosting.name else restore(state) for state in states]
    return [*fitted, ServedForecaster(load_bundle(folder), name)]


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings under names with dots."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for place, item in enumerate(value):
                flat |= _flat(item, f"{prefix}{name}.{place}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _metrics(manifest: BundleDescription) -> dict[str, float]:
    return {
        f"{name}_{score['horizon']}": float(value)
        for score in manifest.metrics["scores"]
        for name, value in score.items()
        if name != "horizon" and value is not None
    }


def _tags(manifest: BundleDescription) -> dict[str, str]:
    reasons = "; ".join(manifest.gate.reasons)
    return {"gate": "passed" if manifest.gate.passed else "refused", **({"gate_reasons": reasons} if reasons else {})}
