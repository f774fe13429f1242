"""Which roles each profile brings to which hosts: docs/server.md tells what inventories and plays say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from running import ROOT, run

PROFILES = ("local", "minikube", "cluster", "ci")
SERVER = "platform_instance == 'server'"


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@cache
def inventory(profile: str) -> dict[str, Any]:
    """Groups and variables, as Ansible reads them."""
    command = ("ansible-inventory", "-i", f"inventories/{profile}", "--list")
    said = run(*command, env={"PATH": f"{ROOT}/.venv/dev/bin:/usr/bin:/bin", "HOME": str(ROOT / ".cache")}).stdout
    found: dict[str, Any] = json.loads(said[said.index("{") :])
    return found


def hosts(profile: str, pattern: str) -> list[str]:
    groups = inventory(profile)
    return sorted({host for group in pattern.split(":") for host in groups.get(group, {}).get("hosts", [])})


def roles(folder: Path, tasks: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Roles that tasks include, each with the condition."""
    for task in tasks:
        condition = str(task.get("when", ""))
        if included := task.get("ansible.builtin.include_role"):
            yield included["name"], condition
        yield from roles(folder, task.get("block", []))
        if file := task.get("ansible.builtin.include_tasks"):
            yield from roles(folder, yaml.safe_load((folder / file).read_text(encoding="utf-8")))


def matrix() -> list[str]:
    """A row for each playbook of site.yml: its roles, and the hosts of each profile that it brings them to."""
    rows = []
    for imported in load("site.yml"):
        playbook = imported["ansible.builtin.import_playbook"]
        if playbook == "playbooks/verify.yml":
            continue
        for play in load(playbook):
            listed = [(each["role"], str(each.get("when", ""))) for each in play.get("roles", [])]
            listed += roles((ROOT / playbook).parent, play.get("tasks", []))
            named = " ".join(dict.fromkeys(name for name, _ in listed))
            cells = [
                " ".join(
                    host
                    for host in hosts(profile, play["hosts"])
                    if any(SERVER not in condition or is_server(profile, host) for _, condition in listed)
                )
                or "–"
                for profile in PROFILES
            ]
            rows.append(f"| `{Path(playbook).name}` | {named} | {' | '.join(cells)} |")
    return rows


def is_server(profile: str, host: str) -> bool:
    variables = inventory(profile)["_meta"]["hostvars"].get(host, {})
    return bool(variables.get("platform_instance") == "server")


def test_matrix_when_rendered_then_is_what_the_guide_shows() -> None:
    head = [f"| playbook | roles | {' | '.join(PROFILES)} |", f"|---|---|{'---|' * len(PROFILES)}"]
    table = "\n".join(head + matrix())
    assert table in (ROOT / "docs/server.md").read_text(encoding="utf-8"), f"docs/server.md lacks\n{table}"


def test_ci_when_compared_with_minikube_then_differs_only_by_its_machine_and_its_mirror() -> None:
    ours, theirs = (inventory(profile)["_meta"]["hostvars"]["server"] for profile in ("ci", "minikube"))
    assert {name for name, value in theirs.items() if ours.get(name) != value} == {"ansible_connection"}
    mirror = set(load("inventories/ci/group_vars/platform/mirror.yml"))
    machine = {"ansible_connection", "ansible_host", "ansible_python_interpreter"}
    assert set(ours) - set(theirs) | {"ansible_connection"} == mirror | machine


def test_profiles_when_compared_then_all_name_the_same_groups() -> None:
    groups = {profile: set(inventory(profile)) - {"_meta", "all", "ungrouped"} for profile in PROFILES}
    expected = {"platform", "kubernetes", "delivery", "monitoring", "ml_inference", "api_gateway"}
    children = {profile: set(inventory(profile)["all"]["children"]) - {"ungrouped"} for profile in PROFILES}
    assert all(expected <= groups[profile] | children[profile] for profile in PROFILES)
