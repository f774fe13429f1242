"""The road on a real Minikube, from an empty cluster on. The tests go on from where the one before ended."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import readme
from clusters import Cluster
from project import BUNDLE, Project, answer_nonsense
from running import wait_for
from traffic import Traffic

pytestmark = pytest.mark.cluster

URL = "http://127.0.0.1:8000"
LEAST_RATE = 50
"""requests per second while something is rolled out"""
BACK_SECONDS = 60
"""s after which a refused release has to be gone"""


def replica_sets(cluster: Cluster) -> set[str]:
    return {each["metadata"]["name"] for each in cluster.get("replicasets")}


def traffic(project: Project) -> Traffic:
    return Traffic(URL, project.manifest["known_answer"])


def test_deploy_when_there_is_no_namespace_yet_then_check_mode_has_no_effect(
    project: Project, with_registry: Cluster
) -> None:
    project.done("images", "push")
    project.done("deploy", options="--check --diff")
    assert with_registry.values["platform_namespace"] not in with_registry.kubectl("get", "namespaces", "--output=name")
    assert "Nothing has been released" in project.done("releases").said


def test_deploy_when_the_cluster_is_empty_then_readmes_curl_is_answered(
    project: Project, with_registry: Cluster
) -> None:
    outcome = project.done("deploy", why="a first release")
    print(f"\n=== first deploy: {outcome.seconds:.0f} s")
    assert readme.is_known(readme.ask(), project.manifest)
    record = with_registry.records()[-1]
    assert record["outcome"] == "good"
    assert (record["number"], record["revision"], record["why"]) == (1, project.revision, "a first release")
    assert record["model"]["version"] == project.manifest["model_version"]
    assert all("@sha256:" in image for image in record["images"].values())
    assert all(len(record[name]) == 64 for name in ("manifests_sha256", "nagios_sha256"))
    running = {
        container["image"]
        for pod in with_registry.get("pods")
        for container in pod["spec"]["containers"]
    }  # fmt: skip
    assert running == set(record["images"].values())


def test_deploy_when_done_again_then_changes_nothing(project: Project, with_registry: Cluster) -> None:
    before = replica_sets(with_registry)
    outcome = project.done("deploy")
    print(f"\n=== deploy again: {outcome.seconds:.0f} s")
    assert outcome.changed == 0
    assert project.done("deploy", options="--check --diff").changed == 0
    assert replica_sets(with_registry) == before
    assert len(with_registry.records()) == 1


def test_deploy_when_watched_then_shows_no_secret_and_keeps_none_in_the_cluster(
    project: Project, with_registry: Cluster
) -> None:
    password = Path(with_registry.values["platform_registry_password_file"]).read_text()
    project.replace("k8s/base/api-gateway/settings.env", "8001\n", "8001\nAPI_GATEWAY_RETRY_AFTER_SECONDS=4\n")
    project.done("images")
    outcome = project.done("deploy", options="--check --diff -vvv")
    project.drop_changes(0)
    assert "API_GATEWAY_RETRY_AFTER_SECONDS" in outcome.said
    assert password not in outcome.said
    assert password not in with_registry.kubectl("get", "configmaps,pods,deployments", "-A", "--output=yaml")
    secret = with_registry.get("secrets")
    assert [each["type"] for each in secret] == ["kubernetes.io/dockerconfigjson"]
    assert "annotations" not in secret[0]["metadata"]


def change_code(project: Project) -> None:
    with (project.folder / "services/api-gateway/src/api_gateway/forwarding.py").open("a") as file:
        file.write("# Another version.\n")


def change_model(project: Project) -> None:
    version = project.manifest["model_version"]
    project.replace(f"{BUNDLE}/manifest.json", f'"{version}"', '"20261126-0ther0ne"')


def change_configuration(project: Project) -> None:
    project.replace("k8s/base/api-gateway/settings.env", "8001\n", "8001\nAPI_GATEWAY_RETRY_AFTER_SECONDS=3\n")


def test_rollouts_when_code_model_and_configuration_change_under_load_then_no_request_fails(
    project: Project, with_registry: Cluster
) -> None:
    seconds = []
    with traffic(project) as asked:
        for change in (change_code, change_model, change_configuration):
            change(project)
            project.commit(change.__name__)
            seconds.append(project.done("images", "deploy").seconds)
    print(f"\n=== three rollouts of {', '.join(f'{each:.0f} s' for each in seconds)}: {asked}")
    assert asked.failed == []
    assert asked.rate >= LEAST_RATE
    assert len(asked.models) == 2
    assert [record["why"] for record in with_registry.records()[1:]] == [
        "change_code", "change_model", "change_configuration",
    ]  # fmt: skip


def test_node_when_drained_under_load_then_no_request_fails(project: Project, with_registry: Cluster) -> None:
    """Every pod is evicted, as a drain does it: again and again until its disruption budget lets it go."""
    pods = [pod["metadata"]["name"] for pod in with_registry.get("pods")]
    namespace = with_registry.values["platform_namespace"]

    def evict(pod: str) -> bool:
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
        done = subprocess.run(
            [
                with_registry.values["platform_kubectl"], "--kubeconfig", with_registry.values["platform_kubeconfig"],
                "create", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction", "--filename=-",
            ],
            input=json.dumps(eviction), text=True, capture_output=True, check=False, timeout=30,
        )  # fmt: skip
        return done.returncode == 0

    def is_whole() -> bool:
        names = {pod["metadata"]["name"] for pod in with_registry.get("pods")}
        available = [each["status"].get("availableReplicas") for each in with_registry.get("deployments")]
        return not names & set(pods) and available == [2, 2]

    with traffic(project) as asked:
        for pod in pods:
            wait_for(partial(evict, pod), f"eviction of {pod}", 60)
        wait_for(is_whole, "new pods", 60)
    print(f"\n=== {len(pods)} pods evicted: {asked}")
    assert asked.failed == []
    assert asked.rate >= LEAST_RATE


def name_an_image_that_does_not_exist(project: Project) -> None:
    project.replace(
        "k8s/base/ml-inference/deployment.yaml", "image: ml-inference", "image: 192.168.49.1:5000/qos/none:1"
    )


def end_at_once(project: Project) -> None:
    path = project.folder / "services/api-gateway/src/api_gateway/__main__.py"
    path.write_text("raise SystemExit('this release ends at once')\n")


def never_be_ready(project: Project) -> None:
    project.replace("k8s/base/api-gateway/settings.env", ":8001", ":8009")


def be_too_big(project: Project) -> None:
    project.replace("k8s/base/ml-inference/deployment.yaml", "requests: {cpu: 200m", "requests: {cpu: 200")


def write_what_the_server_refuses(project: Project) -> None:
    project.replace("k8s/base/api-gateway/deployment.yaml", "containerPort: 8000", "containerPort: 80000")


def corrupt_the_model(project: Project) -> None:
    graph = project.folder / BUNDLE / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)


def let_the_gate_refuse(project: Project) -> None:
    path = project.folder / BUNDLE / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["gate"] |= {"passed": False, "reasons": ["it is worse than persistence"]}
    path.write_text(json.dumps(manifest))


Change = Callable[[Project], None]
# What is done to a release, and what the reason has to name.
BAD: list[tuple[Change, str]] = [
    (name_an_image_that_does_not_exist, r"ml-inference-\S+: ImagePullBackOff: .*qos/none:1"),
    (
        end_at_once,
        r"api-gateway-\S+: CrashLoopBackOff: it ended with status 1 .* its log ends: this release ends at once",
    ),
    (
        never_be_ready,
        r"not rolled out after 4\d s: api-gateway: \S+ is not ready: .* its log ends: not ready: ml-inference ",
    ),
    (answer_nonsense, r"forecasts 128\.\d+ Mbps where its model is known for 64\.\d+"),
    (be_too_big, r"no node has room for ml-inference-\S+: .*Insufficient cpu"),
    (write_what_the_server_refuses, r"containerPort.*80000.*must be between 1 and 65535"),
    (corrupt_the_model, r"not rolled out after 4\d s: .*ml-inference: ml-inference-\S+ is not ready: .*sha256 differs"),
    (let_the_gate_refuse, r"the gate did not pass model \S+: it is worse than persistence"),
]


@pytest.mark.parametrize(("spoil", "reason"), BAD, ids=[spoil.__name__ for spoil, _ in BAD])
def test_release_when_it_is_bad_then_is_refused_before_a_client_meets_it(
    project: Project, with_registry: Cluster, spoil: Change, reason: str
) -> None:
    before = replica_sets(with_registry)
    spoil(project)
    project.commit(spoil.__name__)
    project.done("images")
    with traffic(project) as asked:
        # A kubelet under load may pull once without the login, which costs its back-off of some 20 s.
        outcome = project.make("deploy", platform_release_deadline_seconds=40)
    project.drop_changes(1)
    print(f"\n=== {spoil.__name__}: {outcome.seconds:.0f} s, {asked}\n===   {outcome.reason}")
    assert outcome.status != 0
    assert re.search(reason, outcome.reason), outcome.said[-5000:]
    # Every answer was the live release's, and right; its pods were not touched.
    assert asked.failed == []
    assert len(asked.models) == 1
    assert replica_sets(with_registry) == before
    assert with_registry.in_preview() == ""
    if spoil is not let_the_gate_refuse:  # that one is refused before there is a release
        record = with_registry.records()[-1]
        assert record["revision"] != project.revision
        assert record["outcome"].startswith("refused: ")


def test_release_when_it_is_bad_and_was_not_tried_then_is_undone(project: Project, with_registry: Cluster) -> None:
    """What shows only where clients are is found there, and undone."""
    live = [each["spec"]["template"] for each in with_registry.get("deployments")]
    never_be_ready(project)
    project.commit("not tried")
    project.done("images")
    with traffic(project) as asked:
        outcome = project.make("deploy", platform_release_deadline_seconds=25, platform_preview_namespace="")
    project.drop_changes(1)
    back = outcome.seconds_between("release : undo | Keep the reason", "release : undo | Note what happened")
    print(f"\n=== not tried: {outcome.seconds:.0f} s, back after {back:.0f} s, {asked}")
    assert outcome.status != 0
    assert back <= BACK_SECONDS
    assert asked.failed == []
    assert [each["spec"]["template"] for each in with_registry.get("deployments")] == live
    assert readme.is_known(readme.ask(), project.manifest)
    maps = {each["metadata"]["name"] for each in with_registry.get("configmaps", "--selector=app.kubernetes.io/name")}
    assert len(maps) == 2


def test_rollback_when_done_twice_then_goes_back_two_releases(project: Project, with_registry: Cluster) -> None:
    good = [record for record in with_registry.records() if record["outcome"] == "good"]
    with traffic(project) as asked:
        outcomes = [project.done("rollback", why=f"try {number}") for number in (1, 2)]
    print(f"\n=== rollbacks: {', '.join(f'{each.seconds:.0f} s' for each in outcomes)}; {asked}")
    assert asked.failed == []
    assert max(each.seconds for each in outcomes) <= BACK_SECONDS
    records = with_registry.records()[-2:]
    for record, origin in zip(records, good[-2:-4:-1], strict=True):
        assert record["restores"] == origin["number"]
        assert all(record[name] == origin[name] for name in ("revision", "images", "model", "manifests_sha256"))
    listed = project.done("releases").said
    assert f"live (back to {good[-3]['number']}): try 2" in listed


def test_rollback_when_the_release_is_unknown_then_says_so_and_changes_nothing(project: Project) -> None:
    outcome = project.make("rollback", "TO=999")
    assert outcome.status != 0
    assert "There is no good release 999; make releases lists what there is." in outcome.said
    assert outcome.changed == 0


def test_deploy_when_killed_in_the_middle_then_doing_it_again_finishes(
    project: Project, with_registry: Cluster
) -> None:
    settings = project.folder / "k8s/base/api-gateway/settings.env"
    settings.write_text(f"{settings.read_text()}API_GATEWAY_REQUEST_TIMEOUT_SECONDS=7\n")
    project.commit("killed")
    project.done("images")
    with traffic(project) as asked:
        project.kill_at("release : bring | Wait for the rollout", "deploy")
        assert with_registry.records()[-1]["outcome"] == "in progress"
        outcome = project.done("deploy")
    print(f"\n=== killed, and done again in {outcome.seconds:.0f} s: {asked}")
    assert asked.failed == []
    assert [record["outcome"] for record in with_registry.records()[-2:]] == ["interrupted", "good"]
    assert with_registry.in_preview() == ""
    assert project.done("deploy").changed == 0


def test_records_when_there_are_more_than_are_kept_then_the_oldest_are_forgotten_but_none_that_is_live(
    project: Project, with_registry: Cluster
) -> None:
    before = with_registry.records()
    project.replace("k8s/base/api-gateway/settings.env", "TIMEOUT_SECONDS=7", "TIMEOUT_SECONDS=8")
    project.commit("fewer records")
    project.done("images", "deploy", release_keep=3)
    kept = [record["number"] for record in with_registry.records()]
    good = [record["number"] for record in before if record["outcome"] == "good"]
    others = [record["number"] for record in before if record["outcome"] != "good"]
    assert kept == sorted([*good[-3:], *others[-3:], before[-1]["number"] + 1])


def test_delivery_when_loaded_then_the_node_has_what_was_built(project: Project, on_minikube: Cluster) -> None:
    loaded = {
        "platform_delivery": "load",
        "platform_image_prefix": "ai-qos-platform",
        "platform_registry_password_file": "",
    }
    outcome = project.done("images", "deploy", **loaded)
    print(f"\n=== deploy by load: {outcome.seconds:.0f} s")
    assert readme.is_known(readme.ask(), project.manifest)
    built = on_minikube.records()[-1]["images"]
    pods = on_minikube.get("pods")
    assert {container["image"] for pod in pods for container in pod["spec"]["containers"]} == set(built.values())
    assert project.done("deploy", **loaded).changed == 0


def test_delivery_when_minikube_does_not_load_then_fails_although_minikube_does_not(
    project: Project, on_minikube: Cluster
) -> None:
    """Minikube reports success for an archive that it could not read."""
    command = shlex.join(on_minikube.values["platform_minikube_command"])
    script = f'if [ "$2" = load ]; then cat >/dev/null; else exec {command} "$@"; fi'
    lazy = ["/bin/sh", "-c", script, "minikube"]
    change_code(project)
    project.commit("not loaded")
    outcome = project.make(
        "images",
        "push",
        platform_delivery="load",
        platform_image_prefix="ai-qos-platform",
        platform_minikube_command=lazy,
    )
    project.drop_changes(1)
    assert outcome.status != 0
    assert "Minikube did not take it in" in outcome.said


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"platform_kubeconfig": "/nowhere/kubeconfig"}, "/nowhere/kubeconfig"),
        ({"platform_image_prefix": "192.168.49.1:5000/other"}, "make images builds it"),
        ({"platform_overlay": "moon"}, "k8s/overlays/moon"),
    ],
)
def test_deploy_when_a_value_is_wrong_then_names_it_and_touches_nothing(
    project: Project, with_registry: Cluster, values: dict[str, str], message: str
) -> None:
    project.done("images")
    before = [each["spec"] for each in with_registry.get("deployments")], len(with_registry.records())
    outcome = project.make("deploy", **values)
    assert outcome.status != 0
    assert message in outcome.said
    assert before == ([each["spec"] for each in with_registry.get("deployments")], len(with_registry.records()))
