"""Gateway and ml-inference as they run: real processes, the real bundle, and whatever clients may send."""

import http.client
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qos_contract import EXAMPLE_REQUEST, ErrorBody, PredictRequest, PredictResponse
from qos_runtime.testing import STARTED, Answer, Endpoint, Process, open_listener, running

BUNDLE = Path(__file__).parents[2] / "ml-inference" / "bundles" / "default"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2000"))

numbers: st.SearchStrategy[Any] = st.one_of(
    st.floats(),
    st.integers(),
    st.sampled_from([0, -0.0, 5e-324, 1e10, 1e308, -1e308, 10**400, True, None, "65", "NaN", [], {}]),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
sane = st.lists(st.floats(0, 1000), min_size=10, max_size=30)
fields = st.sampled_from([*PredictRequest.model_fields, "other"])


@st.composite
def mutated_requests(draw: st.DrawFn) -> bytes:
    """A valid request with a field replaced, a sample replaced, a list cut, or its bytes damaged."""
    request: dict[str, Any] = {**EXAMPLE_REQUEST, "horizon": 1, "link_capacity_mbps": 100, "threshold_mbps": 70}
    mutation = draw(st.sampled_from(["none", "field", "sample", "lists", "bytes", "limits"]))
    if mutation == "field":
        request[draw(fields)] = draw(anything | numbers | st.lists(numbers, max_size=12))
    if mutation == "sample":
        name = draw(st.sampled_from(list(EXAMPLE_REQUEST)))
        index = draw(st.integers(0, 9))
        request[name] = [*request[name][:index], draw(numbers), *request[name][index + 1 :]]
    if mutation == "lists":
        request |= {name: draw(sane) for name in EXAMPLE_REQUEST}
    if mutation == "limits":
        request["link_capacity_mbps"] = draw(st.floats(0, 1e7, exclude_min=True))
        request["threshold_mbps"] = draw(st.floats(0, 1e9))
        request["horizon"] = draw(st.integers(1, 5))
        request["packet_rate"] = draw(st.lists(st.floats(0, 1e10), min_size=10, max_size=10))
        request["bandwidth_util"] = draw(st.lists(st.floats(0, 1000), min_size=10, max_size=10))
        request["rtt_variance"] = draw(st.lists(st.none() | st.floats(0, 600_000), min_size=10, max_size=10))
    raw = json.dumps(request).encode()
    if mutation == "bytes":
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.binary(max_size=8)) + raw[at + draw(st.integers(0, 8)) :]
    return raw


bodies = st.one_of(
    mutated_requests(), mutated_requests(), anything.map(lambda sent: json.dumps(sent).encode()), st.binary()
)


@pytest.fixture(scope="module")
def inference() -> Iterator[Endpoint]:
    with running(["-m", "ml_inference"], "ML_INFERENCE_", bundle_dir=BUNDLE) as (endpoint, _):
        yield endpoint


@pytest.fixture(scope="module")
def gateway(inference: Endpoint) -> Iterator[Endpoint]:
    with running(["-m", "api_gateway"], "API_GATEWAY_", inference_url=inference.url) as (endpoint, _):
        yield endpoint


def test_predict_when_asked_the_documented_window_then_both_hops_answer_the_same(
    gateway: Endpoint, inference: Endpoint
) -> None:
    answer = gateway.post("/predict", EXAMPLE_REQUEST)
    assert answer.status == 200
    assert 50 <= PredictResponse.model_validate_json(answer.body).predicted_bandwidth <= 90
    assert answer.body == inference.post("/predict", EXAMPLE_REQUEST).body


def test_ready_when_inference_is_then_names_its_model(gateway: Endpoint, inference: Endpoint) -> None:
    version = inference.get("/health/ready").json()["model_version"]
    assert gateway.get("/health/ready").json() == {"status": "ready", "model_version": version}


def window(**changes: Any) -> bytes:
    return json.dumps(EXAMPLE_REQUEST | changes).encode()


