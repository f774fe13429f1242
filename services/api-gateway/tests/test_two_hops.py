"""Gateway and ml-inference as they run: real processes, the real bundle, and whatever clients may send."""

import http.client
import json
import os
import threading
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from qos_contract import EXAMPLE_REQUEST, BatchResponse, ErrorBody, ErrorCode, PredictResponse
from qos_runtime.testing import STARTED, Answer, Endpoint, Process, open_listener, running

from .bodies import batch_bodies, predict_bodies
from .conftest import BUNDLE

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2000"))

LOAD_EXAMPLES = 10_000


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


@pytest.mark.parametrize(
    ("path", "bodies", "form", "examples"),
    [
        pytest.param("/predict", predict_bodies, PredictResponse, EXAMPLES, id="one link"),
        pytest.param("/predict/batch", batch_bodies, BatchResponse, EXAMPLES // 4, id="batch"),
        pytest.param("/predict", predict_bodies, PredictResponse, LOAD_EXAMPLES, id="flood", marks=pytest.mark.load),
        pytest.param(
            "/predict/batch", batch_bodies, BatchResponse, LOAD_EXAMPLES, id="flood of batches", marks=pytest.mark.load
        ),
    ],
)
def test_predict_when_anything_is_sent_then_is_never_a_5xx(
    gateway: Endpoint,
    path: str,
    bodies: st.SearchStrategy[bytes],
    form: type[BaseModel],
    examples: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # The timeout is for the answer to each single body: one that hangs is a failure.
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    statuses: Counter[int] = Counter()
    links: Counter[str] = Counter()

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(bodies)
    def send(body: bytes) -> None:
        connection.request("POST", path, body)
        response = connection.getresponse()
        answer = response.read()
        statuses[response.status] += 1
        # None of these bodies is large enough for a 413.
        assert response.status in {200, 422}, (body, response.status, answer)
        if response.status == 200:
            said = form.model_validate_json(answer)
            if isinstance(said, BatchResponse):
                assert len(said.answers) == len(json.loads(body)["requests"]), body
                links.update(type(link).__name__ for link in said.answers)
        else:
            refused = ErrorBody.model_validate_json(answer)
            assert refused.error is ErrorCode.VALIDATION_ERROR, (body, answer)
            assert refused.detail, (body, answer)

    send()
    connection.close()
    with capsys.disabled():
        print(f"\n{path}: {dict(statuses)} {dict(links)}")  # noqa: T201 - the counts are the result
    assert statuses.total() >= examples
    assert min(statuses[200], statuses[422]) > examples / 20, statuses
    if form is BatchResponse:
        assert min(links["PredictResponse"], links["ErrorBody"]) > examples / 20, links


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
