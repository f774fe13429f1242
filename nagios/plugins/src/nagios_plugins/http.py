"""Speak to a service of the platform and take its word apart."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

MAX_ANSWER_BYTES = 1_048_576
"""What is longer is none of the platform's answers."""


class ServiceError(Exception):
    """The service was asked and is not well: critical, in a sentence for the operator."""


@dataclass(frozen=True)
class Identity:
    """What the check shows to the service, and what the service has to show to it."""

    api_key: str | None = field(default=None, repr=False)
    """Sent with every request."""
    ca_file: str | None = None
    """Certificates that the service's is checked with; the system's where None."""


NOBODY = Identity()


@dataclass(frozen=True)
class Answer:
    """A service's JSON answer."""

    status: int
    body: dict[str, Any]
    seconds: float
    """From the request to the last byte of the answer."""


def ask(url: str, *, body: object = None, timeout: float, identity: Identity = NOBODY) -> Answer:
    """GET the URL, or POST the body to it as JSON; `timeout` in seconds, for all of it.

    An answer of any status is returned. No proxy is asked and no redirect followed: the word of another is no answer.

    Raises:
        ServiceError: no connection, no answer in time, or an answer that is not a JSON object.
    """
    started = time.perf_counter()
    try:
        status, text = _exchange(url, None if body is None else json.dumps(body).encode(), timeout, identity)
        fault = None
    except TimeoutError:
        fault = f"no answer within {timeout:g} s"
    except ssl.SSLCertVerificationError as error:
        fault = f"its certificate is not trusted: {error.verify_message}"
    except ssl.SSLError as error:
        fault = f"no TLS: {error.reason or error}"
    except OSError as error:
        fault = f"no connection: {error.strerror or error}"
    except (http.client.HTTPException, ValueError) as error:  # ValueError: a length or a port that is no number
        fault = f"the answer is no HTTP: {type(error).__name__}"
    seconds = time.perf_counter() - started
    if seconds >= timeout:  # whatever it looked like when the connection was cut off
        raise ServiceError(f"no answer within {timeout:g} s")
    if fault is not None:
        raise ServiceError(fault)
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise ServiceError(f"HTTP {status} with a body that is not a JSON object")
    return Answer(status, answer, seconds)


def _exchange(url: str, data: bytes | None, timeout: float, identity: Identity) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    connection.connect()
    # The socket's own time-out begins anew with every byte; this one does not.
    cut_off = threading.Timer(timeout, _shut_down, [connection.sock])
    cut_off.daemon = True
    cut_off.start()
    try:
        if parts.scheme == "https":  # wrapped here, so that the time-out holds for the handshake, too
            context = ssl.create_default_context(cafile=identity.ca_file)
            connection.sock = context.wrap_socket(connection.sock, server_hostname=parts.hostname)
        headers = {"Content-Type": "application/json", "Connection": "close"}
        if identity.api_key is not None:
            headers["Authorization"] = f"Bearer {identity.api_key}"
        connection.request("GET" if data is None else "POST", parts.path, data, headers)
        response = connection.getresponse()
        return response.status, response.read(MAX_ANSWER_BYTES)
    finally:
        cut_off.cancel()
        connection.close()


def _shut_down(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended by itself
        return
