"""Clusters to release onto, made by the artifact mirror beside the project, and a registry with a login.

Nothing of them is left when the context ends. What they need is installed by `mirror packages` and `mirror engine`.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from engine import base_image, has_engine, image_settings
from running import ROOT, run, wait_for

MIRROR = ROOT.parent / "shared" / "mirror"
KUBERNETES = "v1.34.4"
USER = "qos-test"
ACCOUNT = "release"
MINIKUBE_REGISTRY = "192.168.49.1:5000"
"""on the network that the first Minikube of a machine has; the node, and the mirror's engine, go there without TLS"""
FILES = "http://127.0.0.1:8099"


@dataclass(frozen=True)
class Cluster:
    """A cluster, and what the platform's inventory says of it."""

    values: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)

    def kubectl(self, *words: str) -> str:
        """Run kubectl; returns what it says."""
        return run(self.values["platform_kubectl"], "--kubeconfig", self.values["platform_kubeconfig"], *words).stdout

    def get(self, *words: str) -> list[dict[str, Any]]:
        """Return objects of the platform's namespace."""
        found = self.kubectl("--namespace", self.values["platform_namespace"], "get", "--output=json", *words)
        items: list[dict[str, Any]] = json.loads(found)["items"]
        return items

    def in_preview(self) -> str:
        """Return the names of what is left where releases are tried."""
        namespace = f"{self.values['platform_namespace']}-preview"
        return self.kubectl("--namespace", namespace, "get", "deployments,services,networkpolicies", "--output=name")

    def records(self) -> list[dict[str, Any]]:
        """Return the releases' records, oldest first."""
        maps = self.get("configmaps", "--selector=ai-qos-platform/record")
        return sorted((json.loads(each["data"]["record"]) for each in maps), key=lambda record: record["number"])


def missing() -> str:
    """Return why no cluster can be made here; empty if one can."""
    if not MIRROR.exists():
        return f"there is no artifact mirror at {MIRROR}"
    if os.geteuid() != 0:
        return "only root can make a cluster"
    if not has_engine():
        return f"no container engine answers ({MIRROR}/mirror engine)"
    if base_image() is None:
        return f"the engine has no image to build on ({MIRROR}/mirror images)"
    lacking = [name for name in ("docker-registry", "htpasswd") if shutil.which(name) is None]
    return f"Debian's packages of {' and '.join(lacking)} are not installed" if lacking else ""


@contextmanager
def minikube(folder: Path) -> Iterator[Cluster]:
    """Start a Minikube, as an account of its own, with the gateway's NodePort where README's curl asks."""
    mirror = str(MIRROR / "mirror")
    run(mirror, "files", str(folder))
    binary = folder / "minikube/releases/v1.38.1/minikube-linux-amd64"
    server = subprocess.Popen([mirror, "serve", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run("useradd", "--create-home", "--groups", "docker", "--shell", "/bin/bash", USER)

    def as_user(*words: str, **options: Any) -> str:
        return run("runuser", "-u", USER, "--", *environment, *words, **options).stdout

    # The account has to get to the binary through a folder that may be root's alone.
    home = Path(pwd.getpwnam(USER).pw_dir)
    # Minikube's logs are named by what was typed: those of an account of an earlier run would be in the way.
    environment = ["env", f"--chdir={home}", f"HOME={home}", f"TMPDIR={home}"]
    command = home / "minikube"
    shutil.copy(binary, command)
    try:
        wait_for(lambda: _status(FILES) == 200, "the mirror's files", 10)
        as_user(
            str(command), "start", "--driver=docker", "--base-image=local/minikube-node:v1.38.1", "--wait=all",
            f"--binary-mirror={FILES}/kubernetes", f"--kubernetes-version={KUBERNETES}", "--cni=bridge",
            "--container-runtime=containerd", "--subnet=192.168.49.0/24", "--preload=false", "--cache-images=false",
            "--install-addons=false",
            f"--insecure-registry={MINIKUBE_REGISTRY}", "--extra-config=kubelet.local-storage-capacity-isolation=false",
            "--feature-gates=KubeletInUserNamespace=true", "--ports=127.0.0.1:8000:30080",
        )  # fmt: skip
        kubectl = folder / "kubernetes" / KUBERNETES / "bin/linux/amd64/kubectl"
        config = folder / "kubeconfig"
        config.touch(mode=0o600)
        config.write_text(as_user(str(command), "kubectl", "--", "config", "view", "--flatten", "--minify", "--raw"))
        yield Cluster(
            _values(kubectl, config)
            | {
                "platform_overlay": "minikube",
                "platform_release_url": "http://127.0.0.1:8000",
                "platform_minikube_command": ["runuser", "-u", USER, "--", *environment, str(command)],
            }
        )
    finally:
        as_user(str(command), "delete")
        server.terminate()
        server.wait()
        run("userdel", "--remove", USER)


@contextmanager
def plain_cluster(folder: Path) -> Iterator[Cluster]:
    """Start a Kubernetes of processes, without Minikube."""
    environment = {**os.environ, "CLUSTER_DIR": str(folder)}
    # The container engine lets nothing be forwarded but its own, and between pods everything is.
    pods = [("DOCKER-USER", direction, "cni0", "-j", "ACCEPT") for direction in ("-i", "-o")]
    try:
        for rule in pods:
            run("iptables", "-I", *rule)
        run(str(MIRROR / "cluster"), "up", env=environment)
        yield Cluster(_values(folder / "bin/kubectl", folder / "kubeconfig"))
    finally:
        run(str(MIRROR / "cluster"), "down", env=environment)
        for rule in pods:
            run("iptables", "-D", *rule)


def registry_settings(data: Path, address: str, htpasswd: Path) -> str:
    """A docker-registry's configuration: nobody is let in whom the file of hashes does not name."""
    return json.dumps({
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(data)}},
        "http": {"addr": address},
        "auth": {"htpasswd": {"realm": "test", "path": str(htpasswd)}},
    })  # fmt: skip


@contextmanager
def registry(folder: Path, cluster: Cluster, address: str) -> Iterator[Cluster]:
    """Start a registry that asks for a login, and log the engine in; yields the cluster that pulls from it."""
    password = secrets.token_urlsafe(16)
    folder.mkdir()
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    (folder / "htpasswd").write_text(run("htpasswd", "-niB", ACCOUNT, input=password).stdout)
    (folder / "config.yml").write_text(registry_settings(folder / "data", address, folder / "htpasswd"))
    environment = {"DOCKER_CONFIG": str(folder / "docker")}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        wait_for(lambda: _status(f"http://{address}/v2/") == 401, "the registry", 10)
        run(
            "docker", "login", "--username", ACCOUNT, "--password-stdin", address,
            input=password, env={**os.environ, **environment},
        )  # fmt: skip
        yield Cluster(
            cluster.values
            | {
                "platform_delivery": "registry",
                "platform_image_prefix": f"{address}/qos",
                "platform_registry": address,
                "platform_registry_username": ACCOUNT,
                "platform_registry_password_file": str(password_file),
            },
            environment,
        )
    finally:
        server.terminate()
        server.wait()


def _status(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


def _values(kubectl: Path, kubeconfig: Path) -> dict[str, Any]:
    return {
        "platform_kubectl": str(kubectl),
        "platform_kubeconfig": str(kubeconfig),
        "platform_namespace": "ai-qos-platform",
        **image_settings(base_image() or ""),
    }
