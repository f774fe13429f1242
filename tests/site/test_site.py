"""`ansible-playbook site.yml` on a bare server: up, again, a reboot, away, and up again with a registry and secrets.

The server is a pristine machine, reached from here as a controller would; at the end it is its own controller.
The tests go on from where the one before ended.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import readme
from clusters import registry_settings
from engine import has_engine
from machines import MIRROR, Machine, pristine
from project import BUNDLE
from running import ROOT, recap, run, wait_for
from scratch import index_with

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(not MIRROR.exists(), reason=f"no artifact mirror at {MIRROR}, which makes the machine"),
    pytest.mark.skipif(not has_engine(), reason=f"no container engine answers ({MIRROR} engine starts one)"),
]

FOOTPRINT = "roles/baseline/files/footprint.py"
MOST_SECONDS = 12 * 60
READY = "curl -sf -m 2 http://127.0.0.1:8000/health/ready"
OPERATOR = "ansible"
"""an ordinary account with sudo"""
HOME = f"/home/{OPERATOR}"
OTHER_MODEL = "20261127-0ther0ne"
OWN_ADDRESS = (
    "import socket; probe = socket.socket(type=socket.SOCK_DGRAM); probe.connect(('192.0.2.1', 9));"
    " print(probe.getsockname()[0])"
)
"""prints the address that a machine has on its way out; nothing is sent"""
ACCOUNT = "release"
# What stays on purpose (docs/server.md), and what systemd, apt and the login tools write by themselves.
STAYS = re.compile(
    r"accounts: \+ Debian-exim"
    r"|files: \+ /etc/(aliases|mailname|default/docker|init\.d/docker|rc\d\.d/K01docker|(containerd|cni)(/.*)?)"
    r"|files: changed /etc/((passwd|group|shadow|gshadow|subuid|subgid)-?|ld\.so\.cache)"
    r"|files: changed /etc/(hosts|hostname|resolv\.conf)"  # of the container, after its restart
    r"|files: \+ /usr/lib/modules"  # a machine with a kernel of its own has it; Docker makes it for the node
    r"|files: \+ /usr/share/man/man1"  # as above; Java's package fails without it
    r"|files: . /(var/log|var/lib/systemd)/.*"
)
STAND_INS = ROOT / ".cache/jenkins-stand-ins"


class Server(Machine):
    """The machine, as its controller sees it."""

    def __init__(self, name: str, secrets: Path) -> None:
        super().__init__(name)
        self.secrets = secrets

    def play(self, *words: str, playbook: str = "site.yml", check: bool = True) -> str:
        """Run a playbook on it; what it says."""
        where = ["-i", "inventories/ci", "-e", f"platform_secrets_dir={self.secrets}"]
        command = ["ansible-playbook", *where, *words, playbook]
        path = f"{ROOT}/.venv/ansible/bin:{os.environ['PATH']}"
        environment = {
            **os.environ,
            "CI_MACHINE": self.name,
            "CI_JENKINS_KEY": jenkins_key(),
            "PATH": path,
            "ANSIBLE_NOCOLOR": "1",
        }
        environment.pop("MAKELEVEL", None)
        started = time.monotonic()
        with self.log.open("a+") as log:
            log.write(f"\n$ {' '.join(command)}\n")
            log.flush()
            begin = log.tell()
            status = subprocess.call(
                command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, timeout=1500
            )
            log.seek(begin)
            said = log.read()
            log.write(f"({time.monotonic() - started:.0f} s, status {status})\n")
        if check and status:
            pytest.fail(f"{' '.join(command)} ended with {status} (all of it: {self.log}):\n{said[-6000:]}")
        return said

    def build(self, *words: str) -> str:
        """Type a command as a build of Jenkins would, in a clone of the agent's account; what it says."""
        script = f"export $(systemctl show --property=Environment --value jenkins-agent) && {' '.join(words)}"
        return self.run(script, user="jenkins-agent", folder="/var/lib/jenkins-agent/platform")

    def service(self, host: str, name: str) -> str:
        """What Nagios last heard of a service, by its CGI."""
        asked = f"query=service&hostname={host}&servicedescription={name}"
        said = self.run(
            "NAGIOS_CGI_CONFIG=/etc/nagios4/ai-qos-platform/etc/cgi.cfg REMOTE_USER=nagiosadmin REQUEST_METHOD=GET"
            f" QUERY_STRING='{asked}' /usr/lib/cgi-bin/nagios4/statusjson.cgi"
        )
        found = json.loads(said[said.index("{") :])["data"].get("service", {})  # none while Nagios is just writing
        return str(found.get("plugin_output", ""))

    def footprint(self, file: str, *, since: bool = False) -> list[str]:
        """Write its footprint, or tell what has changed since."""
        self.write("/tmp/footprint.py", (ROOT / FOOTPRINT).read_text())
        left_out = "/mirror,/root/before,/root/.ansible"
        command = f"python3 -B /tmp/footprint.py --except {left_out} {'--since' if since else ''} {file}"
        return self.run(f"{command} || [ $? = 1 ]").splitlines()


