"""Who has a key may ask, as often as the key says; nobody else, and no log has a key."""

import json
import logging
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api_gateway.access import LOOK_SECONDS, ApiKeys, KeyFileError
from api_gateway.access.__main__ import main
from api_gateway.access.key_file import hash_key
from qos_contract import ErrorCode
from qos_runtime.errors import ServiceError
from qos_runtime.testing import Process

KEY, OTHER = "S" * 43, "T" * 43
BEARER = f"Bearer {KEY}".encode()
NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z"""


def entry(key: str = KEY, **more: Any) -> dict[str, Any]:
    return {"name": "someone", "sha256": hash_key(key.encode()), "scopes": ["forecast"], **more}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def write(file: Path) -> Callable[..., Path]:
    def write(*entries: object) -> Path:
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps({"keys": entries}))
        return fresh.replace(file)

    return write


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def code_of(keys: ApiKeys, authorization: bytes | None = BEARER, scope: str = "forecast") -> ErrorCode | None:
    try:
        keys.check(authorization, scope)
    except ServiceError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("authorization", "scope", "code"),
    [
        (BEARER, "forecast", None),
        (f"bEARER   {KEY} ".encode(), "forecast", None),
        (None, "forecast", ErrorCode.UNAUTHORIZED),
        (b"", "forecast", ErrorCode.UNAUTHORIZED),
        (b"Bearer", "forecast", ErrorCode.UNAUTHORIZED),
        (b"Bearer ", "forecast", ErrorCode.UNAUTHORIZED),
        (KEY.encode(), "forecast", ErrorCode.UNAUTHORIZED),
        (f"Basic {KEY}".encode(), "forecast", ErrorCode.UNAUTHORIZED),
        (f"Bearer {OTHER}".encode(), "forecast", ErrorCode.UNAUTHORIZED),
        (f"Bearer {hash_key(KEY.encode())}".encode(), "forecast", ErrorCode.UNAUTHORIZED),
        (b"Bearer \xff\x00", "forecast", ErrorCode.UNAUTHORIZED),
        (b"Bearer " + b"x" * 60_000, "forecast", ErrorCode.UNAUTHORIZED),
        (BEARER, "metrics", ErrorCode.FORBIDDEN),
        (f"Bearer {OTHER}".encode(), "metrics", ErrorCode.UNAUTHORIZED),
    ],
)
def test_check_when_asked_then_answers_by_the_table(
    write: Callable[..., Path], authorization: bytes | None, scope: str, code: ErrorCode | None
) -> None:
    assert code_of(ApiKeys(write(entry())), authorization, scope) is code


@pytest.mark.parametrize(("expires", "code"), [("2027-01-15T08:00:01Z", None), ("2027-01-15T10:00:00+02:00", ErrorCode.UNAUTHORIZED)])  # fmt: skip  # noqa: E501
def test_check_when_the_key_has_an_end_then_it_holds(
    write: Callable[..., Path], expires: str, code: ErrorCode | None
) -> None:
    assert code_of(ApiKeys(write(entry(expires=expires)), now=lambda: NOW)) is code


def test_check_when_asked_too_often_then_says_when_to_come_back(write: Callable[..., Path]) -> None:
    clock = Clock()
    keys = ApiKeys(write(entry(requests_per_second=0.25, burst=2), entry(OTHER, name="other")), clock)
    assert [code_of(keys), code_of(keys)] == [None, None]
    with pytest.raises(ServiceError) as refused:
        keys.check(BEARER, "forecast")
    assert (refused.value.code, refused.value.retry_after) == (ErrorCode.RATE_LIMITED, 4)
    assert code_of(keys, f"Bearer {OTHER}".encode()) is None  # no limit, and not another's
    clock.now += 4
    assert code_of(keys) is None


def test_file_when_replaced_then_old_keys_end_and_new_ones_begin_without_a_restart(
    write: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    with caplog.at_level(logging.INFO):
        keys = ApiKeys(write(entry()), clock)
        write(entry(OTHER))
        assert code_of(keys) is None  # until the next look
        clock.now += LOOK_SECONDS
        assert code_of(keys) is ErrorCode.UNAUTHORIZED
        assert code_of(keys, f"Bearer {OTHER}".encode()) is None
    assert "1 API keys read" in caplog.text
    assert KEY not in caplog.text
    assert OTHER not in caplog.text


def test_buckets_when_the_file_changes_then_stay_unless_the_rate_did(write: Callable[..., Path]) -> None:
    limit = {"requests_per_second": 0.1, "burst": 1}
    keys = ApiKeys(write(entry(**limit)), Clock())
    assert code_of(keys) is None
    write(entry(**limit, expires="2999-01-01T00:00:00Z"), entry(OTHER, name="other"))
    keys.refresh()
    assert code_of(keys) is ErrorCode.RATE_LIMITED
    write(entry(requests_per_second=0.2, burst=1))
    keys.refresh()
    assert code_of(keys) is None


BAD = {
    "no JSON": b'{"keys": [',
    "another form": b"[]",
    "a field too many": json.dumps({"keys": [entry(**{KEY: 1})]}).encode(),
    "a key in place of its hash": json.dumps({"keys": [entry(sha256=KEY)]}).encode(),
    "two of a name": json.dumps({"keys": [entry(), entry(OTHER)]}).encode(),
    "one key twice": json.dumps({"keys": [entry(), entry(name="other")]}).encode(),
    "a strange name": json.dumps({"keys": [entry(name="Some One")]}).encode(),
    "no scope": json.dumps({"keys": [entry(scopes=[])]}).encode(),
    "an unknown scope": json.dumps({"keys": [entry(scopes=["all"])]}).encode(),
    "a rate of nothing": json.dumps({"keys": [entry(requests_per_second=0)]}).encode(),
    "a burst alone": json.dumps({"keys": [entry(burst=2)]}).encode(),
    "no time zone": json.dumps({"keys": [entry(expires="2027-01-01T00:00:00")]}).encode(),
    "no text": b"\xff\xfe",
    "too long": b" " * 1_048_577,
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_file_when_bad_at_the_start_then_one_sentence_names_it(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(KeyFileError) as refused:
        ApiKeys(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert "\n" not in str(refused.value)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("content", [*BAD.values(), None], ids=[*BAD, "missing"])
def test_file_when_it_goes_bad_then_is_ignored_loudly_once(
    write: Callable[..., Path], caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    file = write(entry())
    keys = ApiKeys(file)
    file.unlink() if content is None else file.write_bytes(content)
    for _ in range(3):
        keys.refresh()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert str(file) in caplog.text
    assert KEY not in caplog.text
    assert code_of(keys) is None
    write(entry(OTHER))
    keys.refresh()
    assert code_of(keys) is ErrorCode.UNAUTHORIZED


def test_command_when_a_key_is_made_then_it_opens_and_only_its_hash_is_kept(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = ["new", "nagios", "--file", str(file), "--scopes", "forecast", "metrics", "--rate", "2.5"]
    assert main(made) == 0
    said = capsys.readouterr()
    key = said.out.strip()
    assert (len(key), said.err) == (43, "")
    assert key not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ApiKeys(file).check(f"Bearer {key}".encode(), "metrics").limit == (2.5, 3)
    with pytest.raises(SystemExit) as refused:
        main(made)
    assert refused.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "there is a key nagios already" in said.err


def test_command_when_the_file_is_there_then_keeps_its_mode_and_the_other_keys(
    write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(entry())
    file.chmod(0o640)
    assert main(["new", "nagios", "--file", str(file)]) == 0
    key = capsys.readouterr().out.strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert code_of(ApiKeys(file)) is None
    assert main(["remove", "someone", "--file", str(file)]) == 0
    keys = ApiKeys(file)
    assert code_of(keys) is ErrorCode.UNAUTHORIZED
    assert code_of(keys, f"Bearer {key}".encode()) is None
    assert list(file.parent.iterdir()) == [file]
    with pytest.raises(SystemExit):
        main(["remove", "someone", "--file", str(file)])


def test_command_when_no_file_is_named_then_the_entry_goes_to_stderr(
    capsys: pytest.CaptureFixture[str], write: Callable[..., Path]
) -> None:
    assert main(["new", "nagios", "--expires", "2999-01-01T00:00:00Z"]) == 0
    said = capsys.readouterr()
    keys = ApiKeys(write(json.loads(said.err)))
    assert code_of(keys, f"Bearer {said.out.strip()}".encode()) is None


@pytest.mark.parametrize("wrong", [["No Name"], ["a", "--rate", "0"], ["a", "--burst", "1"], ["a", "--expires", "2027-01-01T00:00:00"]])  # fmt: skip  # noqa: E501
def test_command_when_an_argument_is_wrong_then_one_line_and_no_key(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["new", *wrong])
    said = capsys.readouterr()
    assert (refused.value.code, said.out, said.err.count("\n")) == (2, "", 1)


def test_module_when_run_then_is_the_command(file: Path) -> None:
    process = Process(["-m", "api_gateway.access", "remove", "nobody", "--file", str(file)], {})
    try:
        assert process.wait() == 2
        assert process.log().count("\n") == 1
        assert str(file) in process.log()
    finally:
        process.stop()
