"""`notify_qos` against a real mail server and a real web server, both small."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nagios_plugins import notify_qos, telling
from receivers import mail_server, own_certificate, webhook

SOURCES = Path(__file__).parents[1] / "src"
ALARM = {
    "--type": "PROBLEM",
    "--host": "edge1",
    "--service": "Forecast",
    "--state": "WARNING",
    "--output": "82 % likely above 90 % of 1 Gbit/s within 25 s",
    "--since": "1800000000",
    "--runbook": "/qos/runbooks/link-forecast",
    "--page": "/qos/links/edge1",
}
SITE = "http://127.0.0.1:8002"

Notify = Callable[..., str]


@pytest.fixture
def notify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notify:
    """Tell one contact; returns what goes to Nagios' log, nothing where all went well."""

    def run(contact: dict[str, Any], smtp: dict[str, Any] | None = None, ca_file: str = "", **changed: str) -> str:
        settings = tmp_path / "notify.json"
        content = {"site": SITE, "ca_file": ca_file, "smtp": smtp or {}, "contacts": {"alice": contact}}
        settings.write_text(json.dumps(content))
        given = ALARM | {f"--{name}": value for name, value in changed.items()}
        words = [word for pair in given.items() for word in pair]
        monkeypatch.setattr(sys, "argv", ["notify_qos", "--settings", str(settings), "--contact", "alice", *words])
        line = ""
        try:
            notify_qos.main()
        except SystemExit as end:
            line = str(end.code)
        assert len(line.splitlines()) <= 1
        return line.removeprefix("notify_qos: contact alice was not told: ")

    return run


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], str]:
    """Write a secret; returns its file."""

    def write(text: str) -> str:
        file = tmp_path / "secret"
        file.write_text(text)
        return str(file)

    return write


def test_mail_when_sent_then_says_what_is_wrong_and_where_to_go_on(notify: Notify) -> None:
    with mail_server() as server:
        assert notify({"mail": "alice@example.org"}, {"host": server.address, "sender": "qos@example.org"}) == ""
    (mail,) = server.mails
    assert (mail["To"], mail["From"]) == ("alice@example.org", "qos@example.org")
    assert mail["Subject"] == "PROBLEM: edge1 Forecast is WARNING"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert ALARM["--output"] in text
    assert "Since: 2027-01-15T08:00:00+00:00" in text
    assert f"{SITE}/qos/runbooks/link-forecast" in text
    assert f"{SITE}/qos/links/edge1" in text


def test_mail_when_a_host_is_down_then_no_service_is_named(notify: Notify) -> None:
    with mail_server() as server:
        assert notify({"mail": "a@b"}, {"host": server.address}, service="", state="DOWN", page="", since="0") == ""
    (mail,) = server.mails
    assert mail["Subject"] == "PROBLEM: edge1 is DOWN"
    assert mail["From"].endswith(f"@{socket.gethostname()}")
    assert "Pictures" not in mail.get_content()
    assert "Since" not in mail.get_content()


def test_webhook_when_posted_then_has_the_documented_fields(notify: Notify, written: Callable[[str], str]) -> None:
    with webhook() as hook:
        assert notify({"webhook_url_file": written(f"{hook.url}/secret-path?key=1\n")}) == ""
    assert hook.paths == ["/secret-path?key=1"]
    assert hook.posts == [
        {
            "contact": "alice",
            "type": "PROBLEM",
            "host": "edge1",
            "service": "Forecast",
            "state": "WARNING",
            "output": ALARM["--output"],
            "since": "2027-01-15T08:00:00+00:00",
            "runbook": f"{SITE}/qos/runbooks/link-forecast",
            "page": f"{SITE}/qos/links/edge1",
        }
    ]


def test_contact_when_one_way_fails_then_the_other_is_gone_all_the_same(
    notify: Notify, written: Callable[[str], str]
) -> None:
    with mail_server(refuses="RCPT") as server, webhook() as hook:
        contact = {"mail": "alice@example.org", "webhook_url_file": written(hook.url)}
        assert notify(contact, {"host": server.address}) == (
            f"mail: {server.address} does not take mail for alice@example.org"
        )
    assert len(hook.posts) == 1


def test_login_when_asked_for_then_goes_through_tls(
    notify: Notify, written: Callable[[str], str], tmp_path: Path
) -> None:
    certificate = own_certificate(tmp_path)
    with mail_server(certificate=certificate, login=("me", "canary-5678")) as server:
        smtp = {"host": server.address, "starttls": True, "username": "me", "password_file": written("canary-5678\n")}
        assert notify({"mail": "a@b"}, smtp, str(certificate)) == ""
        assert server.commands.index("TLS") < server.commands.index("AUTH")
        wrong = notify({"mail": "a@b"}, smtp | {"password_file": written("canary-wrong")}, str(certificate))
        assert wrong == f"mail: {server.address} answers 535 who are you"
        untrusted = notify({"mail": "a@b"}, smtp)
        assert untrusted == f"mail: {server.address}: self-signed certificate"
    assert len(server.mails) == 1


def test_starttls_when_the_server_has_none_then_nothing_is_sent(notify: Notify) -> None:
    with mail_server() as server:
        assert "STARTTLS" in notify({"mail": "a@b"}, {"host": server.address, "starttls": True})
    assert server.mails == []


