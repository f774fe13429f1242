"""Real links under a real Nagios and the real services: warned of before they are full, and what a lying model changes.

Everything is read from statusjson.cgi, and from the store what was carried when; seconds are printed (pytest -s).
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from ml_inference.bundle import put_in_place
from ml_inference.bundle.manifest import FILES
from ml_inference.forecasting.generators import LongRangeLink
from nagios_plugins.links.samples import samples_of
from nagios_plugins.links.store import Store
from qos_runtime.testing import Endpoint, running
from running import ROOT, wait_for
from watching import Nagios, install_plugins, instance

from .shaped import DEVICE, shaped_link

pytestmark = pytest.mark.monitoring

SHIPPED = ROOT / "services/ml-inference/bundles/default"
RATE, THRESHOLD = 20.0, 80.0
"""Mbit/s that the link lets through, and % of them that are warned of"""
SAMPLING = 3.0
"""s; with the 5 s that links have by default the rise would take two thirds longer"""
LIE = 0.2
"""fraction of capacity by which the lying model forecasts too much"""


@contextmanager
def platform(bundle: Path, link: dict[str, Any]) -> Iterator[Nagios]:
    """Both services with a bundle, and a Nagios that is not started yet and watches one link, sampled each second."""
    with (
        running(["-m", "ml_inference"], "ML_INFERENCE_", bundle_dir=bundle) as (inference, _),
        running(["-m", "api_gateway"], "API_GATEWAY_", inference_url=inference.url) as (gateway, _),
        instance() as nagios,
    ):
        gateway.wait_for("/health/ready", 200)
        nagios.values["platform_nagios_hosts"] = [of_gateway(gateway)]
        nagios.values["platform_links"] = [{"name": "edge1", "sampling_seconds": 1, **link}]
        nagios.values["platform_nagios_manifest_file"] = str(bundle / "manifest.json")
        yield nagios


def of_gateway(gateway: Endpoint) -> dict[str, Any]:
    face = {"port": gateway.port, "url": gateway.url}
    groups = ["http-services", "forecasters"]
    return {"name": "api-gateway", "alias": "A", "address": "127.0.0.1", "groups": groups, "variables": face}


def service(nagios: Nagios, name: str) -> tuple[str, str]:
    """What statusjson.cgi says of a service of the link: its state, and the plugin's line."""
    found = nagios.services().get(("edge1", name), {})
    return found.get("status", ""), found.get("plugin_output", "")


@pytest.mark.skipif(os.getuid() != 0, reason="network namespaces are root's to make")
def test_link_when_traffic_rises_then_is_warned_of_before_the_threshold_is_passed() -> None:
    """Twenty samples of a calm link, and forty up to its limit: five of them are ahead, and Nagios takes up to two."""
    measured = {"source": {"kind": "interface", "device": DEVICE}, "direction": "out", "capacity_mbps": RATE}
    rules = {"threshold_percent": THRESHOLD, "sampling_seconds": SAMPLING}
    with shaped_link(RATE) as shaped, platform(SHIPPED, {**measured, **rules}) as nagios:
        # What reads the interface has to be where it is; Nagios and the services are not.
        install_plugins(nagios.programs, inside={"check_qos_link": shaped.inside})
        nagios.render()
        with shaped.traffic(begin=0.3 * RATE, end=0.95 * RATE, level=20 * SAMPLING, rise=40 * SAMPLING):
            nagios.start()
            wait_for(lambda: "likely above" in service(nagios, "Forecast")[1], "the first forecast", 60)
            print()
            lead = rise(nagios)
        print(f"=== a rise was warned of {lead:.1f} s before it passed the threshold, a sample being {SAMPLING:g} s")
        assert lead > 0


def rise(nagios: Nagios) -> float:
    """Seconds by which Nagios' state of the next rise came before the threshold was passed; negative if after."""
    wait_for(lambda: is_ok(nagios, "Forecast"), "a calm link", 90)
    began, warned, line = time.time(), 0.0, ""
    while "full" not in line and time.time() - began < 60 * SAMPLING:
        state, line = service(nagios, "Forecast")
        if state in ("warning", "critical") and not warned:
            warned = time.time()
            print(line)
        time.sleep(0.2)
    assert warned, "the link never filled"
    with Store(nagios.folder / "links", "edge1") as store:
        samples = [each for each in samples_of(store.read_readings(500), SAMPLING) if each.wall > began]
    passed = next(each.wall for each in samples if each.utilisation > THRESHOLD)
    return passed - warned


