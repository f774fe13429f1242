"""The hot path reads bodies by itself. It is to be exactly as strict as FastAPI, and as the documented schema, are."""

import asyncio
import http.client
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from starlette.responses import JSONResponse
from starlette.types import Message

from qos_contract import EXAMPLE_REQUEST, PredictRequest
from qos_contract.errors import MAX_KEY_LENGTH, MAX_PROBLEMS
from qos_runtime.testing import Endpoint

from .bodies import batch_bodies, predict_bodies

Verdict = tuple[int, list[tuple[list[int | str], str]]]
"""status, and path and type of each problem"""

EXAMPLES = [pytest.param(500, id="few"), pytest.param(5_000, id="many", marks=pytest.mark.load)]
NO_JSON: Verdict = (422, [(["body"], "json_invalid")])
# What a JSON schema cannot say, or what is not JSON in the first place (NaN, and a number that is too large for JSON).
BEYOND_SCHEMA = {"unequal_length", "finite_number"}
USUAL = {"json_invalid", "model_type", "missing", "extra_forbidden", "unequal_length"}
"""problems that have to come up, however few the examples: else the bodies are not what they were"""

# Where parsers and their notions of a fault part, if they do; too rare to leave to chance.
EDGES = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"1e400",
    b"NaN",
    b"{}{}",
    b"\xff",
    b"[" * 50_000,
    json.dumps(EXAMPLE_REQUEST).encode("utf-8-sig"),
    json.dumps(EXAMPLE_REQUEST).encode("utf-16"),
    json.dumps(EXAMPLE_REQUEST | {"\ud800": 1}).encode(),
    json.dumps(EXAMPLE_REQUEST | {"x" * 100: 1}).encode(),
    json.dumps(EXAMPLE_REQUEST | {f"unknown {number}": number for number in range(30)}).encode(),
    json.dumps(EXAMPLE_REQUEST | {"packet_rate": [1] * 513, "rtt_variance": None}).encode(),
    json.dumps(EXAMPLE_REQUEST)[:-1].encode() + b', "packet_rate": []}',
    *(
        json.dumps(EXAMPLE_REQUEST | {field: value}).encode()
        for field in ("horizon", "threshold_mbps", "link_capacity_mbps")
        for value in (1.0, True, "1", 0, -1, 5, 6, 10**400, -(10**400), 1e308, float("nan"), float("inf"), None, [], {})
    ),
    *(
        json.dumps(EXAMPLE_REQUEST | {field: [value] * 10}).encode()
        for field in EXAMPLE_REQUEST
        for value in (True, "1", -0.0, -1, 10**400, 1e308, float("nan"), None, [], {})
    ),
]

reference = FastAPI()


@reference.post("/predict")
async def predict(request: PredictRequest) -> None:
    """What anybody would write; all validation is FastAPI's."""


@reference.exception_handler(RequestValidationError)
async def refuse(_: Request, error: RequestValidationError) -> JSONResponse:
    """FastAPI's default handler repeats the input, and fails where that holds a NaN: the problems are the same."""
    problems = [{"loc": problem["loc"], "type": problem["type"]} for problem in error.errors()]
    return JSONResponse({"detail": problems}, 422)


