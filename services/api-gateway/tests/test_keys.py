"""Who may ask: a running gateway with API keys."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from api_gateway.access.__main__ import main
from qos_contract import EXAMPLE_BATCH, EXAMPLE_REQUEST
from qos_runtime.testing import Answer, Endpoint, FaultServer, Process, run_fault_server, running

from . import upstreams


class Guarded(NamedTuple):
    """A gateway that asks for keys."""

    gateway: Endpoint
    process: Process
    upstream: FaultServer
    key_file: Path
    keys: dict[str, str]


@pytest.fixture(scope="module")
def new_key(tmp_path_factory: pytest.TempPathFactory) -> Any:
    key_file = tmp_path_factory.mktemp("keys") / "keys.json"

    def make(name: str, *options: str) -> tuple[Path, str]:
        with pytest.MonkeyPatch.context() as patch:
            written: list[str] = []
            patch.setattr("sys.stdout.write", written.append)
            assert main(["new", name, "--file", str(key_file), *options]) == 0
        return key_file, "".join(written).strip()

    return make


@pytest.fixture(scope="module")
def guarded(new_key: Any) -> Iterator[Guarded]:
    rights = {"client": [], "prometheus": ["--scopes", "metrics"], "slow": ["--rate", "0.01", "--burst", "2"]}
    made = {name: new_key(name, *options) for name, options in rights.items()}
    key_file = made["client"][0]
    with run_fault_server(upstreams.forecast) as upstream:
        settings = {"inference_url": f"http://127.0.0.1:{upstream.port}", "api_keys_file": key_file}
        with running(["-m", "api_gateway"], "API_GATEWAY_", **settings) as (gateway, process):
            gateway.wait_for("/health", 200)
            yield Guarded(gateway, process, upstream, key_file, {name: key for name, (_, key) in made.items()})


def ask(gateway: Endpoint, key: str | None, path: str = "/predict", body: Any = EXAMPLE_REQUEST) -> Answer:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    if path == "/metrics":
        return gateway.ask("GET", path, None, headers)
    return gateway.ask("POST", path, json.dumps(body).encode(), headers)


@pytest.mark.parametrize(("path", "body"), [("/predict", EXAMPLE_REQUEST), ("/predict/batch", EXAMPLE_BATCH)])
def test_forecast_when_the_key_may_then_is_answered_and_the_key_stays_here(
    guarded: Guarded, path: str, body: Any
) -> None:
    key = guarded.keys["client"]
    guarded.upstream.seen.clear()
    assert ask(guarded.gateway, key, path, body).status == 200
    assert all(key.encode() not in exchange.head for exchange in guarded.upstream.seen)
    assert len(guarded.upstream.seen) == 1
    assert key not in guarded.process.log()


@pytest.mark.parametrize("key", [None, "", "wrong", "x" * 1000])
@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/metrics"])
def test_request_when_there_is_no_valid_key_then_401_and_upstream_is_not_asked(
    guarded: Guarded, path: str, key: str | None
) -> None:
    guarded.upstream.seen.clear()
    answer = ask(guarded.gateway, key, path)
    assert (answer.status, answer.json()["error"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert guarded.upstream.seen == []


def test_request_when_the_key_lacks_the_scope_then_403(guarded: Guarded) -> None:
    assert ask(guarded.gateway, guarded.keys["prometheus"]).json()["error"] == "forbidden"
    assert ask(guarded.gateway, guarded.keys["client"], "/metrics").status == 403
    assert ask(guarded.gateway, guarded.keys["prometheus"], "/metrics").status == 200


def test_request_when_asked_too_often_then_429_and_when_to_come_back(guarded: Guarded) -> None:
    answers = [ask(guarded.gateway, guarded.keys["slow"]) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert 90 <= int(answers[-1].headers["Retry-After"]) <= 100
    assert ask(guarded.gateway, guarded.keys["client"]).status == 200


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/docs", "/openapi.json"])
def test_health_and_documentation_when_asked_without_a_key_then_are_there(guarded: Guarded, path: str) -> None:
    assert guarded.gateway.get(path).status != 401


def test_key_when_rotated_then_the_new_one_counts_and_the_old_one_does_not(guarded: Guarded, new_key: Any) -> None:
    _, old = new_key("old")
    guarded.process.signal(signal.SIGHUP)
    guarded.process.wait_for_log("4 API keys read")
    assert ask(guarded.gateway, old).status == 200
    _, new = new_key("new")
    assert main(["remove", "old", "--file", str(guarded.key_file)]) == 0
    before = guarded.process.log().count("4 API keys read")
    guarded.process.signal(signal.SIGHUP)
    guarded.process.wait_for_log("4 API keys read", before + 1)
    assert [ask(guarded.gateway, key).status for key in (old, new)] == [401, 200]


def test_key_file_when_damaged_then_is_ignored_loudly(guarded: Guarded) -> None:
    good = guarded.key_file.read_bytes()
    guarded.key_file.write_bytes(b"{")
    try:
        guarded.process.signal(signal.SIGHUP)
        guarded.process.wait_for_log("API keys stay as they were")
        assert ask(guarded.gateway, guarded.keys["client"]).status == 200
    finally:
        guarded.key_file.write_bytes(good)


def test_gateway_when_its_key_file_cannot_be_used_then_does_not_start(tmp_path: Path) -> None:
    with running(["-m", "api_gateway"], "API_GATEWAY_", api_keys_file=tmp_path / "none.json") as (_, process):
        assert process.wait() == 2
        assert "API_GATEWAY_API_KEYS_FILE" in process.log()
        assert "Traceback" not in process.log()
