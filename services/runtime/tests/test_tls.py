"""https with a certificate that is renewed while requests are answered."""

import http.client
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qos_runtime.settings import EXIT_WRONG_SETTING
from qos_runtime.testing import STARTED, Endpoint, Process, running

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl command to make a certificate with")


class Pair:
    """A certificate for 127.0.0.1 that signs itself, and its key."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "certificate.pem", folder / "key.pem"

    @property
    def settings(self) -> dict[str, Path]:
        return {"tls_certificate_file": self.certificate, "tls_key_file": self.key}

    @property
    def environment(self) -> dict[str, str]:
        return {f"ECHO_{name}".upper(): str(file) for name, file in self.settings.items()}

    def make(self) -> "Pair":
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        names = ["-days", "1", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", str(self.key), "-out", str(self.certificate)]
        subprocess.run([*command, *names, *files], check=True, capture_output=True)
        return self

    def client(self, port: int) -> http.client.HTTPSConnection:
        """A client that trusts this certificate as it is now, and no other."""
        trusting = ssl.create_default_context(cafile=self.certificate)
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=trusting)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path).make()


@pytest.fixture
def secure(pair: Pair, echo_arguments: list[str]) -> Iterator[tuple[Endpoint, Process]]:
    with running(echo_arguments, "ECHO_", **pair.settings) as (endpoint, process):
        process.wait_for_log(STARTED)
        yield endpoint, process


def status_of(client: http.client.HTTPSConnection, path: str) -> int:
    client.request("GET", path)
    response = client.getresponse()
    response.read()
    return response.status


def test_service_when_it_has_a_certificate_then_answers_https_and_no_http(
    pair: Pair, secure: tuple[Endpoint, Process]
) -> None:
    endpoint, process = secure
    client = pair.client(endpoint.port)
    assert status_of(client, "/health/ready") == 200
    assert client.sock.version() in {"TLSv1.2", "TLSv1.3"}
    client.close()
    with pytest.raises((OSError, http.client.HTTPException)):
        endpoint.get("/health")
    assert "Traceback" not in process.log()


def test_certificate_when_renewed_then_new_connections_see_it_and_no_request_is_interrupted(
    pair: Pair, secure: tuple[Endpoint, Process]
) -> None:
    endpoint, process = secure
    before = pair.client(endpoint.port)
    assert status_of(before, "/health") == 200
    seen: list[int] = []
    asking = threading.Thread(target=lambda: seen.append(status_of(before, "/items/800")))
    asking.start()
    time.sleep(0.2)
    pair.make()
    process.signal(signal.SIGHUP)
    process.wait_for_log("the certificate was read again")
    after = pair.client(endpoint.port)
    assert status_of(after, "/health") == 200
    assert seen == []  # answered below, by the connection from before
    asking.join()
    assert seen == [200]
    assert status_of(before, "/health") == 200
    before.close()
    after.close()


def test_certificate_when_the_new_one_is_bad_then_the_old_one_stays(
    pair: Pair, secure: tuple[Endpoint, Process], tmp_path: Path
) -> None:
    endpoint, process = secure
    clients = [pair.client(endpoint.port) for _ in range(2)]
    (tmp_path / "other").mkdir()
    shutil.copy(Pair(tmp_path / "other").make().key, pair.key)  # whose certificate is another
    process.signal(signal.SIGHUP)
    process.wait_for_log("the certificate stays as it was: ECHO_TLS_CERTIFICATE_FILE and ECHO_TLS_KEY_FILE")
    assert status_of(clients[0], "/health") == 200
    pair.key.unlink()
    process.signal(signal.SIGHUP)
    process.wait_for_log("the certificate stays as it was: ECHO_TLS_KEY_FILE")
    assert status_of(clients[1], "/health") == 200
    assert "Traceback" not in process.log()
    for client in clients:
        client.close()


def refusal(arguments: list[str], environment: dict[str, str]) -> str:
    process = Process(arguments, environment)
    try:
        assert process.wait() == EXIT_WRONG_SETTING
        said = process.log()
    finally:
        process.stop()
    assert said.count("\n") == 1, said
    return said


def test_start_when_a_file_is_missing_then_one_line_names_its_variable(pair: Pair, echo_arguments: list[str]) -> None:
    pair.key.unlink()
    assert "ECHO_TLS_KEY_FILE: " in refusal(echo_arguments, pair.environment)


@pytest.mark.parametrize("content", ["", "nonsense", "password"])
def test_start_when_a_file_is_no_key_then_one_line_names_the_variables(
    pair: Pair, echo_arguments: list[str], content: str
) -> None:
    if content == "password":
        command = ["openssl", "ec", "-in", str(pair.key), "-out", str(pair.key), "-aes256", "-passout", "pass:secret"]
        subprocess.run(command, check=True, capture_output=True)
    else:
        pair.key.write_text(content)
    assert "ECHO_TLS_KEY_FILE: no certificate with its key" in refusal(echo_arguments, pair.environment)


@pytest.mark.parametrize("name", ["ECHO_TLS_CERTIFICATE_FILE", "ECHO_TLS_KEY_FILE"])
def test_start_when_only_one_of_the_files_is_set_then_one_line_says_so(
    pair: Pair, echo_arguments: list[str], name: str
) -> None:
    said = refusal(echo_arguments, {name: pair.environment[name]})
    assert "ECHO_TLS_KEY_FILE: " in said
    assert "ECHO_TLS_CERTIFICATE_FILE" in said
    assert str(pair.certificate.parent) not in said


def test_client_when_it_speaks_no_tls_then_others_are_still_answered(
    pair: Pair, secure: tuple[Endpoint, Process]
) -> None:
    endpoint, _ = secure
    with socket.create_connection(("127.0.0.1", endpoint.port)) as stranger:
        stranger.sendall(b"\x16\x03\x01 nonsense")
        client = pair.client(endpoint.port)
        assert status_of(client, "/health") == 200
        client.close()