def is_json(raw: bytes) -> bool:
    """RFC 8259 as Python reads it, but in UTF-8 alone, as the RFC says, and with no half of a surrogate pair.

    FastAPI takes Python's `json`, which guesses other encodings and lets such halves pass; pydantic's parser, of the
    services, does not. Both of them know NaN.
    """
    try:
        json.dumps(json.loads(raw.decode()), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def ask_reference(loop: asyncio.Runner, raw: bytes) -> tuple[int, bytes]:
    """Call the app in this process; starlette's own test client needs a package that is not here."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": raw}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    loop.run(reference(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def judge(status: int, answer: bytes) -> Verdict:
    """Return what an answer says about the body."""
    problems = json.loads(answer)["detail"] if status == 422 else []
    return status, [(problem["loc"], problem["type"]) for problem in problems]


def is_beyond_double(body: Any, loc: list[int | str]) -> bool:
    """Tell whether at this path is an integer that does not fit into a double."""
    for part in loc[1:]:
        body = body[part]
    return isinstance(body, int) and abs(body) > sys.float_info.max


def expect(loop: asyncio.Runner, raw: bytes) -> Verdict:
    """Return FastAPI's verdict, in the services' words."""
    status, answer = ask_reference(loop, raw)
    # Syntax only. FastAPI's path of a JSON error has a byte number, bad UTF-8 is a 400, an empty body a missing one.
    if not is_json(raw):
        return NO_JSON
    status, problems = judge(status, answer)
    # FastAPI has a dependency's words for "not an object", and takes a body `null` for none; no other fault has these.
    if problems in ([(["body"], "model_attributes_type")], [(["body"], "missing")]):
        problems = [(["body"], "model_type")]
    # A whole number that no double holds: Python's `json` makes a long integer of it, the services' parser an infinity.
    body = json.loads(raw)
    problems = [
        (loc, "finite_number" if kind == "float_type" and is_beyond_double(body, loc) else kind)
        for loc, kind in problems
    ]
    # An answer of the services does not grow with what was sent.
    return status, [
        ([part[:MAX_KEY_LENGTH] if isinstance(part, str) else part for part in loc], kind)
        for loc, kind in problems[:MAX_PROBLEMS]
    ]


class Hop:
    """A kept connection to one service."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=10)

    def close(self) -> None:
        self.connection.close()

    def post(self, path: str, raw: bytes) -> tuple[int, bytes]:
        self.connection.request("POST", path, raw)
        response = self.connection.getresponse()
        return response.status, response.read()


@contextmanager
def hops(*endpoints: Endpoint) -> Iterator[list[Hop]]:
    opened = [Hop(endpoint) for endpoint in endpoints]
    try:
        yield opened
    finally:
        for hop in opened:
            hop.close()


def body_schema(endpoint: Endpoint, path: str) -> Draft202012Validator:
    """Return the documented schema of a body."""
    operation = endpoint.get("/openapi.json").json()["paths"][path]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def body_field(body: Any, name: str) -> Any:
    """Return a field of what may be no object."""
    return body.get(name) if isinstance(body, dict) else None


def send_many(examples: int, bodies: st.SearchStrategy[bytes], send: Any) -> None:
    """Call `send` with generated bodies."""
    wanted = settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    wanted(given(bodies)(send))()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_predict_when_fastapi_would_read_the_body_itself_then_both_hops_judge_alike(
    gateway: Endpoint, inference: Endpoint, examples: int, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: Counter[str] = Counter()
    with hops(gateway, inference) as opened, asyncio.Runner() as loop:

        def send(raw: bytes) -> None:
            expected = expect(loop, raw)
            for hop in opened:
                assert judge(*hop.post("/predict", raw)) == expected, raw
            seen.update({str(expected[0]), *(kind for _, kind in expected[1])})

        for raw in EDGES:
            send(raw)
        send_many(examples, predict_bodies, send)
    with capsys.disabled():
        print(f"\nas FastAPI: {dict(seen)}")  # noqa: T201 - the counts are the result
    assert min(seen["200"], seen["422"]) > examples / 20, seen
    assert seen.keys() >= USUAL, seen


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("service", ["gateway", "inference"])
def test_predict_when_schema_can_say_it_then_answers_as_the_schema_says(
    request: pytest.FixtureRequest, service: str, examples: int, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint: Endpoint = request.getfixturevalue(service)
    schema = body_schema(endpoint, "/predict")
    seen: Counter[str] = Counter()
    with hops(endpoint) as (hop,):

        def send(raw: bytes) -> None:
            status, problems = judge(*hop.post("/predict", raw))
            kinds = {kind for _, kind in problems}
            if "json_invalid" in kinds:
                seen["no JSON"] += 1
                return
            body = json.loads(raw)
            says = "valid" if schema.is_valid(body) else "invalid"
            seen[f"{status}, {says}"] += 1
            if status == 200:
                assert says == "valid", raw
            # To a schema 1.0 is an integer.
            elif not kinds <= BEYOND_SCHEMA and not isinstance(body_field(body, "horizon"), float):
                assert says == "invalid", (raw, problems)

        send_many(examples, predict_bodies, send)
    with capsys.disabled():
        print(f"\n{service}, as its schema: {dict(seen)}")  # noqa: T201 - the counts are the result
    assert min(seen["200, valid"], seen["422, invalid"]) > examples / 20, seen


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("service", ["gateway", "inference"])
def test_predict_batch_when_schema_can_say_it_then_answers_as_the_schema_says(
    request: pytest.FixtureRequest, service: str, examples: int, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint: Endpoint = request.getfixturevalue(service)
    link = body_schema(endpoint, "/predict")
    batch = body_schema(endpoint, "/predict/batch")
    # One link's faults are its own answer: a 200 promises a schema of links without faults only where all are answered.
    seen: Counter[str] = Counter()
    with hops(endpoint) as (hop,):

        def send(raw: bytes) -> None:
            status, answer = hop.post("/predict/batch", raw)
            if status == 422 and judge(status, answer) == NO_JSON:
                seen["no JSON"] += 1
                return
            body = json.loads(raw)
            valid = batch.is_valid(body)
            seen[f"{status}, {'valid' if valid else 'invalid'}"] += 1
            assert status == 200 or not valid, (raw, answer)
            if status == 200:
                answers = json.loads(answer)["answers"]
                for asked, said in zip(body["requests"], answers, strict=True):
                    seen[f"link {'refused' if 'error' in said else 'answered'}"] += 1
                    assert "error" in said or link.is_valid(asked), asked
                assert valid or any("error" in said for said in answers), raw

        send_many(examples, batch_bodies, send)
    with capsys.disabled():
        print(f"\n{service}, batches, as its schema: {dict(seen)}")  # noqa: T201 - the counts are the result
    assert min(seen["200, valid"], seen["422, invalid"]) > examples / 20, seen
