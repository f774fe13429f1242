import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_inference.forecasting.data import Trace
from ml_inference.replay.__main__ import main
from ml_inference.replay.questions import HISTORY, count, questions
from qos_contract import WINDOW, PredictRequest

CAPACITY = 40.0


class Gateway(BaseHTTPRequestHandler):
    """Answers the last value carried on plus 1 Mbps, between 2 Mbps less and 2 Mbps more than that."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[dict[str, Any]]] = []
    authorizations: ClassVar[set[str | None]] = set()
    connections: ClassVar[set[Any]] = set()
    refuse_from: ClassVar[int] = 10**9

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        self.authorizations.add(self.headers["Authorization"])
        self.connections.add(self.client_address)
        last = body["bandwidth_util"][-1] / 100 * body["link_capacity_mbps"] + 1
        answer = {
            "predicted_bandwidth": last,
            "lower": last - 2,
            "upper": last + 2,
            "model_version": "20260101-abcdef01",
        }
        refused = len(self.asked) > self.refuse_from
        content = json.dumps({"error": "packet_rate.3 is wrong"} if refused else answer).encode()
        self.send_response(422 if refused else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Gateway, "asked", [])
    monkeypatch.setattr(Gateway, "authorizations", set())
    monkeypatch.setattr(Gateway, "connections", set())
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Two traces of 14 rows, train and test; bandwidth rises by 1 Mbps a row, so the gateway is exact."""
    rows = 14
    mbps = np.concatenate([np.arange(rows), 10.0 + np.arange(rows)])
    table = {
        "trace_id": np.repeat(["a", "b"], rows),
        "timestamp": np.tile(np.arange(rows, dtype=float), 2),
        "packet_rate": mbps * 100,
        "bandwidth_util": mbps / CAPACITY * 100,
        "rtt_variance": np.tile([np.nan, 2.0], rows),
        "bandwidth_mbps": mbps,
        "capacity_mbps": np.full(2 * rows, CAPACITY),
        "split": np.repeat(["train", "test"], rows),
    }
    pyarrow.parquet.write_table(pa.table(table), tmp_path / "real.parquet")
    return tmp_path / "real.parquet"


def test_replay_when_gateway_answers_then_scores_its_forecasts(gateway: str, trace: Path, tmp_path: Path) -> None:
    out = tmp_path / "reports" / "replay.json"
    assert main(["--data", str(trace), "--url", gateway, "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report.pop("requests_per_second") > 0
    assert set(report.pop("latency_ms")) == {"p50", "p95", "p99"}
    assert report == {
        "data": "real.parquet",
        "split": "test",
        "rows": 4,
        "rmse_mbps": pytest.approx(0, abs=1e-9),
        "rmse_persistence_mbps": pytest.approx(1),
        "skill": pytest.approx(1),
        "coverage_80": 1,
        "model_version": "20260101-abcdef01",
        "errors": 0,
    }


def test_replay_when_asking_then_sends_windows_in_time_order_over_one_connection(
    gateway: str, trace: Path, tmp_path: Path
) -> None:
    assert main(["--data", str(trace), "--url", gateway, "--out", str(tmp_path / "r.json")]) == 0
    first, second = Gateway.asked[:2]
    assert first["packet_rate"] == [1000 + 100 * row for row in range(10)]
    assert second["packet_rate"][-1] == first["packet_rate"][-1] + 100
    assert first["rtt_variance"] == [None, 2.0] * 5
    assert (first["link_capacity_mbps"], first["horizon"]) == (CAPACITY, 1)
    assert len(Gateway.connections) == 1


@given(lengths=st.lists(st.integers(1, HISTORY + 30), max_size=3))
def test_questions_when_asked_then_bring_what_the_segment_has_up_to_two_minutes(lengths: list[int]) -> None:
    traces = []
    for length in lengths:
        util, rtt = np.linspace(1, 99, length), np.full(length, np.nan)
        traces.append(Trace(str(length), util * 10, util, rtt, util / 100 * CAPACITY, CAPACITY))
    asked = list(questions(traces))
    assert len(asked) == count(traces)
    rows = [(trace, row) for trace in traces for row in range(WINDOW, len(trace))]
    for (trace, row), question in zip(rows, asked, strict=True):
        sent = PredictRequest.model_validate(question.body)
        assert sent.bandwidth_util == trace.bandwidth_util[max(row - HISTORY, 0) : row].tolist()
        assert len(sent.bandwidth_util) == min(row, HISTORY)
        assert question.last_mbps == sent.bandwidth_util[-1] / 100 * CAPACITY
        assert question.actual_mbps == trace.bandwidth_mbps[row]


def test_replay_when_limited_then_asks_no_more(gateway: str, trace: Path, tmp_path: Path) -> None:
    assert main(["--data", str(trace), "--url", gateway, "--out", str(tmp_path / "r.json"), "--limit", "2"]) == 0
    assert len(Gateway.asked) == 2


def test_replay_when_a_key_is_named_then_is_sent(gateway: str, trace: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret\n")
    common = ["--data", str(trace), "--url", gateway, "--out", str(tmp_path / "r.json"), "--limit", "2"]
    assert main([*common, "--api-key-file", str(tmp_path / "key")]) == 0
    assert Gateway.authorizations == {"Bearer secret"}
    with pytest.raises(SystemExit) as end:
        main([*common, "--api-key-file", str(tmp_path / "none")])
    assert end.value.code == 2


def failure(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert isinstance(end.value.code, int)
    return end.value.code, capsys.readouterr().err.splitlines()[-1]


def test_replay_when_gateway_is_away_then_one_line_names_make_up(
    trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "r.json"
    with pytest.raises(SystemExit) as end:
        main(["--data", str(trace), "--url", "http://127.0.0.1:1", "--out", str(out)])
    message = capsys.readouterr().err
    assert end.value.code == 1
    assert message.count("\n") == 1
    assert "http://127.0.0.1:1" in message
    assert "make up" in message
    assert not out.exists()


def test_replay_when_an_answer_is_not_200_then_shows_what_was_sent(
    gateway: str, trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gateway, "refuse_from", 1)
    with pytest.raises(SystemExit) as end:
        main(["--data", str(trace), "--url", gateway, "--out", str(tmp_path / "r.json")])
    shown = capsys.readouterr().err
    assert end.value.code == 1
    assert "answered 422" in shown
    assert "packet_rate.3 is wrong" in shown
    assert json.dumps(Gateway.asked[-1]) in shown
    assert len(Gateway.asked) == 2


@pytest.mark.parametrize(
    "arguments",
    [["--data", "nothing.parquet"], ["--data", "x.csv", "--url", "localhost"], ["--data", "x.csv", "--limit", "0"], []],
)
def test_replay_when_arguments_are_bad_then_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, message = failure(arguments, capsys)
    assert code == 2
    assert message
