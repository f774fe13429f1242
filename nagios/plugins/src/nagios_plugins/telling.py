"""The two ways to tell somebody of an alarm: a mail, and a JSON POST."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

TIMEOUT = 8.0
"""s that a server may say nothing; after some more it is given up even if it says something all the time"""


class NotToldError(Exception):
    """One sentence: what went wrong. It never has what is secret."""


@dataclass(frozen=True)
class Alarm:
    """What happened."""

    type: str
    """PROBLEM, RECOVERY, ACKNOWLEDGEMENT, …, in Nagios' own words"""
    host: str
    service: str
    """'' where it is the host itself"""
    state: str
    output: str
    since: str
    """ISO 8601, UTC; '' where Nagios does not know"""
    runbook: str
    """address of the page that says what to do; '' is none"""
    page: str
    """address of the link's page; '' is none"""

    @property
    def title(self) -> str:
        """What a person reads first."""
        what = f"{self.host} {self.service}" if self.service else self.host
        return f"{self.type}: {what} is {self.state}"

    @property
    def text(self) -> str:
        """All of it, for a person."""
        rows = [("Since", self.since), ("What to do", self.runbook), ("Pictures", self.page)]
        return "\n".join([self.title, "", self.output, "", *(f"{name}: {value}" for name, value in rows if value), ""])


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End what is in the block after some seconds, whatever it waits for.

    Raises:
        NotToldError: it was ended.
    """

    def end(*_: object) -> NoReturn:
        raise NotToldError(f"no answer within {seconds:g} s")

    former = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)  # again every second: saying good-bye may wait, too
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def secret(file: str) -> str:
    """The one line of a file.

    Raises:
        NotToldError: there is none.
    """
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NotToldError(f"{file}: {error.strerror}") from None
    except ValueError:
        text = ""
    if not text or len(text.splitlines()) != 1:
        raise NotToldError(f"{file} should hold one line")
    return text


def send_mail(alarm: Alarm, address: str, smtp: dict[str, Any], ca_file: str) -> None:
    """Hand a mail to the server.

    Raises:
        NotToldError: it did not take it.
    """
    import smtplib  # 20 ms that only mails take
    from email.message import EmailMessage
    from email.utils import formatdate, make_msgid

    sender = smtp.get("sender") or f"nagios@{socket.gethostname()}"
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, address, alarm.title
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(alarm.text)
    host, port = server_of(smtp.get("host", ""))
    try:
        with smtplib.SMTP(host, port, socket.gethostname(), TIMEOUT) as server:
            if smtp.get("starttls"):
                server.starttls(context=trusted(ca_file))
            if smtp.get("username"):
                server.login(smtp["username"], secret(smtp["password_file"]))
            server.send_message(mail)
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        raise NotToldError(f"{smtp['host']} answers {error.smtp_code} {said}") from None
    except smtplib.SMTPRecipientsRefused:
        raise NotToldError(f"{smtp['host']} does not take mail for {address}") from None
    except (OSError, smtplib.SMTPException) as error:
        raise NotToldError(f"{smtp.get('host')}: {why(error)}") from None


def post(alarm: Alarm, contact: str, url: str, ca_file: str) -> None:
    """Post the alarm as JSON. An address that leads elsewhere is not followed.

    Raises:
        NotToldError: it was not taken. The address is not said: it often is all that keeps others from posting.
    """
    import http.client
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        kinds: dict[str, type[http.client.HTTPConnection]] = {
            "http": http.client.HTTPConnection,
            "https": http.client.HTTPSConnection,
        }
        options: dict[str, Any] = {"context": trusted(ca_file)} if parts.scheme == "https" else {}
        connection = kinds[parts.scheme](parts.hostname or "", parts.port, timeout=TIMEOUT, **options)
    except (KeyError, ValueError, http.client.HTTPException):
        raise NotToldError("its address is not http://… or https://…") from None
    body = json.dumps({"contact": contact, **vars(alarm)})
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", "User-Agent": "ai-qos-platform"})
        status = connection.getresponse().status
    except http.client.HTTPException as error:
        raise NotToldError(f"the answer is no HTTP: {type(error).__name__}") from None
    except (OSError, ValueError) as error:  # ValueError: characters that no address has
        raise NotToldError(why(error) if isinstance(error, OSError) else type(error).__name__) from None
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise NotToldError(f"it answers HTTP {status}")


def server_of(address: str) -> tuple[str, int]:
    """Host and port of `host`, `host:port` or `[address]:port`.

    Raises:
        NotToldError: it is something else.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(f"//{address}")
        port = parts.port or 25
    except ValueError:
        raise NotToldError(f"{address} is no host:port") from None
    return parts.hostname or "", port


def why(error: Exception) -> str:
    """An error in few words."""
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT:g} s"
    return str(getattr(error, "verify_message", None) or getattr(error, "strerror", None) or error)


def trusted(ca_file: str) -> Any:
    """What certificates are checked with: the system's, and those in a file.

    Raises:
        NotToldError: the file cannot be read.
    """
    import ssl

    context = ssl.create_default_context()
    try:
        if ca_file:
            context.load_verify_locations(ca_file)
    except OSError as error:
        raise NotToldError(f"no certificates in {ca_file}: {error.strerror or 'it is not PEM'}") from None
    return context
