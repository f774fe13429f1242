"""What the services document, put to them by schemathesis: all operations, requests that are right and wrong."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import APIOperation, BaseSchema, Case, CheckFunction, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from qos_runtime.testing import Endpoint

EXAMPLES = [pytest.param(10, id="few"), pytest.param(300, id="many", marks=pytest.mark.load)]
OPERATIONS = {
    "gateway": ["POST /predict", "POST /predict/batch", "GET /health", "GET /health/ready", "GET /metrics"],
    "inference": [
        "POST /predict",
        "POST /predict/batch",
        "GET /v2",
        "GET /v2/health/live",
        "GET /v2/health/ready",
        "GET /v2/models/bandwidth",
        "GET /v2/models/bandwidth/ready",
        "POST /v2/models/bandwidth/infer",
        "GET /health",
        "GET /health/ready",
        "GET /metrics",
    ],
}
EACH = [
    pytest.param(service, label, id=f"{service}, {label}") for service in OPERATIONS for label in OPERATIONS[service]
]
CHECKED = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "negative_data_rejection",
    # Not positive_data_acceptance: no JSON schema can say that lists are of equal length, or that a tensor's data are
    # as many as its shape says. test_schema.py compares verdicts with what a schema can say.
]
# A link that is not valid is answered inside of a 200: it takes no answer from the others of its batch.
UNFIT = {("POST /predict/batch", "negative_data_rejection")}


def checks_of(*names: str) -> list[CheckFunction]:
    load_all_checks()
    return CHECKS.get_by_names(names)


def load(endpoint: Endpoint) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{endpoint.url}/openapi.json", wait_for_schema=10)


def operations(document: BaseSchema) -> dict[str, APIOperation[Any, Any, Any, Any]]:
    return {operation.label: operation for operation in (found.ok() for found in document.get_all_operations())}


# Not by schemathesis' own `parametrize`: it asks for an attribute that the items of this pytest do not have.
def put_all(document: BaseSchema, label: str, examples: int, put: Callable[[Case], None]) -> None:
    """Call `put` with each case at the schema's edges, and with as many others, right ones and wrong ones."""
    operation = operations(document)[label]
    wanted = settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    # Where nothing is sent, nothing can be wrong.
    for mode in GenerationMode if operation.body else [GenerationMode.POSITIVE]:
        wanted(given(operation.as_strategy(mode))(put))()
    for case in document.iter_coverage_cases(
        operation, generation_modes=list(GenerationMode), generation_config=document.config.generation
    ):
        put(case)


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize(("service", "label"), EACH)
def test_operation_when_asked_by_its_document_then_keeps_to_it(
    request: pytest.FixtureRequest, service: str, label: str, examples: int, capsys: pytest.CaptureFixture[str]
) -> None:
    document = load(request.getfixturevalue(service))
    checks = checks_of(*(name for name in CHECKED if (label, name) not in UNFIT))
    seen: Counter[int] = Counter()
    with requests.Session() as session:

        def put(case: Case) -> None:
            response = case.call(session=session, timeout=10)
            seen[response.status_code] += 1
            case.validate_response(response, checks=checks)

        put_all(document, label, examples, put)
    with capsys.disabled():
        print(f"\n{service}, {label}: {dict(seen)}")  # noqa: T201 - the counts are the result
    # 405: schemathesis tries the other methods, too.
    assert seen.keys() >= {200, 405}


@pytest.mark.parametrize("service", OPERATIONS)
def test_openapi_when_read_then_has_the_operations_that_are_tested(
    request: pytest.FixtureRequest, service: str
) -> None:
    assert sorted(operations(load(request.getfixturevalue(service)))) == sorted(OPERATIONS[service])
    assert set(CHECKED) <= set(CHECKS.get_all_names())
