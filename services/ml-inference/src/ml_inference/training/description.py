"""What a trained model's manifest says."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ml_inference.bundle import BundleDescription, DataSource, KnownAnswer
from ml_inference.forecasting.evaluation import Score
from ml_inference.forecasting.layout import QUANTILE_LEVELS, Single
from ml_inference.forecasting.windows import Windows
from ml_inference.training.export import Export
from qos_contract import EXAMPLE_REQUEST, PredictRequest

LIBRARIES = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy")
KNOWN_CAPACITY_MBPS = 100.0
KNOWN_TOLERANCE_MBPS = 0.01
DIGITS = 6

Scores = Mapping[str, Sequence[Score]]


def example_request() -> PredictRequest:
    """The documented question; its answer is kept in the manifest."""
    return PredictRequest.model_validate(EXAMPLE_REQUEST)


def describe(
    data: Mapping[str, Any], training: Mapping[str, Any], scores: Scores, test: Mapping[str, Windows], export: Export
) -> BundleDescription:
    """Put together all that is known of a model; `model_version` names the day and a hash of data and settings."""
    now = datetime.now(UTC).replace(microsecond=0)
    origin = json.dumps([data["sha256"], training], sort_keys=True).encode()
    return BundleDescription(
        model_version=f"{now:%Y%m%d}-{hashlib.sha256(origin).hexdigest()[:8]}",
        name="lstm",
        created=now,
        quantile_levels=QUANTILE_LEVELS,
        libraries={"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in LIBRARIES},
        data=DataSource(**data),
        training=dict(training),
        metrics=_metrics(scores, test),
        parity_max_abs_difference=export.difference,
        known_answer=_known_answer(export.answers),
    )


def _metrics(scores: Scores, test: Mapping[str, Windows]) -> dict[str, Any]:
    sets = {
        name: {"windows": len(test[name]), "horizons": [_rounded(asdict(score)) for score in per_horizon]}
        for name, per_horizon in scores.items()
    }
    horizons = zip(*scores.values(), strict=True)
    macro = [round(float(np.mean([score.skill for score in horizon])), DIGITS) for horizon in horizons]
    return {"split": "test", "baseline": "persistence", "macro_skill": macro, "sets": sets}


def _rounded(score: Mapping[str, float]) -> dict[str, float]:
    return {name: value if isinstance(value, int) else round(value, DIGITS) for name, value in score.items()}


def _known_answer(answers: Single) -> KnownAnswer:
    request = example_request()
    mean = float(answers[0, request.horizon - 1, 0])
    return KnownAnswer(
        request=request,
        predicted_bandwidth=round(mean * KNOWN_CAPACITY_MBPS, 4),
        tolerance=KNOWN_TOLERANCE_MBPS,
    )
