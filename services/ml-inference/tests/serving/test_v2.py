"""The Open Inference Protocol, asked by a client that others wrote, and by one that means no good."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from ml_inference.bundle import load_bundle
from ml_inference.serving.v2.model import EXAMPLE
from qos_contract import EXAMPLE_REQUEST, MAX_BATCH
from qos_runtime.testing import Answer, Endpoint, running

BUNDLE = Path(__file__).parents[2] / "bundles" / "default"
INFER = "/v2/models/bandwidth/infer"
LENGTH = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def service() -> Iterator[Endpoint]:
    with running(["-m", "ml_inference"], "ML_INFERENCE_", bundle_dir=BUNDLE) as (endpoint, _):
        endpoint.wait_for("/health/ready", 200)
        yield endpoint


@pytest.fixture
def client(service: Endpoint) -> Iterator[InferenceServerClient]:
    client = InferenceServerClient(f"127.0.0.1:{service.port}", concurrency=1)
    yield client
    client.close()


@pytest.fixture
def version() -> str:
    return load_bundle(BUNDLE).version


def histories(links: int, samples: int, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    history = random.uniform(0, [2000, 110, 20], (links, samples, 3)).astype(np.float32)
    history[::2, 3, 2] = np.nan
    return history


def tensor(name: str, values: np.ndarray, binary: bool) -> InferInput:
    sent = InferInput(name, list(values.shape), "FP32")
    sent.set_data_from_numpy(values, binary_data=binary)
    return sent


def asked_singly(service: Endpoint, history: np.ndarray, horizon: int, capacity: float = 100.0) -> dict[str, Any]:
    rate, util, rtt = history.astype(float).T.tolist()
    spread = [None if np.isnan(value) else value for value in rtt]
    body = {"packet_rate": rate, "bandwidth_util": util, "rtt_variance": spread, "horizon": horizon}
    answer: dict[str, Any] = service.post("/predict", body | {"link_capacity_mbps": capacity}).json()
    return answer


def test_client_when_it_asks_for_health_and_metadata_then_gets_them(
    client: InferenceServerClient, version: str
) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("bandwidth")
    assert client.is_model_ready("bandwidth", version)
    assert not client.is_model_ready("bandwidth", "20000101-000000")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    metadata = client.get_model_metadata("bandwidth")
    assert metadata == client.get_model_metadata("bandwidth", version)
    assert metadata["versions"] == [version]
    assert {each["name"]: each["shape"] for each in metadata["outputs"]}["mean_mbps"] == [-1, 5]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize(("links", "samples"), [(1, 10), (7, 60), (3, 512)])
def test_client_when_it_infers_then_values_are_those_of_predict(
    service: Endpoint, client: InferenceServerClient, version: str, links: int, samples: int, binary: bool
) -> None:
    history = histories(links, samples)
    if not binary:  # the client writes NaN into JSON, which has no such number
        history = np.nan_to_num(history)
    capacity = np.linspace(10, 1000, links, dtype=np.float32)
    inputs = [tensor("history", history, binary), tensor("link_capacity_mbps", capacity, binary)]
    wanted = [InferRequestedOutput(name, binary_data=binary) for name in ("mean_mbps", "quantiles_mbps")]
    answer = client.infer("bandwidth", inputs, version, outputs=wanted, request_id="7")
    mean, quantiles = answer.as_numpy("mean_mbps"), answer.as_numpy("quantiles_mbps")
    levels = client.get_model_metadata("bandwidth")["parameters"]["quantile_levels"]
    ends = [levels.index(0.1), levels.index(0.9)]
    assert (mean.shape, quantiles.shape) == ((links, 5), (links, 5, len(levels)))
    response = answer.get_response()
    assert (response["id"], response["model_version"]) == ("7", version)
    for link in range(links):
        for horizon in range(1, 6):
            single = asked_singly(service, history[link], horizon, float(capacity[link]))
            numbers = [single["predicted_bandwidth"], single["lower"], single["upper"]]
            found = [mean[link, horizon - 1], *quantiles[link, horizon - 1, ends]]
            assert found == pytest.approx(numbers, abs=2e-3, rel=1e-4)


def test_client_when_it_wants_no_output_by_name_then_gets_all_and_a_full_batch_fits(
    client: InferenceServerClient,
) -> None:
    answer = client.infer("bandwidth", [tensor("history", histories(MAX_BATCH, 10), binary=True)])
    assert answer.as_numpy("mean_mbps").shape == (MAX_BATCH, 5)
    assert answer.as_numpy("quantiles_mbps").shape[:2] == (MAX_BATCH, 5)


def test_client_when_it_asks_for_what_is_not_there_then_is_told_in_a_sentence(client: InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="no other"):
        client.infer("bandwidth", [tensor("history", histories(1, 10), binary=True)], "20000101-000000")
    with pytest.raises(InferenceServerException, match="no input 'window'"):
        client.infer("bandwidth", [tensor("window", histories(1, 10), binary=True)])


def error_of(answer: Answer, status: int = 400) -> str:
    assert answer.status == status, answer
    sentence = answer.json()["error"]
    assert isinstance(sentence, str)
    return sentence


def with_input(**changes: Any) -> dict[str, Any]:
    return {"inputs": [EXAMPLE["inputs"][0] | changes]}


def test_infer_when_nested_and_null_then_is_read_and_flat_is_answered(service: Endpoint) -> None:
    rows = [list(row) for row in zip(*EXAMPLE_REQUEST.values(), strict=True)]
    rows[3][2] = None
    (mean, _) = service.post(INFER, with_input(data=[rows])).json()["outputs"]
    rtt = [*EXAMPLE_REQUEST["rtt_variance"]]
    rtt[3] = None
    single = service.post("/predict", EXAMPLE_REQUEST | {"rtt_variance": rtt}).json()
    assert mean["shape"] == [1, 5]
    assert mean["data"][0] == pytest.approx(single["predicted_bandwidth"], abs=1e-3)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "body: Invalid JSON"),
        (b"[" * 100_000, "body: Invalid JSON"),
        ({}, "inputs: Field required"),
        ({"inputs": []}, "inputs: "),
        ({"inputs": EXAMPLE["inputs"] * 2}, "given twice"),
        (with_input(datatype="INT64"), "inputs.0.datatype"),
        (with_input(shape=[1, -1, 3]), "inputs.0.shape.1"),
        (with_input(shape=[2**24] * 3), "as many elements"),
        (with_input(shape=[1, 29]), "as many elements"),
        (with_input(shape=[3, 10]), "must have the shape"),
        (with_input(shape=[10, 1, 3], data=[0] * 30), "10 to 512 samples"),
        (with_input(shape=[0, 10, 3], data=[]), "1 to 512 links"),
        (with_input(data=["65"] * 30), "inputs.0.data"),
        (with_input(data=[True] * 30), "inputs.0.data"),
        (with_input(data=[[1.0], [1.0, 2.0]]), "not a tensor"),
        (with_input(data=[1e308] * 30), "packet_rate must be between 0 and 1e+10"),
        (with_input(data=[None] * 30), "history[0, 0, 0]: packet_rate"),
        (with_input(data=[-1] * 30), "history[0, 0, 0]: packet_rate"),
        (with_input(data=None), "needs either data"),
        (with_input(parameters={"binary_data_size": 120}), "needs either data"),
        (with_input(data=None, parameters={"binary_data_size": 120}), "not a tensor"),
        (with_input(data=None, parameters={"binary_data_size": True}), "not a tensor"),
        (with_input() | {"outputs": [{"name": "nonsense"}]}, "no output 'nonsense'"),
        (with_input(name="x" * 65), "inputs.0.name"),
        (
            {
                "inputs": [
                    *EXAMPLE["inputs"],
                    {"name": "link_capacity_mbps", "datatype": "FP32", "shape": [1], "data": [0]},
                ]
            },
            "above 0",
        ),
    ],
)
def test_infer_when_wrong_then_400_says_where(service: Endpoint, body: Any, words: str) -> None:
    assert words in error_of(service.post(INFER, body))


@pytest.mark.parametrize(("length", "words"), [("x", "not a number"), ("-1", "not a number"), ("9999", "larger")])
def test_infer_when_the_json_has_no_such_length_then_400(service: Endpoint, length: str, words: str) -> None:
    assert words in error_of(service.ask("POST", INFER, json.dumps(EXAMPLE).encode(), {LENGTH: length}))


def test_infer_when_bytes_are_left_over_then_400(service: Endpoint) -> None:
    raw = json.dumps(EXAMPLE).encode()
    assert "more bytes" in error_of(service.ask("POST", INFER, raw + b"1234", {LENGTH: str(len(raw))}))


def test_infer_when_compressed_then_415(service: Endpoint) -> None:
    error_of(service.ask("POST", INFER, b"x", {"Content-Encoding": "gzip"}), 415)


def test_infer_when_too_large_then_413(service: Endpoint) -> None:
    error_of(service.post(INFER, b" " * 2_097_153), 413)


def test_protocol_when_there_is_no_bundle_then_alive_not_ready_and_503(tmp_path: Path) -> None:
    with running(["-m", "ml_inference"], "ML_INFERENCE_", bundle_dir=tmp_path / "none") as (service, _):
        assert service.get("/v2/health/live").status == 200
        assert service.get("/v2/health/ready").status == 400
        assert service.get("/v2/models/bandwidth/ready").status == 400
        answer = service.post(INFER, EXAMPLE)
        error_of(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0


numbers = st.floats() | st.integers() | st.sampled_from([None, True, "65", [], {}, 1e308, 10**400])
tensors = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["history", "link_capacity_mbps", "x"]),
        "datatype": st.sampled_from(["FP32", "FP32", "BYTES"]),
        "shape": st.lists(st.integers(-1, 40) | numbers, max_size=4) | st.just([1, 10, 3]),
    },
    optional={
        "data": st.lists(st.floats(0, 100), min_size=30, max_size=30) | st.lists(numbers, max_size=40),
        "parameters": st.dictionaries(st.just("binary_data_size"), st.integers(-1, 200) | numbers),
    },
)
requests = st.fixed_dictionaries({"inputs": st.lists(tensors, max_size=3)}, optional={"id": numbers | st.text()})


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests, st.binary(max_size=200), st.none() | st.integers(-5, 1000) | st.text("0123456789ab", max_size=12))
def test_infer_when_anything_is_sent_then_never_fails(
    service: Endpoint, request_: Any, rest: bytes, length: int | str | None
) -> None:
    raw = json.dumps(request_).encode()
    headers = {} if length is None else {LENGTH: str(len(raw) if length == -1 else length)}
    answer = service.ask("POST", INFER, raw + rest, headers)
    assert answer.status in (200, 400), answer
    assert len(answer.body) < 3000 or answer.status == 200
