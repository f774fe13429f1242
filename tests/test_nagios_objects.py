"""What Nagios' static objects and the templates of the rendered ones promise each other. Nagios is not run."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from running import ROOT

OBJECTS = ROOT / "nagios/objects"
RENDERED = ROOT / "roles/nagios/templates/objects"
RUNBOOKS = ROOT / "nagios/runbooks"
LONGEST_SECONDS = 60
"""within which a fault is seen that is checked at a fixed interval"""


@cache
def definitions() -> list[tuple[str, dict[str, str]]]:
    """Every object that is defined, with its kind; of templates what stands there."""
    texts = [path.read_text() for path in [*sorted(OBJECTS.glob("*.cfg")), *sorted(RENDERED.glob("*.j2"))]]
    found = []
    for kind, body in re.findall(r"^define (\w+) {\n(.*?)^}", "\n".join(texts), re.MULTILINE | re.DOTALL):
        lines = [line.strip() for line in body.splitlines() if not line.strip().startswith(("#", "{%", "|"))]
        found.append((kind, {name: value for name, _, value in (re.sub(r"\s+", " ", x).partition(" ") for x in lines)}))
    assert len(found) > 40
    return found


def of_kind(kind: str) -> list[dict[str, str]]:
    """Objects of a kind, with what they inherit."""
    every = [each for name, each in definitions() if name == kind]
    named = {each["name"]: each for each in every if "name" in each}

    def whole(given: dict[str, str]) -> dict[str, str]:
        above = whole(named[given["use"]]) if given.get("use") in named else {}
        return {**{name: value for name, value in above.items() if name not in ("name", "register")}, **given}

    return [whole(each) for each in every]


def services() -> list[dict[str, str]]:
    """Services that are watched somewhere: those with a description."""
    found = [each for each in of_kind("service") if "service_description" in each and "register" not in each]
    # The role makes those of links from a template whose name it puts together.
    found += [each for each in of_kind("service") if each.get("name", "").startswith("qos-link-")]
    assert len(found) >= 13
    return found


def test_services_when_listed_then_each_has_a_runbook_and_each_runbook_a_service() -> None:
    pages = {each.get("notes_url", "") for each in [*services(), *of_kind("host")] if each.get("name") != "qos-service"}
    assert pages == {f"/qos/runbooks/{path.stem}" for path in RUNBOOKS.iterdir()}


@pytest.mark.parametrize("page", sorted(path.name for path in RUNBOOKS.iterdir()))
def test_runbook_when_read_then_is_short_and_leads_to_others_that_are_there(page: str) -> None:
    text = (RUNBOOKS / page).read_text()
    assert re.match(r"# \S.*\n\n", text)
    assert len(text.splitlines()) <= 40
    assert [link for link in re.findall(r"\]\(([^)]+)\)", text) if not (RUNBOOKS / link).is_file()] == []


def test_services_when_listed_then_their_intervals_are_explicit_and_short() -> None:
    for each in services():
        name = each["service_description"]
        assert int(each["check_interval"]) <= LONGEST_SECONDS, name  # of links the role says another
        assert int(each["retry_interval"]) <= 5, name
        assert int(each["max_check_attempts"]) in (2, 3), name
        worst = int(each["check_interval"]) + int(each["retry_interval"]) * (int(each["max_check_attempts"]) - 1)
        assert worst <= LONGEST_SECONDS, name


def test_host_when_it_goes_down_then_is_seen_before_a_service_of_its_is_sure() -> None:
    (host,) = [each for each in of_kind("host") if each.get("name") == "qos-host"]
    (service,) = [each for each in of_kind("service") if each.get("name") == "qos-service"]
    assert int(host["check_interval"]) < int(service["retry_interval"]) * (int(service["max_check_attempts"]) - 1) - 1


def test_commands_when_used_then_are_defined_once_under_the_platforms_own_names() -> None:
    names = [each["command_name"] for each in of_kind("command")]
    assert len(set(names)) == len(names)
    assert [name for name in names if not name.startswith("qos-")] == []
    words = ("check_command", "event_handler", "host_notification_commands", "service_notification_commands")
    used = {each[word].partition("!")[0] for _, each in definitions() for word in words if word in each}
    said = [*(ROOT / "inventories").rglob("*.yml"), ROOT / "playbooks/group_vars/all/platform.yml"]
    used |= {name for path in said for name in re.findall(r"^ +check: ([\w-]+)", path.read_text(), re.MULTILINE)}
    assert used - {"{{ host.check }}"} == set(names)


def test_macros_when_commands_name_them_then_the_resource_file_has_them() -> None:
    commands = (OBJECTS / "commands.cfg").read_text()
    resources = (ROOT / "roles/nagios/templates/resource.cfg.j2").read_text()
    assert set(re.findall(r"\$USER\d+\$", commands)) == set(re.findall(r"^(\$USER\d+\$)=", resources, re.MULTILINE))


def test_command_lines_when_a_shell_reads_them_then_macros_stand_in_quotes() -> None:
    """What a check said, or a host is called, must not be read as words of the shell."""
    for each in of_kind("command"):
        unquoted = re.sub(r"'[^']*'", "", each.get("command_line", ""))
        assert set(re.findall(r"\$\w+\$", unquoted)) <= {"$USER1$", "$USER2$", "$_HOSTTLS_OPTION$"}, each


def test_dependencies_when_listed_then_only_a_links_forecast_is_not_even_asked() -> None:
    """What is not asked keeps its state: everything else goes on to say what it sees, and only nobody is told."""
    found: list[dict[str, Any]] = of_kind("servicedependency")
    assert all(each["notification_failure_criteria"] == "u,c" for each in found)
    (silenced,) = [each for each in found if "execution_failure_criteria" in each]
    assert (silenced["dependent_hostgroup_name"], silenced["dependent_service_description"]) == ("links", "Forecast")
    assert silenced["service_description"] == "Ready"
