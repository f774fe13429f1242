"""Wrong settings end the start with one clear line."""

import pytest

from qos_runtime.settings import EXIT_WRONG_SETTING
from qos_runtime.testing import Process, open_listener


def refusal(arguments: list[str], **environment: str) -> str:
    process = Process(arguments, environment)
    try:
        assert process.wait() == EXIT_WRONG_SETTING
        return process.log()
    finally:
        process.stop()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ECHO_LISTEN_PORT", "tcp://10.0.0.7:80"),
        ("ECHO_LISTEN_PORT", "70000"),
        ("ECHO_LIMIT", "nan"),
        ("ECHO_LIMIT", "-1"),
        ("ECHO_READY", "perhaps"),
        ("ECHO_LOG_LEVEL", "LOUD"),
        ("ECHO_SOCKET_FD", "0"),  # here /dev/null: no listening socket
        ("ECHO_SOCKET_FD", "99"),
        ("ECHO_LISTN_PORT", "8000"),
        ("ECHO_MAX_BYTES_IN_FLIGHT", "2097151"),  # less than the longest body
    ],
)
def test_setting_when_wrong_then_one_line_names_the_variable(echo_arguments: list[str], name: str, value: str) -> None:
    said = refusal(echo_arguments, **{name: value})
    assert said.count("\n") == 1
    assert name in said
    assert "Traceback" not in said


def test_setting_when_kubernetes_injects_service_links_then_they_are_no_typing_errors(
    echo_arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_80_TCP", "PORT_80_TCP_ADDR"):
        monkeypatch.setenv(f"ECHO_{name}", "tcp://10.0.0.7:80")
    script = f"import runpy; runpy.run_path({echo_arguments[0]!r})['EchoSettings'].load()"
    process = Process(["-c", script], {})
    try:
        assert process.wait() == 0, process.log()
    finally:
        process.stop()


def test_port_when_taken_then_start_fails_without_a_traceback(echo_arguments: list[str]) -> None:
    with open_listener() as taken:
        process = Process(echo_arguments, {"ECHO_LISTEN_PORT": str(taken.getsockname()[1])})
        try:
            assert process.wait() != 0
            assert "address already in use" in process.log()
            assert "Traceback" not in process.log()
        finally:
            process.stop()


def test_runtime_when_imported_then_knows_nothing_of_forecasting() -> None:
    process = Process(["-c", "import qos_runtime.server, sys; sys.stderr.write(' '.join(sys.modules))"], {})
    try:
        assert process.wait() == 0
        assert not {"ml_inference", "api_gateway", "numpy", "onnxruntime"} & set(process.log().split())
    finally:
        process.stop()
