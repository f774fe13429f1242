"""A new model is taken in at a signal, while requests go on; a bad one is not."""

import http.client
import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_inference.bundle import inputs_of, load_bundle, put_in_place
from ml_inference.bundle.manifest import FILES
from qos_contract import EXAMPLE_REQUEST
from qos_runtime.testing import STARTED, Endpoint, Process, open_listener, running

BUNDLE = Path(__file__).parents[2] / "bundles" / "default"
# Longer than the test: only the signal makes the service look.
NEVER = 3600
OLD, NEW = "20260101-aaaaaa", "20260202-bbbbbb"


def files_of(version: str) -> dict[str, bytes]:
    """The shipped bundle under another version; NEW answers with the baseline's graph, so that values differ."""
    files = {name: (BUNDLE / name).read_bytes() for name in FILES}
    manifest = json.loads(files["manifest.json"]) | {"model_version": version}
    if version == NEW:
        bundle = load_bundle(BUNDLE)
        known = bundle.baseline.forecast(inputs_of(bundle.manifest.known_answer.request)).at(0, 0).mean * 100
        manifest["known_answer"] |= {"predicted_bandwidth": known, "tolerance": 0.01}
        manifest["graph"] |= {"sha256": manifest["baseline_graph"]["sha256"]}
        files["model.onnx"] = files["baseline.onnx"]
    return files | {"manifest.json": json.dumps(manifest).encode()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put_in_place(tmp_path / "bundle", files_of(OLD))
    return tmp_path / "bundle"


@pytest.fixture
def service(folder: Path) -> Iterator[tuple[Endpoint, Process]]:
    with running(["-m", "ml_inference"], "ML_INFERENCE_", bundle_dir=folder, bundle_check_seconds=NEVER) as (
        endpoint,
        process,
    ):
        endpoint.wait_for("/health/ready", 200)
        yield endpoint, process


def version_of(endpoint: Endpoint) -> str:
    return str(endpoint.post("/predict", EXAMPLE_REQUEST).json()["model_version"])


def test_reload_when_the_bundle_is_bad_then_the_old_one_answers_on_and_the_log_says_so(
    service: tuple[Endpoint, Process], folder: Path
) -> None:
    endpoint, process = service
    put_in_place(folder, files_of(NEW) | {"model.onnx": b"nonsense"})
    process.signal(signal.SIGHUP)
    process.wait_for_log("cannot be served: model.onnx is not the file")
    assert version_of(endpoint) == OLD
    assert endpoint.get("/health/ready").status == 503
    assert "model_bundles_refused_total 1.0" in endpoint.get("/metrics").body.decode()
    put_in_place(folder, files_of(NEW))
    process.signal(signal.SIGHUP)
    process.wait_for_log(f"serving model {NEW}")
    assert version_of(endpoint) == NEW
    assert endpoint.get("/health/ready").json()["model_version"] == NEW


def test_reload_when_nothing_changed_then_nothing_is_loaded(service: tuple[Endpoint, Process]) -> None:
    endpoint, process = service
    process.signal(signal.SIGHUP)
    assert version_of(endpoint) == OLD
    assert process.log().count("serving model") == 1


def test_reloads_when_twenty_come_under_load_then_no_request_fails_and_every_value_is_its_versions(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {
        "ML_INFERENCE_SOCKET_FD": "0",
        "ML_INFERENCE_BUNDLE_DIR": str(folder),
        "ML_INFERENCE_BUNDLE_CHECK_SECONDS": str(NEVER),
    }
    seen: Counter[tuple[int, str, float]] = Counter()
    stop = threading.Event()

    def ask(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while not stop.is_set():
            connection.request("POST", "/predict", json.dumps(EXAMPLE_REQUEST))
            response = connection.getresponse()
            answer = json.loads(response.read())
            seen[response.status, answer.get("model_version", ""), answer.get("predicted_bandwidth", 0.0)] += 1
        connection.close()

    with open_listener() as listener:
        processes = [Process(["-m", "ml_inference"], environment, listener) for _ in range(2)]
        for process in processes:
            process.wait_for_log(STARTED)
        port = listener.getsockname()[1]
        clients = [threading.Thread(target=ask, args=(port,)) for _ in range(4)]
        for client in clients:
            client.start()
        try:
            for turn in range(20):
                version = OLD if turn % 2 else NEW
                put_in_place(folder, files_of(version))
                for process in processes:
                    process.signal(signal.SIGHUP)
                for process in processes:
                    process.wait_for_log(f"serving model {version}", times=turn // 2 + 1 + (version == OLD))
        finally:
            stop.set()
            for client in clients:
                client.join()
            for process in processes:
                process.stop()
    values = {version: {value for _, name, value in seen if name == version} for version in (OLD, NEW)}
    with capsys.disabled():
        print(f"\n20 reloads in 2 processes: {sum(seen.values())} requests, {dict(seen)}")  # noqa: T201 - the result
    assert {status for status, _, _ in seen} == {200}
    assert {name for _, name, _ in seen} == {OLD, NEW}
    assert all(len(found) == 1 for found in values.values()), values
    assert values[OLD] != values[NEW]
    assert sum(seen.values()) > 500
