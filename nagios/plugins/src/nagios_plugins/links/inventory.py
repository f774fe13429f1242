"""The links that are watched, as the inventory says: `links.json`, which the role nagios renders from `platform_links`.

Ansible has checked the types (roles/nagios/meta/argument_specs.yml); what is left out there has its default here.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

Made = TypeVar("Made")


@dataclass(frozen=True)
class InterfaceSource:
    """A network interface of the machine that runs the check."""

    device: str = ""
    """'' is the one that the default route goes through"""


@dataclass(frozen=True)
class SnmpSource:
    """An interface of a device that answers SNMP."""

    address: str
    interface: str
    """its ifName, ifDescr or ifIndex"""
    secret_file: str
    """has the community in one line; for version 3 `{"user": …, "auth_key": …, "privacy_key": …}`"""
    port: int = 161
    version: Literal["2c", "3"] = "2c"


@dataclass(frozen=True)
class TraceSource:
    """A recorded trace (.csv or .parquet, the columns of docs/models.md), replayed over and over."""

    file: str
    trace_id: str = ""
    """'' is the file's first"""


SOURCES: dict[str, Any] = {"interface": InterfaceSource, "snmp": SnmpSource, "trace": TraceSource}
Source = InterfaceSource | SnmpSource | TraceSource


@dataclass(frozen=True)
class Link:
    """A link, in one direction."""

    name: str
    """of its host in Nagios"""
    source: Source
    direction: Literal["in", "out"] = "in"
    capacity_mbps: float | None = None
    """None is what the source says of it"""
    rtt_target: str = ""
    """address that is pinged; '' measures no round-trip times"""
    threshold_percent: float = 90.0
    """of capacity: what is warned of"""
    sampling_seconds: float = 5.0
    """from one sample to the next"""
    forecaster: Literal["auto", "model", "baseline"] = "auto"
    """who is asked: `auto` is the model, and its baseline while the model is not trusted (links/trust.py)"""


def load(file: str) -> dict[str, Link]:
    """Read links.json, by name; an argument's type.

    Raises:
        argparse.ArgumentTypeError: it cannot be read, or is none.
    """
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
        links = [_link(entry) for entry in content["links"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"no links in {file}: {error}") from None
    return {link.name: link for link in links}


def _link(entry: dict[str, Any]) -> Link:
    kind = entry["source"]["kind"]
    if kind not in SOURCES:
        raise ValueError(f"{entry['name']}: there is no source {kind!r}")
    source = _made(SOURCES[kind], {name: value for name, value in entry["source"].items() if name != "kind"})
    return _made(Link, entry | {"source": source})


def _made(kind: type[Made], values: dict[str, Any]) -> Made:
    """What is null was left out."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise ValueError(f"{kind.__name__} has no {unknown[0]!r}")
    return kind(**{name: value for name, value in values.items() if value is not None})
