"""Fixtures of the tests that cross components."""

from collections.abc import Iterator

import ansible.module_utils
import pytest

from running import ROOT, Platform, find_platform, wait_for

# Where Ansible puts what a role's modules share.
ansible.module_utils.__path__ += [str(ROOT / f"roles/{role}/module_utils") for role in ("preflight", "nagios")]


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The running platform."""
    return find_platform(tmp_path_factory.mktemp("facts"))


@pytest.fixture
def healthy(platform: Platform) -> Iterator[Platform]:
    """The platform, all well before the test and all well again after it."""
    wait_for(platform.all_ok, "every service OK before the test (is `make up` done?)", 60)
    yield platform
    wait_for(platform.all_ok, "every service OK after the test", 120)
