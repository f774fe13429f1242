"""Who takes alarms: a small SMTP server and a small web server that keep what they get."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"


@dataclass
class MailServer:
    """What it does, and what it got."""

    certificate: Path | None = None
    """with its key beside it (key.pem); None offers no STARTTLS"""
    login: tuple[str, str] | None = None
    """without it nobody sends anything; None asks for none"""
    refuses: str = ""
    """a command that is answered 550"""
    is_silent: bool = False
    """takes connections and says nothing"""
    address: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    """first words, and TLS where a connection became encrypted"""
    over: threading.Event = field(default_factory=threading.Event)


class _MailHandler(socketserver.StreamRequestHandler):
    """One connection."""

    mail_server: MailServer
    is_known = False
    is_encrypted = False

    def handle(self) -> None:
        if self.mail_server.is_silent:
            self.mail_server.over.wait(60)
            return
        self._say("220 test")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            word = line.partition(" ")[0].upper()
            self.mail_server.commands.append(word)
            if word == self.mail_server.refuses:
                self._say("550 not here")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                getattr(self, f"_{word.lower()}", self._other)(line)

    def finish(self) -> None:
        """Close what an encrypted connection was wrapped in."""
        super().finish()
        self.connection.close()

    def _say(self, *lines: str) -> None:
        for number, line in enumerate(lines):
            code, _, text = line.partition(" ")
            self.wfile.write(f"{code}{'-' if number < len(lines) - 1 else ' '}{text}\r\n".encode())

    def _other(self, _: str) -> None:
        self._say("250 well")

    def _ehlo(self, _: str) -> None:
        offered = ["250 STARTTLS"] if self.mail_server.certificate and not self.is_encrypted else []
        self._say("250 test", *offered, "250 AUTH PLAIN")

    def _starttls(self, _: str) -> None:
        assert self.mail_server.certificate
        self._say("220 go on")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.mail_server.certificate, self.mail_server.certificate.with_name("key.pem"))
        self.rfile.close()
        self.wfile.close()
        self.request: socket.socket = context.wrap_socket(self.connection, server_side=True)
        self.setup()
        self.is_encrypted = True
        self.mail_server.commands.append("TLS")

    def _auth(self, line: str) -> None:
        given = base64.b64decode(line.split()[2]).decode().split("\0")
        self.is_known = self.mail_server.login == (given[1], given[2])
        self._say("235 welcome" if self.is_known else "535 who are you")

    def _data(self, _: str) -> None:
        if not self.is_known:
            self._say("530 log in first")
            return
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        mail = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mail_server.mails.append(mail)
        self._say("250 taken")


class _QuietServer(socketserver.ThreadingTCPServer):
    """Does not mind a client that has gone, nor one that does not trust it."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def mail_server(**options: Any) -> Iterator[MailServer]:
    """A mail server that runs."""
    server = MailServer(**options)
    with _QuietServer(
        (LOOPBACK, 0), type("Handler", (_MailHandler,), {"mail_server": server, "is_known": server.login is None})
    ) as listening:
        server.address = f"{LOOPBACK}:{listening.server_address[1]}"
        with _serving(listening):
            yield server
        server.over.set()


@dataclass
class Webhook:
    """What it answers, and what was posted."""

    status: int = 200
    url: str = ""
    posts: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    wait: float = 0.0
    """s before the answer"""
    is_endless: bool = False
    """goes on with the answer's head as long as anybody listens"""
    over: threading.Event = field(default_factory=threading.Event)

    def told(self) -> list[tuple[str, str, str, str]]:
        """Who was said to be how."""
        return [(post["type"], post["host"], post["service"], post["state"]) for post in self.posts]


@contextmanager
def webhook(**options: Any) -> Iterator[Webhook]:
    """A web server that takes posts."""
    hook = Webhook(**options)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/json"
            hook.over.wait(hook.wait)
            while hook.is_endless and not hook.over.wait(0.02):
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            hook.paths.append(self.path)
            hook.posts.append(json.loads(body))
            self.send_response(hook.status)
            if hook.status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as listening:
        hook.url = f"http://{LOOPBACK}:{listening.server_port}"
        with _serving(listening):
            yield hook
        hook.over.set()


@contextmanager
def _serving(listening: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        listening.shutdown()
        thread.join()


def own_certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 that signs itself; its key lies beside it."""
    made = folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-days", "1", "-subj", "/CN=test", "-addext", f"subjectAltName=IP:{LOOPBACK}"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(made)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return made
