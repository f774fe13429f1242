"""Take apart what the Kubernetes API says; what is of another kind than it should be counts as left out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def part(found: dict[str, Any], key: str) -> dict[str, Any]:
    """A part of an object; empty where there is none."""
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def listed(found: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in a list."""
    value = found.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def word(found: dict[str, Any], key: str) -> str:
    """A text; '' where there is none."""
    value = found.get(key)
    return value if isinstance(value, str) else ""


def moment(found: dict[str, Any], key: str) -> datetime | None:
    """A moment; None where there is none."""
    try:
        read = datetime.fromisoformat(word(found, key))
    except ValueError:
        return None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read


def conditions(found: dict[str, Any], kind: str, state: str) -> list[dict[str, Any]]:
    """The conditions of a kind that an object is in (`True`) or not (`False`)."""
    all_of_it = listed(part(found, "status"), "conditions")
    return [each for each in all_of_it if (each.get("type"), each.get("status")) == (kind, state)]
