"""A gateway, and a Nagios that looks at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateways import Gateway, running_gateway
from watching import Nagios, hosts, instance


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A gateway that runs."""
    with running_gateway() as running:
        yield running


@pytest.fixture
def nagios(gateway: Gateway) -> Iterator[Nagios]:
    """An instance, not started yet, that looks at the gateway."""
    with instance() as made:
        made.values["platform_nagios_hosts"] = hosts(gateway, made.folder)
        yield made