def jenkins_key() -> str:
    """The fingerprint of the key that the stand-ins are signed with."""
    return (STAND_INS / "repository/fingerprint").read_text().strip()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A bare server, and what it was like before."""
    if kept := os.environ.get("SITE_MACHINE"):  # one that is there already, for whoever works on these tests
        yield Server(kept, Path(os.environ["SITE_SECRETS"]))
        return
    with pristine("site", "mirror") as machine:
        bare = Server(machine.name, tmp_path_factory.mktemp("controller") / "secrets")
        # Tools of the tests, and what whoever clones the project on it has.
        bare.run(
            "apt-get update -q && apt-get install -q -y --no-install-recommends make git python3-venv docker-registry"
        )
        bare.run("systemctl disable --now docker-registry")
        run("tests/jenkins/build", str(STAND_INS))
        run("tests/jenkins/serve", bare.name, str(STAND_INS))
        bare.footprint("/root/before")
        yield bare


def test_check_on_a_bare_machine_changes_nothing(server: Server) -> None:
    said = server.play("--check", "--diff")
    assert recap(said)[1] == 0
    assert [line for line in server.footprint("/root/before", since=True) if "nothing has changed" not in line] == []
    assert not server.secrets.exists()


def test_site_brings_everything_up_in_time(server: Server) -> None:
    started = time.monotonic()
    said = server.play()
    seconds = time.monotonic() - started
    print(f"\n=== site.yml on a bare machine: {seconds:.0f} s ({MOST_SECONDS} at most)")
    assert recap(said)[1] == 0
    assert seconds < MOST_SECONDS
    table = said[said.index("TASK [Say it]") :]
    rows = [line for line in table.splitlines() if re.match(r" +- '? *(Gateway|Release|Nagios|Jenkins|Registry)", line)]
    print("\n".join(f"=== {row}" for row in rows))
    assert f"password in {server.secrets}/nagios-nagiosadmin" in " ".join(table.split())
    assert server.secrets.stat().st_mode & 0o777 == 0o700
    assert (server.secrets / "nagios-nagiosadmin").stat().st_mode & 0o777 == 0o600


def test_second_run_changes_nothing(server: Server) -> None:
    started = time.monotonic()
    said = server.play()
    print(f"\n=== again: {time.monotonic() - started:.0f} s")
    assert recap(said) == (0, 0)
    assert recap(server.play("--check", "--diff")) == (0, 0)


def test_readmes_curl_gets_its_forecast(server: Server) -> None:
    manifest = json.loads((ROOT / BUNDLE / "manifest.json").read_text())
    assert readme.is_known(server.run(readme.curl()), manifest)


def test_build_of_jenkins_hands_images_to_minikube(server: Server) -> None:
    """What the agent's account was given is enough, and all that it may do as root is that."""
    server.clone("/var/lib/jenkins-agent/platform", user="jenkins-agent")
    server.run("rm /opt/project.bundle")
    server.build("make .venv/ansible")
    assert recap(server.build("make push")) == (0, 0)  # the node has them
    assert recap(server.build("make verify")) == (0, 0)
    listed = server.build("sudo -n -l").replace("\\", "")
    allowed = re.findall(r"NOPASSWD: (.*)", listed)
    assert allowed == [f"/usr/local/sbin/as-minikube minikube image {each}" for each in ("load -", "ls --format=json")]


