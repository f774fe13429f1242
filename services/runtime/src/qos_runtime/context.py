"""Who asks: the request's id, and its place in a W3C trace; for logs and for calls to other services."""

import random
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final, NamedTuple

REQUEST_ID: Final = b"x-request-id"
TRACE_PARENT: Final = b"traceparent"

# Nothing that could break a log line, a header or a shell.
_SANE: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")
# Version 00 of https://www.w3.org/TR/trace-context/; later versions begin alike. All zeros is not an id.
_TRACE: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?")
_ids: Final = random.Random()  # noqa: S311 - ids that tell requests apart, no secrets; a third of urandom's time


class RequestContext(NamedTuple):
    """What identifies the request that is being answered."""

    request_id: bytes
    """the client's if it is sane, otherwise the trace's"""
    trace_id: bytes
    """32 hex digits, the client's if it sent any"""
    span_id: bytes
    """16 hex digits: this service's part of the trace"""
    flags: bytes
    """2 hex digits, handed on"""

    @property
    def trace_parent(self) -> bytes:
        """The header for calls that are made on behalf of this request."""
        return b"00-%b-%b-%b" % (self.trace_id, self.span_id, self.flags)


current: Final[ContextVar[RequestContext | None]] = ContextVar("request", default=None)
"""The request being answered, None outside of one."""


def identify(headers: Mapping[bytes, bytes]) -> RequestContext:
    """Return the context of a request with these headers (names in lower case)."""
    parent = headers.get(TRACE_PARENT)
    known = _TRACE.fullmatch(parent) if parent is not None else None
    trace_id, flags = known.groups() if known else (b"%032x" % (_ids.getrandbits(128) or 1), b"01")
    given = headers.get(REQUEST_ID)
    request_id = given if given is not None and _SANE.fullmatch(given) else trace_id
    return RequestContext(request_id, trace_id, b"%016x" % (_ids.getrandbits(64) or 1), flags)
