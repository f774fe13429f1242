"""The gateway, asked one question after the other over one connection."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

from ml_inference.replay.questions import Question

TIMEOUT_SECONDS = 10.0
SHOWN_CHARACTERS = 600


class ReplayError(Exception):
    """The replay cannot go on; the message says why in a line."""


@dataclass
class Answers:
    """What came back, one entry per question."""

    actual: list[float] = field(default_factory=list)  # Mbps
    last: list[float] = field(default_factory=list)  # Mbps
    predicted: list[float] = field(default_factory=list)  # Mbps
    lower: list[float] = field(default_factory=list)  # Mbps
    upper: list[float] = field(default_factory=list)  # Mbps
    latency: list[float] = field(default_factory=list)  # s
    model_versions: set[str] = field(default_factory=set)
    seconds: float = 0.0


def ask(url: str, questions: Iterable[Question], api_key: str | None = None) -> Answers:
    """Ask every question in turn. Raises ReplayError for an unreachable gateway or any answer but 200."""
    answers = Answers()
    begin = time.perf_counter()
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    with httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, headers=headers) as client:
        for question in questions:
            _ask_one(client, question, answers)
    answers.seconds = time.perf_counter() - begin
    return answers


def _ask_one(client: httpx.Client, question: Question, answers: Answers) -> None:
    begin = time.perf_counter()
    try:
        response = client.post("/predict", json=question.body)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise ReplayError(
            f"no answer from {client.base_url} ({reason}); start the platform with `make up`, or give its --url"
        ) from error
    answers.latency.append(time.perf_counter() - begin)
    answer = _accepted(response, question.body)
    answers.actual.append(question.actual_mbps)
    answers.last.append(question.last_mbps)
    for name, series in (
        ("predicted_bandwidth", answers.predicted),
        ("lower", answers.lower),
        ("upper", answers.upper),
    ):
        series.append(float(answer[name]))
    answers.model_versions.add(str(answer["model_version"]))


def _accepted(response: httpx.Response, body: dict[str, Any]) -> dict[str, Any]:
    if response.status_code != httpx.codes.OK:
        raise ReplayError(
            f"the gateway answered {response.status_code}: {response.text[:SHOWN_CHARACTERS]}\nto {json.dumps(body)}"
        )
    try:
        answer = response.json()
        if missing := {"predicted_bandwidth", "lower", "upper", "model_version"} - set(answer):
            raise ReplayError(f"the gateway's answer lacks {', '.join(sorted(missing))}; is --url the gateway?")
    except (ValueError, TypeError) as error:
        raise ReplayError("the gateway's answer is not a forecast; is --url the gateway?") from error
    return dict(answer)