def test_build_of_jenkins_releases_a_model_and_nagios_has_nothing_to_say(server: Server) -> None:
    """Nobody tells Nagios: no downtime is begun, and its own copy of the manifest stays that of the model before."""
    version = json.loads((ROOT / BUNDLE / "manifest.json").read_text())["model_version"]
    server.build(f"sed -i s/{version}/{OTHER_MODEL}/ {BUNDLE}/manifest.json")
    server.build("git -c user.name=build -c user.email=build@localhost commit -q -a -m 'Another model'")
    begun = int(server.run("date +%s"))
    started = time.monotonic()
    server.build("make images deploy verify")
    print(f"\n=== a model released by a build: {time.monotonic() - started:.0f} s")
    answers = f"model {OTHER_MODEL} answers as released"
    seconds = wait_for(lambda: answers in server.service("api-gateway", "Model"), "Nagios' next look", 60)
    print(f"=== {seconds:.0f} s later: {server.service('api-gateway', 'Model')}")
    log = server.run("cat /var/log/nagios4/nagios.log")
    alerts = re.findall(r"^\[(\d+)\] \w+ ALERT: ((?:api-gateway|kubernetes);.*)$", log, flags=re.MULTILINE)
    during = [what for when, what in alerts if int(when) >= begun]
    print(f"=== meanwhile: {during}")
    assert [each for each in during if ";HARD;" in each] == []
    # What `make drift INFRASTRUCTURE=1` looks at, from the older clone that provisioned the server.
    assert recap(server.play("--check", "--diff", "--skip-tags=images", "--skip-tags=deploy")) == (0, 0)


def test_wrong_version_is_refused_with_both_values(server: Server) -> None:
    wrong = ("-e", "platform_kubernetes_version=v1.33.0")
    said = " ".join(server.play(*wrong, playbook="playbooks/minikube.yml", check=False).split())
    assert "the cluster has v1.34.4, wanted is v1.33.0" in said
    assert recap(said) == (0, 1)


def test_everything_comes_back_after_a_reboot(server: Server) -> None:
    server.restart()
    seconds = wait_for(lambda: "ready" in server.run(f"{READY} || true"), "the gateway after a reboot", 180)
    server.run("systemctl is-system-running --wait || true")
    units = "docker minikube nagios4 apache2 jenkins jenkins-agent"
    assert server.run(f"systemctl is-active {units}").split() == ["active"] * 6
    print(f"\n=== rebooted: forecasts again after {seconds:.0f} s, without Ansible")
    assert recap(server.play(playbook="playbooks/verify.yml")) == (0, 0)


def test_a_day_passes(server: Server) -> None:
    """What the clock starts of itself between two looks at a machine, is not what the platform leaves."""
    timers = server.run("systemctl list-units --all --plain --no-legend --type=timer | cut -d ' ' -f 1").split()
    assert {"apt-daily-upgrade.timer", "dpkg-db-backup.timer"} <= set(timers)
    units = {server.run(f"systemctl show --property=Unit --value {timer}").strip() for timer in timers}
    units.discard("fstrim.service")  # the disk below is not this machine's
    for _ in range(2):  # the second time, the copies of the first are moved on
        server.run(f"systemctl start {' '.join(sorted(units))}")


def test_teardown_leaves_what_was_there(server: Server) -> None:
    refused = server.play(playbook="playbooks/teardown.yml", check=False)
    assert "say -e confirm=yes" in " ".join(refused.split())
    said = server.play("-e", "confirm=yes", playbook="playbooks/teardown.yml")
    kinds = "packages|listening ports|processes|enabled units|accounts|files"
    told = re.findall(rf"^ +- '((?:{kinds}): .*)'$", said, flags=re.MULTILINE)
    print(f"\n=== teardown tells: {'; '.join(told)}")
    assert recap(server.play("-e", "confirm=yes", playbook="playbooks/teardown.yml")) == (0, 0)
    left = server.footprint("/root/before", since=True)
    print(f"=== against before: {'; '.join(left)}")
    assert [line for line in left if not STAYS.fullmatch(line)] == []


