"""Clusters for the tests of the road: the mirror's, or one that is meant for tests."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusters import MINIKUBE_REGISTRY, Cluster, minikube, missing, registry
from project import Project

GIVEN = "TEST_CLUSTER"
"""environment variable with the path of a JSON file: values for the inventory of a cluster that is meant for tests"""


@pytest.fixture(scope="module")
def on_minikube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An empty Minikube, to which images are loaded."""
    if GIVEN in os.environ:
        yield Cluster(json.loads(Path(os.environ[GIVEN]).read_text()))
        return
    if reason := missing():
        pytest.skip(reason)
    with minikube(tmp_path_factory.mktemp("minikube")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def with_registry(on_minikube: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The same cluster, pulling from a registry with a login."""
    with registry(tmp_path_factory.mktemp("registry") / "registry", on_minikube, MINIKUBE_REGISTRY) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def project(with_registry: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone whose releases go to that cluster."""
    return Project(tmp_path_factory.mktemp("clone") / "project", with_registry.values, with_registry.environment)
