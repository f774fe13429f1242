"""The running service: its answers, and what it does when its bundle goes bad and comes back."""

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ml_inference.bundle import Bundle, Graph, inputs_of, load_bundle
from ml_inference.serving.keeper import BundleKeeper
from qos_contract import EXAMPLE_REQUEST, PredictRequest, PredictResponse
from qos_runtime.testing import Answer, Endpoint, Process, running

BUNDLE = Path(__file__).parents[2] / "bundles" / "default"
SERVICE = ["-m", "ml_inference"]


@pytest.fixture(scope="module")
def service() -> Iterator[Endpoint]:
    with running(SERVICE, "ML_INFERENCE_", bundle_dir=BUNDLE) as (endpoint, _):
        yield endpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUNDLE, tmp_path / "bundle"))


def answer_of(answer: Answer) -> PredictResponse:
    assert answer.status == 200, answer
    return PredictResponse.model_validate_json(answer.body)


def ask(service: Endpoint, **changes: object) -> PredictResponse:
    return answer_of(service.post("/predict", EXAMPLE_REQUEST | changes))


def test_predict_when_asked_the_documented_window_then_answers_near_its_utilisation(service: Endpoint) -> None:
    answer = ask(service)
    assert 50 <= answer.predicted_bandwidth <= 90
    assert answer.lower <= answer.predicted_bandwidth <= answer.upper
    assert (answer.unit, answer.level, answer.horizon, answer.link_capacity_mbps) == ("Mbps", 0.8, 1, 100.0)
    assert answer.exceed_probability is None


def test_predict_when_capacity_is_tenfold_then_so_is_the_answer(service: Endpoint) -> None:
    ratio = ask(service, link_capacity_mbps=1000).predicted_bandwidth / ask(service).predicted_bandwidth
    assert ratio == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize("horizon", range(1, 6))
def test_predict_when_compared_with_the_bundle_then_is_the_same(service: Endpoint, horizon: int) -> None:
    forecast = load_bundle(BUNDLE).model.forecast(inputs_of(PredictRequest.model_validate(EXAMPLE_REQUEST)))
    expected = forecast.at(0, horizon - 1)
    lower, upper = expected.interval(0.8)
    answer = ask(service, horizon=horizon)
    assert answer.predicted_bandwidth == pytest.approx(100 * expected.mean, abs=1e-4)
    assert (answer.lower, answer.upper) == pytest.approx((100 * lower, 100 * upper), abs=1e-4)


def test_predict_when_threshold_rises_then_probability_falls(service: Endpoint) -> None:
    probabilities = [ask(service, threshold_mbps=mbps).exceed_probability or 0.0 for mbps in (0, 55, 65, 75, 1e9)]
    assert probabilities == sorted(probabilities, reverse=True)
    assert probabilities[0] > 0.9
    assert probabilities[-1] == 0


def test_predict_when_asked_for_the_path_then_has_every_step_as_if_asked_alone(service: Endpoint) -> None:
    answer = ask(service, horizon=5, threshold_mbps=70, path=True)
    assert answer.path is not None
    assert len(answer.path) == 5
    for horizon, step in enumerate(answer.path, start=1):
        alone = ask(service, horizon=horizon, threshold_mbps=70)
        shared = set(type(step).model_fields) & set(type(alone).model_fields)
        assert step.model_dump(include=shared) == alone.model_dump(include=shared)
    within = [step.exceed_within_probability or 0.0 for step in answer.path]
    assert within == sorted(within)
    assert within[0] == answer.path[0].exceed_probability
    assert within[-1] > max(step.exceed_probability or 0.0 for step in answer.path)


def test_predict_when_there_is_no_threshold_then_the_path_has_no_probabilities(service: Endpoint) -> None:
    answer = service.post("/predict", EXAMPLE_REQUEST | {"horizon": 3, "path": True}).json()
    assert [sorted(step) for step in answer["path"]] == [["lower", "predicted_bandwidth", "upper"]] * 3


