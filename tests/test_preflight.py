"""What preflight finds out of a host: its modules against real sockets, files and servers that misbehave."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import download_sources
import host_survey
import pytest
import sources_answer
import yaml

from running import ROOT

LOOPBACK = "127.0.0.1"
OPTIONS: dict[str, Any] = {
    "controller_clock": 0.0, "python": None, "marker": None, "disks": [], "address": LOOPBACK, "ports": [],
    "socket": None, "files": [], "account": "", "commands": [],
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Answers as the path says."""

    def do_HEAD(self) -> None:
        if self.path == "/hangs":
            time.sleep(30)
        status = {"/": 200, "/get-only": 405, "/login": 401, "/broken": 500, "/moved": 302}.get(self.path, 404)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response({"/": 200, "/get-only": 206}.get(self.path, 404))  # a redirected HEAD may become a GET
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server of downloads."""
    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://{LOOPBACK}:{listening.server_port}"
        listening.shutdown()


@pytest.fixture
def closed() -> int:
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def asked(*urls: str, patience: float = 3, **more: object) -> dict[str, Any]:
    return sources_answer.survey(
        [{"variable": f"v{n}", "url": url, **more} for n, url in enumerate(urls)], [], patience
    )


def test_sources_when_they_answer_then_nothing_is_said(server: str, tmp_path: Path) -> None:
    found = asked(f"{server}/", f"{server}/moved", f"{server}/get-only", tmp_path.as_uri(), "oci://somewhere/else")
    assert found == {"unresolved": [], "silent": []}


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/no-such-file", "answers 404 Not Found"), ("/broken", "answers 500"), ("/login", "answers 401 Unauthorized")],
)
def test_source_when_it_answers_otherwise_then_its_status_is_said(server: str, path: str, reason: str) -> None:
    (silent,) = asked(server + path)["silent"]
    assert silent["variable"] == "v0"
    assert silent["url"] == server + path
    assert silent["reason"].startswith(reason)


def test_source_when_a_status_or_another_address_will_do_then_nothing_is_said(server: str) -> None:
    assert asked(f"{server}/login", accepts=[401])["silent"] == []
    assert asked(f"{server}/no-such-file", or_else=f"{server}/")["silent"] == []
    assert len(asked(f"{server}/no-such-file", or_else=f"{server}/nor-this")["silent"]) == 1


def test_sources_when_one_refuses_and_one_hangs_then_each_is_said_in_time(server: str, closed: int) -> None:
    started = time.monotonic()
    silent = asked(f"http://{LOOPBACK}:{closed}/", f"{server}/hangs", f"{server}/", patience=1)["silent"]
    assert [source["reason"] for source in silent] == ["refuses the connection", "does not answer within 1 s"]
    assert time.monotonic() - started < 10


def test_source_when_a_proxy_is_given_then_the_proxy_is_asked(server: str, closed: int) -> None:
    assert asked("http://nowhere.invalid/", proxy=server)["unresolved"] == []
    (silent,) = asked("http://nowhere.invalid/", proxy=f"http://{LOOPBACK}:{closed}")["silent"]
    assert silent["reason"] == "refuses the connection"


def test_names_when_they_do_not_resolve_then_the_variables_are_said() -> None:
    found = sources_answer.survey(
        [{"variable": name, "url": "https://nowhere.invalid/file"} for name in ("mirror", "other")], ["own.invalid"], 3
    )
    assert found["unresolved"] == [
        {"name": "nowhere.invalid", "variables": ["mirror", "other"]},
        {"name": "own.invalid", "variables": []},
    ]
    assert found["silent"] == []


def test_names_when_the_resolver_hangs_then_they_are_said_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: time.sleep(30))
    started = time.monotonic()
    found = asked(*(f"http://mirror-{n}.example/" for n in range(9)), patience=0.5)
    assert len(found["unresolved"]) == 9
    assert time.monotonic() - started < 10


def test_source_when_its_address_has_a_login_then_it_is_not_said(server: str) -> None:
    url = server.replace("//", "//me:secret@")
    assert "secret" not in str(asked(f"{url}/no-such-file"))
    assert asked(f"{url}/login")["silent"] == []


def test_source_when_it_is_for_an_architecture_then_this_machines_is_asked(server: str) -> None:
    (silent,) = asked(f"{server}/tool-{{architecture}}")["silent"]
    assert silent["url"].rpartition("-")[2] in ("amd64", "arm64")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("", "https://hub.example/v2/"),
        ("python:3.11", "https://hub.example/v2/"),
        ("somebody/image", "https://hub.example/v2/"),
        ("docker.io/library/python", "https://hub.example/v2/"),
        ("registry.example/image", "https://registry.example/v2/"),
        ("registry.example:5000/image:1", "http://registry.example:5000/v2/"),
    ],
)
def test_registry_when_an_image_names_it_then_it_is_asked(name: str, url: str) -> None:
    assert download_sources.registry_url(name, "https://hub.example", ["registry.example:5000"]) == url


def test_sources_when_it_is_proved_that_all_is_there_then_are_not_needed() -> None:
    says = {"argv": ["echo", "v1.38.1"], "says": "v1.38.1"}
    sources = [
        {"variable": "there", "url": "https://mirror.example/", "unless": says},
        {"variable": "older", "url": "https://mirror.example/", "unless": {**says, "says": "v1.38.10"}},
        {"variable": "longer", "url": "https://mirror.example/", "unless": {**says, "says": "v1.38"}},
        {"variable": "fails", "url": "https://mirror.example/", "unless": {"argv": ["false"], "says": ""}},
        {"variable": "absent", "url": "https://mirror.example/", "unless": {"argv": ["no-such-program"]}},
    ]
    options = {"sources": sources, "docker_hub": "https://hub.example", "insecure_registries": []}
    needed = download_sources.needed_sources(options)
    assert [source["variable"] for source in needed] == ["older", "longer", "fails", "absent"]


def test_index_when_pip_is_configured_then_is_pips(tmp_path: Path) -> None:
    def index(environment: dict[str, str], text: str = "") -> list[str]:
        (tmp_path / "pip.conf").write_text(text)
        own = [str(tmp_path / "pip.conf")]
        return [
            each["url"] for each in download_sources.pip_sources("https://own.example/simple", "tool", environment, own)
        ]

    assert index({}) == ["https://own.example/simple/tool/"]
    assert index({}, "[global]\nindex-url = https://file.example/\n") == ["https://file.example/tool/"]
    both = "[global]\nindex-url = https://file.example/\n[install]\nindex-url = https://install.example/\n"
    assert index({}, both) == ["https://install.example/tool/"]
    assert index({"PIP_INDEX_URL": "https://variable.example"}, both) == ["https://variable.example/tool/"]
    assert index({"PIP_CONFIG_FILE": os.devnull}, both) == ["https://own.example/simple/tool/"]
    assert index({"PIP_NO_INDEX": "1"}) == []


def test_apt_when_all_packages_are_there_then_is_not_asked() -> None:
    assert download_sources.missing_packages(["no-such-package-anywhere", "dpkg"]) == ["no-such-package-anywhere"]
    assert download_sources.apt_sources([]) == []


def test_port_when_another_program_has_it_then_it_is_named(closed: int) -> None:
    with socket.create_server((LOOPBACK, 0)) as foreign:
        port = foreign.getsockname()[1]
        wanted = [{"variable": "web_port", "port": port}, {"variable": "free_port", "port": closed}]
        (found,) = host_survey.ports(wanted, LOOPBACK)
    assert found == {
        "variable": "web_port", "port": port, "reason": "taken", "pid": os.getpid(),
        "program": Path("/proc/self/comm").read_text().strip(),
    }  # fmt: skip


def test_port_when_its_program_and_a_proof_say_so_then_it_is_the_platforms() -> None:
    program = Path("/proc/self/comm").read_text().strip()
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        ours = {
            "variable": "web_port",
            "port": port,
            "programs": [program],
            "argv": ["echo", "Listen here"],
            "says": "here",
        }
        assert host_survey.ports([ours], LOOPBACK) == []
        assert len(host_survey.ports([{**ours, "programs": ["apache2"]}], LOOPBACK)) == 1
        assert len(host_survey.ports([{**ours, "says": "there"}], LOOPBACK)) == 1


def test_port_when_somebody_listens_at_every_address_then_it_is_taken() -> None:
    with socket.create_server(("", 0)) as everywhere:
        (found,) = host_survey.ports([{"variable": "v", "port": everywhere.getsockname()[1]}], LOOPBACK)
    assert found["pid"] == os.getpid()


def test_port_when_the_address_is_another_machines_then_the_reason_is_said(closed: int) -> None:
    (found,) = host_survey.ports([{"variable": "v", "port": closed}], "203.0.113.7")
    assert "assign" in found["reason"]


def test_ports_when_the_platform_runs_then_are_its_own(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as own, socket.socket(socket.AF_UNIX) as control:
        wanted = {**OPTIONS, "ports": [{"variable": "v", "port": own.getsockname()[1]}], "socket": str(tmp_path / "s")}
        assert len(host_survey.survey(wanted)["ports"]) == 1
        control.bind(wanted["socket"])
        control.listen()
        assert host_survey.survey(wanted)["ports"] == []


def test_ports_when_the_sockets_path_is_too_long_then_are_looked_at() -> None:
    with socket.create_server((LOOPBACK, 0)) as foreign:
        wanted = {
            **OPTIONS,
            "ports": [{"variable": "v", "port": foreign.getsockname()[1]}],
            "socket": "/" + "long" * 40,
        }
        assert len(host_survey.survey(wanted)["ports"]) == 1


@pytest.mark.parametrize("seconds", [-120, 0, 120])
def test_clock_when_compared_with_the_controllers_then_says_the_difference(seconds: int) -> None:
    found = host_survey.survey({**OPTIONS, "controller_clock": time.time() - seconds})
    assert abs(found["ahead_seconds"] - seconds) <= 5


@pytest.mark.parametrize(
    ("mounts", "controllers", "hierarchy", "memory"),
    [
        ("cgroup2 {root} cgroup2 rw 0 0", "cpu memory pids", "v2", True),
        ("cgroup2 {root} cgroup2 rw 0 0", "cpu pids", "v2", False),
        ("cgroup {root}/memory cgroup rw,memory 0 0", "", "v1", True),
        ("cgroup {root}/cpu cgroup rw,cpu,cpuacct 0 0", "", "v1", False),
        ("cgroup {root}/m cgroup rw,memory 0 0\ncgroup2 {root}/unified cgroup2 rw 0 0", "", "hybrid", True),
        ("proc /proc proc rw 0 0", "", "none", False),
    ],
)
def test_control_groups_when_mounted_then_are_recognized(
    tmp_path: Path, mounts: str, controllers: str, hierarchy: str, memory: bool
) -> None:
    if controllers:
        (tmp_path / "cgroup.controllers").write_text(controllers)
    found = host_survey.cgroup(mounts.format(root=tmp_path), tmp_path)
    assert found == {"hierarchy": hierarchy, "memory": memory}


def test_distribution_when_named_then_is_as_people_write_it() -> None:
    text = 'PRETTY_NAME="Ubuntu 24.04.1 LTS"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n'
    assert host_survey.distribution(text) == {"name": "Ubuntu", "release": "24.04"}
    assert host_survey.distribution("ID=debian\n") == {"name": "Debian", "release": ""}


def test_disks_when_on_one_file_system_then_their_wishes_add_up(tmp_path: Path) -> None:
    wanted = [{"path": str(tmp_path / "not/yet"), "wanted_mb": 1}, {"path": str(tmp_path), "wanted_mb": 10**9}]
    found = host_survey.disks(wanted)
    assert [disk["needed_mb"] for disk in found] == [10**9 + 1] * 2
    assert [disk["is_enough"] for disk in found] == [False] * 2
    there = {**wanted[1], "unless": {"argv": ["test", "-e", str(tmp_path)]}}
    assert [disk["is_enough"] for disk in host_survey.disks([wanted[0], there])] == [True]


def test_file_when_it_cannot_be_used_then_the_fault_is_said(tmp_path: Path) -> None:
    file = tmp_path / "key"
    assert host_survey.file_fault(str(file), False, "") == "is missing"
    assert host_survey.file_fault(str(tmp_path), False, "") == "is not a file"
    file.write_text("secret")
    file.chmod(0o644)
    assert host_survey.file_fault(str(file), False, "") == ""
    assert host_survey.file_fault(str(file), True, "").startswith("is open to every account (mode 0644")
    file.chmod(0o600)
    assert host_survey.file_fault(str(file), True, "no-such-account") == ""
    tmp_path.chmod(0o755)
    assert host_survey.file_fault(str(file), True, "nobody") == "cannot be read by nobody"


def test_survey_when_made_then_tells_of_this_machine() -> None:
    broken = {"argv": ["sh", "-c", "echo no engine; false"], "remedy": "install it"}
    found = host_survey.survey({**OPTIONS, "python": "/usr/bin/python3", "commands": [broken, {"argv": ["true"]}]})
    assert found["cores"] >= 1
    assert found["memory_mb"] > 100
    assert found["python"].startswith("3.")
    assert found["uid"] == os.getuid()
    assert found["commands"] == [{**broken, "told": "no engine"}]


def test_playbook_when_a_part_of_the_site_is_asked_for_then_is_run_all_the_same() -> None:
    """Elsewhere --tags and --limit went past the guards."""
    first = yaml.safe_load((ROOT / "site.yml").read_text())[0]
    (play,) = yaml.safe_load((ROOT / first["ansible.builtin.import_playbook"]).read_text())
    assert [entry["role"] for entry in play["roles"]] == ["preflight"]
    assert "always" in play["tags"]
    assert play["hosts"] == "platform"
    assert play["any_errors_fatal"]


SITE = ROOT / "roles/nagios/vars/server.yml"


@pytest.mark.skipif(not SITE.exists(), reason="Nagios has no site in Apache yet")
def test_port_proof_when_nagios_writes_its_site_then_is_that_site() -> None:
    """The playbook knows the platform's Apache by its site; both must name it alike."""
    named = "/etc/apache2/sites-enabled/nagios-"
    assert f"'{named}' ~ platform_name ~ '.conf'" in (ROOT / "playbooks/preflight.yml").read_text()
    assert f"{named}{{{{ platform_name }}}}.conf" in SITE.read_text()
