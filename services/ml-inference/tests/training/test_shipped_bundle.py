"""What the default bundle's manifest promises, measured again by ONNX Runtime on links made from its seed."""

from pathlib import Path

import numpy as np
import pytest

from ml_inference.bundle import load_bundle
from ml_inference.forecasting.evaluation import evaluate
from ml_inference.forecasting.layout import HORIZONS
from ml_inference.training.sources import generated

pytestmark = pytest.mark.training

FOLDER = Path(__file__).parents[2] / "bundles" / "default"


def test_bundle_when_scored_again_then_agrees_with_its_manifest() -> None:
    bundle = load_bundle(FOLDER)
    manifest = bundle.manifest
    source = generated(manifest.training["seed"], (manifest.data.model_extra or {})["links"])
    # Another processor may round an exponential otherwise and so draw a few other links.
    tolerance = 1e-4 if source.description["sha256"] == manifest.data.sha256 else 0.03
    assert set(manifest.metrics["sets"]) == set(source.test)
    for name, test in source.test.items():
        forecast = np.asarray(bundle.session.run(None, {"window": test.inputs})[0])
        promised = manifest.metrics["sets"][name]["horizons"]
        assert len(promised) == HORIZONS
        for score, promise in zip(evaluate(forecast, test), promised, strict=True):
            assert score.rmse_mbps == pytest.approx(promise["rmse_mbps"], rel=tolerance)
            assert score.skill == pytest.approx(promise["skill"], abs=tolerance)
            assert score.coverage_80 == pytest.approx(promise["coverage_80"], abs=tolerance)
            assert score.skill > 0
