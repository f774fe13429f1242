"""What the repository's files promise each other: roles, contract, lock files, documents. Nothing is run."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import readme
from api_gateway.settings import GatewaySettings
from ml_inference.bundle.manifest import BASELINE_FILE, GRAPH_FILE, MANIFEST_FILE
from ml_inference.replay.__main__ import _parser as replay_parser
from ml_inference.serving.settings import InferenceSettings
from qos_runtime.settings import ServiceSettings
from running import ROOT, run

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
CONTRACT_FILE = ROOT / "playbooks/group_vars/all/platform.yml"
SHIPPED_BUNDLE = ROOT / "services/ml-inference/bundles/default"
MAX_TASK_LINES = 60
SETTINGS: dict[str, type[ServiceSettings]] = {"api-gateway": GatewaySettings, "ml-inference": InferenceSettings}
# Not what a person sets: the roles do, and they say so there.
SET_BY_ROLES = {"listen_host", "listen_port", "socket_fd", "inference_url", "bundle_dir"}


@cache
def files() -> dict[str, str]:
    """Every text file of the repository, committed or about to be, by its path."""
    names = run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines()
    found = {}
    for name in names:
        if (ROOT / name).is_file() and b"\0" not in (content := (ROOT / name).read_bytes()):
            found[name] = content.decode()
    assert len(found) > 100
    return found


def below(*folders: str) -> dict[str, str]:
    """The text files below some folders."""
    found = {name: text for name, text in files().items() if name.startswith(folders)}
    assert found
    return found


def load(path: Path) -> Any:
    """A YAML file; what is not there is empty."""
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def contract() -> dict[str, Any]:
    return {**load(CONTRACT_FILE), **load(CONTRACT_FILE.with_name("versions.yml"))}


def ports() -> dict[str, int]:
    return {name: port for name, port in contract().items() if name.endswith("_port")}


def tasks(content: Any) -> Iterator[dict[str, Any]]:
    """Every task of a play or a task file, those in blocks included."""
    for item in content if isinstance(content, list) else []:
        yield item
        for part in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers"):
            yield from tasks(item.get(part))


def tasks_of(*folders: str) -> list[tuple[str, dict[str, Any]]]:
    """Every task below some folders, with its file's name."""
    names = [name for name in below(*folders) if name.endswith(".yml") and "_vars/" not in name]
    found = [(name, task) for name in names for task in tasks(load(ROOT / name))]
    assert found
    return found


def entry_points(role: str) -> dict[str, dict[str, Any]]:
    specs: dict[str, dict[str, Any]] = load(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]
    return specs


def defaults(role: str) -> dict[str, Any]:
    found: dict[str, Any] = load(ROOT / "roles" / role / "defaults/main.yml")
    return found


@pytest.mark.parametrize("role", ROLES)
def test_role_when_listed_then_says_what_it_does(role: str) -> None:
    assert "main" in entry_points(role)
    for name, entry in entry_points(role).items():
        assert entry["short_description"].strip(), name
        for option, spec in (entry.get("options") or {}).items():
            assert spec["description"].strip(), option
            assert spec["type"], option


@pytest.mark.parametrize("role", ROLES)
def test_entry_points_when_compared_with_task_files_then_each_has_one(role: str) -> None:
    for name in entry_points(role):
        assert (ROOT / "roles" / role / "tasks" / f"{name}.yml").is_file()


@pytest.mark.parametrize("role", ROLES)
def test_defaults_when_compared_with_argument_specs_then_agree(role: str) -> None:
    options = [item for entry in entry_points(role).values() for item in (entry.get("options") or {}).items()]
    described = {name: spec["default"] for name, spec in options if "default" in spec}
    assert described == defaults(role)
    # What has no default is asked for: an option can be neither forgotten nor silently empty.
    for name, spec in options:
        assert spec.get("required", False) is ("default" not in spec), name


@pytest.mark.parametrize("role", ROLES)
def test_defaults_when_read_then_a_comment_stands_above_each(role: str) -> None:
    path = ROOT / "roles" / role / "defaults/main.yml"
    paragraphs = path.read_text(encoding="utf-8").split("\n\n") if path.exists() else []
    uncommented = [text for text in paragraphs if re.search(r"^\w+:", text, re.MULTILINE) and text.strip()[0] != "#"]
    assert uncommented == []


