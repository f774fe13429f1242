"""Which code a model was made with."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SECONDS = 30
"""More than git needs on a clone of any size."""


def code_version() -> str:
    """The commit that this code is of, with "-dirty" if the clone differs from it; "unknown" without git."""
    commit = _git("rev-parse", "HEAD")
    # Asked for without optional locks: git would write its index, and others may be working in the clone.
    changes = _git("--no-optional-locks", "status", "--porcelain")
    if commit is None or changes is None:
        return "unknown"
    return f"{commit}-dirty" if changes else commit


def _git(*arguments: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            [git, *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
