"""The profile `cluster` on a Kubernetes that is there already, and what its API server says to the manifests."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import readme
from clusters import Cluster, missing, plain_cluster, registry
from project import Project
from running import ROOT, wait_for

pytestmark = pytest.mark.cluster

REGISTRY = "127.0.0.1:5001"
"""loopback: a container runtime goes there without TLS, unasked"""
OVERLAYS = sorted(path.name for path in (ROOT / "k8s/overlays").iterdir())


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An empty cluster that pulls from a registry with a login."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("kubernetes")
    with plain_cluster(folder / "state") as cluster, registry(folder / "registry", cluster, REGISTRY) as pulling:
        yield pulling


@pytest.fixture(scope="module")
def project(kubernetes: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone whose releases go to that cluster."""
    return Project(tmp_path_factory.mktemp("clone") / "project", kubernetes.values, kubernetes.environment)


def test_deploy_when_the_profile_is_cluster_then_serves_and_again_changes_nothing(
    project: Project, kubernetes: Cluster
) -> None:
    first = project.done("images", "deploy")
    again = project.done("deploy")
    print(f"\n=== profile cluster: images and deploy {first.seconds:.0f} s, again {again.seconds:.0f} s")
    assert again.changed == 0
    scaled = {each["spec"]["scaleTargetRef"]["name"]: each["spec"] for each in kubernetes.get("hpa")}
    assert {name: spec["minReplicas"] for name, spec in scaled.items()} == {"api-gateway": 2, "ml-inference": 2}
    assert [each["spec"]["type"] for each in kubernetes.get("services")] == ["ClusterIP", "ClusterIP"]


def test_readmes_curl_when_the_port_is_forwarded_then_is_answered(project: Project, kubernetes: Cluster) -> None:
    """As docs/kubernetes.md says for a gateway that only the cluster reaches."""
    values = kubernetes.values
    command = [values["platform_kubectl"], "--kubeconfig", values["platform_kubeconfig"], "--namespace"]
    with subprocess.Popen(
        [*command, values["platform_namespace"], "port-forward", "service/api-gateway", "8000"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as forwarding:  # fmt: skip
        try:
            answers: list[str] = []

            def is_answered() -> bool:
                done = subprocess.run(["bash", "-c", readme.curl()], text=True, capture_output=True, check=False)
                answers.append(done.stdout)
                return done.returncode == 0

            wait_for(is_answered, "README's curl", 10)
        finally:
            forwarding.terminate()
    known = project.manifest["known_answer"]
    assert abs(json.loads(answers[-1])["predicted_bandwidth"] - known["predicted_bandwidth"]) <= known["tolerance"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlay_when_the_server_judges_it_strictly_then_has_no_fault(
    kubernetes: Cluster, overlay: str, tmp_path: Path
) -> None:
    """Unknown and doubled fields, which a client passes over in silence, are faults; so are warnings."""
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(kubernetes.kubectl("kustomize", str(ROOT / "k8s/overlays" / overlay)))
    said = kubernetes.kubectl("apply", "--dry-run=server", "--validate=strict", f"--filename={rendered}")
    assert said.count("(server dry run)") == len(list(yaml.safe_load_all(rendered.read_text())))
    assert "Warning" not in said


def test_namespace_when_a_pod_has_privileges_then_refuses_it(kubernetes: Cluster, tmp_path: Path) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "privileged", "namespace": kubernetes.values["platform_namespace"]},
        "spec": {"containers": [{"name": "it", "image": "none", "securityContext": {"privileged": True}}]},
    }
    (tmp_path / "pod.json").write_text(json.dumps(pod))
    with pytest.raises(pytest.fail.Exception, match="violates PodSecurity"):
        kubernetes.kubectl("apply", "--dry-run=server", f"--filename={tmp_path / 'pod.json'}")