def test_predict_when_the_baseline_is_asked_for_then_it_answers(service: Endpoint) -> None:
    bundle = load_bundle(BUNDLE)
    expected = bundle.baseline.forecast(inputs_of(PredictRequest.model_validate(EXAMPLE_REQUEST))).at(0, 0)
    answer = ask(service, forecaster="baseline")
    assert answer.predicted_bandwidth == pytest.approx(100 * expected.mean, abs=1e-4)
    assert answer.model_version == bundle.manifest.baseline_version
    assert ask(service, forecaster="model").model_version == bundle.manifest.model_version


def test_batch_when_both_forecasters_are_asked_then_each_answers_its_own(service: Endpoint) -> None:
    asked = [EXAMPLE_REQUEST | {"forecaster": name} for name in ("baseline", "model", "baseline")]
    answers = service.post("/predict/batch", {"requests": asked}).json()["answers"]
    assert answers == [service.post("/predict", question).json() for question in asked]


@pytest.mark.parametrize(
    "change",
    [
        {"rtt_variance": None},
        {"rtt_variance": [None] * 10},
        {"packet_rate": [1e10] * 10, "bandwidth_util": [1000] * 10, "rtt_variance": [600_000] * 10},
        {"packet_rate": [0] * 10, "bandwidth_util": [0] * 10},
        {"link_capacity_mbps": 5e-324, "threshold_mbps": 1e9},
        {"link_capacity_mbps": 1e7},
    ],
)
def test_predict_when_at_the_limits_then_answers(service: Endpoint, change: dict[str, object]) -> None:
    ask(service, **change)


def test_predict_when_the_default_capacity_is_set_then_it_is_used() -> None:
    with running(SERVICE, "ML_INFERENCE_", bundle_dir=BUNDLE, default_link_capacity_mbps=40) as (service, _):
        assert ask(service).link_capacity_mbps == 40


def test_predict_when_body_is_bad_then_422_with_the_path(service: Endpoint) -> None:
    answer = service.post("/predict", EXAMPLE_REQUEST | {"rtt_variance": [1] * 11})
    assert answer.status == 422
    assert answer.json()["error"] == "validation_error"
    assert answer.json()["detail"][0]["loc"] == ["body", "rtt_variance"]


def rewritten(folder: Path, **changes: object) -> Path:
    """The bundle in `folder` with other words in its manifest."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


def answered_by_baseline() -> dict[str, object]:
    """What the manifest has to say of the documented question where the baseline answers it."""
    known = load_bundle(BUNDLE).baseline.forecast(inputs_of(PredictRequest.model_validate(EXAMPLE_REQUEST)))
    return {"request": EXAMPLE_REQUEST, "predicted_bandwidth": 100 * float(known.mean[0, 0]), "tolerance": 0.01}


def history(samples: int, seed: int = 1) -> dict[str, list[float]]:
    """A link that wandered far away from the documented window before it came to it."""
    random = np.random.default_rng(seed)
    before = samples - len(EXAMPLE_REQUEST["bandwidth_util"])
    return {name: [*random.uniform(1, 9, before).tolist(), *values] for name, values in EXAMPLE_REQUEST.items()}


def check_is(answer: PredictResponse, graph: Graph, **asked: object) -> None:
    """That the answer is the graph's, and says so."""
    request = PredictRequest.model_validate(EXAMPLE_REQUEST | asked)
    expected = graph.forecast(inputs_of(request)).at(0, request.horizon - 1)
    numbers = (answer.predicted_bandwidth, answer.lower, answer.upper)
    assert numbers == pytest.approx([100 * each for each in (expected.mean, *expected.interval(0.8))], abs=1e-4)
    assert answer.model_version == graph.version


