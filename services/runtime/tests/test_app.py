"""What every service answers alike, over a real socket."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from prometheus_client.parser import text_string_to_metric_families

from qos_contract import ERRORS, ErrorBody, ErrorCode
from qos_runtime.testing import Answer, Endpoint, Process, running


def error_of(answer: Answer) -> ErrorCode:
    body = ErrorBody.model_validate_json(answer.body)
    assert ERRORS[body.error].status == answer.status
    return body.error


def test_health_when_asked_then_is_alive(echo: Endpoint) -> None:
    assert echo.get("/health").json() == {"status": "alive"}


def test_ready_when_check_passes_then_200(echo: Endpoint) -> None:
    assert echo.get("/health/ready").json() == {"status": "ready"}


def test_ready_when_check_fails_then_503_with_reason_and_still_alive(echo_arguments: list[str]) -> None:
    with running(echo_arguments, "ECHO_", ready=False) as (echo, process):
        for _ in range(2):
            answer = echo.get("/health/ready")
            assert (answer.status, answer.json()) == (503, {"status": "not ready", "reason": "told so"})
        assert echo.get("/health").status == 200
        # Whoever asks may keep no more than the status; the log says why, once.
        assert process.log().count("not ready: told so") == 1


def test_path_when_unknown_then_404_of_the_table(echo: Endpoint) -> None:
    assert error_of(echo.get("/nothing")) is ErrorCode.NOT_FOUND
    assert error_of(echo.get("/health/")) is ErrorCode.NOT_FOUND  # no redirect to an address


def test_method_when_wrong_then_405_with_allow(echo: Endpoint) -> None:
    answer = echo.get("/echo")
    assert error_of(answer) is ErrorCode.METHOD_NOT_ALLOWED
    assert answer.headers["Allow"] == "POST"


def test_parameter_when_wrong_then_422_without_what_was_sent(echo: Endpoint) -> None:
    answer = echo.get("/items/abc")
    assert error_of(answer) is ErrorCode.VALIDATION_ERROR
    assert answer.json()["detail"][0]["loc"] == ["path", "number"]
    assert b"abc" not in answer.body


@pytest.mark.parametrize(("method", "path"), [("GET", "/boom"), ("POST", "/fail")])
def test_failure_when_unexpected_then_503_without_a_trace_and_the_log_has_it(
    echo_process: tuple[Endpoint, Process], method: str, path: str
) -> None:
    echo, process = echo_process
    answer = echo.ask(method, path, b"", {"X-Request-ID": f"boom-{method}"})
    assert error_of(answer) is ErrorCode.INTERNAL_ERROR
    assert int(answer.headers["Retry-After"]) > 0
    assert b"secret" not in answer.body
    logged = [json.loads(line) for line in process.log().splitlines()]
    entry = next(line for line in logged if line.get("request_id") == f"boom-{method}")
    assert entry["level"] == "ERROR"
    assert "RuntimeError: postgres://secret" in entry["exception"]


def test_body_when_of_any_content_type_then_is_read(echo: Endpoint) -> None:
    answer = echo.ask("POST", "/echo", b'{"value": 1}', {"Content-Type": "text/plain"})
    assert (answer.status, answer.json()) == (200, {"value": 1.0})


def test_body_when_empty_then_422_at_body(echo: Endpoint) -> None:
    assert echo.post("/echo", b"").json()["detail"][0]["loc"] == ["body"]


@pytest.mark.parametrize("size", [2049, 1_000_000, 7_000_000])
def test_body_when_too_large_then_413_arrives_although_all_was_sent(echo: Endpoint, size: int) -> None:
    answer = echo.post("/echo", b"x" * size)
    assert error_of(answer) is ErrorCode.BODY_TOO_LARGE
    assert answer.headers["Connection"] == "close"


def test_body_when_chunked_and_too_large_then_413_before_its_end(echo: Endpoint) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", echo.port), timeout=5) as connection:
        connection.sendall(head + b"1000\r\n" + b"x" * 0x1000 + b"\r\n")  # and never the last chunk
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_body_when_announced_too_large_then_413_before_it_is_sent(echo: Endpoint) -> None:
    with socket.create_connection(("127.0.0.1", echo.port), timeout=5) as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_client_when_gone_before_its_body_then_service_goes_on(echo: Endpoint) -> None:
    with socket.create_connection(("127.0.0.1", echo.port), timeout=5) as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert echo.get("/health").status == 200


@pytest.mark.parametrize("sent", [b"", b'{"value": '])
def test_body_when_it_never_comes_whole_then_408_in_time(echo: Endpoint, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", echo.port), timeout=5) as connection:
        begun = time.monotonic()
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + sent)
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")
        assert 0.4 < time.monotonic() - begun < 2


def test_body_when_many_send_theirs_slowly_then_others_are_answered_meanwhile(echo: Endpoint) -> None:
    with ExitStack() as slow:
        for _ in range(32):  # four times as many as may be in flight
            connection = slow.enter_context(socket.create_connection(("127.0.0.1", echo.port), timeout=5))
            connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert echo.post("/echo", b'{"value": 1}').status == 200


@pytest.mark.parametrize("given", ["abc-1.2_3", "x" * 128])
def test_request_id_when_sane_then_is_kept(echo: Endpoint, given: str) -> None:
    answer = echo.get("/items/0", **{"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given
    assert answer.json() == {"request_id": given}


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", 'a"b', "ä", "${jndi}"])
def test_request_id_when_not_sane_then_is_replaced(echo: Endpoint, given: str) -> None:
    answer = echo.ask("GET", "/items/0", None, {"X-Request-ID": given.encode("latin-1").decode("latin-1")})
    assert answer.headers["X-Request-ID"] != given
    assert len(answer.headers["X-Request-ID"]) == 32


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("parent", [f"00-{TRACE}-00f067aa0ba902b7-00", f"01-{TRACE}-00f067aa0ba902b7-00-and-more"])
def test_trace_when_sent_then_is_gone_on_with(echo: Endpoint, parent: str) -> None:
    answer = echo.ask("POST", "/wait", b'{"value": 0}', {"traceparent": parent}).json()
    version, trace, span, flags = answer["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "00")
    assert len(span) == 16
    assert span != "00f067aa0ba902b7"
    assert answer["request_id"] == TRACE


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "nonsense",
        f"ff-{TRACE}-00f067aa0ba902b7-00",
        f"00-{'0' * 32}-00f067aa0ba902b7-00",
        f"00-{TRACE}-{'0' * 16}-00",
    ],
)
def test_trace_when_not_one_then_a_new_one_begins(echo: Endpoint, parent: str) -> None:
    answer = echo.ask("POST", "/wait", b'{"value": 0}', {"traceparent": parent}).json()
    _, trace, _, flags = answer["traceparent"].split("-")
    assert trace != TRACE
    assert int(trace, 16) > 0
    assert flags == "01"


def test_access_log_when_asked_for_then_has_a_line_for_each_request_and_no_path_of_the_clients(
    echo_arguments: list[str],
) -> None:
    with running(echo_arguments, "ECHO_", access_log=True) as (echo, process):
        echo.ask("POST", "/echo", b'{"value": 1}', {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-00"})
        echo.get("/secret-of-mine")
        process.wait_for_log("unmatched")
        log = process.log()
    lines = [json.loads(line) for line in log.splitlines()]
    hot, unmatched = (line for line in lines if line["message"] == "answered")
    assert (hot["method"], hot["route"], hot["status"], hot["trace_id"]) == ("POST", "/echo", 200, TRACE)
    assert 0 < hot["ms"] < 10_000
    assert (unmatched["route"], unmatched["status"]) == ("unmatched", 404)
    assert "secret-of-mine" not in log


def test_access_log_when_not_asked_for_then_nothing_is_logged(echo_process: tuple[Endpoint, Process]) -> None:
    echo, process = echo_process
    before = process.log()
    echo.post("/echo", {"value": 1})
    assert process.log() == before


def test_requests_when_too_many_at_once_then_the_rest_is_refused_at_once_and_health_answers(
    echo_arguments: list[str],
) -> None:
    with running(echo_arguments, "ECHO_", max_in_flight=2) as (echo, _), ThreadPoolExecutor(10) as clients:
        begun = time.monotonic()
        answers = list(clients.map(lambda _: echo.post("/wait", {"value": 700}), range(10)))
        assert time.monotonic() - begun < 1.4  # nobody waited for a second turn
        assert sorted(answer.status for answer in answers) == [200] * 2 + [503] * 8
        refused = [answer for answer in answers if answer.status == 503]
        assert {error_of(answer) for answer in refused} == {ErrorCode.OVERLOADED}
        assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
        assert echo.get("/health").status == 200
        assert echo.post("/wait", {"value": 0}).status == 200


def test_answer_when_sent_then_names_no_server(echo: Endpoint) -> None:
    assert "Server" not in echo.get("/health").headers


def test_metrics_when_scraped_then_parse_and_have_bounded_labels(echo: Endpoint) -> None:
    for number in range(3):
        echo.get(f"/items/{number}")
        echo.get(f"/nothing-{number}")
        echo.post("/echo", {"value": number})
    families = {family.name: family for family in text_string_to_metric_families(echo.get("/metrics").body.decode())}
    routes = {sample.labels["route"] for sample in families["http_requests"].samples}
    assert {"/items/{number}", "/echo", "unmatched"} <= routes
    assert not any("nothing" in route or "/items/1" in route for route in routes)
    assert families["http_requests_in_flight"].samples[0].value == 1  # the scrape itself
    assert families["service_info"].samples[0].labels["service"] == "echo"


def test_openapi_when_read_then_shows_no_error_form_that_is_not_answered(echo: Endpoint) -> None:
    document = echo.get("/openapi.json").json()
    assert "422" not in document["paths"]["/echo"]["post"]["responses"]


def test_docs_when_opened_then_need_no_other_server(echo: Endpoint) -> None:
    page = echo.get("/docs").body.decode()
    assert "POST /echo" in page
    assert "<script" not in page
    assert "src=" not in page
