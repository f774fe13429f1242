"""Where Jenkins' content lies, what the role writes for it, and what was recorded of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

from running import ROOT

JENKINS: Final = ROOT / "jenkins"
GOLDEN: Final = JENKINS / "tests/golden"
JOBS: Final = GOLDEN / "jobs.json"


def recordings() -> list[Path]:
    """What the recorder printed of each pipeline and of all jobs, as committed."""
    found = sorted(GOLDEN.glob("*.json"))
    assert found
    return found


def recorded() -> list[dict[str, Any]]:
    """All that was recorded: jobs have a name, pipelines a file."""
    contents = [json.loads(path.read_text(encoding="utf-8")) for path in recordings()]
    return [each for content in contents for each in (content if isinstance(content, list) else [content])]


def cases(name: str) -> dict[str, dict[str, str]]:
    """Things that are wrong, and what is said of them, from a file beside this one."""
    found = yaml.safe_load((JENKINS / "tests" / name).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def value_names() -> set[str]:
    """The names that the configuration's ${…} may have: the role writes a file for each."""
    found = yaml.safe_load((ROOT / "roles/jenkins/vars/main.yml").read_text(encoding="utf-8"))["__jenkins_values"]
    return set(found)


def verb(command: str) -> str:
    """The verb of a command that is `make verb`, on the server's clone or here; its variables may stand before it.

    Raises ValueError if the command is something else.
    """
    words = re.fullmatch(r"(?:sudo -n (?:-u \S+ )?)?make((?: \S+)+)", command)
    if not words:
        raise ValueError(f"'{command}' is no make verb")
    arguments = re.sub(r' -C \S+| \w+=(?:"[^"]*"|\S*)', "", words[1]).split()
    if len(arguments) != 1:
        raise ValueError(f"'{command}' is not one make verb: {arguments}")
    return arguments[0]
