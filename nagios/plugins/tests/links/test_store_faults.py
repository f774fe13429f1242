"""What happens to a store, and what is left of it: damage, killed checks, checks at once, no room."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nagios_plugins.links import mirror
from nagios_plugins.links.database import Database
from nagios_plugins.links.faults import DamagedError
from nagios_plugins.links.records import Reading
from nagios_plugins.links.store import Store, StoreError

FILES = ("uplink.sqlite", "uplink.mirror.sqlite")
ROWS = 30
STRETCH = 1024
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, filled: Any) -> Path:
    """A store with thirty readings and twice as many outlooks."""
    folder = tmp_path_factory.mktemp("good")
    filled(folder, ROWS)
    return folder


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    for name in FILES:
        shutil.copy(good / name, tmp_path / name)
    return tmp_path


def renew(good: Path, folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    for name in FILES:
        shutil.copy(good / name, folder / name)


def overwrite(file: Path, offset: int, content: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(offset)
        opened.write(content)


def assert_nothing_is_lost(folder: Path, reading: Callable[[int], Reading], count: int = ROWS) -> list[str]:
    """Neither for this check nor for the next one; returns what the first one said."""
    with Store(folder, "uplink") as store:
        assert store.read_readings(9999) == [reading(n) for n in range(count)]
        assert [outlook.cell for outlook in store.read_outlooks(9999)[::2]] == list(range(ROWS))
        assert store.state("alarm") == {"level": 1}
        assert store.last_raw() == {"octets": 1000 * (count - 1)}
        store.add_reading(reading(count), {"octets": 1000 * count})
        notes = list(store.notes)
    with pytest.MonkeyPatch.context() as patch, Store(folder, "uplink") as store:
        patch.setattr(mirror, "VERIFY_PAGES", 1)  # what no row shows is found at the latest now
        store.add_reading(reading(count + 1), {"octets": 1000 * count})
    assert_both_are_whole(folder)
    with Store(folder, "uplink") as store:
        assert store.read_readings(9999) == [reading(n) for n in range(count + 2)]
    return notes


def assert_both_are_whole(folder: Path) -> None:
    heads = []
    for name in FILES:
        file = Database(folder / name, timeout=1)
        file.verify()
        heads.append(file.head())
        file.close()
    assert heads[0] == heads[1]


@pytest.mark.parametrize("byte", range(100))
def test_file_when_a_byte_of_its_header_is_another_then_nothing_is_lost(folder: Path, byte: int, reading: Any) -> None:
    (old,) = (folder / FILES[0]).read_bytes()[byte : byte + 1]
    overwrite(folder / FILES[0], byte, bytes([old ^ 0x55]))
    assert_nothing_is_lost(folder, reading)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("filling", [b"\0", b"\xff", b"random"])
def test_file_when_any_stretch_of_it_is_overwritten_then_nothing_is_lost(
    good: Path, tmp_path: Path, name: str, filling: bytes, reading: Any
) -> None:
    size, chance = (good / name).stat().st_size, random.Random(1)
    said = 0
    for offset in range(0, size, STRETCH):
        renew(good, tmp_path)
        overwrite(tmp_path / name, offset, chance.randbytes(STRETCH) if filling == b"random" else filling * STRETCH)
        said += bool(assert_nothing_is_lost(tmp_path, reading))
    assert said > size / STRETCH / 2, "most of the file is in use"


@MANY
@given(data=st.data())
def test_file_when_any_bytes_of_it_are_others_then_nothing_is_lost(
    good: Path, tmp_path: Path, reading: Any, data: Any
) -> None:
    renew(good, tmp_path)
    file = tmp_path / data.draw(st.sampled_from(FILES))
    offset = data.draw(st.integers(0, file.stat().st_size - 1))
    overwrite(file, offset, data.draw(st.binary(min_size=1, max_size=64)))
    assert_nothing_is_lost(tmp_path, reading)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("size", [0, 1, 99, 100, 4095, 4096, 10_000, -1])
def test_file_when_it_is_cut_off_then_is_made_anew_and_that_is_said(
    folder: Path, name: str, size: int, reading: Any
) -> None:
    os.truncate(folder / name, size if size >= 0 else (folder / name).stat().st_size + size)
    (note,) = assert_nothing_is_lost(folder, reading)
    assert note.startswith(f"{name} was damaged and has been made anew from")
    assert (folder / f"{name}.damaged").exists()


@pytest.mark.parametrize("name", FILES)
def test_file_when_it_is_gone_then_is_made_anew_and_that_is_said_for_an_hour(
    folder: Path, name: str, reading: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / name).unlink()
    (note,) = assert_nothing_is_lost(folder, reading)
    assert note.startswith(f"{name} was gone and has been made anew from")
    with Store(folder, "uplink") as store, Store.open_read_only(folder, "uplink") as reader:
        assert store.notes == reader.notes == [note]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3700)
    with Store(folder, "uplink") as store:
        assert store.notes == []


def test_files_when_each_is_damaged_elsewhere_then_what_can_be_read_is_saved(folder: Path, reading: Any) -> None:
    for name, offset in zip(FILES, (3, 5), strict=True):
        overwrite(folder / name, 4096 * offset, b"?" * 4096)
    with Store(folder, "uplink") as store:
        readings, outlooks = store.read_readings(999), store.read_outlooks(999)
        assert set(readings) <= {reading(n) for n in range(ROWS)}
        (note,) = store.notes
    assert note.startswith("the store was damaged and has been begun anew")
    assert f"{len(readings)} readings, {len(outlooks)} outlooks; kept aside: uplink.sqlite.damaged" in note
    assert len(readings) + len(outlooks) > ROWS
    assert_both_are_whole(folder)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"?" * 9000, b"nonsense"])
def test_files_when_both_are_nonsense_then_a_new_store_is_begun_and_these_are_kept(
    folder: Path, content: bytes, reading: Any
) -> None:
    for name in FILES:
        (folder / name).write_bytes(content)
    with Store(folder, "uplink") as store:
        assert store.read_readings(999) == []
        assert "0 readings, 0 outlooks" in store.notes[0]
        store.add_reading(reading(0), {})
        assert store.read_readings(999) == [reading(0)]
    for name in FILES:
        assert (folder / f"{name}.damaged").read_bytes() == content
    assert_both_are_whole(folder)


def test_file_when_it_is_damaged_while_a_check_has_it_open_then_nothing_is_lost(folder: Path, reading: Any) -> None:
    with Store(folder, "uplink") as store:
        store.add_reading(reading(ROWS), {})
        overwrite(folder / "uplink.sqlite", 4096, b"?" * 20_000)
        assert store.read_readings(999) == [reading(n) for n in range(ROWS + 1)]
        store.add_reading(reading(ROWS + 1), {"octets": 1000 * (ROWS + 1)})
    assert len(assert_nothing_is_lost(folder, reading, ROWS + 2)) == 1


def test_row_when_it_was_changed_by_hand_then_the_other_file_is_believed(folder: Path, reading: Any) -> None:
    sql = sqlite3.connect(folder / "uplink.sqlite", isolation_level=None)
    sql.execute("UPDATE readings SET octets = octets + 1 WHERE id = 20")
    sql.close()
    assert assert_nothing_is_lost(folder, reading)


@pytest.mark.parametrize("what", ["readings WHERE id = 30", "readings WHERE id < 9", "outlooks WHERE id = 33", "head"])
def test_rows_when_they_were_taken_away_by_hand_then_the_other_file_is_believed(
    folder: Path, what: str, reading: Any
) -> None:
    sql = sqlite3.connect(folder / "uplink.sqlite", isolation_level=None)
    sql.execute(f"DELETE FROM {what}")
    sql.close()
    assert assert_nothing_is_lost(folder, reading)


def test_reader_when_one_file_is_damaged_then_reads_the_other(folder: Path, reading: Any) -> None:
    for name, other in (FILES, FILES[::-1]):
        kept = (folder / name).read_bytes()
        for content in (b"", b"?" * len(kept), kept[:8000] + b"?" * 30_000):
            (folder / name).write_bytes(content)
            with Store.open_read_only(folder, "uplink") as reader:
                assert reader.read_readings(999) == [reading(n) for n in range(ROWS)]
        (folder / name).write_bytes(kept)
        assert (folder / other).exists()


def write(folder: Path, count: int) -> None:
    """Write as so many checks would, one after the other."""

    def make(raw: Any) -> tuple[Reading, dict[str, int]]:
        n = raw["octets"] // 1000 + 1
        return Reading(1, 100.0 + 5 * n, 1795000000.0 + 5 * n, 1000 * n, 10 * n, 1000.0, 0.25), {"octets": 1000 * n}

    for _ in range(count):
        with Store(folder, "uplink", timeout=20) as store:
            store.append(make)


def start_writer(folder: Path, count: int = 1, die_at: int = 0) -> int:
    """Start a process that writes; at a statement of SQL it is killed."""
    process = os.fork()
    if process:
        return process
    done, connect = 0, sqlite3.connect

    def count_statement(_: str) -> None:
        nonlocal done
        done += 1
        if done == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect_counting(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(count_statement)
        return connection

    sqlite3.connect = connect_counting  # type: ignore[assignment]
    code = 255
    try:
        write(folder, count)
        code = done % 251 if count == 1 else 0
    finally:
        os._exit(code)


def end(process: int) -> int:
    """How it ended, as subprocess says it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_check_when_killed_at_any_statement_then_leaves_whole_transactions_only(
    good: Path, tmp_path: Path, reading: Any
) -> None:
    renew(good, tmp_path)
    statements = end(start_writer(tmp_path))
    assert 10 < statements < 250
    lengths = set()
    for die_at in range(1, statements + 1):
        renew(good, tmp_path)
        assert end(start_writer(tmp_path, die_at=die_at)) == -signal.SIGKILL
        with Store.open_read_only(tmp_path, "uplink") as reader:
            count = len(reader.read_readings(999))
        with Store(tmp_path, "uplink") as store:
            count = len(store.read_readings(999))
            store_notes = store.notes
        assert store_notes == []
        assert_nothing_is_lost(tmp_path, reading, count)
        lengths.add(count)
    assert lengths == {ROWS, ROWS + 1}


