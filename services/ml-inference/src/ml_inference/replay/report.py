"""What a replay has shown, as numbers and as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ml_inference.forecasting import metrics
from ml_inference.replay.gateway import Answers

PERCENTILES = (50, 95, 99)


def report_of(answers: Answers, data: Path, split: str) -> dict[str, Any]:
    """Scores in Mbps against the measured bandwidth one step later, and the gateway's speed."""
    actual, predicted = np.array(answers.actual), np.array(answers.predicted)  # [rows] Mbps
    error, error_of_last = metrics.rmse(actual, predicted), metrics.rmse(actual, np.array(answers.last))
    latency = np.percentile(answers.latency, PERCENTILES) * 1e3  # [percentiles] ms
    return {
        "data": data.name,
        "split": split,
        "rows": len(actual),
        "rmse_mbps": error,
        "rmse_persistence_mbps": error_of_last,
        "skill": metrics.skill(error, error_of_last),
        "coverage_80": metrics.coverage(actual, np.array(answers.lower), np.array(answers.upper)),
        "requests_per_second": len(actual) / answers.seconds,
        "latency_ms": {f"p{p}": float(value) for p, value in zip(PERCENTILES, latency, strict=True)},
        "model_version": ", ".join(sorted(answers.model_versions)),  # more than one if a release came between
        "errors": 0,  # the first one ends a replay
    }


def text_of(report: dict[str, Any]) -> str:
    """The report for a person."""
    latency = " / ".join(f"{value:.1f}" for value in report["latency_ms"].values())
    return "\n".join(
        [
            f"{report['data']}, split {report['split']}: {report['rows']} forecasts by {report['model_version']}",
            f"  RMSE          {report['rmse_mbps']:.3f} Mbps",
            f"  persistence   {report['rmse_persistence_mbps']:.3f} Mbps",
            f"  skill         {report['skill']:.1%}",
            f"  in 80 %       {report['coverage_80']:.1%}",
            f"  speed         {report['requests_per_second']:.0f} requests/s, one at a time",
            f"  latency       {latency} ms (p50 / p95 / p99)",
        ]
    )
