"""What a Deployment says of itself: how much of it runs, whether its rollout goes on, and which pods are its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nagios_plugins.api_objects import conditions, listed, part, word
from nagios_plugins.http import ServiceError

LABEL = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_./]{0,350}")
SET = {"In": "{key} in ({values})", "NotIn": "{key} notin ({values})", "Exists": "{key}", "DoesNotExist": "!{key}"}
"""How kubectl writes what matchExpressions say."""


def number(found: dict[str, Any], section: str, key: str, *, missing: int = 0) -> int:
    """A count in a part of an API object; what is zero is left out there.

    Raises:
        ServiceError: it is something else than a count.
    """
    fields = found.get(section) or {}
    value = fields.get(key, missing) if isinstance(fields, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise ServiceError(f"what kubectl printed has no number in {section}.{key}")
    return value


def lacking(found: dict[str, Any], name: str) -> str | None:
    """What there should be of the Deployment and is not, None where it is whole.

    A rollout that goes on lacks nothing while all that is desired is available: old pods answer until new ones do.

    Raises:
        ServiceError: its counts are none.
    """
    desired, updated = _newest(found)
    available = number(found, "status", "availableReplicas")
    if available < max(desired, 1):
        return f"{available} of {desired} replicas of {name} are available"
    if number(found, "status", "observedGeneration") < number(found, "metadata", "generation"):
        return f"the cluster has not yet taken in the newest change of {name}"
    if updated < desired and not conditions(found, "Progressing", "True"):
        return f"{updated} of {desired} replicas of {name} are of its newest form"
    # The last of the old pods answers on while the new one that should take its place does not come up.
    if any(word(each, "reason") == "ProgressDeadlineExceeded" for each in conditions(found, "Progressing", "False")):
        return f"the rollout of {name} does not go on"
    return None


def rollout(found: dict[str, Any]) -> str:
    """How far a rollout is, or '' where there is none.

    Raises:
        ServiceError: its counts are none.
    """
    desired, updated = _newest(found)
    return f"{updated} of {desired} of its newest form" if updated < desired else ""


def _newest(found: dict[str, Any]) -> tuple[int, int]:
    """Replicas that are desired, and those of them that are of the newest form."""
    return number(found, "spec", "replicas", missing=1), number(found, "status", "updatedReplicas")


def why(found: dict[str, Any]) -> str:
    """The cluster's own words on what does not go on, or ''."""
    for condition in listed(part(found, "status"), "conditions"):
        if condition.get("status") == "False":
            return word(condition, "message") or word(condition, "reason")
    return ""


def selector(found: dict[str, Any]) -> str:
    """What the labels of the Deployment's pods are, as kubectl takes it.

    Raises:
        ServiceError: it says nothing of them, which would be all pods.
    """
    if not (wanted := ",".join(_demands(part(part(found, "spec"), "selector")))):
        raise ServiceError("what kubectl printed does not say which pods are the Deployment's")
    return wanted


def _demands(selected: dict[str, Any]) -> Iterator[str]:
    for key, value in part(selected, "matchLabels").items():
        yield f"{_label(key)}={_label(value)}"
    for each in listed(selected, "matchExpressions"):
        if (operator := word(each, "operator")) not in SET:
            raise ServiceError(f"what kubectl printed has an operator {operator!r}")
        values = each.get("values")
        listing = ",".join(map(_label, values if isinstance(values, list) else []))
        yield SET[operator].format(key=_label(each.get("key")), values=listing)


def _label(text: object) -> str:
    if not isinstance(text, str) or not LABEL.fullmatch(text):
        raise ServiceError(f"what kubectl printed has a label {text!r}")
    return text