@pytest.mark.parametrize("role", ROLES)
def test_defaults_when_looked_for_then_each_has_an_effect(role: str) -> None:
    acting = {name: text for name, text in below(f"roles/{role}/").items() if "/defaults/" not in name}
    code = "\n".join(text for name, text in acting.items() if "/meta/" not in name)
    unread = {name for name in defaults(role) if not re.search(rf"\b{name}\b", code)}
    assert unread == set()


@pytest.mark.parametrize("role", ROLES)
def test_variables_when_named_then_bear_the_roles_name(role: str) -> None:
    public = [*defaults(role), *(name for entry in entry_points(role).values() for name in entry.get("options") or {})]
    inner = [*load(ROOT / "roles" / role / "vars/main.yml")]
    for name, task in tasks_of(f"roles/{role}/"):
        inner += [task["register"]] if "register" in task else []
        for fact in task.get("ansible.builtin.set_fact") or {}:
            assert fact.startswith((f"{role}_", f"__{role}_")), name
    assert [name for name in public if not name.startswith(f"{role}_")] == []
    assert [name for name in inner if not name.startswith(f"__{role}_")] == []


def test_task_files_when_measured_then_are_short() -> None:
    lengths = {name: len(text.splitlines()) for name, text in below("roles/").items() if "/tasks/" in name}
    assert lengths
    assert {name: lines for name, lines in lengths.items() if lines > MAX_TASK_LINES} == {}


def test_templates_when_rendered_then_say_who_wrote_them() -> None:
    templates = {name: text for name, text in below("roles/").items() if name.endswith(".j2")}
    included = {word for text in templates.values() for word in re.findall(r"{% include '([^']+)' %}", text)}
    silent = [
        name
        for name, text in templates.items()
        if Path(name).name not in included
        and not any(re.fullmatch(r"[#;] {{ ansible_managed }}", line) for line in text.splitlines()[:2])
    ]
    assert silent == []


def test_roles_when_looked_for_then_each_is_used() -> None:
    used = set()
    for _, task in tasks_of("roles/", "playbooks/"):
        used |= {each["role"] if isinstance(each, dict) else each for each in task.get("roles") or []}
        for module in ("include_role", "import_role"):
            used |= {each["name"] for each in [task.get(f"ansible.builtin.{module}")] if each}
    assert used == set(ROLES)


def test_contract_when_variables_are_used_then_has_them_all() -> None:
    used = {word for text in below("roles/", "playbooks/").values() for word in re.findall(r"\bplatform_\w+", text)}
    # preflight_platform_socket and file names do not begin a word; what is left is the contract's.
    assert used - set(contract()) == set()
    assert {name for name in contract() if name not in used} == set()


def test_ports_and_address_when_looked_for_then_stand_in_the_contract_alone() -> None:
    assert len(set(ports().values())) == 5
    address = contract()["platform_listen_address"]
    literals = [*map(str, ports().values()), address]
    places = below("roles/", "nagios/objects/", "playbooks/", "inventories/", "site.yml", "Makefile", "bin/")
    found = [
        f"{name}: {literal}"
        for name, text in places.items()
        for literal in literals
        if ROOT / name != CONTRACT_FILE and re.search(rf"(?<![\w.]){re.escape(literal)}(?![\w.])", text)
    ]
    # MLflow's pages are the clone's and not the platform's: this machine's alone, wherever the platform listens.
    assert found == [f"bin/mlflow: {address}"]


def test_documents_when_they_name_an_address_then_it_is_the_contracts() -> None:
    host = contract()["platform_listen_address"]
    ours = {f"{host}:{port}" for port in ports().values()}
    for name, text in below("README.md", "docs/").items():
        assert set(re.findall(r"\d+\.\d+\.\d+\.\d+:\d+", text)) <= ours, name
    assert f"http://{host}:{ports()['platform_api_gateway_port']}/predict" in readme.curl()


def test_services_own_defaults_when_compared_with_the_contract_then_are_its() -> None:
    host, port = contract()["platform_listen_address"], ports()
    assert GatewaySettings.model_fields["listen_host"].default == host
    assert GatewaySettings.model_fields["listen_port"].default == port["platform_api_gateway_port"]
    assert InferenceSettings.model_fields["listen_port"].default == port["platform_ml_inference_port"]
    inference = str(GatewaySettings.model_fields["inference_url"].default).rstrip("/")
    assert inference == f"http://{host}:{port['platform_ml_inference_port']}"
    assert replay_parser().get_default("url") == f"http://{host}:{port['platform_api_gateway_port']}"


