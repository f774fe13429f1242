"""Ansible module: ask all sources of downloads at once whether they answer, for a bounded time. Downloads nothing."""

from __future__ import annotations

import platform
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener, getproxies, proxy_bypass

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: sources_answer
short_description: Ask all sources of downloads at once whether they answer
description:
  - Resolves names and sends HEAD; a source that does not take HEAD gets a GET whose answer is not read.
  - Proxies of the environment are used, as a download would use them.
options:
  sources:
    description:
      - Each with C(variable), C(url) (C({architecture}) in it is amd64 or arm64), and as it needs them C(or_else),
        another address that will do, C(accepts), HTTP statuses that will, C(proxy) and C(ca_file).
    type: list
    elements: dict
    required: true
  names:
    description: Further names that must resolve.
    type: list
    elements: str
    default: []
  patience:
    description: Seconds that a name may take to resolve, and a source to answer.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
    details: asks in check mode too
"""

EXAMPLES = r"""
- name: Ask for what would be downloaded
  sources_answer:
    sources: [{variable: download_url, url: "https://mirror.example/tool"}]
"""

RETURN = r"""
unresolved:
  description: Names that do not resolve, each with the C(variables) that say it.
  type: list
  elements: dict
  returned: always
silent:
  description: Sources that do not answer as they should, each with C(variable), C(url) and C(reason).
  type: list
  elements: dict
  returned: always
"""

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
TAKES_NO_HEAD = (403, 405, 501)


class Probe(threading.Thread):
    """One source, or a name alone. What hangs is left behind: a resolver cannot be told when to give up."""

    def __init__(self, source: Mapping[str, Any], patience: float) -> None:
        super().__init__(daemon=True)
        self.source, self.patience = source, patience
        architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
        self.url = str(source.get("url") or "").replace("{architecture}", architecture)
        self.is_http = urlsplit(self.url).scheme in ("http", "https")
        self.proxy = self._proxy() if self.is_http else ""
        # Through a proxy it is the proxy who resolves.
        host = urlsplit(self.proxy or self.url).hostname if self.is_http else ""
        self.name = str(source.get("name") or host or "")
        self.resolved, self.reason = False, f"does not answer within {patience} s"

    def _proxy(self) -> str:
        parts = urlsplit(self.url)
        if self.source.get("proxy"):
            return "" if self.source["proxy"] == "DIRECT" else str(self.source["proxy"])
        return "" if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme, "")

    def run(self) -> None:
        """Resolve, then ask; `reason` is empty if all is well."""
        try:
            if self.name:
                socket.getaddrinfo(self.name, None)
            self.resolved = True
            self.reason = self._asked() if self.url else ""
        except (OSError, ValueError) as error:
            self.reason = str(error)

    def _asked(self) -> str:
        if urlsplit(self.url).scheme == "file":
            return "" if Path(urlsplit(self.url).path).exists() else "is not there"
        if not self.is_http:
            return ""
        opener = self._opener()
        fault, other = self._fault(opener, self.url), self.source.get("or_else")
        return "" if fault and other and not self._fault(opener, str(other)) else fault

    def _opener(self) -> OpenerDirector:
        context = ssl.create_default_context(cafile=self.source.get("ca_file") or None)
        if not any(context.cert_store_stats().values()):
            # A bare machine has no certificates to check with before the platform brings them.
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        proxies = {"http": self.proxy, "https": self.proxy} if self.proxy else {}
        return build_opener(ProxyHandler(proxies), HTTPSHandler(context=context))

    def _fault(self, opener: OpenerDirector, url: str, method: str = "HEAD") -> str:
        """What is wrong with an address; nothing, if it answers."""
        login = re.fullmatch(r"(\w+://)[^/@]+@(.*)", url)
        request = Request(login[1] + login[2] if login else url, method=method, headers={"Range": "bytes=0-0"})  # noqa: S310
        try:
            opener.open(request, timeout=self.patience).close()
        except HTTPError as error:
            if error.code in self.source.get("accepts", []) or (login and error.code == 401):
                return ""
            if method == "HEAD" and error.code in TAKES_NO_HEAD:
                return self._fault(opener, url, "GET")
            return "" if error.code == 416 else f"answers {error.code} {error.reason}".strip()
        except URLError as error:
            return explain(error.reason, self.patience)
        except (OSError, ValueError) as error:
            return explain(error, self.patience)
        return ""


def explain(reason: object, patience: float) -> str:
    """A reason in words."""
    if isinstance(reason, TimeoutError):
        return f"does not answer within {patience} s"
    if isinstance(reason, ConnectionRefusedError):
        return "refuses the connection"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {reason.verify_message}"
    return f"cannot be asked: {getattr(reason, 'strerror', None) or reason}"


def shown(url: str) -> str:
    """An address without the login in it."""
    return re.sub(r"//[^/@]+@", "//", url)


def survey(sources: list[dict[str, Any]], names: list[str], patience: float) -> dict[str, Any]:
    """Ask all at once; what has not answered in time has not answered."""
    probes = [Probe(source, patience) for source in [*sources, *({"variable": "", "name": name} for name in names)]]
    for probe in probes:
        probe.start()
    deadline = time.monotonic() + 2 * patience
    for probe in probes:
        probe.join(max(0.0, deadline - time.monotonic()))
    found = [(probe, probe.reason) for probe in probes if probe.reason]
    unresolved: dict[str, list[str]] = {}
    for probe, _ in found:
        if not probe.resolved:
            unresolved.setdefault(probe.name, []).append(probe.source["variable"])
    silent = {
        (probe.source["variable"], shown(probe.url)): reason for probe, reason in found if probe.resolved and probe.url
    }
    return {
        "unresolved": [{"name": name, "variables": sorted({*said} - {""})} for name, said in unresolved.items()],
        "silent": [{"variable": variable, "url": url, "reason": reason} for (variable, url), reason in silent.items()],
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "sources": {"type": "list", "elements": "dict", "required": True},
            "names": {"type": "list", "elements": "str", "default": []},
            "patience": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    options = module.params
    module.exit_json(changed=False, **survey(options["sources"], options["names"], options["patience"]))


if __name__ == "__main__":
    main()
