"""The overlays as kustomize renders them: what a reader may rely on. What an API server says is in tests/cluster."""

from __future__ import annotations

import shutil
from functools import cache
from typing import Any

import pytest
import yaml

from running import ROOT, run

OVERLAYS = sorted(path.name for path in (ROOT / "k8s/overlays").iterdir())
SERVICES = ["api-gateway", "ml-inference"]

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl, which renders the overlays")


@cache
def rendered(overlay: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(run("kubectl", "kustomize", f"k8s/overlays/{overlay}").stdout))


def of_kind(overlay: str, kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in rendered(overlay) if each["kind"] == kind}


def deployments(overlay: str) -> dict[str, dict[str, Any]]:
    found = of_kind(overlay, "Deployment")
    assert sorted(found) == SERVICES
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_when_rendered_then_have_no_privilege_and_no_port_of_the_host(overlay: str) -> None:
    """The original's hostPort with one replica hung every second deployment."""
    namespace = next(iter(of_kind(overlay, "Namespace").values()))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for deployment in deployments(overlay).values():
        pod = deployment["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert all("hostPort" not in port for port in container["ports"])
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
            }  # fmt: skip
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_rollouts_when_rendered_then_take_no_pod_before_another_is_there(overlay: str) -> None:
    budgets = of_kind(overlay, "PodDisruptionBudget")
    scaled = of_kind(overlay, "HorizontalPodAutoscaler")
    for name, deployment in deployments(overlay).items():
        spec = deployment["spec"]
        assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert spec.get("replicas") == (None if scaled else 2)
        assert not scaled or scaled[name]["spec"]["minReplicas"] == 2
        assert budgets[name]["spec"]["minAvailable"] == 1
        (container,) = spec["template"]["spec"]["containers"]
        paths = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")}
        assert paths == {"startup": "/health", "readiness": "/health/ready", "liveness": "/health"}
        drain = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        # The service's own drain_seconds and stop_seconds come after it.
        assert spec["template"]["spec"]["terminationGracePeriodSeconds"] >= drain + 2 + 20


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_network_when_rendered_then_only_the_gateway_is_open(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    assert policies["deny-all"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    allowed = {name: policies[name]["spec"]["ingress"][0].get("from") for name in SERVICES}
    gateway = {"matchLabels": {"app.kubernetes.io/name": "api-gateway"}}
    assert allowed == {"api-gateway": None, "ml-inference": [{"podSelector": gateway}]}
    types = {name: each["spec"].get("type", "ClusterIP") for name, each in of_kind(overlay, "Service").items()}
    assert types == {"api-gateway": "NodePort" if overlay == "minikube" else "ClusterIP", "ml-inference": "ClusterIP"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_when_rendered_then_their_hash_is_in_the_name_that_pods_use(overlay: str) -> None:
    maps = set(of_kind(overlay, "ConfigMap"))
    for name, deployment in deployments(overlay).items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        (source,) = container["envFrom"]
        assert source["configMapRef"]["name"] in maps
        assert source["configMapRef"]["name"].startswith(f"{name}-")
