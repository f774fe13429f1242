"""Fixtures of the tests of Jenkins' content."""

import shutil
from pathlib import Path

import pytest

from content import JENKINS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of jenkins/, to spoil."""
    return Path(shutil.copytree(JENKINS, tmp_path / "jenkins", ignore=shutil.ignore_patterns("__pycache__")))
