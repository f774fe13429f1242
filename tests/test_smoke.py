"""What `make smoke` says without an engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from running import run


def smoke(facts: Path, socket: Path) -> subprocess.CompletedProcess[str]:
    """Run it where no engine can be reached."""
    return run(
        sys.executable, "bin/smoke", str(facts), check=False, env={**os.environ, "DOCKER_HOST": f"unix://{socket}"}
    )


def test_smoke_when_no_engine_answers_then_says_so_and_keeps_no_file(tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"images": {}, "known_answer": {}, "deadline_seconds": 1}))
    done = smoke(facts, tmp_path / "none.sock")
    assert done.returncode == 1
    assert done.stdout.startswith("make: Docker does not answer (")
    assert list(tmp_path.iterdir()) == []


def test_smoke_when_the_profile_builds_no_images_then_says_so(tmp_path: Path) -> None:
    done = smoke(tmp_path / "none.json", tmp_path / "none.sock")
    assert done.returncode == 2
    assert "the profile builds no images (group delivery)" in done.stdout
