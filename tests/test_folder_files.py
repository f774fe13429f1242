"""What the role folder does to a folder, by its module as Ansible would run it on a host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import folder_files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = st.lists(st.sampled_from(["a", "b", "c.cfg"]), min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(NAMES, st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=6).filter(
    lambda files: not folder_files.unfit(files)
)


def hold(folder: Path, files: dict[str, str], *, modes: str = "0640 0750", check: bool = False, **options: Any) -> Any:
    """Run the module; what it returns, without what it was asked."""
    mode, directory_mode = modes.split()
    wanted = {"path": str(folder), "files": files, "mode": mode, "directory_mode": directory_mode, **options}
    arguments = {"ANSIBLE_MODULE_ARGS": {**wanted, "_ansible_check_mode": check, "_ansible_diff": True}}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(arguments, file)
        file.flush()
        done = subprocess.run(
            [sys.executable, folder_files.__file__, file.name], capture_output=True, text=True, check=False, timeout=60
        )
    assert done.stderr == ""
    return {name: value for name, value in json.loads(done.stdout).items() if name != "invocation"}


def held(folder: Path) -> dict[str, str]:
    """Every file below a folder; a folder without one stands for itself."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = f"-> {path.readlink()}"
        elif path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes().decode()
        elif not any(path.iterdir()):
            found[str(path.relative_to(folder))] = "an empty folder"
    return found


@settings(max_examples=20, deadline=None)
@given(before=FILES, after=FILES)
def test_folder_when_held_to_other_files_then_has_those_and_is_left_alone_the_next_time(
    before: dict[str, str], after: dict[str, str]
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "it"
        hold(folder, before)
        hold(folder, after)
        assert held(folder) == after
        assert hold(folder, after) == {"changed": False, "diff": []}


def test_folder_when_only_checked_then_tells_each_difference_and_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "it"
    files = {"one": "1\n", "in/two": "2\n"}
    assert hold(folder, files, check=True)["changed"]
    assert not folder.exists()
    hold(folder, files)
    told = hold(folder, {"one": "eins\n"}, check=True)
    assert held(folder) == files
    assert told["changed"]
    found = {(Path(each["before_header"]).name, each["before"], each["after"]) for each in told["diff"]}
    assert found == {("one", "1\n", "eins\n"), ("two", "2\n", ""), ("in", "", "")}


def test_folder_when_others_may_stay_then_they_do(tmp_path: Path) -> None:
    hold(tmp_path / "it", {"former": "1"})
    hold(tmp_path / "it", {"new": "2"}, purge=False)
    assert held(tmp_path / "it") == {"former": "1", "new": "2"}


def test_folder_when_something_of_another_kind_is_in_the_place_then_is_replaced(tmp_path: Path) -> None:
    folder, outside = tmp_path / "it", tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("kept")
    hold(folder, {"file": "1", "folder/in": "2"})
    (folder / "file").unlink()
    (folder / "file").symlink_to(outside / "precious")
    (folder / "more").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    assert hold(folder, {"file": "1", "folder": "2"})["changed"]
    assert held(folder) == {"file": "1", "folder": "2"}
    assert held(outside) == {"precious": "kept"}


def test_modes_when_another_hand_changed_them_then_are_as_wanted(tmp_path: Path) -> None:
    folder = tmp_path / "it"
    hold(folder, {"in/file": "1"}, modes="0400 0700")
    (folder / "in/file").chmod(0o666)
    (folder / "in").chmod(0o777)
    assert hold(folder, {"in/file": "1"}, modes="0400 0700") == {"changed": True, "diff": []}
    modes = [path.stat().st_mode & 0o777 for path in (folder, folder / "in", folder / "in/file")]
    assert modes == [0o700, 0o700, 0o400]


def test_secrets_when_written_then_no_diff_has_them(tmp_path: Path) -> None:
    told = hold(tmp_path / "it", {"password": "canary-1"}, secret=True)
    assert told == {"changed": True, "diff": []}


@pytest.mark.parametrize("name", ["/etc/passwd", "../out", "in/../../out", ".", "in//file", "a/b"])
def test_names_when_they_lead_elsewhere_then_are_refused_and_nothing_is_done(tmp_path: Path, name: str) -> None:
    told = hold(tmp_path / "it", {"a": "1", name: "2"})
    assert told["failed"]
    assert told["msg"] == f"These are no paths of files in {tmp_path / 'it'}: {name}"
    assert not (tmp_path / "it").exists()


def test_folder_when_what_it_is_in_is_missing_then_says_so(tmp_path: Path) -> None:
    told = hold(tmp_path / "missing/it", {"a": "1"})
    assert told["failed"]
    assert told["msg"] == f"{tmp_path / 'missing/it'}: No such file or directory"