@pytest.mark.parametrize("service", SETTINGS)
def test_settings_when_looked_for_then_each_is_read_somewhere(service: str) -> None:
    """The original's gateway ignored its own setting."""
    code = "\n".join(below("services/runtime/src/", f"services/{service}/src/").values())
    unread = [name for name in SETTINGS[service].model_fields if not re.search(rf"\.{name}\b", code)]
    assert unread == []


@pytest.mark.parametrize("service", SETTINGS)
def test_settings_when_a_role_sets_them_then_they_exist(service: str) -> None:
    role = service.replace("-", "_")
    text = (ROOT / "roles" / role / "tasks/main.yml").read_text()
    named = set(re.findall(r"{{ {'(\w+)':", text))
    assert named
    assert named <= set(SETTINGS[service].model_fields)


def test_contract_when_kubernetes_and_the_images_say_it_too_then_they_agree() -> None:
    service = load(ROOT / "k8s/overlays/minikube/api-gateway-node-port.yaml")
    assert service["spec"]["ports"][0]["nodePort"] == contract()["platform_gateway_node_port"]
    assert load(ROOT / "k8s/base/kustomization.yaml")["namespace"] == contract()["platform_namespace"]
    assert f"ARG BASE={contract()['platform_python_image']}\n" in (ROOT / "services/Dockerfile").read_text()


def test_operation_guide_when_read_then_names_every_setting() -> None:
    names = [f"docs/{page}.md" for page in ("operation", "kubernetes", "provisioning", "server", "jenkins")]
    names += [f"roles/{role}/README.md" for role in ROLES]
    text = "".join((ROOT / name).read_text() for name in names)
    wanted = {name for settings in SETTINGS.values() for name in settings.model_fields} - SET_BY_ROLES
    wanted |= set(contract()) | {name for role in ROLES for name in defaults(role) if is_for_people(role, name)}
    assert sorted(name for name in wanted if not re.search(rf"\b{name}\b", text)) == []


def is_for_people(role: str, name: str) -> bool:
    """Whether a person sets it; other roles set the rest, as they include the role."""
    return f"{name}:" not in "\n".join(t for n, t in below("roles/", "playbooks/").items() if f"roles/{role}/" not in n)


def test_nothing_when_looked_for_is_the_newest_of_its_kind() -> None:
    word = re.compile(r"\blat" + r"est\b(?!', 'false'| false)", re.IGNORECASE)  # Jenkins' plugin manager is told not to
    assert [name for name, text in files().items() if "tests/" not in name and word.search(text)] == []


def test_lock_files_when_read_then_pin_everything_with_hashes_and_name_no_address() -> None:
    locks = {name: text for name, text in files().items() if name.endswith(".lock")}
    assert len(locks) >= 7
    for name, text in locks.items():
        requirements = re.split(r"\n(?=\S)", text.strip())
        for requirement in requirements:
            head, *rest = requirement.replace("\\\n", "\n").splitlines()
            assert re.fullmatch(r"[a-z0-9._-]+(\[[a-z,]+\])?==[\w.+!-]+( ; .+)?", head.strip()), f"{name}: {head}"
            assert rest, f"{name}: {head}"
            assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64} *", line) for line in rest), f"{name}: {head}"
        assert "://" not in text, name


def test_nothing_when_looked_for_names_a_registry_or_a_path_of_one_machine() -> None:
    hosts = [".".join(parts) for parts in (
        ("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"), ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"), ("registry-1", "docker", "io"),
    )]  # fmt: skip
    assert [f"{name}: {host}" for name, text in files().items() for host in hosts if host in text] == []
    # The pristine machines are such that their tests make.
    home = re.compile(r"(?<![\w.}])/(home|root|work|Users)/\w")
    makers = ("tests/test_pristine_machine.py", "tests/site/test_site.py")
    others = {name: text for name, text in files().items() if name not in makers}
    assert [name for name, text in others.items() if home.search(text)] == []


def test_failures_when_they_happen_then_no_task_swallows_them() -> None:
    """The original's pipeline was green with nothing running."""
    for name, task in tasks_of("roles/", "playbooks/", "site.yml"):
        assert "ignore_errors" not in task, name
        if task.get("failed_when") is False:  # looked at by what comes next
            assert "register" in task, f"{name}: {task.get('name')}"


