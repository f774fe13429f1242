"""Of what a release disturbs a real Nagios tells nobody: the road's downtimes, as statusjson.cgi shows them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateways import Gateway
from receivers import webhook
from running import ROOT, wait_for
from watching import Nagios, links, secret

pytestmark = pytest.mark.monitoring

COMMENT = "The platform is being released"
FACTS = {
    "delivery_host": {
        "delivery_host_only_said": False,
        "delivery_host_python": "/usr/bin/python3",
        "delivery_host_source_dir": "/x",
    },
    "image_delivery": {"image_delivery_references": []},
}
STUBS: dict[str, Any] = {
    **{role: [{"name": "Say it", "ansible.builtin.set_fact": facts}] for role, facts in FACTS.items()},
    "release": [
        {"name": "See what Nagios shows", "ansible.builtin.command": "{{ meanwhile }}"},
        {"name": "Fail", "ansible.builtin.fail": {"msg": "refused"}, "when": "release_fails"},
    ],
}
"""of roles that need a cluster"""


def test_release_when_it_begins_and_ends_then_nobody_is_told_of_what_it_disturbs(
    nagios: Nagios, gateway: Gateway
) -> None:
    with webhook() as hook:
        contacts = [{"name": "alice", "webhook_url_file": secret(nagios.folder, hook.url)}]
        nagios.render(platform_links=links(1), platform_contacts=contacts)
        assert "changed=0" in _downtime(nagios, "present"), "there is no pipe yet"
        assert not nagios.pipe.exists()
        nagios.start()
        wait_for(lambda: nagios.is_checked() and not nagios.problems(), "all well", 60)
        nagios.command(f"SCHEDULE_HOST_DOWNTIME;machine;{int(time.time())};{int(time.time()) + 600};1;0;0;me;my own")
        said = _downtime(nagios, "present")
        assert "changed=0" in said
        assert "WARNING" not in said
        wait_for(lambda: _ours(nagios), "the downtimes", 10)  # none are seen while Nagios is just writing
        ours = _ours(nagios)
        of = {(each["host_name"], each.get("service_description", "")) for each in ours}
        assert of == {("api-gateway", name) for name in ("", "Alive", "Ready", "Forecast", "Model")}
        assert all(0 < each["end_time"] / 1000 - time.time() < 500 for each in ours)
        gateway.kill()
        wait_for(lambda: ("api-gateway", "") in nagios.problems(), "DOWN all the same", 60)
        gateway.start()
        wait_for(lambda: not nagios.problems(), "all well again", 60)
        assert hook.posts == []
        assert "WARNING" not in _downtime(nagios, "absent")
        left = nagios.ask("statusjson.cgi", "downtimelist", details="true").values()
        assert [each["comment"] for each in left] == ["my own"]
        assert "changed=0" in _downtime(nagios, "absent"), "there is none any more"
        gateway.kill()
        wait_for(lambda: hook.posts, "an alarm that is one again", 60)


def _ours(nagios: Nagios) -> list[dict[str, Any]]:
    downtimes = nagios.ask("statusjson.cgi", "downtimelist", details="true").values()
    return [each for each in downtimes if each["comment"] == COMMENT]


def test_downtime_when_nobody_reads_the_pipe_then_says_so_and_goes_on(nagios: Nagios) -> None:
    nagios.render(platform_links=links(1))
    nagios.start()
    nagios.stop()
    nagios.process = None
    nagios.pipe.unlink(missing_ok=True)
    nagios.pipe.touch()
    assert "failed=0" in _downtime(nagios, "present"), "a plain file is no pipe"
    assert nagios.pipe.read_text() == ""


def _downtime(nagios: Nagios, state: str) -> str:
    done = nagios.play("downtime.yml", downtime_state=state)
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def shown(nagios: Nagios) -> set[str]:
    """Hosts that the road has given a downtime."""
    every = nagios.ask("statusjson.cgi", "downtimelist", details="true").values()
    return {each["host_name"] for each in every if each["comment"] == COMMENT}


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    """The roles, but for those that need a cluster."""
    folder = tmp_path / "roles"
    folder.mkdir()
    for role in (ROOT / "roles").iterdir():
        if role.name not in STUBS:
            (folder / role.name).symlink_to(role)
    for name, tasks in STUBS.items():
        (folder / name / "tasks").mkdir(parents=True)
        (folder / name / "tasks/main.yml").write_text(yaml.safe_dump(tasks))
    return folder


@pytest.mark.parametrize("fails", [False, True])
def test_deploy_when_it_ends_then_the_downtime_ends_there_only_if_nothing_new_runs(
    nagios: Nagios, roles: Path, tmp_path: Path, fails: bool
) -> None:
    """What Nagios expects is the former release's until nagios.yml, the last part of the road, has told it."""
    nagios.render(platform_links=links(1))
    nagios.start()
    wait_for(nagios.is_checked, "all checked", 60)
    local = {"localhost": {"ansible_connection": "local"}}
    groups = {name: {"hosts": local} for name in ("platform", "delivery", "monitoring")}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": groups}}))
    seen = tmp_path / "seen"
    asks = f"NAGIOS_CGI_CONFIG={nagios.etc}/cgi.cfg REMOTE_USER=nagiosadmin REQUEST_METHOD=GET"
    asks += f" QUERY_STRING=query=downtimecount {nagios.cgi('statusjson.cgi')}"
    values = {"release_fails": fails, "meanwhile": f"sh -c '{asks} >{seen}'"}
    done = nagios.play(ROOT / "playbooks/deploy.yml", inventory=tmp_path / "hosts.yml", roles=roles, **values)
    assert done.returncode == (2 if fails else 0), done.stdout[-4000:]
    assert '"count": 5' in seen.read_text(), "gateway and its four services"
    assert shown(nagios) == (set() if fails else {"api-gateway"})
    assert ("refused" in done.stdout) is fails
    assert "changed=1 " in done.stdout, "the look that this test has, and nothing of the road's"
