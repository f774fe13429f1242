"""The error table keeps what is promised."""

import pytest

from qos_contract import ERRORS, ErrorBody, ErrorCode


def test_table_when_read_then_has_every_code() -> None:
    assert set(ERRORS) == set(ErrorCode)


@pytest.mark.parametrize("code", ErrorCode)
def test_error_when_answered_then_is_never_a_500(code: ErrorCode) -> None:
    assert ERRORS[code].status not in {500, 502}
    assert 400 <= ERRORS[code].status < 600


@pytest.mark.parametrize("code", [code for code in ErrorCode if ERRORS[code].status in {429, 503}])
def test_error_when_temporary_then_says_when_to_try_again(code: ErrorCode) -> None:
    assert (ERRORS[code].retry_after or 0) > 0


def test_error_when_a_key_is_missing_then_says_how_one_is_sent() -> None:
    """RFC 9110, 11.6.1: a 401 must carry WWW-Authenticate."""
    assert ERRORS[ErrorCode.UNAUTHORIZED].headers == {"WWW-Authenticate": "Bearer"}
    assert [code for code in ErrorCode if ERRORS[code].status == 401] == [ErrorCode.UNAUTHORIZED]


def test_body_when_written_then_can_be_read_back() -> None:
    body = ErrorBody(error=ErrorCode.NOT_FOUND, detail="…")
    assert ErrorBody.model_validate_json(body.wire()) == body