@pytest.mark.parametrize("silent", ["mail", "webhook"])
def test_receiver_when_it_says_nothing_then_is_given_up(
    notify: Notify, written: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    monkeypatch.setattr(telling, "TIMEOUT", 0.3)
    started = time.monotonic()
    if silent == "mail":
        with mail_server(is_silent=True) as server:
            said = notify({"mail": "a@b"}, {"host": server.address})
        assert said.endswith("timed out")
    else:
        with webhook(wait=30) as hook:
            assert notify({"webhook_url_file": written(hook.url)}) == "webhook: no answer within 0.3 s"
    assert time.monotonic() - started < 5


def test_receiver_when_its_answer_never_ends_then_is_given_up(
    notify: Notify, written: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify_qos, "LIMIT", 0.3)
    with webhook(is_endless=True) as hook:
        assert notify({"webhook_url_file": written(hook.url)}) == "webhook: no answer within 0.3 s"


@pytest.mark.parametrize(
    ("status", "said"), [(500, "webhook: it answers HTTP 500"), (302, "webhook: it answers HTTP 302"), (204, "")]
)
def test_webhook_when_it_answers_otherwise_then_says_its_status(
    notify: Notify, written: Callable[[str], str], status: int, said: str
) -> None:
    with webhook(status=status) as hook:
        assert notify({"webhook_url_file": written(hook.url)}) == said
    assert len(hook.posts) == 1, "an address that leads elsewhere is not followed"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("ftp://canary-1/", "its address is not http://… or https://…"),
        ("http://[canary-1/", "its address is not http://… or https://…"),
        ("http://127.0.0.1:canary-1/", "its address is not http://… or https://…"),
        ("http://127.0.0.1:{port}/canary-1", "Connection refused"),
        ("http://127.0.0.1:{port}/canary-1 2", "InvalidURL"),
        ("", "should hold one line"),
        ("http://canary-1\nhttp://canary-2", "should hold one line"),
    ],
)
def test_webhook_when_its_address_is_of_no_use_then_says_so_without_it(
    notify: Notify, written: Callable[[str], str], content: str, said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    line = notify({"webhook_url_file": written(content.replace("{port}", str(port)))})
    assert said in line
    assert "canary" not in line


def test_server_when_nobody_listens_then_says_so(notify: Notify) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    assert notify({"mail": "a@b"}, {"host": f"127.0.0.1:{port}"}) == f"mail: 127.0.0.1:{port}: Connection refused"


def test_certificates_when_their_file_is_missing_then_says_so(notify: Notify) -> None:
    with mail_server() as server:
        said = notify({"mail": "a@b"}, {"host": server.address, "starttls": True}, "/nowhere/ca.pem")
    assert said == "mail: no certificates in /nowhere/ca.pem: No such file or directory"


@pytest.mark.parametrize(
    ("address", "server"),
    [("mail.example.org", ("mail.example.org", 25)), ("m:587", ("m", 587)), ("[::1]:26", ("::1", 26)), ("m:x", None)],
)
def test_mail_server_when_named_then_may_have_a_port(address: str, server: tuple[str, int] | None) -> None:
    if server:
        assert telling.server_of(address) == server
    else:
        with pytest.raises(telling.NotToldError, match="is no host:port"):
            telling.server_of(address)


@pytest.mark.parametrize("output", ["é → ∞", "a\nb", "\udcff", "x" * 10_000, ".\r\n.", "Subject: x"])
def test_output_when_it_is_wild_then_the_mail_comes_all_the_same(notify: Notify, output: str) -> None:
    with mail_server() as server:
        assert notify({"mail": "a@b"}, {"host": server.address}, output=output) == ""
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"contacts": []}', '{"contacts": {}, "smtp": {}, "ca_file": 1, "site": ""}', None]
)
def test_settings_when_they_are_none_then_says_so(tmp_path: Path, text: str | None) -> None:
    settings = tmp_path / "notify.json"
    if text is not None:
        settings.write_text(text)
    with pytest.raises(telling.NotToldError, match="no settings in"):
        notify_qos.settings_in(str(settings))


def test_contact_when_it_is_not_in_the_settings_then_says_so() -> None:
    alarm = telling.Alarm("PROBLEM", "h", "", "DOWN", "", "", "", "")
    with pytest.raises(telling.NotToldError, match="no such contact"):
        notify_qos.tell(alarm, "bob", {"contacts": {}})


def spawned(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from nagios_plugins.notify_qos import main; main()", *words]
    environment = {"PYTHONPATH": str(SOURCES), "PATH": os.environ["PATH"], "LC_ALL": "C"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)


def test_process_when_arguments_are_wrong_then_says_one_line_and_ends_with_1() -> None:
    for words in ((), ("--nonsense",), ("--settings",)):
        done = spawned(*words)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("notify_qos: nobody was not told: ")
        assert len(done.stderr.splitlines()) == 1


def test_process_when_it_sends_a_mail_then_ends_with_0_and_says_nothing(tmp_path: Path) -> None:
    with mail_server() as server:
        content = {"site": SITE, "ca_file": "", "smtp": {"host": server.address}, "contacts": {"a": {"mail": "a@b"}}}
        (tmp_path / "notify.json").write_text(json.dumps(content))
        words = [word for pair in (ALARM | {"--output": "é"}).items() for word in pair]
        done = spawned("--settings", str(tmp_path / "notify.json"), "--contact", "a", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(server.mails) == 1


def test_help_when_asked_for_then_names_every_option() -> None:
    done = spawned("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("--settings", "--contact", *ALARM))
