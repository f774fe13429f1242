"""A clone that images are built from, from cold and with secrets to search for in them."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pip._internal.models.index import PyPI

from engine import ca_file, image_settings
from project import Project

SERVICES: Final = ("ml-inference", "api-gateway")
NAME: Final = f"qos-test-{os.getpid()}"
"""of all that these tests make in the engine"""
CANARY: Final = f"canary-{os.getpid()}-{time.time_ns()}"
"""a word that only the build's secrets have"""
SOURCE: Final = "https://example.org/ai-qos-platform"


@dataclass(frozen=True)
class Built:
    """What the first `make images` left."""

    clone: Project
    ids: dict[str, str]
    begun: datetime


def cold_clone(folder: Path, values: dict[str, str]) -> Project:
    """Clone the commit; a comment in the lock files keeps layers of earlier builds from being taken for this one's."""
    project = Project(folder, values)
    for lock in folder.glob("services/*/requirements.lock"):
        lock.write_text(f"{lock.read_text()}# nobody has built this one before: {time.time_ns()}\n")
    project.commit("a build from cold")
    return project


def image(project: Project, service: str, ending: str = "") -> str:
    """Name of a service's image."""
    return f"{NAME}/{service}:{project.revision}{ending}"


def index_with(password: str) -> str:
    """The address where pip finds packages, with a password in it."""
    return re.sub("//(.*@)?", f"//reader:{password}@", os.environ.get("PIP_INDEX_URL", PyPI.simple_url), count=1)


def settings_with_secrets(base: str, folder: Path) -> dict[str, str]:
    """Settings for a build that needs secrets: a CA, and the index' address with a password in it."""
    index = folder / "index"
    index.write_text(index_with(CANARY))
    settings = image_settings(base) | {
        "platform_image_prefix": NAME,
        "platform_source_url": SOURCE,
        "platform_build_index_file": str(index),
    }
    if ca_file():  # where none is needed, one without a certificate in it would be refused
        authority = folder / "ca.crt"
        authority.write_text(f"{Path(ca_file()).read_text()}# {CANARY}\n")
        settings["platform_build_ca_file"] = str(authority)
    return settings