def test_predict_when_the_gate_refused_the_model_then_the_baseline_answers_and_signs(folder: Path) -> None:
    refused = {"passed": False, "reasons": ["it is no better than ridge"]}
    bundle = load_bundle(rewritten(folder, gate=refused, known_answer=answered_by_baseline()))
    manifest = bundle.manifest
    with running(SERVICE, "ML_INFERENCE_", bundle_dir=folder) as (service, _):
        for asked in ({}, history(60), {"horizon": 5}, {"rtt_variance": None, "horizon": 3}):
            answer = ask(service, **asked)
            check_is(answer, bundle.baseline, **asked)
            assert answer.model_version == f"{manifest.baseline}-{manifest.model_version}"
        assert service.get("/health/ready").json()["model_version"] == bundle.baseline.version
        model = bundle.model.forecast(inputs_of(PredictRequest.model_validate(EXAMPLE_REQUEST))).mean[0, 0]
        assert abs(ask(service).predicted_bandwidth - 100 * model) > 0.01  # the two could be told apart


def test_predict_when_too_little_is_known_of_the_link_then_the_baseline_answers(folder: Path) -> None:
    bundle = load_bundle(rewritten(folder, history_samples=40, known_answer=answered_by_baseline()))
    with running(SERVICE, "ML_INFERENCE_", bundle_dir=folder) as (service, _):
        for samples, graph in ((10, bundle.baseline), (39, bundle.baseline), (40, bundle.model), (60, bundle.model)):
            check_is(ask(service, **history(samples)), graph, **history(samples))


@pytest.mark.parametrize("samples", [11, 60, 512])
def test_predict_when_more_history_is_sent_then_it_is_used(service: Endpoint, samples: int) -> None:
    answer, short = ask(service, **history(samples)), ask(service)
    check_is(answer, load_bundle(BUNDLE).model, **history(samples))
    assert abs(answer.predicted_bandwidth - short.predicted_bandwidth) > 1e-3


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (history(513), "packet_rate"),
        ({name: values[1:] for name, values in EXAMPLE_REQUEST.items()}, "packet_rate"),
        (history(60) | {"bandwidth_util": history(59)["bandwidth_util"]}, "bandwidth_util"),
        ({"rtt_variance": history(60)["rtt_variance"]}, "rtt_variance"),
        ({"packet_rate": [1.1e10] * 10}, "packet_rate"),
        ({"bandwidth_util": [1000.1] * 10}, "bandwidth_util"),
        ({"rtt_variance": [600_001] * 10}, "rtt_variance"),
        ({"bandwidth_util": [-0.1] * 10}, "bandwidth_util"),
        ({"horizon": 6}, "horizon"),
        ({"threshold_mbps": -1}, "threshold_mbps"),
        ({"link_capacity_mbps": 0}, "link_capacity_mbps"),
    ],
)
def test_predict_when_beyond_the_limits_then_422_names_the_field(
    service: Endpoint, change: dict[str, object], name: str
) -> None:
    answer = service.post("/predict", EXAMPLE_REQUEST | change)
    assert answer.status == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", name]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 1000), min_size=10, max_size=60),
    st.lists(st.floats(0, 2000), min_size=2, max_size=5),
    st.integers(1, 5),
)
def test_predict_when_threshold_rises_then_probability_never_does(
    service: Endpoint, util: list[float], thresholds: list[float], horizon: int
) -> None:
    link = {"packet_rate": util, "bandwidth_util": util, "rtt_variance": None, "horizon": horizon}
    answers = [ask(service, **link, threshold_mbps=threshold) for threshold in sorted(thresholds)]
    probabilities = [answer.exceed_probability for answer in answers if answer.exceed_probability is not None]
    assert len(probabilities) == len(thresholds)
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 <= answer.lower <= answer.upper for answer in answers)


@pytest.mark.parametrize("horizon", range(1, 6))
def test_predict_when_an_end_of_the_interval_is_the_threshold_then_probability_is_its_level(
    service: Endpoint, horizon: int
) -> None:
    answer = ask(service, horizon=horizon, link_capacity_mbps=1000)
    for end, expected in ((answer.lower, 0.9), (answer.upper, 0.1)):
        exceeding = ask(service, horizon=horizon, link_capacity_mbps=1000, threshold_mbps=end).exceed_probability
        assert exceeding == pytest.approx(expected, abs=1e-3)


