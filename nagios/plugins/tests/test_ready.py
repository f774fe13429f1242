"""`check_qos_ready`, one test per state."""

from __future__ import annotations

import socket
from typing import Any

import nagiosplugin
import pytest

from nagios_plugins import check, http
from nagios_plugins.check_qos_ready import Readiness, main

READY = {"status": "ready", "model_version": "20261123-abcdef12"}


def test_ready_when_the_service_says_so_then_is_ok_with_its_time(service: Any, run_check: Any) -> None:
    service.says(READY)
    said = run_check(main, "-u", service.url)
    assert (said.code, said.name, said.text) == (0, "READY", "ready")
    assert 0 < said.perfdata["time"] < 0.5
    assert service.asked == [("/health/ready", b"")]


def test_ready_when_the_service_is_slow_then_is_a_warning(service: Any, run_check: Any) -> None:
    service.says(READY)
    service.wait = 0.3
    said = run_check(main, "-u", service.url, "-w", "0.2", "-c", "5")
    assert said.code == 1
    assert said.perfdata["time"] >= 0.3
    assert "outside range 0:0.2" in said.text


def test_ready_when_the_service_is_very_slow_then_is_critical(service: Any, run_check: Any) -> None:
    service.says(READY)
    service.wait = 0.3
    assert run_check(main, "-u", service.url, "-w", "0.1", "-c", "0.2").code == 2


def test_ready_when_nothing_listens_then_is_critical_and_says_so(run_check: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    said = run_check(main, "-u", f"http://127.0.0.1:{port}")
    assert (said.code, said.text) == (2, "no connection: Connection refused")


def test_ready_when_the_service_gives_a_reason_then_repeats_it(service: Any, run_check: Any) -> None:
    service.says({"status": "not ready", "reason": "model.onnx is missing"}, 503)
    said = run_check(main, "-u", service.url)
    assert (said.code, said.text) == (2, "not ready: model.onnx is missing")


@pytest.mark.parametrize("answer", [{}, {"reason": None}, {"reason": ""}])
def test_ready_when_no_reason_is_given_then_says_the_status(service: Any, run_check: Any, answer: Any) -> None:
    service.says(answer, 503)
    said = run_check(main, "-u", service.url)
    assert (said.code, said.text) == (2, "not ready: HTTP 503, no reason given")


def test_ready_when_another_program_answers_200_then_is_critical(service: Any, run_check: Any) -> None:
    service.says({"hello": "world"})
    assert run_check(main, "-u", service.url).code == 2


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null", b'"ready"', b"\xff\xfe", b"[" * 100_000])
def test_ready_when_the_body_is_no_json_object_then_is_critical(service: Any, run_check: Any, body: bytes) -> None:
    service.body = body
    said = run_check(main, "-u", service.url)
    assert (said.code, said.text) == (2, "HTTP 200 with a body that is not a JSON object")


@pytest.mark.parametrize(
    "raw", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{", b"HTTP/1.1 abc\r\n\r\n"]
)
def test_ready_when_the_answer_is_no_http_then_is_critical(service: Any, run_check: Any, raw: bytes) -> None:
    service.raw = raw
    assert run_check(main, "-u", service.url).code == 2


def test_ready_when_redirected_then_does_not_follow(service: Any, run_check: Any) -> None:
    service.raw = f"HTTP/1.0 302 Found\r\nLocation: {service.url}/health/ready\r\n\r\n{{}}".encode()
    assert run_check(main, "-u", service.url).code == 2
    assert len(service.asked) == 1


def test_ready_when_a_proxy_is_set_then_does_not_ask_it(
    service: Any, run_check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    service.says(READY)
    assert run_check(main, "-u", service.url).code == 0


def test_ready_when_no_answer_comes_then_is_critical_within_the_timeout(service: Any, run_check: Any) -> None:
    service.wait = 30
    said = run_check(main, "-u", service.url, "-t", "0.3")
    assert (said.code, said.text) == (2, "no answer within 0.3 s")


@pytest.mark.parametrize("raw", [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500, b"HTTP/1.0 200 OK\r\n\r\n" + b" " * 500])
def test_ready_when_the_answer_drips_then_is_critical_within_the_timeout(
    service: Any, run_check: Any, raw: bytes
) -> None:
    service.raw, service.pause = raw, 0.02
    said = run_check(main, "-u", service.url, "-t", "0.4")
    assert (said.code, said.text) == (2, "no answer within 0.4 s")


def test_ready_when_the_reason_is_wild_then_the_line_stays_one(service: Any, run_check: Any) -> None:
    service.says({"reason": "a|b\nc\0d\ud800e" + "x" * 10_000}, 503)
    said = run_check(main, "-u", service.url)
    assert said.code == 2
    assert said.text.startswith("not ready: a/b c d e")
    assert len(said.output) < 500


def test_guard_when_the_check_itself_hangs_then_is_unknown(
    run_check: Any, monkeypatch: pytest.MonkeyPatch, service: Any
) -> None:
    def hang(*_: object, **__: object) -> http.Answer:
        while True:
            service.over.wait(0.1)

    monkeypatch.setattr("nagios_plugins.check_qos_ready.ask", hang)
    said = run_check(main, "-u", service.url, "-t", "0.1")
    assert (said.code, said.text) == (3, "the check itself hangs; ended after 2s")


def test_guard_when_the_check_itself_fails_then_is_unknown(run_check: Any) -> None:
    class Broken(Readiness):
        def ask(self) -> Any:
            raise RuntimeError("a defect\nof the | check")

    def broken() -> None:
        check.run("READY", Broken("http://127.0.0.1:1", 1), nagiosplugin.ScalarContext("time"), timeout=1)

    said = run_check(broken)
    assert said.code == 3
    assert said.text.startswith("the check itself failed: RuntimeError")
