"""What this role's modules ask programs of a host. Each has some seconds."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from typing import Any

PATIENCE = 5  # seconds that a program may take to answer


def ask(argv: list[str]) -> tuple[int, str]:
    """Status and output of a program."""
    try:
        done = subprocess.run(  # noqa: S603 - what is asked is the playbook's
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, str(error)
    return done.returncode, done.stdout.decode(errors="replace")


def proves(proof: Mapping[str, Any] | None) -> bool:
    """Whether a command (`argv`) works, and says a word (`says`) if one is given."""
    if not proof:
        return False
    status, told = ask(proof["argv"])
    word = proof.get("says") or ""
    return status == 0 and (not word or re.search(rf"(?<![\w.:-]){re.escape(word)}(?![\w.:-])", told) is not None)
