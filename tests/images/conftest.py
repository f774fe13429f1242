"""Images for the tests: built once, from cold."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from engine import PYTHON_IMAGE, base_image, docker, has_engine, inspect
from project import Project
from scratch import NAME, SERVICES, Built, cold_clone, image, settings_with_secrets


@pytest.fixture(scope="session")
def engine() -> str:
    """The image that the container engine can build on; without an engine or an image the test is skipped."""
    if not has_engine():
        pytest.skip("no container engine answers (docker version)")
    found = base_image()
    if found is None:
        pytest.skip(f"no image to build on: {PYTHON_IMAGE} names none, and the engine has neither known one")
    return found


@pytest.fixture(scope="session")
def clone(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A scratch clone; the images that are made of it are removed at the end."""
    folder = tmp_path_factory.mktemp("images")
    try:
        yield cold_clone(folder / "clone", settings_with_secrets(engine, folder))
    finally:
        if mine := docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={NAME}/*"):
            docker("image", "rm", "--force", *mine.split())


@pytest.fixture(scope="session")
def built(clone: Project) -> Built:
    """Both images, built from cold."""
    begun, started = datetime.now(UTC), time.monotonic()
    clone.done("images")
    print(f"\n=== make images from cold: {time.monotonic() - started:.0f} s")
    return Built(clone, {service: inspect(image(clone, service))["Id"] for service in SERVICES}, begun)
