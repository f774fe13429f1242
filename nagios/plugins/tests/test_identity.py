"""The key that a check shows, and the certificates that it trusts."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nagios_plugins import check_qos_predict, check_qos_ready

READY = {"status": "ready"}
KEY = "S" * 43


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "key"


def test_key_when_its_file_is_named_then_is_sent(
    service: Any, run_check: Any, manifest: Any, known: Any, good: Any, key_file: Path
) -> None:
    key_file.write_text(f"{KEY}\n")
    service.says(READY | good)
    for main, more in (
        (check_qos_ready.main, []),
        (check_qos_predict.main, ["-m", manifest({"known_answer": known})]),
    ):
        said = run_check(main, "-u", service.url, "--api-key-file", str(key_file), *more)
        assert said.code == 0
        assert service.authorization == f"Bearer {KEY}"
        assert KEY not in said.output


def test_key_when_no_file_is_named_then_none_is_sent(service: Any, run_check: Any) -> None:
    service.says(READY)
    assert run_check(check_qos_ready.main, "-u", service.url, "--api-key-file", "", "--ca-file", "").code == 0
    assert service.authorization is None


@pytest.mark.parametrize("content", [b"", b"\n", f"{KEY}\n{KEY}x".encode(), b"a key", b"\xff", b"k" * 201, None])
def test_key_when_its_file_has_none_then_is_unknown_and_names_the_file(
    service: Any, run_check: Any, key_file: Path, content: bytes | None
) -> None:
    if content is not None:
        key_file.write_bytes(content)
    said = run_check(check_qos_ready.main, "-u", service.url, "--api-key-file", str(key_file))
    assert said.code == 3
    assert f"no key in {key_file}: " in said.text
    assert KEY not in said.output
    assert service.asked == []


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_certificates_when_their_file_has_none_then_is_unknown_and_names_the_file(
    service: Any, run_check: Any, key_file: Path, content: bytes | None
) -> None:
    if content is not None:
        key_file.write_bytes(content)
    said = run_check(check_qos_ready.main, "-u", service.url, "--ca-file", str(key_file))
    assert said.code == 3
    assert f"no certificates in {key_file}: " in said.text


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 that signs itself; its key lies beside it."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl command to make a certificate with")
    made = tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-days", "1", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(made)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return made


@pytest.fixture
def secure_url(certificate: Path) -> Iterator[str]:
    """A service that is ready, behind https."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"status": "ready"}')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing: clients that do not trust it go away."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_certificate_when_it_is_trusted_then_is_ok(secure_url: str, certificate: Path, run_check: Any) -> None:
    said = run_check(check_qos_ready.main, "-u", secure_url, "--ca-file", str(certificate))
    assert (said.code, said.text) == (0, "ready")


def test_certificate_when_nobody_vouches_for_it_then_is_critical_and_says_so(secure_url: str, run_check: Any) -> None:
    said = run_check(check_qos_ready.main, "-u", secure_url)
    assert said.code == 2
    assert said.text.startswith("its certificate is not trusted: ")


def test_service_when_it_speaks_plain_http_then_https_is_critical(service: Any, run_check: Any) -> None:
    said = run_check(check_qos_ready.main, "-u", service.url.replace("http:", "https:"), "-t", "2")
    assert said.code == 2