def lying(version: str) -> dict[str, bytes]:
    """The shipped bundle under another version, whose model forecasts LIE of capacity too much."""
    files = {name: (SHIPPED / name).read_bytes() for name in FILES}
    graph = onnx.load_from_string(files["model.onnx"])
    (output,) = graph.graph.output
    for node in graph.graph.node:
        node.output[:] = ["truth" if name == output.name else name for name in node.output]
    graph.graph.initializer.append(numpy_helper.from_array(np.array(LIE, np.float32), "lie"))
    graph.graph.node.append(helper.make_node("Add", ["truth", "lie"], [output.name]))
    files["model.onnx"] = graph.SerializeToString()
    return files | {"manifest.json": signed(files, version, shift_mbps=100 * LIE)}


def truthful(version: str) -> dict[str, bytes]:
    """The shipped bundle under another version."""
    files = {name: (SHIPPED / name).read_bytes() for name in FILES}
    return files | {"manifest.json": signed(files, version)}


def signed(files: dict[str, bytes], version: str, shift_mbps: float = 0) -> bytes:
    manifest = json.loads(files["manifest.json"]) | {"model_version": version}
    manifest["graph"]["sha256"] = hashlib.sha256(files["model.onnx"]).hexdigest()
    manifest["known_answer"]["predicted_bandwidth"] += shift_mbps
    return json.dumps(manifest).encode()


def write_trace(file: Path) -> None:
    """Half an hour of a link that carries many users, a second each."""
    (trace,) = LongRangeLink().traces(np.random.default_rng(3), 1, 1800)
    with file.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["timestamp", "packet_rate", "bandwidth_util", "bandwidth_mbps", "capacity_mbps"])
        for second, values in enumerate(
            zip(trace.packet_rate.tolist(), trace.bandwidth_util.tolist(), trace.bandwidth_mbps.tolist(), strict=True)
        ):
            rows.writerow([second, *values, trace.capacity_mbps])


def test_model_when_a_release_lies_then_the_baseline_answers_until_it_has_earned_trust_again(tmp_path: Path) -> None:
    write_trace(tmp_path / "trace.csv")
    bundle = Path(shutil.copytree(SHIPPED, tmp_path / "bundle"))
    with platform(bundle, {"source": {"kind": "trace", "file": str(tmp_path / "trace.csv")}}) as nagios:
        nagios.render()
        nagios.start()
        wait_for(lambda: is_trusted(nagios), "trust", 60)
        put_in_place(bundle, lying("20260101-11e11e"))
        wait_for(lambda: outlook(nagios).model_version == "20260101-11e11e", "the release", 20)
        began = outlook(nagios).cell
        wait_for(lambda: service(nagios, "Accuracy")[0] == "critical", "the lie found", 60)
        # Once a second is as often as Nagios can; a sample that it was too busy to have forecast shows nothing.
        found = forecasts_since(nagios, began)
        samples = outlook(nagios).cell - began
        print(f"\n=== the lie was found after {found} forecasts, {samples} samples: {service(nagios, 'Accuracy')[1]}")
        assert found <= 40
        wait_for(lambda: "by the baseline" in service(nagios, "Forecast")[1], "the baseline", 15)
        decided = outlook(nagios)
        assert decided.forecaster == "baseline"
        assert decided.model_version.endswith("-20260101-11e11e")
        put_in_place(bundle, truthful("20260202-22e22e"))
        ended = outlook(nagios).cell
        wait_for(lambda: is_ok(nagios, "Accuracy") and "baseline" not in service(nagios, "Forecast")[1], "trust", 200)
        print(f"=== trusted again {outlook(nagios).cell - ended} samples after a truthful release")
        assert outlook(nagios).model_version == "20260202-22e22e"


def forecasts_since(nagios: Nagios, cell: int) -> int:
    """The model's, from a cell on."""
    with Store(nagios.folder / "links", "edge1") as store:
        return sum(each.forecaster == "model" and each.cell >= cell for each in store.read_outlooks(200))


def is_trusted(nagios: Nagios) -> bool:
    """Whether forecasts have been judged, and are as they should be; OK alone is said before there are any, too."""
    state, line = service(nagios, "Accuracy")
    return state == "ok" and "to judge" not in line


def is_ok(nagios: Nagios, name: str) -> bool:
    return service(nagios, name)[0] == "ok"


def outlook(nagios: Nagios) -> Any:
    """The newest that alarms go by."""
    with Store(nagios.folder / "links", "edge1") as store:
        return next(each for each in store.read_outlooks(1) if each.decided)