def test_metrics_when_scraped_then_name_the_model(service: Endpoint) -> None:
    families = {f.name: f for f in text_string_to_metric_families(service.get("/metrics").body.decode())}
    assert families["model_info"].samples[0].labels["model_version"] == ask(service).model_version


def test_openapi_when_read_then_documents_body_and_errors(service: Endpoint) -> None:
    operation = service.get("/openapi.json").json()["paths"]["/predict"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["example"] == EXAMPLE_REQUEST
    assert {"200", "408", "413", "422", "503"} == set(operation["responses"])
    assert "HTTPValidationError" not in json.dumps(operation)


@pytest.fixture
def watched(folder: Path) -> Iterator[tuple[Endpoint, Process]]:
    with running(SERVICE, "ML_INFERENCE_", bundle_dir=folder, bundle_check_seconds=0.1) as service:
        yield service


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "file"),
    [
        (flip_a_bit, "model.onnx"),
        (Path.unlink, "model.onnx"),
        (flip_a_bit, "baseline.onnx"),
        (Path.unlink, "baseline.onnx"),
        (Path.unlink, "manifest.json"),
    ],
)
def test_bundle_when_corrupted_and_restored_then_readiness_follows_and_answers_go_on(
    watched: tuple[Endpoint, Process], folder: Path, damage: Callable[[Path], None], file: str
) -> None:
    service, process = watched
    service.wait_for("/health/ready", 200)
    damage(folder / file)
    reason = service.wait_for("/health/ready", 503).json()["reason"]
    assert file in reason
    assert str(folder) not in reason
    assert service.get("/health").status == 200
    ask(service)
    shutil.copy(BUNDLE / file, folder / file)
    service.wait_for("/health/ready", 200)
    assert process.log().count("cannot be served") == 1


def test_bundle_when_missing_at_the_start_then_alive_not_ready_and_heals(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with running(SERVICE, "ML_INFERENCE_", bundle_dir=folder, bundle_check_seconds=0.1) as (service, _):
        assert service.get("/health").status == 200
        assert service.wait_for("/health/ready", 503).json()["reason"] == "bundle folder later does not exist"
        answer = service.post("/predict", EXAMPLE_REQUEST)
        assert (answer.status, answer.json()["error"]) == (503, "model_not_ready")
        assert int(answer.headers["Retry-After"]) > 0
        shutil.copytree(BUNDLE, folder)
        service.wait_for("/health/ready", 200)
        ask(service)


def test_bundle_when_replaced_then_the_new_one_answers(watched: tuple[Endpoint, Process], folder: Path) -> None:
    service, _ = watched
    service.wait_for("/health/ready", 200)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"model_version": "20990101-abcdef12"}))
    deadline = time.monotonic() + 5
    while ask(service).model_version != "20990101-abcdef12":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_keeper_when_nothing_changed_then_does_not_load_again(folder: Path) -> None:
    loaded: list[Bundle] = []
    keeper = BundleKeeper(folder, loaded.append, lambda: None)

    async def look_thrice() -> None:
        for _ in range(3):
            await keeper.refresh()

    asyncio.run(look_thrice())
    assert len(loaded) == 1


def test_serving_when_imported_then_training_and_its_libraries_are_not() -> None:
    script = "import ml_inference.__main__, ml_inference.serving.app, sys; sys.stderr.write(' '.join(sys.modules))"
    process = Process(["-c", script], {})
    try:
        assert process.wait() == 0, process.log()
        modules = set(process.log().split())
    finally:
        process.stop()
    assert "onnxruntime" in modules
    unwanted = {"tensorflow", "keras", "onnx", "tf2onnx", "ml_inference.training", "ml_inference.forecasting"}
    assert not unwanted & modules
