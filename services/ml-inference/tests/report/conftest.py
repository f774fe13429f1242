"""An evaluation small enough to read, as the two files hold it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SETS = ("valley", "tower", "macro")
SKILLS = {"persistence": 0.0, "ridge": 0.06, "lightgbm": 0.084, "lstm-zero-shot": 0.055, "lstm": 0.088}
LEVELS = [0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95]


class Files:
    """The content of both files, and where they lie once written."""

    def __init__(self, folder: Path) -> None:
        self.scores = [
            _score(place, model, horizon, skill)
            for place in SETS
            for horizon in (1, 5)
            for model, skill in SKILLS.items()
        ]
        self.details = _details()
        self.evaluation_file = folder / "evaluation.json"
        self.details_file = folder / "evaluation-details.json"

    def pair(self, model: str, other: str, low: float, high: float, horizon: int | None = None) -> None:
        """Set the macro's ratio of two models."""
        keep = [one for one in self.details["paired"] if (one["model"], one["other"]) != (model, other)]
        ratio = {"rmse_ratio": (low + high) / 2, "rmse_ratio_low": low, "rmse_ratio_high": high}
        self.details["paired"] = [
            *keep,
            {"set": "macro", "horizon": horizon, "model": model, "other": other, **ratio},
        ]

    def write(self) -> list[str]:
        """Both files; returns the arguments that name them."""
        self.evaluation_file.write_text(json.dumps(self.scores))
        self.details_file.write_text(json.dumps(self.details))
        return ["--evaluation", str(self.evaluation_file), "--details", str(self.details_file)]


def _score(place: str, model: str, horizon: int, skill: float) -> dict[str, Any]:
    skill += 0.03 * (horizon == 5 and model != "persistence")
    width = 0.0 if model == "persistence" else 0.01
    low, high = (None, None) if place == "tower" else (skill - width, skill + width)  # too few traces there
    return {
        "set": place, "split": "test", "horizon": horizon, "model": model, "n": 1234,
        "rmse": 31.5 * (1 - skill), "mae": 20.0, "mase": 0.9, "crps": 11.0,
        "skill": skill, "skill_low": low, "skill_high": high,
        "crps_gain": 2 * skill, "crps_gain_low": low and 2 * low, "crps_gain_high": high and 2 * high,
        "coverage_80": 0.787, "coverage_90": 0.893, "width_80": 50.0, "width_90": 71.0,
    }  # fmt: skip


def _details() -> dict[str, Any]:
    rivals = ("lightgbm", "ridge")
    common = {"set": "valley", "model": "lstm", "trace_id": "link <7>"}
    fan = {"origin": 11, "mean": [20.0] * 5, "quantiles": [[20 + 10 * (level - 0.5) for level in LEVELS]] * 5}
    return {
        "created": "2026-12-02T10:11:12+00:00", "code_version": "0.1.0+abc", "seed": 7, "split": "test",
        "seconds": 12.3,
        "data": [
            {"set": "valley", "file": "valley.csv", "sha256": "ab" * 32, "traces": 9, "rows": 9000,
             "rows_per_split": {"train": 6000, "val": 1000, "test": 2000}},
        ],
        "models": [
            {"model": "lstm", "set": "valley", "model_version": "20261201-00000001", "training": {"units": 32},
             "microseconds_per_window": 13.2, "gate": {"passed": False, "reasons": ["it is no better than ridge"]}},
        ],
        "segments": [
            {"set": "valley", "segment": "calm", "horizon": 1, "model": model, "n": 99, "rmse": 3.0,
             "skill": skill, "skill_low": None, "skill_high": None} for model, skill in SKILLS.items()
        ],
        "reliability": [
            {"set": "valley", "horizon": 1, "model": "lstm", "level": level, "observed": level} for level in LEVELS
        ],
        "paired": [
            {"set": "macro", "horizon": None, "model": model, "other": other, "rmse_ratio": 0.97,
             "rmse_ratio_low": 0.96, "rmse_ratio_high": 0.98}
            for model in ("lstm", "lstm-zero-shot") for other in rivals
        ],
        "optimum": [
            {"generator": "five-level", "horizon": 1, "model": "lstm", "rmse": 22.1, "rmse_optimum": 22.0,
             "ratio": 1.004, "optimum": "exact filter"},
        ],
        "fans": [
            common | {"step_seconds": 1.0, "past_mbps": [20.0] * 12, "actual_mbps": [21.0] * 8, "levels": LEVELS,
                      "fans": [fan]},
        ],
        "worst": [
            common | {"row": 5, "horizon": 1, "actual_mbps": 3.0, "predicted_mbps": 30.0, "lower_mbps": 20.0,
                      "upper_mbps": 40.0, "last_mbps": 31.0, "window_mbps": [30.0] * 10},
        ],
    }  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)
