"""Ansible module: ask a gateway for a forecast whose value is known, and compare."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError, URLError

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

try:
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config.config_exception import ConfigException
    from urllib3.exceptions import HTTPError as PoolError
except ImportError:
    client = None

DOCUMENTATION = r"""
module: known_forecast
short_description: Ask a gateway for a forecast whose value is known, and compare
description:
  - Asks several times, since several pods may answer; every answer must be right.
  - Only before the first answer is a gateway that cannot be reached, or answers 502, 503 or 504, asked again.
options:
  url:
    description: Where clients reach the gateway. Empty asks through the API server, as O(service) of O(namespace).
    type: str
    default: ''
  kubeconfig:
    description: File with the cluster's address and the way to log in; needed without O(url).
    type: path
  namespace:
    description: Namespace of the gateway's Service; needed without O(url).
    type: str
  service:
    description: Name of the gateway's Service, which has a port C(http).
    type: str
    default: api-gateway
  known:
    description: C(request), and the C(predicted_bandwidth) (Mbps) that is known for it up to C(tolerance) (Mbps).
    type: dict
    required: true
  count:
    description: How many answers have to be right.
    type: int
    default: 5
  patience:
    description: Seconds that the first answer may take to come.
    type: int
    default: 15
requirements: [kubernetes >= 29]
attributes:
  check_mode:
    support: full
    details: asks in check mode too
"""

EXAMPLES = r"""
- name: Ask for a forecast
  known_forecast:
    url: https://forecasts.example.org
    known:
      request: {packet_rate: [950, 1020], bandwidth_util: [45, 50]}
      predicted_bandwidth: 52.1
      tolerance: 0.1
"""

RETURN = r"""
reason:
  description: One line that says what was wrong with which answer.
  type: str
  returned: failure
"""

HEADERS = {"Content-Type": "application/json"}
TIMEOUT_SECONDS = 10
POLL_SECONDS = 0.5
NOT_YET = frozenset({502, 503, 504})
CAPACITY_MBPS = 100
"""what a bundle's known answer holds for, whatever the service's own default is"""

Ask = Callable[[bytes], tuple[int, bytes]]
"""sends the body of a /predict, and returns the status and body of the answer; raises OSError where there is none"""


def ask_url(url: str) -> Ask:
    """Return what asks a gateway at its address."""

    def ask(body: bytes) -> tuple[int, bytes]:
        try:
            answer = open_url(f"{url}/predict", method="POST", data=body, timeout=TIMEOUT_SECONDS, headers=HEADERS)
        except HTTPError as error:
            return error.code, error.read()
        except URLError as error:
            raise OSError(error.reason) from None
        return answer.status, answer.read()

    return ask


def ask_through_api_server(kubeconfig: str, namespace: str, service: str) -> Ask:
    """Return what asks a gateway that nothing but the cluster reaches.

    Raises ConfigException for a kubeconfig that cannot be used.
    """
    api = config.new_client_from_config(kubeconfig)
    path = f"/api/v1/namespaces/{namespace}/services/{service}:http/proxy/predict"

    def ask(body: bytes) -> tuple[int, bytes]:
        try:
            answer, status, _ = api.call_api(
                path, "POST", body=json.loads(body), header_params=HEADERS, auth_settings=["BearerToken"],
                _preload_content=False, _request_timeout=TIMEOUT_SECONDS,
            )  # fmt: skip
        except ApiException as error:
            return error.status, str(error.body).encode()
        except PoolError as error:
            raise OSError(str(error)) from None
        return status, answer.data

    return ask


def find_fault(status: int, body: bytes, expected: float, tolerance: float) -> str | None:
    """Return what is wrong with an answer, in one line; None if it is the forecast that is `expected` (Mbps)."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if status != 200 or not isinstance(answer, dict):
        detail = answer.get("detail") if isinstance(answer, dict) else None
        return f"HTTP {status}: {' '.join(str(detail or body.decode(errors='replace')).split())[:200]}"
    value = answer.get("predicted_bandwidth")
    if answer.get("unit") != "Mbps" or not isinstance(value, int | float):
        return f"an answer without a bandwidth in Mbps: {sorted(answer)}"
    # Written so that NaN is a fault.
    if not abs(value - expected) <= tolerance:
        version = answer.get("model_version")
        return f"it forecasts {value:g} Mbps where its model is known for {expected:g} (model_version {version})"
    return None


def compare(ask: Ask, known: dict[str, Any], count: int, patience: float) -> str | None:
    """Ask until `count` answers are right; return the first fault in one line, None if there is none."""
    body = json.dumps({"link_capacity_mbps": CAPACITY_MBPS, **known["request"]}).encode()
    ends = time.monotonic() + patience
    answered = 0
    while answered < count:
        status = 0
        try:
            status, content = ask(body)
            fault = find_fault(status, content, float(known["predicted_bandwidth"]), float(known["tolerance"]))
        except OSError as error:
            fault = f"no answer: {error}"
        if fault is None:
            answered += 1
        elif answered or status not in {0, *NOT_YET} or time.monotonic() >= ends:
            return fault
        else:
            time.sleep(POLL_SECONDS)
    return None


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "default": ""},
            "kubeconfig": {"type": "path"},
            "namespace": {"type": "str"},
            "service": {"type": "str", "default": "api-gateway"},
            "known": {"type": "dict", "required": True},
            "count": {"type": "int", "default": 5},
            "patience": {"type": "int", "default": 15},
        },
        supports_check_mode=True,
    )
    given = module.params
    if given["url"]:
        ask, where = ask_url(given["url"].rstrip("/")), given["url"]
    elif client is None:
        module.fail_json(msg="known_forecast needs the Python package kubernetes, which make's environment has")
    else:
        try:
            ask = ask_through_api_server(given["kubeconfig"], given["namespace"], given["service"])
        except ConfigException as error:
            module.fail_json(msg=f"the cluster of {given['kubeconfig']} cannot be asked: {error}")
        where = f"{given['service']} in {given['namespace']}"
    fault = compare(ask, given["known"], given["count"], given["patience"])
    if fault:
        reason = f"{where}: {fault}"
        module.fail_json(msg=reason, reason=reason)
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
