"""The store: what is written is read, by every check and by the page, and does not grow."""

from __future__ import annotations

import sqlite3
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagios_plugins.links import store as stores
from nagios_plugins.links.store import Store, StoreError


def test_store_when_nothing_was_written_then_is_empty(tmp_path: Path) -> None:
    with Store(tmp_path, "uplink") as store:
        assert store.read_readings(10) == []
        assert store.read_outlooks(10) == []
        assert store.last_raw() is None
        assert store.state("alarm") == {}
        assert store.notes == []


def test_store_when_opened_again_then_has_what_was_written(tmp_path: Path, outlook: Any, filled: Any) -> None:
    written = filled(tmp_path)
    with Store(tmp_path, "uplink") as store:
        assert store.read_readings(1000) == written
        assert store.read_readings(3) == written[-3:]
        assert store.last_raw() == {"octets": 19000}
        assert store.state("alarm") == {"level": 1}
        assert store.state("trust") == {}
        assert store.read_outlooks(2) == [
            outlook(18), outlook(18, "baseline"), outlook(19), outlook(19, "baseline"),
        ]  # fmt: skip
        assert store.notes == []


@settings(max_examples=25, deadline=None)
@given(
    epoch=st.integers(0, 2**40),
    uptime=st.floats(0, 1e9),
    octets=st.integers(0, 2**62),
    spread=st.none() | st.floats(0, 1e6),
    text=st.text(max_size=20).filter(lambda text: "\0" not in text and text.isprintable()),
)
def test_store_when_values_are_any_then_reads_them_as_they_were(
    tmp_path_factory: pytest.TempPathFactory,
    epoch: int,
    uptime: float,
    octets: int,
    spread: float | None,
    text: str,
    reading: Any,
    outlook: Any,
) -> None:
    folder = tmp_path_factory.mktemp("store")
    one = reading(1, epoch=epoch, uptime=uptime, octets=octets, rtt_spread_ms=spread)
    two = outlook(1, model_version=text, epoch=epoch)
    with Store(folder, text or "link") as store:
        store.add_reading(one, {text: octets})
        store.add_outlooks(two)
        assert (store.read_readings(1), store.read_outlooks(1)) == ([one], [two])
        assert store.last_raw() == {text: octets}


def test_store_when_numbers_come_as_other_types_then_takes_them(tmp_path: Path, reading: Any) -> None:
    odd: Any = reading(3, uptime=7, capacity_mbps=True, octets=5.0)
    with Store(tmp_path, "uplink") as store:
        store.add_reading(odd, {})
        assert store.read_readings(1) == [odd]


def test_outlook_when_it_comes_twice_then_the_first_is_kept(tmp_path: Path, outlook: Any) -> None:
    with Store(tmp_path, "uplink") as store:
        store.add_outlooks(outlook(1), outlook(1, "baseline"))
        store.add_outlooks(outlook(1, last_mbps=1.0), outlook(2))
        assert store.read_outlooks(9) == [outlook(1), outlook(1, "baseline"), outlook(2)]
        assert store.read_outlooks(1) == [outlook(2)]


def test_append_when_nothing_is_made_then_keeps_nothing(tmp_path: Path, reading: Any) -> None:
    with Store(tmp_path, "uplink") as store:
        assert store.append(lambda _: None) is None
        assert store.append(lambda raw: (reading(1), {"seen": raw})) == reading(1)
        assert store.append(lambda raw: (reading(2), {"seen": raw})) == reading(2)
        assert store.last_raw() == {"seen": {"seen": None}}
        assert store.read_readings(9) == [reading(1), reading(2)]


def test_append_when_making_fails_then_nothing_is_written(tmp_path: Path, reading: Any, filled: Any) -> None:
    def fail(_: Any) -> Any:
        raise ZeroDivisionError

    filled(tmp_path, 3)
    with Store(tmp_path, "uplink") as store:
        with pytest.raises(ZeroDivisionError):
            store.append(fail)
        store.add_reading(reading(3), {})
        assert store.read_readings(9) == [reading(n) for n in range(4)]


@pytest.mark.parametrize("names", [("a", "a.mirror"), ("a/b", "a b"), (".", ".."), ("é", "e"), ("a%2Fb", "a/b")])
def test_links_when_names_are_like_each_other_then_have_their_own_files(
    tmp_path: Path, names: tuple[str, str], reading: Any
) -> None:
    for n, name in enumerate(names):
        with Store(tmp_path, name) as store:
            store.add_reading(reading(n), {})
    for n, name in enumerate(names):
        with Store(tmp_path, name) as store:
            assert store.read_readings(9) == [reading(n)]
            assert store.notes == []
    assert len(list(tmp_path.iterdir())) == 6


def test_rows_when_they_are_old_then_go_and_the_files_stop_growing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reading: Any
) -> None:
    monkeypatch.setattr(stores, "KEPT_ROWS", 20)
    with Store(tmp_path, "uplink", keep_seconds=200) as store:
        for n in range(400):
            store.add_reading(reading(n), {})
    with Store(tmp_path, "uplink", keep_seconds=200) as store:
        assert store.read_readings(1000) == [reading(n) for n in range(400 - 42, 400)], "the last 200 s, and this one"
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 100_000