def test_check_when_another_one_is_killed_between_the_two_files_then_brings_the_one_to_the_other(
    good: Path, tmp_path: Path, reading: Any
) -> None:
    renew(good, tmp_path)
    statements = end(start_writer(tmp_path))
    assert 10 < statements < 250
    lengths = set()
    for die_at in range(statements - 6, statements + 1):
        renew(good, tmp_path)
        with Store(tmp_path, "uplink") as store:
            assert end(start_writer(tmp_path, die_at=die_at)) == -signal.SIGKILL
            store.append(lambda raw: (reading(raw["octets"] // 1000 + 1), {"octets": raw["octets"] + 1000}))
            count = len(store.read_readings(999))
            assert store.notes == []
        assert_nothing_is_lost(tmp_path, reading, count)
        lengths.add(count)
    assert lengths == {ROWS + 1, ROWS + 2}


def test_check_when_killed_at_any_time_then_leaves_whole_transactions_only(
    good: Path, tmp_path: Path, reading: Any
) -> None:
    renew(good, tmp_path)
    chance, grown = random.Random(2), 0
    for _ in range(10):
        writer = start_writer(tmp_path, 10_000)
        time.sleep(0.03 + 0.1 * chance.random())
        os.kill(writer, signal.SIGKILL)
        end(writer)
        with Store(tmp_path, "uplink") as store:
            assert store.notes == []
            readings = store.read_readings(9999)
        assert readings == [reading(n) for n in range(len(readings))]
        assert len(readings) >= ROWS + grown
        grown = len(readings) - ROWS
    assert grown > 10
    assert_nothing_is_lost(tmp_path, reading, ROWS + grown)


@pytest.mark.parametrize("damaged", [FILES[:1], FILES[1:], FILES])
def test_log_when_a_killed_check_left_it_damaged_then_no_more_than_its_sample_is_lost(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, damaged: tuple[str, ...], reading: Any
) -> None:
    with Store(folder, "uplink") as store:
        store.add_reading(reading(ROWS), {"octets": 1000 * ROWS})
        left = {file.name: file.read_bytes() for file in folder.iterdir()}  # as if it were killed now
    assert len(left[f"{FILES[0]}-wal"]) > 0
    for offset in range(0, len(left[f"{FILES[0]}-wal"]), STRETCH):
        after = tmp_path_factory.mktemp("killed")
        for name, content in left.items():
            (after / name).write_bytes(content)
        for name in damaged:
            overwrite(after / f"{name}-wal", offset, b"?" * 16)
        with Store(after, "uplink") as store:
            count = len(store.read_readings(999))
        assert count in ((ROWS, ROWS + 1) if damaged == FILES else (ROWS + 1,))
        assert_nothing_is_lost(after, reading, count)


@pytest.mark.parametrize("name", FILES)
def test_file_when_it_is_gone_and_its_log_is_left_then_that_is_not_played_into_the_new_one(
    folder: Path, name: str, reading: Any
) -> None:
    with Store(folder, "uplink") as store:
        for n in range(ROWS, ROWS + 5):
            store.add_reading(reading(n), {"octets": 1000 * n})
        left = {file.name: file.read_bytes() for file in folder.iterdir()}  # as if it were killed now
    for file, content in left.items():
        (folder / file).write_bytes(content)
    (folder / name).unlink()
    (note,) = assert_nothing_is_lost(folder, reading, ROWS + 5)
    assert note.startswith(f"{name} was gone")


def test_checks_when_many_write_at_once_then_each_sees_what_the_other_wrote(folder: Path, reading: Any) -> None:
    writers = [start_writer(folder, 40) for _ in range(4)]
    assert [end(writer) for writer in writers] == [0] * 4
    assert_nothing_is_lost(folder, reading, ROWS + 160)


def test_checks_when_many_come_to_a_damaged_store_then_one_repairs_it(folder: Path, reading: Any) -> None:
    (folder / FILES[0]).write_bytes(b"?" * 50_000)
    writers = [start_writer(folder, 5) for _ in range(4)]
    assert [end(writer) for writer in writers] == [0] * 4
    assert len(assert_nothing_is_lost(folder, reading, ROWS + 20)) == 1


def test_check_when_another_one_keeps_the_store_then_says_so_in_time(folder: Path) -> None:
    holder = sqlite3.connect(folder / FILES[0], isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    started = time.perf_counter()
    with Store(folder, "uplink", timeout=0.2) as store, pytest.raises(StoreError, match="another check"):
        store.set_state("alarm", {})
    assert time.perf_counter() - started < 1
    holder.close()
    with Store(folder, "uplink", timeout=0.2) as store:
        store.set_state("alarm", {})


def test_check_when_another_one_repairs_the_store_then_says_so_in_time(folder: Path) -> None:
    with Store(folder, "uplink"):
        (folder / FILES[0]).write_bytes(b"?")
        with pytest.raises(StoreError, match="kept by another check"), Store(folder, "uplink", timeout=0.2):
            pass


@pytest.fixture
def no_room() -> Iterator[Callable[[int], None]]:
    """Let no file of this process grow beyond a size."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, old)
    signal.signal(signal.SIGXFSZ, handler)


def test_store_when_no_file_can_grow_then_says_so_and_the_next_check_goes_on(
    folder: Path, reading: Any, no_room: Callable[[int], None]
) -> None:
    for size in range(0, 60_000, 2_048):
        with Store(folder, "uplink") as store:
            count = len(store.read_readings(9999))
        try:
            no_room(size)
            with Store(folder, "uplink") as store:
                store.add_reading(reading(count), {"octets": 1000 * count})
            is_full = False
        except StoreError as error:
            is_full = True
            assert "see whether the disk is full" in str(error) or "see to its" in str(error), str(error)  # noqa: PT017
        finally:
            no_room(resource.RLIM_INFINITY)
        with Store(folder, "uplink") as store:
            left = len(store.read_readings(9999))
            assert store.notes == []
        assert left in ((count, count + 1) if is_full else (count + 1,))
    assert not is_full, "there was room in the end"
    assert_nothing_is_lost(folder, reading, left)


@pytest.mark.parametrize("size", [0, 5_000, 20_000])
def test_damaged_file_when_there_is_no_room_for_a_new_one_then_the_next_check_repairs_it(
    folder: Path, reading: Any, size: int, no_room: Callable[[int], None]
) -> None:
    (folder / FILES[0]).write_bytes(b"?")
    no_room(size)
    with pytest.raises(StoreError), Store(folder, "uplink"):
        pass
    no_room(resource.RLIM_INFINITY)
    assert len(assert_nothing_is_lost(folder, reading)) == 1
    assert not [file for file in folder.iterdir() if ".new" in file.name]


def test_write_when_it_is_what_fails_then_ends_and_says_so(tmp_path: Path) -> None:
    with Store(tmp_path, "uplink") as store:
        store.set_state("alarm", {})

        def refuse(_: object) -> None:
            raise DamagedError(tmp_path / "uplink.sqlite", "it cannot hold this")

        with pytest.raises(StoreError, match="again and again"):
            store._write(refuse)
