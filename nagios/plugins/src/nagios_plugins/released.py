"""What was released: a bundle's manifest, or what the records in a cluster have of a newer release.

Nagios' own copy of the manifest is of the last release whose playbook told Nagios, too. A build of Jenkins releases
without that, and its model is no fault.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nagios_plugins.cluster import Cluster
from nagios_plugins.http import ServiceError

LABEL = "ai-qos-platform/record"
"""marks the records among the ConfigMaps (roles/release)"""
QUESTION = (
    "configmaps",
    f"--selector={LABEL}=release",
    '--output=jsonpath={range .items[*]}{.data.record}{"\\n"}{end}',
)
MAX_SECONDS = 2.0
"""that a cluster is waited for: what is asked of the service matters more"""


@dataclass(frozen=True)
class Release:
    """What is expected of the service."""

    manifest: dict[str, Any]
    """the whole one, or `model_version` and `known_answer` alone"""
    place: str
    """where that stands"""
    coming: str | None = None
    """version of another model, where a release of it is on its way"""
    notes: Sequence[str] = ()
    """what is to be said besides"""


def manifest(file: str) -> Release:
    """An argument's type: the manifest.json of a bundle.

    Raises:
        argparse.ArgumentTypeError: it cannot be read, or is no object.
    """
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"no manifest in {file}: {error!r}") from None
    if not isinstance(content, dict):
        raise argparse.ArgumentTypeError(f"no manifest in {file}: it is no object")
    return Release(content, file)


def newest(told: Release, cluster: Cluster | None) -> Release:
    """What a cluster's records say, or what Nagios was told where they say nothing else, or there are none."""
    if cluster is None:
        return told
    try:
        records = _records(cluster.ask(*QUESTION))
    except ServiceError as fault:
        return replace(told, notes=[f"the cluster does not say what was released: {fault}"])
    good = [each for each in records if each["outcome"] == "good"]
    if not good:
        return told
    live = good[-1]["model"]["version"]
    last = records[-1]["model"]["version"] if records[-1]["outcome"] == "in progress" else live
    coming = None if last == live else last
    if told.manifest.get("model_version") == live:  # of the same model the manifest knows more
        return replace(told, coming=coming)
    content = {"model_version": live, "known_answer": good[-1]["known_answer"]}
    return Release(content, f"the record of release {good[-1]['number']}", coming)


def _records(printed: str) -> list[dict[str, Any]]:
    """Oldest first.

    Raises:
        ServiceError: they are none.
    """
    try:
        found = [json.loads(line) for line in printed.splitlines() if line]
        for each in found:
            if not isinstance(each["model"]["version"], str) or not isinstance(each["known_answer"], dict):
                raise TypeError("a model without a version")  # noqa: TRY301  one sentence for all that is wrong
        return sorted(found, key=lambda each: (int(each["number"]), str(each["outcome"])))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ServiceError(f"what kubectl printed are no records: {error!r}") from None