def test_secrets_are_nowhere_but_in_their_places(server: Server) -> None:
    """Up again, by an ordinary account of the server itself, with a registry's login and marked secrets."""
    secrets = {
        name: f"canary-{name}-{time.time_ns()}" for name in ("registry", "index", "nagios", "jenkins", "repository")
    }
    told = server.run(f'python3 -c "{OWN_ADDRESS}"')
    registry = f"{told.strip()}:5000"
    start_registry(server, secrets["registry"])
    server.run(f"useradd -m -s /bin/bash {OPERATOR}")
    server.run(f"echo '{OPERATOR} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{OPERATOR}")
    server.clone(f"{HOME}/platform", user=OPERATOR)
    index = index_with(secrets["index"])
    own = f"{HOME}/.config/ai-qos-platform/ci"
    places = {
        f"{HOME}/secrets/registry": secrets["registry"],
        f"{HOME}/secrets/index": index,
        f"{HOME}/secrets/repository": secrets["repository"],
        f"{own}/nagios-nagiosadmin": secrets["nagios"],
        f"{own}/jenkins-admin": secrets["jenkins"],
    }
    for path, content in places.items():
        server.write(path, content, user=OPERATOR)
    values = f"{HOME}/values.json"
    server.write(values, json.dumps({
        "ansible_connection": "local",
        "platform_delivery": "registry",
        "platform_image_prefix": f"{registry}/qos",
        "platform_registry": registry,
        "platform_registry_username": ACCOUNT,
        "platform_registry_password_file": f"{HOME}/secrets/registry",
        "platform_insecure_registries": [registry],
        "platform_build_index_file": f"{HOME}/secrets/index",
        "platform_repository_username": "robot",
        "platform_repository_password_file": f"{HOME}/secrets/repository",
    }), user=OPERATOR)  # fmt: skip
    server.run("make .venv/ansible", user=OPERATOR, folder=f"{HOME}/platform")
    words = sorted({*secrets.values(), *map(encoded, secrets.values()), encoded(f"{ACCOUNT}:{secrets['registry']}")})
    with watched(server, words) as seen:
        key = f"CI_JENKINS_KEY={jenkins_key()}"
        command = f"{key} .venv/ansible/bin/ansible-playbook -i inventories/ci -e @{values} -vvv --diff site.yml"
        started = time.monotonic()
        said = server.run(command, user=OPERATOR, folder=f"{HOME}/platform", timeout=1500)
        print(f"\n=== the same by the server itself, pulling from a registry: {time.monotonic() - started:.0f} s")
    assert f"{ACCOUNT} is logged in" in said
    assert [word for word in words if word in said] == []
    assert seen.read_text() == ""
    server.write("/root/secrets/words", "\n".join(words))
    # Everything on its disk, images and what is in the cluster among it; its memory is no place of files.
    left_out = " ".join(f"--exclude-dir={name}" for name in ("proc", "sys", "dev", "mirror", "tmp"))
    found = set(server.run(f"grep -rlsF -f /root/secrets/words / {left_out} || [ $? -le 2 ]", timeout=600).splitlines())
    jenkins = {f"/etc/jenkins/values/{name}" for name in ("ADMIN_PASSWORD", "REGISTRY_PASSWORD", "REPOSITORY_PASSWORD")}
    logins = {f"/var/lib/docker-login/{account}/config.json" for account in ("root", "jenkins-agent")}
    their = {*places, *jenkins, *logins, "/root/secrets/words"}
    # The login that pods are pulled with lies in the cluster's database; the engine's volume is the node's disk.
    database = re.compile(r"/var/lib/docker/volumes/minikube/_data/lib/minikube/etcd/member/.*")
    assert their <= found
    assert sorted(path for path in found - their if not database.fullmatch(path)) == []


def encoded(text: str) -> str:
    """As in logins; what may follow is left open."""
    return base64.b64encode(text.encode()).decode().rstrip("=")[:-1]


def start_registry(server: Server, password: str) -> None:
    """Run a registry on the machine that lets nobody in without a password."""
    hashed = run("htpasswd", "-niB", ACCOUNT, input=password).stdout
    folder = Path("/etc/docker/registry")
    server.write(f"{folder}/htpasswd", hashed)
    settings = registry_settings(Path("/var/lib/docker-registry"), ":5000", folder / "htpasswd")
    server.write(f"{folder}/config.yml", settings)
    server.run(f"chown docker-registry {folder}/*; systemctl restart docker-registry")


@contextmanager
def watched(server: Server, words: list[str]) -> Iterator[Path]:
    """Look for words in what every process of the machine was called with; the file has what was seen."""
    seen = server.log.with_suffix(".seen")
    script = (Path(__file__).parent / "watch.py").read_text()
    with seen.open("w") as file:
        watcher = subprocess.Popen(
            ["docker", "exec", "-i", server.name, "python3", "-B", "-c", script],
            stdin=subprocess.PIPE,
            stdout=file,
            text=True,
        )
        assert watcher.stdin
        watcher.stdin.write(json.dumps(words) + "\n")
        watcher.stdin.flush()
        try:
            yield seen
        finally:
            watcher.stdin.close()  # which ends it
            assert watcher.wait(timeout=20) == 0
