"""What a real Nagios tells whom: one fault is one alarm, by mail and webhook, and none while a release disturbs.

Everything is read from its CGIs, its log, and those who are told; seconds are printed (pytest -s).
"""

from __future__ import annotations

import time

import pytest

from gateways import Gateway, running_gateway
from receivers import mail_server, webhook
from running import wait_for
from watching import Nagios, hosts, links, secret

pytestmark = pytest.mark.monitoring


def test_gateway_when_it_is_killed_then_is_one_alarm_and_not_one_of_every_link(
    nagios: Nagios, gateway: Gateway
) -> None:
    def are_forecast() -> bool:
        return sum("likely above" in each["plugin_output"] for each in nagios.services().values()) == 4

    with webhook() as hook:
        contacts = [{"name": "alice", "webhook_url_file": secret(nagios.folder, hook.url)}]
        nagios.render(platform_links=links(4, 3), platform_contacts=contacts)
        nagios.start()
        wait_for(are_forecast, "a forecast of every link", 90)
        wait_for(lambda: not nagios.problems() | nagios.problems("soft"), "all well", 30)
        killed = gateway.kill()
        wait_for(lambda: ("api-gateway", "") in nagios.problems(), "the gateway DOWN", 60)
        print(f"\ngateway killed: DOWN HARD after {time.time() - killed:.0f} s")
        wait_for(lambda: hook.posts, "the alarm", 10)
        time.sleep(15)  # in which each link would have had its say five times
        caught = {host for host, name in nagios.problems("soft") if name == "Forecast"}
        assert {host for host, _ in nagios.problems()} == {"api-gateway"}
        assert hook.told() == [("PROBLEM", "api-gateway", "", "DOWN")]
        of_links = [each for (host, _), each in nagios.services().items() if host.startswith("edge")]
        assert [each for each in of_links if each["last_notification"]] == []
        asked = gateway.asked.count("/predict/batch")
        gateway.start()
        wait_for(lambda: not nagios.problems() | nagios.problems("soft"), "all well again", 60)
        wait_for(lambda: gateway.asked.count("/predict/batch") >= asked + 4, "the links' forecasts", 30)
        assert hook.told() == [("PROBLEM", "api-gateway", "", "DOWN"), ("RECOVERY", "api-gateway", "", "UP")]
        print(f"of 4 links {len(caught)} were on their way to the gateway just then (soft), none was told of")


def test_gateway_when_it_is_killed_just_after_its_host_was_looked_at_then_is_one_alarm(
    nagios: Nagios, gateway: Gateway
) -> None:
    """Nagios does not look at a host again in the same second, whatever its services say."""
    with webhook() as hook:
        contacts = [{"name": "alice", "webhook_url_file": secret(nagios.folder, hook.url)}]
        nagios.render(platform_links=[], platform_contacts=contacts)
        nagios.start()
        wait_for(lambda: nagios.is_checked() and not nagios.problems(), "all well", 60)
        for other in ("Ready", "Forecast", "Model"):  # each would have the host looked at once more
            nagios.command(f"DISABLE_SVC_CHECK;api-gateway;{other}")
        time.sleep(1 - time.time() % 1)
        second = int(time.time())
        nagios.command(f"SCHEDULE_FORCED_HOST_CHECK;api-gateway;{second}")
        time.sleep(0.4)
        gateway.kill()
        nagios.command(f"SCHEDULE_FORCED_SVC_CHECK;api-gateway;Alive;{second}")
        wait_for(lambda: hook.posts, "the alarm", 60)
        time.sleep(10)
        assert hook.told() == [("PROBLEM", "api-gateway", "", "DOWN")]


def test_inference_when_it_is_dead_then_the_gateways_ready_is_no_second_alarm(nagios: Nagios, gateway: Gateway) -> None:
    with webhook() as hook, running_gateway() as inference:
        face, machine = hosts(gateway, nagios.folder)
        behind = {**hosts(inference, nagios.folder)[0], "name": "ml-inference"}
        contacts = [{"name": "alice", "webhook_url_file": secret(nagios.folder, hook.url)}]
        face = {**face, "relies_on": ["ml-inference"]}
        nagios.render(
            platform_nagios_hosts=[face, behind, machine], platform_links=links(3), platform_contacts=contacts
        )
        nagios.start()
        wait_for(lambda: nagios.is_checked() and not nagios.problems(), "all well", 60)
        inference.kill()
        gateway.is_ready = False
        wait_for(lambda: {("ml-inference", ""), ("api-gateway", "Ready")} <= nagios.problems(), "both seen", 60)
        wait_for(lambda: hook.posts, "the alarm", 10)
        time.sleep(12)
        assert hook.told() == [("PROBLEM", "ml-inference", "", "DOWN")]


def test_contact_when_told_then_by_mail_and_webhook_and_failures_are_in_the_log(
    nagios: Nagios, gateway: Gateway
) -> None:
    with webhook() as hook, mail_server() as server, webhook(status=500) as broken:
        first, second = nagios.folder / "first", nagios.folder / "second"
        for file, text in ((first, f"{hook.url}/canary-7711"), (second, f"{broken.url}/canary-7712")):
            file.write_text(text)
            file.chmod(0o600)
        contacts = [
            {"name": "alice", "mail": "alice@example.org", "webhook_url_file": str(first)},
            {"name": "bob", "webhook_url_file": str(second), "states": ["down"]},
            {"name": "carol", "mail": "carol@example.org", "states": ["recovery", "critical"]},
        ]
        nagios.render(platform_links=[], platform_contacts=contacts, platform_smtp_host=server.address)
        nagios.start()
        wait_for(lambda: nagios.is_checked() and not nagios.problems(), "all well", 60)
        gateway.kill()
        wait_for(lambda: hook.posts and broken.posts and server.mails, "both told", 60)
        gateway.start()
        wait_for(lambda: len(server.mails) == 3, "the recovery", 60)
        assert hook.told() == [("PROBLEM", "api-gateway", "", "DOWN"), ("RECOVERY", "api-gateway", "", "UP")]
        assert [post["type"] for post in broken.posts] == ["PROBLEM"]
        assert [(mail["To"], mail["Subject"]) for mail in server.mails[:1]] == [
            ("alice@example.org", "PROBLEM: api-gateway is DOWN")
        ]
        assert {mail["To"] for mail in server.mails[1:]} == {"alice@example.org", "carol@example.org"}
        assert hook.posts[0]["runbook"] == "http://127.0.0.1:8002/qos/runbooks/host"
        failed = [line for line in nagios.log.splitlines() if "notify_qos: " in line]
        assert len(failed) == 1
        assert failed[0].endswith("notify_qos: contact bob was not told: webhook: it answers HTTP 500")
        assert "canary" not in nagios.log
