"""Many links in one request: each answered as if it had been asked alone."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_inference.bundle import inputs_of, load_bundle
from ml_inference.serving.prediction import predict_batch
from qos_contract import EXAMPLE_REQUEST, MAX_BATCH, BatchRequest, BatchResponse
from qos_runtime.testing import Endpoint, running

BUNDLE = Path(__file__).parents[2] / "bundles" / "default"


@pytest.fixture(scope="module")
def service() -> Iterator[Endpoint]:
    with running(["-m", "ml_inference"], "ML_INFERENCE_", bundle_dir=BUNDLE) as (endpoint, _):
        yield endpoint


def link(seed: int, samples: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    question = {
        "packet_rate": random.uniform(0, 2000, samples).tolist(),
        "bandwidth_util": random.uniform(0, 120, samples).tolist(),
        "rtt_variance": random.uniform(0, 20, samples).tolist() if seed % 3 else None,
        "link_capacity_mbps": float(random.uniform(1, 1000)),
        "horizon": int(random.integers(1, 6)),
    }
    return question | ({"threshold_mbps": float(random.uniform(0, 500))} if seed % 2 else {})


def ask(service: Endpoint, *requests: Any) -> list[dict[str, Any]]:
    answer = service.post("/predict/batch", {"requests": requests})
    assert answer.status == 200, answer
    answers: list[dict[str, Any]] = answer.json()["answers"]
    return answers


def test_batch_when_of_many_links_then_each_is_answered_as_if_alone(service: Endpoint) -> None:
    links = [link(seed, samples) for seed, samples in enumerate([10, 10, 11, 60, 512, 10, 30])]
    for together, question in zip(ask(service, *links), links, strict=True):
        alone = service.post("/predict", question).json()
        assert together.keys() == alone.keys()
        numbers = [name for name, value in alone.items() if isinstance(value, float)]
        assert [together[name] for name in numbers] == pytest.approx([alone[name] for name in numbers], abs=2e-3)
        assert together["model_version"] == alone["model_version"]


def test_batch_when_one_is_bad_then_it_alone_is_refused_with_its_path(service: Endpoint) -> None:
    bad = EXAMPLE_REQUEST | {"packet_rate": [1] * 9 + [-1]}
    good, refused, last = ask(service, EXAMPLE_REQUEST, bad, EXAMPLE_REQUEST)
    assert good == last
    assert good["unit"] == "Mbps"
    assert refused["error"] == "validation_error"
    assert refused["detail"][0]["loc"] == ["body", "requests", 1, "packet_rate", 9]


def test_batch_when_all_are_bad_then_each_says_why(service: Endpoint) -> None:
    assert {answer["error"] for answer in ask(service, 1, None, {})} == {"validation_error"}


def test_batch_when_full_then_is_answered(service: Endpoint) -> None:
    assert len(ask(service, *[EXAMPLE_REQUEST] * MAX_BATCH)) == MAX_BATCH


@pytest.mark.parametrize("requests", [[], [EXAMPLE_REQUEST] * (MAX_BATCH + 1), {}, None])
def test_batch_when_not_one_then_422_at_requests(service: Endpoint, requests: Any) -> None:
    answer = service.post("/predict/batch", {"requests": requests})
    assert answer.status == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "requests"]


def test_batch_when_too_large_then_413(service: Endpoint) -> None:
    assert service.post("/predict/batch", b" " * 2_097_153).status == 413


def test_batch_when_links_differ_in_what_is_known_then_each_graph_runs_once(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(BUNDLE, tmp_path / "bundle"))
    manifest = json.loads((folder / "manifest.json").read_text())
    bundle = load_bundle(folder)
    forecast = bundle.baseline.forecast
    known = forecast(inputs_of(bundle.manifest.known_answer.request)).at(0, 0).mean * 100
    manifest |= {"history_samples": 40}
    manifest["known_answer"] |= {"predicted_bandwidth": known, "tolerance": 0.01}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    bundle = load_bundle(folder)
    batch = BatchRequest.model_validate({"requests": [link(1, 10), link(2, 40), link(3, 39), link(4, 60)]})
    answers = BatchResponse.model_validate_json(predict_batch(bundle, batch, 100.0).wire()).answers
    versions = [getattr(answer, "model_version", None) for answer in answers]
    model, baseline = bundle.model.version, bundle.baseline.version
    assert versions == [baseline, model, baseline, model]
