"""Is the service ready to do its work, and if not, why?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import nagiosplugin

from nagios_plugins import arguments, check
from nagios_plugins.http import NOBODY, Identity, ServiceError, ask

NAME = "READY"


class Readiness(check.ServiceResource):
    """`/health/ready` of a service."""

    sentence = "ready"

    def __init__(self, url: str, timeout: float, identity: Identity = NOBODY) -> None:
        self.url, self.timeout, self.identity = url, timeout, identity

    def ask(self) -> Iterable[Any]:
        """The time of the answer in seconds.

        Raises:
            ServiceError: the service says that it is not ready, and why.
        """
        answer = ask(f"{self.url}/health/ready", timeout=self.timeout, identity=self.identity)
        if answer.status != 200:
            raise ServiceError(f"not ready: {answer.body.get('reason') or f'HTTP {answer.status}, no reason given'}")
        if answer.body.get("status") != "ready":  # some other program on this port
            raise ServiceError("not ready: HTTP 200, but the answer does not say so")
        yield nagiosplugin.Metric("time", round(answer.seconds, 4), uom="s", min=0, context="time")


def main() -> None:
    """Entry point of `check_qos_ready`."""
    parser = arguments.ServiceArgumentParser(NAME, __doc__, warning="0.5", critical="2")
    wanted = parser.parse_args()
    check.run(
        NAME,
        Readiness(wanted.url, wanted.timeout, parser.identity(wanted)),
        nagiosplugin.ScalarContext("time", wanted.warning, wanted.critical),
        timeout=wanted.timeout,
    )