BAD = {
    "empty": (b"", 422, ["body"]),
    "9 samples": (window(packet_rate=[1] * 9), 422, ["body", "packet_rate"]),
    "513 samples": (window(packet_rate=[1] * 513), 422, ["body", "packet_rate"]),
    "unequal lengths": (window(rtt_variance=[1] * 11), 422, ["body", "rtt_variance"]),
    "NaN": (window(packet_rate=[1] * 3 + [float("nan")] + [1] * 6), 422, ["body", "packet_rate", 3]),
    "Infinity": (window(bandwidth_util=[float("inf")] * 10), 422, ["body", "bandwidth_util", 0]),
    '"NaN"': (window(packet_rate=["NaN"] * 10), 422, ["body", "packet_rate", 0]),
    "1e308": (window(packet_rate=[1e308] * 10), 422, ["body", "packet_rate", 0]),
    "booleans": (window(packet_rate=[True] * 10), 422, ["body", "packet_rate", 0]),
    "nested arrays": (b"[" * 60_000, 422, ["body"]),
    "invalid UTF-8": (b'{"packet_rate": "\xff\xfe"}', 422, ["body"]),
    "huge integer": (b'{"horizon": ' + b"9" * 60_000 + b"}", 422, ["body"]),
    "duplicate key": (window()[:-1] + b', "packet_rate": []}', 422, ["body", "packet_rate"]),
    "1 MB": (b" " * 1_000_000, 413, None),
}


@pytest.mark.parametrize(("raw", "status", "path"), BAD.values(), ids=BAD.keys())
def test_predict_when_body_is_bad_then_both_hops_refuse_it_alike(
    gateway: Endpoint, inference: Endpoint, raw: bytes, status: int, path: list[int | str] | None
) -> None:
    answers: list[Answer] = [hop.post("/predict", raw) for hop in (gateway, inference)]
    assert [answer.status for answer in answers] == [status, status]
    assert answers[0].body == answers[1].body
    if path:
        assert answers[0].json()["detail"][0]["loc"] == path


def test_predict_when_anything_is_sent_then_is_never_a_5xx(gateway: Endpoint) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    statuses: dict[int, int] = {}

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(bodies)
    def send(body: bytes) -> None:
        connection.request("POST", "/predict", body)
        response = connection.getresponse()
        answer = response.read()
        statuses[response.status] = statuses.get(response.status, 0) + 1
        assert response.status in {200, 422}, (body, answer)
        if response.status == 200:
            PredictResponse.model_validate_json(answer)
        else:
            assert ErrorBody.model_validate_json(answer).detail

    send()
    connection.close()
    assert sum(statuses.values()) >= EXAMPLES
    assert min(statuses[200], statuses[422]) > EXAMPLES / 20, statuses


def test_predict_when_inference_restarts_behind_the_gateway_then_no_request_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment = {"ML_INFERENCE_SOCKET_FD": "0", "ML_INFERENCE_BUNDLE_DIR": str(BUNDLE)}
    seen: list[int] = []
    stop = threading.Event()
    with open_listener() as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        processes = [Process(["-m", "ml_inference"], environment, listener) for _ in range(2)]
        with running(["-m", "api_gateway"], "API_GATEWAY_", inference_url=url) as (gateway, _):

            def ask() -> None:
                while not stop.is_set():
                    seen.append(gateway.post("/predict", EXAMPLE_REQUEST).status)

            gateway.wait_for("/health/ready", 200)
            clients = [threading.Thread(target=ask) for _ in range(4)]
            for client in clients:
                client.start()
            try:
                for turn in range(4):
                    time.sleep(0.3)
                    for process in processes:
                        process.wait_for_log(STARTED)
                    processes[turn % 2].signal()
                    assert processes[turn % 2].wait() == 0
                    processes[turn % 2].stop()
                    processes[turn % 2] = Process(["-m", "ml_inference"], environment, listener)
            finally:
                stop.set()
                for client in clients:
                    client.join()
                for process in processes:
                    process.stop()
    with capsys.disabled():
        print(f"\n4 restarts of ml-inference behind the gateway: {dict(Counter(seen))}")  # noqa: T201 - the count is the result
    assert set(seen) == {200}
    assert len(seen) > 500
