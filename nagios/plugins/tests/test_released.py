"""What a cluster's records say was released, to the two checks that ask the model; the kubectl is the test's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from any_json import ANY_JSON
from kubectls import Kubectl
from nagios_plugins import check_qos_model, check_qos_predict
from nagios_plugins.released import LABEL, MAX_SECONDS

ROLE = Path(__file__).parents[3] / "roles/release"
OLD, NEW = "20261123-abcdef12", "20261125-0123456f"
NEWS: dict[str, Any] = {"request": {"packet_rate": [2.0] * 10}, "predicted_bandwidth": 40.0, "tolerance": 0.01}
"""what the newer model is known to forecast"""


def record(number: int, version: str = OLD, outcome: str = "good", **more: Any) -> dict[str, Any]:
    """A record, as far as it is read, with the known answer of its model."""
    known = NEWS if version == NEW else more.pop("known")
    return {"number": number, "model": {"version": version}, "known_answer": known, "outcome": outcome} | more


@pytest.fixture
def kubectl(tmp_path: Path) -> Kubectl:
    return Kubectl(tmp_path)


@pytest.fixture
def judge(service: Any, run_check: Any, manifest: Any, known: Any, good: Any, kubectl: Kubectl) -> Callable[..., Any]:
    """Run one of the checks; Nagios was told of the old model, and one of the two answers."""

    def run(main: Callable[[], None], served: str, *arguments: str) -> Any:
        value = NEWS["predicted_bandwidth"] if served == NEW else known["predicted_bandwidth"]
        service.says(good | {"model_version": served, "predicted_bandwidth": value})
        told = manifest({"model_version": OLD, "known_answer": known, "gate": {"passed": True}})
        ages = ["-w", "36500", "-c", "36500"] if main is check_qos_model.main else []
        return run_check(main, "-u", service.url, "-m", told, *kubectl.options(), *ages, *arguments)

    return run


BOTH = pytest.mark.parametrize("main", [check_qos_model.main, check_qos_predict.main], ids=["model", "forecast"])


@BOTH
def test_release_when_nagios_was_told_of_it_then_the_manifest_counts(
    judge: Any, kubectl: Kubectl, known: Any, main: Any
) -> None:
    kubectl.records(record(2, known=known), record(1, NEW))
    said = judge(main, OLD)
    assert said.code == 0
    if main is check_qos_model.main:
        assert "answers as released, passed its gate, is " in said.text
    assert f"get configmaps --selector={LABEL}=release --output=jsonpath=" in kubectl.asked_file.read_text()
    assert f"--request-timeout={MAX_SECONDS:g}s" in kubectl.asked_file.read_text()


@BOTH
def test_release_when_a_build_made_it_then_its_model_is_what_is_expected(
    judge: Any, kubectl: Kubectl, service: Any, known: Any, main: Any
) -> None:
    kubectl.records(record(1, known=known), record(2, NEW), record(3, known=known, outcome="refused: no"))
    said = judge(main, NEW)
    assert said.code == 0, said.text
    assert json.loads(service.asked[0][1])["packet_rate"][:10] == NEWS["request"]["packet_rate"]
    assert judge(main, OLD).code == 2, "the former one answers still"


def test_release_when_another_model_answers_then_the_record_is_named(judge: Any, kubectl: Kubectl, known: Any) -> None:
    kubectl.records(record(1, known=known), record(12, NEW), record(3, known=known))
    assert judge(check_qos_model.main, OLD).text == f"model {OLD} answers, the release has {NEW}"
    kubectl.records(record(1, "latest", known=known))
    said = judge(check_qos_model.main, NEW)
    assert (said.code, "no model in the record of release 1: " in said.text) == (3, True)


@BOTH
@pytest.mark.parametrize("served", [OLD, NEW])
def test_release_when_one_is_on_its_way_then_both_models_may_answer(
    judge: Any, kubectl: Kubectl, known: Any, main: Any, served: str
) -> None:
    kubectl.records(record(1, known=known), record(2, NEW, "in progress"))
    said = judge(main, served)
    assert said.code == 0, said.text
    if main is check_qos_model.main:
        assert said.text.endswith(f"; model {NEW} is being released")
    else:
        assert said.text.endswith(f"by model {served}{', which is being released' * (served == NEW)}")
        assert ("64.4672:64.4872" in said.output) is (served == OLD)
    assert judge(main, "20261101-00000000").code == (2 if main is check_qos_model.main else 0), "its forecast is right"


@BOTH
def test_release_when_there_is_no_good_one_then_the_manifest_counts(judge: Any, kubectl: Kubectl, main: Any) -> None:
    for records in ([], [record(1, NEW, "in progress")], [record(1, NEW, "interrupted"), record(2, NEW, "refused: x")]):
        kubectl.records(*records)
        assert judge(main, OLD).code == 0
        assert judge(main, NEW).code == 2


@BOTH
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"answer": "", "error": "the server was unable to respond", "code": 1}, "the server was unable to respond"),
        ({"answer": "no JSON"}, "what kubectl printed are no records"),
        ({"answer": "{}"}, "what kubectl printed are no records"),
        ({"answer": json.dumps(record(1, NEW) | {"number": float("inf")})}, "what kubectl printed are no records"),
        ({"answer": "[" * 100_000}, "what kubectl printed are no records"),
        ({"answer": "", "wait": 30}, "no answer within 0.4 s"),
    ],
)
def test_cluster_when_it_does_not_say_then_the_manifest_counts_and_that_is_said(
    judge: Any, kubectl: Kubectl, main: Any, answer: dict[str, Any], reason: str
) -> None:
    kubectl.says(**answer, of="configmaps")
    said = judge(main, OLD, "-t", "0.4")
    assert said.code == 0
    assert f"; the cluster does not say what was released: {reason}" in said.text


@BOTH
def test_cluster_when_none_is_named_then_nobody_asks_it(judge: Any, kubectl: Kubectl, main: Any) -> None:
    assert judge(main, OLD, "--kubeconfig", "", "-n", "").code == 0
    assert not kubectl.asked_file.exists()


@BOTH
@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--kubeconfig", "/nowhere", "no kubeconfig in /nowhere: No such file or directory"),
        ("--kubectl", "/nowhere", "there is no program /nowhere"),
        ("-n", "", "'' is no name in Kubernetes"),
    ],
)
def test_cluster_when_it_cannot_be_asked_then_is_unknown_with_usage(
    judge: Any, main: Any, option: str, value: str, reason: str
) -> None:
    said = judge(main, OLD, option, value)
    assert said.code == 3
    assert reason in said.text
    assert "usage:" in said.output


def test_label_when_compared_with_the_roles_then_is_its() -> None:
    values = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    assert values["__release_label"] == LABEL
    written = yaml.safe_load((ROLE / "tasks/record.yml").read_text())[0]["kubernetes.core.k8s"]["resource_definition"]
    assert list(written["data"]) == ["record", "manifests"]


@BOTH
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    change=st.fixed_dictionaries(
        {},
        optional={
            "number": ANY_JSON,
            "outcome": ANY_JSON | st.just("in progress"),
            "model": ANY_JSON | st.fixed_dictionaries({"version": ANY_JSON}),
            "known_answer": ANY_JSON | st.fixed_dictionaries({"request": ANY_JSON}),
        },
    )
)
def test_records_when_they_are_any_json_then_no_check_fails(
    judge: Any, kubectl: Kubectl, known: Any, main: Any, change: dict[str, Any]
) -> None:
    kubectl.records(record(1, known=known), record(2, NEW) | change)
    said = judge(main, OLD)
    assert "the check itself failed" not in said.output
    assert said.code != 3 or "usage:" in said.output
