"""What a fault looks like from outside, and that everything heals by itself. Seconds are printed (pytest -s)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import readme
from running import ROOT, Platform, run, wait_for

pytestmark = pytest.mark.system


def predict(platform: Platform) -> httpx.Response:
    return httpx.post(f"{platform.gateway}/predict", content=readme.request_body(), timeout=10)


@contextmanager
def crash_loop(platform: Platform, module: str) -> Iterator[None]:
    """Kill every process of a service, and each that takes its place, as long as the context lasts."""
    stop = threading.Event()

    def keep_killing() -> None:
        while not stop.is_set():
            platform.kill(module)
            time.sleep(0.05)

    killer = threading.Thread(target=keep_killing)
    killer.start()
    try:
        yield
    finally:
        stop.set()
        killer.join()


def test_killed_process_is_back_within_seconds(healthy: Platform) -> None:
    for module in ("ml_inference", "api_gateway"):
        killed = healthy.kill(module)
        assert len(killed) == 2

        def is_back(module: str = module, killed: list[int] = killed) -> bool:
            pids = healthy.pids(module)
            try:
                return len(pids) == 2 and not set(pids) & set(killed) and predict(healthy).status_code == 200
            except httpx.TransportError:
                return False

        seconds = wait_for(is_back, f"{module} back after kill -9", 10)
        print(f"\n{module}: killed, answering again after {seconds:.1f} s")


def test_gateway_answers_503_and_nagios_is_critical_when_inference_crashes(healthy: Platform) -> None:
    answers: list[httpx.Response] = []
    started = time.monotonic()
    with crash_loop(healthy, "ml_inference"):

        def is_seen() -> bool:
            answers.append(predict(healthy))
            return healthy.is_hard("ml-inference", "Ready", "critical") and healthy.is_hard(
                "api-gateway", "Forecast", "critical"
            )

        wait_for(is_seen, "Nagios CRITICAL HARD", 60)
        critical_after = time.monotonic() - started
    down = [answer for answer in answers if answer.status_code != 200]
    assert down
    # 504 where the connection was accepted by a process that died before it answered.
    assert {answer.status_code for answer in down} <= {503, 504}
    assert any(answer.status_code == 503 for answer in down)
    assert all("retry-after" in answer.headers for answer in down if answer.status_code == 503)
    healed_after = wait_for(healthy.all_ok, "Nagios OK again", 60)
    print(
        f"\nkill -9 of ml-inference: CRITICAL HARD after {critical_after:.1f} s, OK {healed_after:.1f} s after its end"
    )


def test_corrupted_bundle_is_said_and_heals_when_restored(healthy: Platform) -> None:
    graph = healthy.state_dir / "models" / "current" / "model.onnx"
    good = graph.read_bytes()

    def readiness() -> httpx.Response:
        return httpx.get(f"{healthy.inference}/health/ready", timeout=5)

    def is_steadily(status: int) -> bool:
        """Whether each process says so: either may answer, and they look at the files at different times."""
        return all(readiness().status_code == status for _ in range(12))

    try:
        graph.write_bytes(good[: len(good) // 2] + b"\0" * 64 + good[len(good) // 2 + 64 :])
        wait_for(lambda: is_steadily(503), "ready turns 503", 10)
        reason = readiness().json()["reason"]
        assert "model.onnx" in reason
        assert httpx.get(f"{healthy.inference}/health").status_code == 200
        seconds = wait_for(lambda: healthy.is_hard("ml-inference", "Ready", "critical"), "Nagios says so", 60)
        output = healthy.services()["ml-inference", "Ready"]["plugin_output"]
        assert "model.onnx" in output
        print(f"\ncorrupted bundle: HARD after {seconds:.1f} s: {output}")
    finally:
        graph.write_bytes(good)
    seconds = wait_for(lambda: is_steadily(200), "ready again", 10)
    print(f"restored bundle: ready again after {seconds:.1f} s")


def test_tree_with_an_error_is_refused_and_the_running_one_stays(healthy: Platform, tmp_path: Path) -> None:
    (tmp_path / "broken.cfg").write_text("define service {\n  use no-such-template\n  host_name nobody\n}\n")
    before = healthy.services().keys()
    done = run(
        "make",
        "up",
        f'ANSIBLE_OPTIONS=--tags nagios -e \'{{"nagios_extra_objects_dirs": ["{tmp_path}"]}}\'',
        check=False,
    )
    assert done.returncode != 0
    assert "no-such-template" in done.stdout
    assert healthy.services().keys() == before
    assert run("make", "up", "ANSIBLE_OPTIONS=--tags nagios").returncode == 0


def test_new_object_is_taken_up_by_a_reload_and_leaves_with_its_file(healthy: Platform, tmp_path: Path) -> None:
    (tmp_path / "more.cfg").write_text(
        "define service {\n  use qos-service\n  host_name api-gateway\n"
        "  service_description Docs\n  check_command qos-alive\n}\n"
    )
    added = ("api-gateway", "Docs")
    pid = healthy.nagios_status("programstatus")["nagios_pid"]
    extra = json.dumps({"nagios_extra_objects_dirs": [str(tmp_path)]})
    run("make", "up", f"ANSIBLE_OPTIONS=--tags nagios -e '{extra}'")
    wait_for(lambda: added in healthy.services(), "the added service in Nagios", 20)
    run("make", "up", "ANSIBLE_OPTIONS=--tags nagios")
    wait_for(lambda: added not in healthy.services(), "the added service gone", 20)
    assert healthy.nagios_status("programstatus")["nagios_pid"] == pid


def test_reload_of_both_services_loses_no_request(healthy: Platform) -> None:
    stop, counted, failed = threading.Event(), [0] * 8, []

    def ask(number: int) -> None:
        with httpx.Client(base_url=healthy.gateway, timeout=10) as client:  # one connection, kept alive
            while not stop.is_set():
                try:
                    answer = client.post("/predict", content=readme.request_body())
                    counted[number] += 1
                    if answer.status_code != 200:
                        failed.append(f"{answer.status_code} {answer.text}")
                except httpx.TransportError as error:
                    failed.append(repr(error))
                time.sleep(0.01)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(counted))]
    pids = healthy.pids("ml_inference") + healthy.pids("api_gateway")
    for thread in threads:
        thread.start()
    try:
        changed = '{"log_level": "WARNING"}'
        run(
            "make",
            "up",
            f'ANSIBLE_OPTIONS=-e \'{{"ml_inference_settings": {changed}, "api_gateway_settings": {changed}}}\'',
        )
        run("make", "up")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not set(pids) & set(healthy.pids("ml_inference") + healthy.pids("api_gateway"))
    print(f"\ntwo reloads of both services: {sum(counted)} requests, {len(failed)} failed")
    assert failed == []
    assert sum(counted) > 1000


@pytest.mark.usefixtures("healthy")
def test_second_up_changes_nothing_within_a_minute() -> None:
    started = time.monotonic()
    done = run("make", "up")
    seconds = time.monotonic() - started
    print(f"\nmake up again: {seconds:.0f} s")
    recap = [line for line in done.stdout.splitlines() if "changed=" in line]
    assert recap
    assert all("changed=0 " in line and "failed=0" in line for line in recap), recap
    assert seconds < 60


def test_check_mode_on_the_running_platform_would_change_nothing(healthy: Platform) -> None:
    done = run("make", "up", "ANSIBLE_OPTIONS=--check --diff")
    assert all("changed=0 " in line for line in done.stdout.splitlines() if "changed=" in line), done.stdout
    assert healthy.login[1] not in done.stdout


@pytest.mark.usefixtures("healthy")
def test_port_that_another_program_holds_is_named() -> None:
    done = run(
        ".venv/ansible/bin/ansible-playbook", "-i", "inventories/local", "playbooks/preflight.yml",
        "-e", "platform_state_dir=/nonexistent/state", check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "platform_api_gateway_port = 8000" in done.stdout, done.stdout


def test_bundle_that_does_not_fit_is_refused_before_anything_restarts(healthy: Platform, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "services/ml-inference/bundles/default", tmp_path / "bad")
    with (tmp_path / "bad/model.onnx").open("ab") as graph:
        graph.write(b"more")
    served = healthy.state_dir / "models/current/model.onnx"  # beside the same manifest
    pids, good = healthy.pids("ml_inference"), served.read_bytes()
    done = run("make", "up", f"ANSIBLE_OPTIONS=-e platform_bundle_dir={tmp_path}/bad", check=False)
    assert done.returncode != 0
    assert "cannot be served: model.onnx" in done.stdout
    assert healthy.pids("ml_inference") == pids
    assert served.read_bytes() == good
    assert predict(healthy).status_code == 200


def test_killed_supervisor_is_said_and_taken_away(healthy: Platform) -> None:
    supervisor = int((healthy.state_dir / "run/supervisord.pid").read_text())
    os.kill(supervisor, signal.SIGKILL)
    done = run("make", "up", check=False)
    assert done.returncode != 0
    assert "platform_api_gateway_port = 8000" in done.stdout
    assert "make down" in done.stdout
    run("make", "down")
    assert healthy.pids("api_gateway") + healthy.pids("ml_inference") == []
    run("make", "up")


def test_everything_that_is_missing_is_said_at_once() -> None:
    wrong = {
        "platform_distributions": {"Debian": "99"},
        "platform_python": "/usr/bin/python9",
        "preflight_disk_free_mb": 999_999_999,
        "preflight_memory_mb": 999_999_999,
        "platform_state_dir": "/var/lib/" + "long" * 20,
    }
    done = run(
        ".venv/ansible/bin/ansible-playbook", "-i", "inventories/local", "playbooks/preflight.yml",
        "-e", json.dumps(wrong), check=False,
    )  # fmt: skip
    assert done.returncode != 0
    for said in ("Debian 99", "/usr/bin/python9", "999999999 are needed: free", "of memory, 999999999", "75 at most"):
        assert said in " ".join(done.stdout.split()), said
