"""A small SNMP 2c agent on 127.0.0.1 that answers as it is told: its counters may wrap, be reset, or be left out."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

INTEGER, STRING, OID, SEQUENCE = 0x02, 0x04, 0x06, 0x30
COUNTER, GAUGE, TICKS, COUNTER64 = 0x41, 0x42, 0x43, 0x46
NO_SUCH_INSTANCE, END = 0x81, 0x82
GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5

Value = tuple[int, int | bytes]
"""tag and content"""
Key = tuple[int, ...]


def encode(tag: int, content: bytes) -> bytes:
    """Tag, length, content."""
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x80 + len(width := size.to_bytes(3))]) + width
    return bytes([tag]) + length + content


def encode_value(tag: int, value: int | bytes) -> bytes:
    """A number or a string under its tag."""
    return encode(tag, value if isinstance(value, bytes) else value.to_bytes(value.bit_length() // 8 + 1, signed=True))


def encode_oid(key: Key) -> bytes:
    """An object's name."""
    content = bytes([40 * key[0] + key[1]])
    for part in key[2:]:
        digits = [part & 0x7F]
        while part := part >> 7:
            digits.insert(0, 0x80 | part & 0x7F)
        content += bytes(digits)
    return encode(OID, content)


def decode(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content, and what follows."""
    size, at = data[1], 2
    if size & 0x80:
        at = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:at])
    return data[0], data[at : at + size], data[at + size :]


def decode_all(content: bytes) -> Iterator[tuple[int, bytes]]:
    """What a sequence is made of."""
    while content:
        tag, inner, content = decode(content)
        yield tag, inner


def decode_oid(content: bytes) -> Key:
    """An object's name."""
    parts, part = [*divmod(content[0], 40)], 0
    for byte in content[1:]:
        part = part << 7 | byte & 0x7F
        if not byte & 0x80:
            parts.append(part)
            part = 0
    return tuple(parts)


@dataclass
class Agent:
    """What it knows, and how it behaves."""

    port: int = 0
    community: str = "s3cret-community"
    objects: dict[Key, Value] = field(default_factory=dict)
    wait: float = 0.0
    """s before the answer"""
    lost: int = 0
    """datagrams that are lost before the next answer"""
    garbage: bytes | None = None
    """in place of an answer"""
    asked: list[list[Key]] = field(default_factory=list)

    def set(self, **columns: Any) -> None:
        """Set an interface's columns by their names in IF-MIB, for the index `i` (1); None takes one away."""
        index = columns.pop("i", 1)
        for name, value in columns.items():
            key = (*OBJECTS[name][0], index) if name != "sysUpTime" else OBJECTS[name][0]
            if value is None:
                self.objects.pop(key, None)
            else:
                self.objects[key] = (OBJECTS[name][1], value.encode() if isinstance(value, str) else value)

    def answer(self, question: bytes) -> bytes | None:
        """The answer to a datagram."""
        _, message, _ = decode(question)
        parts = list(decode_all(message))
        if len(parts) != 3 or parts[1] != (STRING, self.community.encode()):  # of version 3, or who is not let in
            return None
        (_, version), (_, community), (kind, pdu) = parts
        (_, number), (_, _), (_, repeat), (_, rows) = decode_all(pdu)
        keys = [decode_oid(decode(row)[1]) for _, row in decode_all(rows)]
        self.asked.append(keys)
        found = self._walk(keys[0], int.from_bytes(repeat)) if kind == GET_BULK else [self._get(key) for key in keys]
        rows = b"".join(encode(SEQUENCE, encode_oid(key) + encode_value(*value)) for key, value in found)
        zero = encode_value(INTEGER, 0)
        pdu = encode(RESPONSE, encode(INTEGER, number) + zero + zero + encode(SEQUENCE, rows))
        return encode(SEQUENCE, encode(INTEGER, version) + encode(STRING, community) + pdu)

    def _get(self, key: Key) -> tuple[Key, Value]:
        return key, self.objects.get(key, (NO_SUCH_INSTANCE, b""))

    def _walk(self, start: Key, count: int) -> list[tuple[Key, Value]]:
        after = sorted(key for key in self.objects if key > start)[:count]
        return [(key, self.objects[key]) for key in after] or [(start, (END, b""))]


IF: Key = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IF_X: Key = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
OBJECTS: dict[str, tuple[Key, int]] = {
    "sysUpTime": ((1, 3, 6, 1, 2, 1, 1, 3, 0), TICKS),
    "ifDescr": ((*IF, 2), STRING),
    "ifSpeed": ((*IF, 5), GAUGE),
    "ifOperStatus": ((*IF, 8), INTEGER),
    "ifInOctets": ((*IF, 10), COUNTER),
    "ifInUcastPkts": ((*IF, 11), COUNTER),
    "ifInNUcastPkts": ((*IF, 12), COUNTER),
    "ifOutOctets": ((*IF, 16), COUNTER),
    "ifOutUcastPkts": ((*IF, 17), COUNTER),
    "ifOutNUcastPkts": ((*IF, 18), COUNTER),
    "ifName": ((*IF_X, 1), STRING),
    "ifInMulticastPkts": ((*IF_X, 2), COUNTER),
    "ifInBroadcastPkts": ((*IF_X, 3), COUNTER),
    "ifHCInOctets": ((*IF_X, 6), COUNTER64),
    "ifHCInUcastPkts": ((*IF_X, 7), COUNTER64),
    "ifHCInMulticastPkts": ((*IF_X, 8), COUNTER64),
    "ifHCInBroadcastPkts": ((*IF_X, 9), COUNTER64),
    "ifHCOutOctets": ((*IF_X, 10), COUNTER64),
    "ifHCOutUcastPkts": ((*IF_X, 11), COUNTER64),
    "ifHighSpeed": ((*IF_X, 15), GAUGE),
    "ifCounterDiscontinuityTime": ((*IF_X, 19), TICKS),
}


@contextmanager
def running_agent() -> Iterator[Agent]:
    """Serve an agent until the end of the block."""
    agent = Agent()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        agent.port = server.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(agent, server))
        thread.start()
        try:
            yield agent
        finally:
            server.sendto(b"", ("127.0.0.1", agent.port))
            thread.join()


def _serve(agent: Agent, server: socket.socket) -> None:
    while True:
        question, sender = server.recvfrom(65_535)
        if not question:
            return
        time.sleep(agent.wait)
        answer = agent.answer(question) if agent.garbage is None else agent.garbage
        if agent.lost:
            agent.lost -= 1
        elif answer is not None:
            server.sendto(answer, sender)
