"""Speak to a service of the platform and take its word apart."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


class ServiceError(Exception):
    """The service was asked and is not well: critical, in a sentence for the operator."""


@dataclass(frozen=True)
class Answer:
    """A service's JSON answer."""

    status: int
    body: dict[str, Any]
    seconds: float
    """From the request to the last byte of the answer."""


def ask(url: str, *, body: object = None, timeout: float) -> Answer:
    """GET the URL, or POST the body to it as JSON; `timeout` in seconds.

    An answer of any status is returned.

    Raises:
        ServiceError: no connection, no answer in time, or an answer that is not a JSON object.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})  # noqa: S310  an operator's URL
    started = time.perf_counter()
    try:
        try:
            response = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
        except urllib.error.HTTPError as error:  # 4xx and 5xx are answers too
            response = error
        with response:
            text = response.read()
    except TimeoutError:
        raise ServiceError(f"no answer within {timeout:g} s") from None
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, TimeoutError):
            raise ServiceError(f"no answer within {timeout:g} s") from None
        raise ServiceError(f"no connection: {getattr(reason, 'strerror', None) or reason}") from None
    seconds = time.perf_counter() - started
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ServiceError(f"HTTP {response.status} with a body that is not a JSON object")
    return Answer(response.status, answer, seconds)
