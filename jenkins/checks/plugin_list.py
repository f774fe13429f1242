"""Whether plugins.txt names every plugin that is needed, at one version, and everything that those need themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

LIST = "plugins.txt"
DEPENDENCIES = "checks/dependencies.yml"
LINE = re.compile(r"([a-z0-9][a-z0-9-]*):([\w.+-]+)")
MOVING = {"experimental", "lat" + "est"}  # what the plugin manager takes for a version, and is another one tomorrow


def read(text: str) -> tuple[dict[str, str], list[str]]:
    """The versions in plugins.txt by name, and what is wrong with its lines."""
    found: dict[str, str] = {}
    wrong = []
    last = ""
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        match = LINE.fullmatch(content)
        if not match or match[2] in MOVING:
            wrong.append(f"{LIST}:{number}: '{content}' is not name:version: give one exact version")
            continue
        name, version = match.groups()
        if name in found:
            wrong.append(f"{LIST}:{number}: {name} stands twice: delete one of them")
        elif name < last:
            wrong.append(f"{LIST}:{number}: {name} comes after {last}: sort the lines")
        found[name] = version
        last = max(last, name)
    return found, wrong


def problems(folder: Path, needed: dict[str, str]) -> list[str]:
    """What is wrong with plugins.txt: `needed` are plugins that the content relies on, each with who does.

    Raises OSError if plugins.txt or checks/dependencies.yml is not there.
    """
    listed, wrong = read((folder / LIST).read_text(encoding="utf-8"))
    graph: dict[str, Any] = yaml.safe_load((folder / DEPENDENCIES).read_text(encoding="utf-8"))
    known: dict[str, list[str]] = graph["plugins"]
    for name, who in sorted(needed.items()):
        if name not in listed:
            wrong.append(f"{LIST}: {name} is missing, which {who} needs: add it and what it needs itself")
    for name in graph["roots"]:
        if name not in listed:
            wrong.append(f"{LIST}: {name} is missing, a root of {DEPENDENCIES}: add it, or delete it there")
    for name in listed:
        if name not in known:
            wrong.append(f"{DEPENDENCIES}: {name} is missing: say what it needs")
        wrong += [
            f"{LIST}: {other} is missing, which {name} needs: add it"
            for other in known.get(name, [])
            if other not in listed
        ]
    for name in sorted(set(known) - set(listed)):
        wrong.append(f"{DEPENDENCIES}: {name} is not in {LIST}: add it there, or delete it here")
    for name in sorted(set(listed) - reachable(graph)):
        wrong.append(f"{LIST}: nothing needs {name}: delete it, or make it a root of {DEPENDENCIES}")
    return wrong


def reachable(graph: dict[str, Any]) -> set[str]:
    """The roots, and everything that they need, directly or not."""
    found: set[str] = set()
    open_ = list(graph["roots"])
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_ += graph["plugins"].get(name, [])
    return found
