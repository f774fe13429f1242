"""An interface of a device that answers SNMP: IF-MIB, with counters of 64 bits where it has them."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal, TypeGuard

from gufo.snmp import SnmpAuthError, SnmpError
from gufo.snmp.sync import SnmpSession

from nagios_plugins.links.inventory import SnmpSource
from nagios_plugins.links.sources import Counter, Counters, SourceError, boot_id, uptime
from nagios_plugins.links.sources.secret import login

SYS_UPTIME: Final = "1.3.6.1.2.1.1.3.0"
IF: Final = "1.3.6.1.2.1.2.2.1"
IF_X: Final = "1.3.6.1.2.1.31.1.1.1"
DESCRIPTION, NAME = f"{IF}.2", f"{IF_X}.1"
SPEED, HIGH_SPEED = f"{IF}.5", f"{IF_X}.15"
STATUS, DISCONTINUITY = f"{IF}.8", f"{IF_X}.19"
OCTETS: Final = {"in": ((f"{IF_X}.6", 64), (f"{IF}.10", 32)), "out": ((f"{IF_X}.10", 64), (f"{IF}.16", 32))}
"""the better one first; with their bits"""
PACKETS: Final = {
    "in": {f"{IF_X}.7": 64, f"{IF_X}.8": 64, f"{IF_X}.9": 64, f"{IF}.11": 32, f"{IF_X}.2": 32, f"{IF_X}.3": 32,
           f"{IF}.12": 32},
    "out": {f"{IF_X}.11": 64, f"{IF_X}.12": 64, f"{IF_X}.13": 64, f"{IF}.17": 32, f"{IF_X}.4": 32, f"{IF_X}.5": 32,
            f"{IF}.18": 32},
}  # fmt: skip
"""to one address, to many, to all; the same again; to many and all together"""
UP: Final = {1: "up", 4: "unknown"}
DOWN: Final = {2: "down", 3: "testing", 5: "dormant", 6: "not present", 7: "down, as what it stands on is"}
TRIES: Final = 3
"""of a question, as datagrams get lost; within the time-out"""
MOST_INTERFACES: Final = 20_000
BULK: Final = 50
"""rows of a table that are asked for at once"""
LARGEST_SPEED: Final = 4_294
"""Mbps that ifSpeed can say; what is more stands in ifHighSpeed alone"""
TIMED_OUT: Final = "no answer from {where} within {timeout:g} s; a wrong community or privacy key gets none, either"
PANIC: Final = "PanicException"
"""a BaseException, which cannot be imported"""

Values = dict[str, Any]


@dataclass(frozen=True)
class Device:
    """Who is asked."""

    source: SnmpSource
    timeout: float
    """s, for one question"""

    def session(self) -> SnmpSession:
        """With the login that the secret file has."""
        version, secret = login(self.source)
        address = _address(self.source)
        return SnmpSession(
            address, self.source.port, version=version, timeout=self.timeout, max_repetitions=BULK, **secret
        )


def read(source: SnmpSource, direction: Literal["in", "out"], *, timeout: float, index: int | None) -> Counters:
    """The interface's counters; `timeout` in seconds, `index` where it was found the last time.

    Raises:
        SourceError: no answer, or none with counters.
    """
    where = f"{source.address}:{source.port}"
    try:
        with _panics_are_quiet():
            return _tried(Device(source, timeout / TRIES), direction, index)
    except TimeoutError as error:
        if str(error) == "connection refused":
            raise SourceError(f"nothing answers SNMP at {where}") from None
        raise SourceError(TIMED_OUT.format(where=where, timeout=timeout)) from None
    except SnmpAuthError:
        raise SourceError(f"{where} refuses the user or the keys in {source.secret_file}") from None
    except SnmpError as error:
        raise SourceError(f"{where} does not answer as SNMP wants it: {type(error).__name__}") from None
    except OSError as error:
        raise SourceError(f"{where} cannot be asked: {error.strerror or error}") from None
    except ValueError:  # what the library says might repeat the secret
        raise SourceError(f"{where} cannot be asked with what stands in {source.secret_file}") from None
    except BaseException as error:
        if type(error).__name__ != PANIC:
            raise
        raise SourceError(f"{where} does not answer as SNMP wants it") from None


@contextmanager
def _panics_are_quiet() -> Iterator[None]:
    """The library's Rust panics at some malformed datagrams, and says so on the process's stderr."""
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def _tried(device: Device, direction: Literal["in", "out"], index: int | None) -> Counters:
    for left in reversed(range(TRIES)):
        try:
            with device.session() as session:
                return _counters(session, device.source, direction, index)
        except (TimeoutError, BlockingIOError) as error:  # the latter is how the library says it of version 3
            if not left or str(error) == "connection refused":
                raise TimeoutError(str(error)) from None
    raise AssertionError


def _counters(session: SnmpSession, source: SnmpSource, direction: Literal["in", "out"], index: int | None) -> Counters:
    before, values = uptime(), _asked(session, direction, index) if index is not None else {}
    if index is None or source.interface not in _names(values, index):
        index = _find(session, source)
        before, values = uptime(), _asked(session, direction, index)
    at = (before + uptime()) / 2
    octets = next(((oid, bits) for oid, bits in OCTETS[direction] if _is_counter(values.get(oid))), None)
    agent = values.get(SYS_UPTIME)
    if octets is None or not _is_counter(agent):
        raise SourceError(f"{source.address} has no counters of {source.interface}")
    packets = _packets(direction, values)
    used = [octets, *packets]
    return Counters(
        identity=f"snmp {source.address} {index} {' '.join(oid for oid, _ in used)}",
        boot=boot_id(),
        uptime=at,
        wall=time.time(),
        octets=Counter(values[octets[0]], octets[1]),
        packets=tuple(Counter(values[oid], bits) for oid, bits in packets),
        capacity_mbps=_capacity(values),
        trouble=_trouble(source, values.get(STATUS)),
        agent_uptime=agent / 100,
        discontinuity=values.get(DISCONTINUITY) if _is_counter(values.get(DISCONTINUITY)) else None,
        index=index,
    )


def _asked(session: SnmpSession, direction: Literal["in", "out"], index: int) -> Values:
    """All that is wanted of an interface, in one question; what the agent does not have is not there."""
    columns = [DESCRIPTION, NAME, SPEED, HIGH_SPEED, STATUS, DISCONTINUITY]
    columns += [oid for oid, _ in OCTETS[direction]] + list(PACKETS[direction])
    found = session.get_many([SYS_UPTIME, *(f"{column}.{index}" for column in columns)])
    return {oid.removesuffix(f".{index}") if oid != SYS_UPTIME else oid: value for oid, value in found.items()}


def _packets(direction: Literal["in", "out"], values: Values) -> list[tuple[str, int]]:
    """The counters that together are all packets, none of them twice."""
    known = [(oid, bits) for oid, bits in PACKETS[direction].items() if _is_counter(values.get(oid))]
    unicast, many, everybody, *_, together = PACKETS[direction]
    if unicast in values:
        return [(oid, bits) for oid, bits in known if oid in (unicast, many, everybody)]
    split = [(oid, bits) for oid, bits in known if bits == 32 and oid != together]
    if any(oid.startswith(IF_X) for oid, _ in split):
        return split
    return [(oid, bits) for oid, bits in known if bits == 32]


def _find(session: SnmpSession, source: SnmpSource) -> int:
    """The index of an interface by its name, its description, or the index itself.

    Raises:
        SourceError: there is none, or more than one.
    """
    known: list[str] = []
    for column in (NAME, DESCRIPTION):
        rows = [(_last(oid), _text(value)) for oid, value in islice(session.getbulk(column), MOST_INTERFACES)]
        found = [index for index, name in rows if name == source.interface]
        if len(found) == 1:
            return found[0]
        if found:
            raise SourceError(f"{source.address} has {len(found)} interfaces {source.interface}: name it by its index")
        known += [name for _, name in rows if name not in known]
        if source.interface in [str(index) for index, _ in rows]:
            return int(source.interface)
    if not known:
        raise SourceError(f"{source.address} shows no interface to who asks with {source.secret_file}: see its views")
    listed = ", ".join(known[:10]) + (", …" if len(known) > 10 else "")
    raise SourceError(f"{source.address} has no interface {source.interface}; it has {listed}")


def _names(values: Values, index: int) -> set[str]:
    return {_text(values.get(NAME)), _text(values.get(DESCRIPTION)), str(index)} if values else set()


def _capacity(values: Values) -> float | None:
    speed, high = values.get(SPEED), values.get(HIGH_SPEED)
    if _is_counter(high) and (high >= LARGEST_SPEED or (high > 0 and not speed)):
        return float(high)
    return speed / 1e6 if _is_counter(speed) and speed > 0 else None


def _trouble(source: SnmpSource, status: Any) -> str:
    return f"interface {source.interface} is {DOWN[status]}" if status in DOWN else ""


def _address(source: SnmpSource) -> str:
    """What the library wants: it does not look names up."""
    try:
        return str(socket.getaddrinfo(source.address, source.port, type=socket.SOCK_DGRAM)[0][4][0])
    except (OSError, ValueError) as error:  # ValueError: no host has such a name
        raise SourceError(
            f"there is no address of {source.address}: {getattr(error, 'strerror', None) or error}"
        ) from None


def _is_counter(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64


def _last(oid: str) -> int:
    return int(oid.rpartition(".")[2])


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""
