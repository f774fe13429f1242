"""Ansible module: tell which sources a host would download from, as little as it is that it lacks. Reads only."""

from __future__ import annotations

import configparser
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.preflight_commands import ask, proves

DOCUMENTATION = r"""
module: download_sources
short_description: Tell which sources a host would download from
description:
  - What is there already is downloaded from nowhere. Of what apt and pip would ask their own configurations tell.
options:
  sources:
    description:
      - Each with C(variable), and C(url), C(image) or C(registry). It is not needed where a command, C(unless), with
        C(argv), works and says C(says), nor for an C(image) that Docker has; with both, the image comes from the url.
    type: list
    elements: dict
    default: []
  docker_hub:
    description: Address of Docker Hub, or of its mirror.
    type: str
    required: true
  insecure_registries:
    description: Registries (host:port) that are spoken to over plain http.
    type: list
    elements: str
    default: []
  packages:
    description: Debian packages that must be there.
    type: list
    elements: str
    default: []
  index:
    description: Package index that pip asks if its configuration names none; empty if nothing is installed by pip.
    type: str
    default: ''
  project:
    description: A project whose page the index must have.
    type: str
    default: pip
  index_unless:
    description: What proves that pip has nothing to install, as C(unless) of O(sources).
    type: dict
attributes:
  check_mode:
    support: full
"""

EXAMPLES = r"""
- name: See where Docker would come from
  download_sources:
    packages: [docker.io]
    docker_hub: https://hub.example
"""

RETURN = r"""
sources:
  description: The sources as the module sources_answer takes them.
  type: list
  elements: dict
  returned: always
"""

PIP_FILES = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")


def missing_packages(names: list[str]) -> list[str]:
    """Those that are not installed."""
    if not names:
        return []
    _, told = ask(["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\\n", *names])
    return [name for name in names if f"{name} installed" not in told.splitlines()]


def apt_sources(missing: list[str]) -> list[dict[str, Any]]:
    """What apt would ask: the indexes of the sites that have the packages, or of all where none is known."""
    uris = re.compile(r"^'(https?://[^']+)'", re.MULTILINE)
    if not missing or not shutil.which("apt-get"):
        return []
    indexes = [uri for uri in uris.findall(ask(["apt-get", "--print-uris", "update"])[1]) if uri.endswith("/InRelease")]
    status, told = ask(["apt-get", "--print-uris", "--yes", "--no-install-recommends", "install", *missing])
    if status == 0:
        sites = {urlsplit(uri).netloc for uri in uris.findall(told)}
        indexes = [uri for uri in indexes if urlsplit(uri).netloc in sites]
    proxies = dict(re.findall(r'^Acquire::(https?)::Proxy "(.*)";', ask(["apt-config", "dump"])[1], re.MULTILINE))
    more = {"variable": "apt's sources"}
    return [
        {**more, "url": uri, "or_else": f"{uri[:-9]}Release", "proxy": proxies.get(urlsplit(uri).scheme)}
        for uri in indexes
    ]


def pip_sources(
    default: str, project: str, environment: Mapping[str, str], files: Iterable[str]
) -> list[dict[str, Any]]:
    """The page of a project at the index that pip would ask, by its own environment and files."""
    given = configparser.RawConfigParser()
    own = environment.get("PIP_CONFIG_FILE")
    given.read([*([] if own == os.devnull else [Path(name).expanduser() for name in files]), *([own] if own else [])])

    def setting(name: str) -> str:
        values = [environment.get(f"PIP_{name.upper().replace('-', '_')}")]
        values += [given.get(section, name, fallback=None) for section in ("install", "global")]
        return next((value for value in values if value), "")

    if not default or setting("no-index").lower() in ("1", "true", "yes", "on", "t", "y"):
        return []
    more = {"variable": "pip's index-url", "proxy": setting("proxy"), "ca_file": setting("cert"), "accepts": [401]}
    return [{**more, "url": f"{(setting('index-url') or default).rstrip('/')}/{project}/"}]


def registry_url(name: str, hub: str, insecure: Iterable[str]) -> str:
    """Where a registry is asked, by the name of an image in it; a first part that is no host is an account's."""
    host, slash, _ = name.partition("/")
    if not slash or not re.search(r"[.:]|^localhost$", host) or host == "docker.io":
        return f"{hub.rstrip('/')}/v2/"
    return f"{'http' if host in insecure else 'https'}://{host}/v2/"


def needed_sources(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those of which nothing proves that what they would bring is there."""
    found = []
    for source in options["sources"]:
        image = source.get("image")
        loaded = {"argv": ["docker", "image", "inspect", "--format", "{{.Id}}", image]} if image else None
        if proves(source.get("unless")) or proves(loaded):
            continue
        if source.get("url"):
            found.append({"variable": source["variable"], "url": source["url"]})
        else:
            name = image or f"{source.get('registry') or ''}/"
            url = registry_url(name, options["docker_hub"], options["insecure_registries"])
            found.append({"variable": source["variable"], "url": url, "accepts": [401]})
    return found


def main() -> None:
    """Entry point."""
    words = {name: {"type": "list", "elements": "str", "default": []} for name in ("packages", "insecure_registries")}
    module = AnsibleModule(
        argument_spec={
            **words,
            "sources": {"type": "list", "elements": "dict", "default": []},
            "docker_hub": {"type": "str", "required": True},
            "index": {"type": "str", "default": ""},
            "project": {"type": "str", "default": "pip"},
            "index_unless": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    options = module.params
    found = needed_sources(options) + apt_sources(missing_packages(options["packages"]))
    if not proves(options["index_unless"]):
        found += pip_sources(options["index"], options["project"], os.environ, PIP_FILES)
    module.exit_json(changed=False, sources=found)


if __name__ == "__main__":
    main()
