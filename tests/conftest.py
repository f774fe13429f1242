"""Fixtures of the tests that cross components."""

import json
from collections.abc import Iterator

import ansible.module_utils
import pytest

from running import FACTS, ROOT, Platform, run, wait_for

# Where Ansible puts what a role's modules share.
ansible.module_utils.__path__ += [str(ROOT / f"roles/{role}/module_utils") for role in ("preflight", "nagios")]


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The running platform; its addresses come from the inventory that started it."""
    facts = tmp_path_factory.mktemp("facts") / "facts.json"
    wanted = ", ".join(f"'{name}': {name}" for name in FACTS)
    arguments = json.dumps({"dest": str(facts), "content": f"{{{{ {{ {wanted} }} | to_json }}}}"})
    run(
        ".venv/ansible/bin/ansible", "localhost", "-i", "inventories/local", "--playbook-dir", "playbooks",
        "-m", "ansible.builtin.copy", "-a", arguments,
    )  # fmt: skip
    return Platform(json.loads(facts.read_text()))


@pytest.fixture
def healthy(platform: Platform) -> Iterator[Platform]:
    """The platform, all well before the test and all well again after it."""
    wait_for(platform.all_ok, "every service OK before the test (is `make up` done?)", 60)
    yield platform
    wait_for(platform.all_ok, "every service OK after the test", 120)
