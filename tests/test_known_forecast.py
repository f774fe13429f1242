"""What the module known_forecast makes of answers, whoever gives them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_forecast import Ask, compare, find_fault

KNOWN: dict[str, Any] = {
    "request": {"packet_rate": [1, 2], "bandwidth_util": [3, 4]},
    "predicted_bandwidth": 64.1,
    "tolerance": 0.01,
}


def answer(value: object = 64.1, **more: object) -> bytes:
    return json.dumps({"predicted_bandwidth": value, "unit": "Mbps", "model_version": "m", **more}).encode()


def answering(*answers: tuple[int, bytes] | OSError) -> tuple[Ask, list[bytes]]:
    """A gateway that gives these answers, the last one again and again; and what it was asked."""
    asked: list[bytes] = []

    def ask(body: bytes) -> tuple[int, bytes]:
        found = answers[min(len(asked), len(answers) - 1)]
        asked.append(body)
        if isinstance(found, OSError):
            raise found
        return found

    return ask, asked


def test_answers_when_all_are_right_then_there_is_no_fault_and_as_many_were_asked_for() -> None:
    ask, asked = answering((200, answer(64.105)))
    assert compare(ask, KNOWN, count=5, patience=0) is None
    assert len(asked) == 5
    assert json.loads(asked[0]) == {"link_capacity_mbps": 100, **KNOWN["request"]}


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, answer(65), "it forecasts 65 Mbps where its model is known for 64.1 (model_version m)"),
        (200, b'{"predicted_bandwidth": NaN, "unit": "Mbps"}', "it forecasts nan Mbps"),
        (200, answer(unit="Gbps"), "without a bandwidth in Mbps"),
        (200, answer("64.1"), "without a bandwidth in Mbps"),
        (200, b"[]", "HTTP 200: []"),
        (200, b"<html>\n\n hello", "HTTP 200: <html> hello"),
        (422, b'{"detail": "no"}', "HTTP 422: no"),
        (500, b"", "HTTP 500: "),
    ],
)
def test_answer_when_it_is_wrong_then_says_how_in_one_line_and_asks_no_more(
    status: int, body: bytes, reason: str
) -> None:
    ask, asked = answering((status, body))
    fault = compare(ask, KNOWN, count=5, patience=60)
    assert fault
    assert reason in fault
    assert "\n" not in fault
    assert len(asked) == 1


def test_gateway_when_it_is_not_there_yet_then_is_asked_again_but_only_before_the_first_answer() -> None:
    not_yet: list[tuple[int, bytes] | OSError] = [OSError("Connection refused"), (503, b'{"detail": "starting"}')]
    ask, asked = answering(*not_yet, (200, answer()))
    assert compare(ask, KNOWN, count=2, patience=60) is None
    assert len(asked) == 4
    ask, _ = answering((200, answer()), (503, b'{"detail": "gone"}'))
    assert compare(ask, KNOWN, count=2, patience=60) == "HTTP 503: gone"


def test_gateway_when_it_never_answers_then_patience_ends() -> None:
    ask, asked = answering(OSError("Connection refused"))
    assert compare(ask, KNOWN, count=2, patience=0) == "no answer: Connection refused"
    assert len(asked) == 1


@given(status=st.integers(100, 599), body=st.binary(max_size=300))
def test_answer_when_it_is_anything_then_is_a_fault_in_one_line(status: int, body: bytes) -> None:
    fault = find_fault(status, body, 64.1, 0.01)
    assert fault
    assert "\n" not in fault
    assert len(fault) < 300