def test_rows_when_the_clock_jumps_then_the_newest_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filled: Any, reading: Any
) -> None:
    monkeypatch.setattr(stores, "KEPT_ROWS", 20)
    filled(tmp_path, 60)
    with Store(tmp_path, "uplink", keep_seconds=200) as store:
        for n in range(60, 70):
            store.add_reading(reading(n, wall=reading(0).wall + 1e9), {})
        assert [found.octets // 1000 for found in store.read_readings(1000)] == list(range(49, 70))
        for n in range(70, 80):
            store.add_reading(reading(n), {})
        assert [found.octets // 1000 for found in store.read_readings(20)] == list(range(60, 80))


def test_rows_when_the_clock_stands_still_then_there_is_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reading: Any
) -> None:
    monkeypatch.setattr(stores, "KEPT_ROWS", 5)
    monkeypatch.setattr(stores, "MOST_ROWS", 30)
    with Store(tmp_path, "uplink") as store:
        for n in range(50):
            store.add_reading(reading(n, wall=reading(0).wall), {})
        assert store.read_readings(1000) == [reading(n, wall=reading(0).wall) for n in range(19, 50)]


def test_prune_when_asked_for_then_takes_some_of_the_old_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reading: Any, filled: Any
) -> None:
    monkeypatch.setattr(stores, "KEPT_ROWS", 5)
    filled(tmp_path, 40)
    with Store(tmp_path, "uplink") as store:
        store.prune(100)
        assert store.read_readings(1000) == [reading(n) for n in range(19, 40)]


def test_files_when_made_then_the_group_may_read_them_whatever_the_umask(tmp_path: Path, filled: Any) -> None:
    filled(tmp_path, 1)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"uplink.sqlite": 0o640, "uplink.mirror.sqlite": 0o640, "uplink.lock": 0o640}


@pytest.mark.parametrize("wrong", ["missing", "file", "taken"])
def test_folder_when_it_is_none_then_is_said(tmp_path: Path, wrong: str) -> None:
    folder = tmp_path / "store"
    if wrong == "file":
        folder.write_text("")
    elif wrong == "taken":
        (folder / "uplink.sqlite").mkdir(parents=True)
    with pytest.raises(StoreError, match=str(tmp_path)), Store(folder, "uplink"):
        pass


def test_store_when_made_by_newer_plugins_then_is_left_alone(tmp_path: Path, filled: Any) -> None:
    filled(tmp_path, 1)
    for file in tmp_path.glob("*.sqlite"):
        sql = sqlite3.connect(file)
        sql.execute("PRAGMA user_version = 2")
        sql.close()
    before = {file: file.read_bytes() for file in tmp_path.glob("*.sqlite")}
    with pytest.raises(StoreError, match="newer plugins"), Store(tmp_path, "uplink"):
        pass
    assert {file: file.read_bytes() for file in tmp_path.glob("*")} == before | {tmp_path / "uplink.lock": b""}


def test_reader_when_there_is_no_store_then_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is the link checked"), Store.open_read_only(tmp_path, "uplink"):
        pass


def test_reader_when_there_is_a_store_then_reads_it_and_leaves_nothing(
    tmp_path: Path, outlook: Any, filled: Any
) -> None:
    written = filled(tmp_path)
    before = sorted(tmp_path.iterdir())
    with Store.open_read_only(tmp_path, "uplink") as reader:
        assert reader.read_readings(5) == written[-5:]
        assert reader.read_outlooks(1) == [outlook(19), outlook(19, "baseline")]
        assert reader.state("alarm") == {"level": 1}
        assert reader.last_raw() == {"octets": 19000}
    assert sorted(tmp_path.iterdir()) == before


def test_reader_when_a_check_has_it_open_then_sees_what_was_committed(
    tmp_path: Path, reading: Any, filled: Any
) -> None:
    filled(tmp_path, 3)
    with Store(tmp_path, "uplink") as store:
        store.add_reading(reading(3), {})
        assert (tmp_path / "uplink.sqlite-wal").stat().st_size > 0
        with Store.open_read_only(tmp_path, "uplink") as reader:
            assert reader.read_readings(99) == [reading(n) for n in range(4)]


def test_store_when_used_by_a_check_then_takes_no_time(tmp_path: Path, reading: Any) -> None:
    with Store(tmp_path, "uplink") as store:
        for n in range(600):
            store.add_reading(reading(n), {})
    started = time.perf_counter()
    with Store(tmp_path, "uplink") as store:
        store.append(lambda _: (reading(600), {}))
        store.read_readings(512)
    seconds = time.perf_counter() - started
    print(f"\nopen, add, read 512 readings, close: {1000 * seconds:.1f} ms")  # noqa: T201  measured, not asserted tightly
    assert seconds < 0.3
