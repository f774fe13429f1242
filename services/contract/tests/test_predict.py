"""What a request may be, and that nothing else gets in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qos_contract import EXAMPLE_REQUEST, MAX_SAMPLES, WINDOW, PredictRequest, PredictResponse, list_problems
from qos_contract.errors import MAX_KEY_LENGTH, MAX_PROBLEMS

ANSWER: dict[str, Any] = {
    "predicted_bandwidth": 72.84,
    "lower": 60.0,
    "upper": 80,
    "horizon": 1,
    "model_version": "20250101-abcdef12",
    "link_capacity_mbps": 100.0,
}

series = st.lists(st.floats(0, 1000) | st.integers(0, 1000), min_size=WINDOW, max_size=MAX_SAMPLES)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def body(**changes: Any) -> bytes:
    return json.dumps(EXAMPLE_REQUEST | changes).encode()


def problems(raw: bytes) -> list[tuple[tuple[int | str, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        PredictRequest.model_validate_json(raw)
    return [(problem.loc, problem.type) for problem in list_problems(caught.value)]


def test_example_when_validated_then_is_accepted_with_defaults() -> None:
    request = PredictRequest.model_validate(EXAMPLE_REQUEST)
    assert request.horizon == 1
    assert request.link_capacity_mbps is None
    assert request.rtt_variance == EXAMPLE_REQUEST["rtt_variance"]


@pytest.mark.parametrize("spread", [None, [None] * 10, [1, None] * 5])
def test_rtt_when_not_measured_then_is_accepted(spread: object) -> None:
    PredictRequest.model_validate_json(body(rtt_variance=spread))


def test_rtt_when_left_out_then_is_accepted() -> None:
    window = {name: EXAMPLE_REQUEST[name] for name in ("packet_rate", "bandwidth_util")}
    assert PredictRequest.model_validate_json(json.dumps(window)).rtt_variance is None


BAD = {
    "empty": (b"", ["body"]),
    "no JSON": (b"{", ["body"]),
    "invalid UTF-8": (b"\xff" + body(), ["body"]),
    "nested arrays": (b"[" * 50_000, ["body"]),
    "null": (b"null", ["body"]),
    "array": (b"[]", ["body"]),
    "9 samples": (body(packet_rate=[1] * 9), ["body", "packet_rate"]),
    "513 samples": (body(bandwidth_util=[1] * 513), ["body", "bandwidth_util"]),
    "unequal utilisation": (body(bandwidth_util=[1] * 11), ["body", "bandwidth_util"]),
    "unequal spread": (body(rtt_variance=[1] * 11), ["body", "rtt_variance"]),
    "NaN": (body(packet_rate=[1, 2, 3, float("nan")] + [1] * 6), ["body", "packet_rate", 3]),
    "Infinity": (body(rtt_variance=[float("inf")] + [1] * 9), ["body", "rtt_variance", 0]),
    '"NaN"': (body(bandwidth_util=["NaN"] + [1] * 9), ["body", "bandwidth_util", 0]),
    "string": (body(bandwidth_util=["65"] + [1] * 9), ["body", "bandwidth_util", 0]),
    "boolean": (body(packet_rate=[True] + [1] * 9), ["body", "packet_rate", 0]),
    "null sample": (body(packet_rate=[None] + [1] * 9), ["body", "packet_rate", 0]),
    "negative": (body(packet_rate=[-1] + [1] * 9), ["body", "packet_rate", 0]),
    "1e308": (body(packet_rate=[1e308] + [1] * 9), ["body", "packet_rate", 0]),
    "nested sample": (body(packet_rate=[[1]] + [1] * 9), ["body", "packet_rate", 0]),
    "huge integer": (body(horizon=0).replace(b'"horizon": 0', b'"horizon": ' + b"9" * 5000), ["body"]),
    "large integer": (body(horizon=10**30), ["body", "horizon"]),
    "horizon 0": (body(horizon=0), ["body", "horizon"]),
    "horizon 6": (body(horizon=6), ["body", "horizon"]),
    "horizon 1.0": (body(horizon=1.0), ["body", "horizon"]),
    "horizon true": (body(horizon=True), ["body", "horizon"]),
    "capacity 0": (body(link_capacity_mbps=0), ["body", "link_capacity_mbps"]),
    "capacity 1e308": (body(link_capacity_mbps=1e308), ["body", "link_capacity_mbps"]),
    "another forecaster": (body(forecaster="oracle"), ["body", "forecaster"]),
    "forecaster null": (body(forecaster=None), ["body", "forecaster"]),
    "path 1": (body(path=1), ["body", "path"]),
    "threshold -1": (body(threshold_mbps=-1), ["body", "threshold_mbps"]),
    "unknown field": (body(bandwith_util=[1]), ["body", "bandwith_util"]),
    "duplicate key": (body()[:-1] + b', "horizon": 9}', ["body", "horizon"]),
}


@pytest.mark.parametrize(("raw", "path"), BAD.values(), ids=BAD.keys())
def test_request_when_bad_then_path_names_the_field(raw: bytes, path: list[int | str]) -> None:
    assert problems(raw)[0][0] == tuple(path)


def test_problems_when_many_then_answer_stays_small() -> None:
    found = problems(json.dumps({"x" * 500 + str(index): 1 for index in range(5000)}).encode())
    assert len(found) == MAX_PROBLEMS
    assert all(len(str(part)) <= MAX_KEY_LENGTH for loc, _ in found for part in loc)


def test_problems_when_many_samples_are_wrong_then_the_first_of_each_list_is_named() -> None:
    found = problems(json.dumps({name: [1] * 100 + [-1] * 400 for name in EXAMPLE_REQUEST}).encode())
    assert found == [(("body", name, 100), "greater_than_equal") for name in EXAMPLE_REQUEST]


@given(series, st.data())
def test_request_when_lists_are_sane_and_equal_then_is_accepted(rates: list[float], data: st.DataObject) -> None:
    size = len(rates)
    utilisation = data.draw(st.lists(st.floats(0, 1000), min_size=size, max_size=size))
    spread = data.draw(st.none() | st.lists(st.none() | st.floats(0, 600_000), min_size=size, max_size=size))
    raw = json.dumps({"packet_rate": rates, "bandwidth_util": utilisation, "rtt_variance": spread})
    request = PredictRequest.model_validate_json(raw)
    assert request.packet_rate == rates
    assert request.rtt_variance == spread


@given(series, series)
def test_request_when_lengths_differ_then_is_refused(rates: list[float], utilisation: list[float]) -> None:
    raw = json.dumps({"packet_rate": rates, "bandwidth_util": [*utilisation, *rates][: len(rates) + 1]})
    with pytest.raises(ValidationError):
        PredictRequest.model_validate_json(raw)


@given(st.dictionaries(st.sampled_from([*PredictRequest.model_fields, "other"]), anything))
def test_problems_when_anything_is_sent_then_never_repeat_it(sent: dict[str, Any]) -> None:
    try:
        PredictRequest.model_validate_json(json.dumps(sent))
    except ValidationError as error:
        for problem in list_problems(error):
            assert problem.loc[0] == "body"
            assert set(problem.model_dump()) == {"loc", "msg", "type"}
            json.dumps(problem.model_dump(), allow_nan=False)


def test_answer_when_no_threshold_was_given_then_has_no_probability() -> None:
    answer = PredictResponse.model_validate(ANSWER)
    assert json.loads(answer.wire()) == ANSWER | {"unit": "Mbps", "level": 0.8}


@pytest.mark.parametrize(
    "change",
    [
        {"predicted_bandwidth": float("nan")},
        {"upper": float("inf")},
        {"lower": -1},
        {"unit": "bit/s"},
        {"exceed_probability": 1.1},
        {"path": []},
        {"path": [{"predicted_bandwidth": 1, "lower": 1}]},
        {"horizon": "1"},
        {"model_version": ""},
    ],
)
def test_answer_when_nonsense_then_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PredictResponse.model_validate_json(json.dumps(ANSWER | change))


def test_answer_when_of_a_newer_release_then_unknown_fields_are_dropped() -> None:
    answer = PredictResponse.model_validate_json(json.dumps(ANSWER | {"new": float("nan")}))
    assert b"new" not in answer.wire()
