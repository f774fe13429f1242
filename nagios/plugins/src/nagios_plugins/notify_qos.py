"""Tell a contact of an alarm, by mail, by a JSON POST, or by both.

Nagios runs it for each contact. Who is told and how says its settings file (`notify.json`, which the role nagios
writes); what is secret lies in files that the settings name. What fails is said in one line, which Nagios writes into
its log.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from nagios_plugins.check import one_line
from nagios_plugins.telling import Alarm, NotToldError, post, secret, send_mail, time_limit

LIMIT = 12.0
"""s for each way to tell; Nagios ends the program after 30 s"""


def tell(alarm: Alarm, contact: str, settings: dict[str, Any]) -> None:
    """Tell a contact by each way that it has; one that fails does not keep another from being tried.

    Raises:
        NotToldError: one or more failed.
    """
    ways = settings["contacts"].get(contact)
    if ways is None:
        raise NotToldError("there is no such contact")
    failed = []
    for way in ("mail", "webhook_url_file"):
        if not ways.get(way):
            continue
        try:
            with time_limit(LIMIT):
                if way == "mail":
                    send_mail(alarm, ways[way], settings["smtp"], settings["ca_file"])
                else:
                    post(alarm, contact, secret(ways[way]), settings["ca_file"])
        except NotToldError as error:
            failed.append(f"{way.removesuffix('_url_file')}: {error}")
    if failed:
        raise NotToldError("; ".join(failed))


def settings_in(file: str) -> dict[str, Any]:
    """The settings.

    Raises:
        NotToldError: they cannot be read.
    """
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
        kinds = {"contacts": dict, "smtp": dict, "ca_file": str, "site": str}
        if not all(isinstance(content[name], kind) for name, kind in kinds.items()):
            raise TypeError("another form")  # noqa: TRY301  said below, with the rest
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotToldError(f"no settings in {file}: {error}") from None
    return {name: content[name] for name in kinds}


def alarm_of(wanted: argparse.Namespace, site: str) -> Alarm:
    """The alarm, from what Nagios says."""
    since = datetime.fromtimestamp(wanted.since, UTC).isoformat() if wanted.since > 0 else ""
    runbook, page = (site + path if path.startswith("/") else path for path in (wanted.runbook, wanted.page))
    words = (wanted.type, wanted.host, wanted.service, wanted.state, wanted.output, since, runbook, page)
    return Alarm(*(one_line(word) for word in words))


class ArgumentParser(argparse.ArgumentParser):
    """What is wrong is one line, too."""

    def error(self, message: str) -> NoReturn:
        """Say it."""
        raise NotToldError(message)


def arguments() -> argparse.Namespace:
    """What Nagios says.

    Raises:
        NotToldError: it says something else.
    """
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, metavar="FILE", help="notify.json")
    parser.add_argument("--contact", required=True, help="who is told")
    parser.add_argument("--type", required=True, help="$NOTIFICATIONTYPE$")
    parser.add_argument("--host", required=True, help="$HOSTNAME$")
    parser.add_argument("--service", default="", help="$SERVICEDESC$; none is the host itself")
    parser.add_argument("--state", required=True, help="$SERVICESTATE$ or $HOSTSTATE$")
    parser.add_argument("--output", default="", help="what the check said")
    parser.add_argument("--since", type=int, default=0, metavar="SECONDS", help="when the state began, since 1970")
    parser.add_argument("--runbook", default="", metavar="ADDRESS", help="$SERVICENOTESURL$ or $HOSTNOTESURL$")
    parser.add_argument("--page", default="", metavar="ADDRESS", help="$SERVICEACTIONURL$ or $HOSTACTIONURL$")
    return parser.parse_args()


def main() -> None:
    """Entry point of `notify_qos`."""
    who = "nobody"
    try:
        wanted = arguments()
        who = f"contact {wanted.contact}"
        settings = settings_in(wanted.settings)
        tell(alarm_of(wanted, settings["site"]), wanted.contact, settings)
    except NotToldError as error:
        sys.exit(f"notify_qos: {who} was not told: {one_line(error)}")
    except Exception as error:  # noqa: BLE001  one line for Nagios' log, whatever it is
        sys.exit(f"notify_qos: {who} was not told: the program itself failed: {type(error).__name__}")