def test_waiting_when_needed_then_is_for_something_and_not_for_a_time() -> None:
    """The original's smoke test was `sleep 5`."""
    for name, task in tasks_of("roles/", "playbooks/"):
        assert "ansible.builtin.pause" not in task, name
        assert not re.search(r"\bsleep\b", str(task)), name
        assert ("retries" in task) <= ("until" in task), name
    ready = [task for _, task in tasks_of("roles/service_process/") if "/health/ready" in str(task)]
    assert [task["until"] for task in ready]
    assert [play["ansible.builtin.import_playbook"] for play in load(ROOT / "site.yml")][-1] == "playbooks/verify.yml"


def test_password_when_a_task_reads_it_then_the_task_is_not_logged() -> None:
    readers = [
        task
        for _, task in tasks_of("roles/")
        if re.search(r"lookup\('ansible\.builtin\.(file|password)', platform_nagios_password_file", str(task))
    ]
    assert len(readers) >= 3
    assert [task["name"] for task in readers if task.get("no_log") is not True] == []


def shipped_manifest() -> dict[str, Any]:
    """The shipped model's; a model that a user adopted is not what the documents speak of."""
    manifest: dict[str, Any] = yaml.safe_load((SHIPPED_BUNDLE / "manifest.json").read_text())
    if manifest["model_version"] not in (ROOT / "docs/models.md").read_text():
        pytest.skip(f"the served model {manifest['model_version']} is not the one that docs/models.md ships")
    return manifest


def test_known_answer_when_compared_with_readme_then_is_its_question() -> None:
    """The original's documented answer was not what its code answered."""
    manifest = yaml.safe_load((SHIPPED_BUNDLE / "manifest.json").read_text())
    assert manifest["known_answer"]["request"] == yaml.safe_load(readme.request_body())
    manifest = shipped_manifest()
    assert f"{manifest['known_answer']['predicted_bandwidth']:.1f}" in (ROOT / "docs/models.md").read_text()


def test_figures_when_readme_names_the_manifest_then_it_has_them() -> None:
    """README sends whoever asks how good the model is to the manifest: its figures, beside those of persistence."""
    manifest = shipped_manifest()
    assert "bundles/default/manifest.json" in readme.TEXT
    assert "generated links" in readme.TEXT
    assert manifest["data"]["source"] == "generated links, none measured"
    assert manifest["metrics"]["split"] == "test"
    assert [score["horizon"] for score in manifest["metrics"]["scores"]] == manifest["horizons"]
    for score in manifest["metrics"]["scores"]:
        assert score["skill_low"] <= score["skill"] <= score["skill_high"] < 1, score["horizon"]


def test_bundle_when_installed_then_all_of_its_files_are() -> None:
    names = {MANIFEST_FILE, GRAPH_FILE, BASELINE_FILE}
    assert set(load(ROOT / "roles/ml_inference/vars/main.yml")["__ml_inference_files"]) == names
    assert {path.name for path in SHIPPED_BUNDLE.iterdir()} == names


def test_links_when_followed_then_lead_somewhere() -> None:
    for name, text in below("README.md", "CONTRIBUTING.md", "docs/").items():
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (ROOT / name).parent.joinpath(link).exists(), f"{name}: {link}"


@pytest.mark.parametrize("role", ROLES)
def test_page_of_a_role_when_compared_with_its_argument_specs_then_is_made_from_them(role: str) -> None:
    page = (ROOT / "roles" / role / "README.md").read_text()
    assert run(sys.executable, "bin/role-readme", role).stdout == page, "bin/role-readme writes it anew"


def test_scenarios_when_looked_for_then_each_says_what_must_be_gone() -> None:
    scenarios = sorted(path.parents[2].name for path in (ROOT / "roles").glob("*/molecule/default/molecule.yml"))
    assert len(scenarios) >= 6
    for role in scenarios:
        scenario = ROOT / "roles" / role / "molecule/default"
        if "absent" in entry_points(role):
            assert (scenario / "gone.yml").is_file()
        else:  # a role that changes nothing has nothing to undo, and proves that
            assert load(scenario / "molecule.yml")["ansible"]["playbooks"]["cleanup"].endswith("/unchanged.yml")
            assert "--since" in (scenario / "verify.yml").read_text()
