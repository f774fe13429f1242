"""README's words as the tests take them: the commands that a newcomer would paste."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def curl() -> str:
    """The curl command, as it stands."""
    blocks = re.findall(r"```(?:bash|sh|console)?\n(curl .*?)```", TEXT, flags=re.DOTALL)
    assert len(blocks) == 1, "README has one block with a curl command"
    return str(blocks[0])


def ask() -> str:
    """What the curl command prints on this machine, as it stands."""
    return subprocess.run(["bash", "-c", curl()], text=True, capture_output=True, check=True, timeout=30).stdout


def request_body() -> str:
    """The JSON that the curl command sends."""
    words = shlex.split(curl())
    return words[words.index("-d") + 1]


def is_known(answer: str, manifest: dict[str, Any]) -> bool:
    """Whether what the curl command printed is what a bundle is known to forecast."""
    known = manifest["known_answer"]
    return bool(abs(json.loads(answer)["predicted_bandwidth"] - known["predicted_bandwidth"]) <= known["tolerance"])


def verbs() -> set[str]:
    """Every `make` verb that README names."""
    return set(re.findall(r"\bmake ([a-z][a-z-]*)", TEXT))
