"""What a trained model's manifest says."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ml_inference.bundle import BundleDescription, DataSource, Gate, Inputs, KnownAnswer, inputs_of
from ml_inference.forecasting.layout import QUANTILE_LEVELS, WINDOW
from ml_inference.forecasting.scores import as_json, rows
from ml_inference.forecasting.windows import Windows
from qos_contract import EXAMPLE_REQUEST, PredictRequest

if TYPE_CHECKING:
    from ml_inference.training.pipeline import Outcome

LIBRARIES = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "scikit-learn", "numpy")
KNOWN_CAPACITY_MBPS = 100.0
KNOWN_TOLERANCE_MBPS = 0.01
DIGITS = 6


def describe(outcome: Outcome) -> BundleDescription:
    """Put together all that is known of a model; `model_version` names the day and a hash of data and settings."""
    now = datetime.now(UTC).replace(microsecond=0)
    data, settings = outcome.source.description, outcome.forecaster.settings()
    origin = json.dumps([data["sha256"], settings], sort_keys=True).encode()
    return BundleDescription(
        model_version=f"{now:%Y%m%d}-{hashlib.sha256(origin).hexdigest()[:8]}",
        name=outcome.forecaster.name,
        created=now,
        history_samples=outcome.history_samples,
        quantile_levels=QUANTILE_LEVELS,
        libraries={"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in LIBRARIES},
        data=DataSource(**data),
        training=settings,
        metrics={"split": "test", "scores": scores_of(outcome)},
        parity_max_abs_difference=outcome.export.difference,
        gate=Gate(passed=outcome.verdict.passed, reasons=outcome.verdict.reasons),
        baseline=outcome.best,
        known_answer=_known_answer(outcome),
    )


def summary_of(outcome: Outcome, description: BundleDescription) -> dict[str, Any]:
    """What a report says of the model."""
    real = outcome.forecaster.base is not None
    return {
        "model": outcome.forecaster.name,
        "set": outcome.source.name if real else None,
        "model_version": description.model_version,
        "training": description.training,
        "microseconds_per_window": outcome.export.microseconds,
        "gate": description.gate.model_dump(mode="json"),
    }


def scores_of(outcome: Outcome) -> list[dict[str, Any]]:
    """The model's scores on its own test split, one entry per horizon; empty if they were not fit to be scored."""
    wanted = ("horizon", "n", "rmse", "skill", "skill_low", "skill_high", "crps_gain", "coverage_80", "coverage_90")
    return [
        {name: round(row[name], DIGITS) if isinstance(row[name], float) else row[name] for name in wanted}
        for row in as_json(rows(outcome.verdict.backtests))
        if row["model"] == outcome.forecaster.name
    ]


def _known_answer(outcome: Outcome) -> KnownAnswer:
    """README's question, answered by whichever of the two will answer it."""
    request = PredictRequest.model_validate(EXAMPLE_REQUEST)
    inputs = inputs_of(request)
    if outcome.verdict.passed and outcome.history_samples <= WINDOW:
        answer = outcome.forecaster.answer([inputs.window, inputs.context])
    else:
        answer = outcome.baselines[outcome.best].predict(_windows_of(inputs))
    return KnownAnswer(
        request=request,
        predicted_bandwidth=round(float(answer[0, request.horizon - 1, 0]) * KNOWN_CAPACITY_MBPS, 4),
        tolerance=KNOWN_TOLERANCE_MBPS,
    )


def _windows_of(inputs: Inputs) -> Windows:
    """A question as windows without a future."""
    import numpy as np

    count = len(inputs.window)
    none = np.full(count, np.nan)
    unknown = np.full((count, 5), np.nan, np.float32)
    return Windows(inputs.window, inputs.context, unknown, none, none, none.astype(np.float32), np.full(count, ""))
