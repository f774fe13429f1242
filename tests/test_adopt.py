"""`make adopt`: a bundle that passed the gate becomes a commit, and anything else becomes nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from running import ROOT, run

SERVED = "services/ml-inference/bundles/default"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a remote of its own that commits can be pushed to."""
    run("git", "clone", "-q", "--bare", str(ROOT), str(tmp_path / "remote.git"))
    run("git", "clone", "-q", str(tmp_path / "remote.git"), str(tmp_path / "clone"))
    for name in ("Makefile", "bin/adopt"):  # as they are here, committed or not
        shutil.copy(ROOT / name, tmp_path / "clone" / name)
    run("git", "-C", str(tmp_path / "clone"), "update-index", "--assume-unchanged", "Makefile")
    return tmp_path / "clone"


def bundle(folder: Path, **changes: Any) -> Path:
    """A bundle of another version."""
    shutil.copytree(ROOT / SERVED, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "model_version": "20990101-0123abcd", **changes}))
    return folder


def adopt(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "adopt", *words], cwd=clone, capture_output=True, text=True, timeout=60, check=False)


def head(folder: Path, revision: str = "HEAD") -> str:
    return run("git", "-C", str(folder), "log", "-1", "--format=%H %s", revision).stdout.strip()


def test_adopt_when_the_gate_passed_then_commits_and_pushes_the_bundle_alone(clone: Path, tmp_path: Path) -> None:
    (clone / "README.md").write_text("not to be committed\n")
    done = adopt(clone, f"BUNDLE={bundle(tmp_path / 'bundle')}", "PUSH=models")
    assert done.returncode == 0, done.stderr
    assert head(clone).endswith(" Model 20990101-0123abcd, which passed the gate")
    assert head(tmp_path / "remote.git", "models") == head(clone)
    changed = run("git", "-C", str(clone), "show", "--format=", "--name-only").stdout.split()
    assert changed == [f"{SERVED}/manifest.json"]
    again = adopt(clone, f"BUNDLE={tmp_path / 'bundle'}")
    assert (again.returncode, again.stdout) == (0, "adopt: 20990101-0123abcd is the served model already\n")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: bundle(folder, gate={"passed": False}), "the gate did not pass model 20990101-0123abcd"),
        (lambda folder: (bundle(folder) / "model.onnx").unlink(), "has no model.onnx, and so is no whole bundle"),
        (lambda folder: folder.mkdir(), "there is no manifest.json in"),
    ],
)
def test_adopt_when_the_bundle_is_none_to_serve_then_says_why_and_commits_nothing(
    clone: Path, tmp_path: Path, spoil: Any, says: str
) -> None:
    before = head(clone)
    spoil(tmp_path / "bundle")
    done = adopt(clone, f"BUNDLE={tmp_path / 'bundle'}")
    assert done.returncode != 0
    assert says in done.stderr
    assert head(clone) == before
    assert run("git", "-C", str(clone), "status", "--porcelain", "--", SERVED).stdout == ""


def test_adopt_when_the_branch_has_moved_on_then_says_where_the_commit_is(clone: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run("git", "clone", "-q", str(tmp_path / "remote.git"), str(other))
    run(
        "git",
        "-C",
        str(other),
        "-c",
        "user.name=T",
        "-c",
        "user.email=t@localhost",
        "commit",
        "-qm",
        "x",
        "--allow-empty",
    )
    run("git", "-C", str(other), "push", "-q", "origin", "HEAD:refs/heads/models")
    done = adopt(clone, f"BUNDLE={bundle(tmp_path / 'bundle')}", "PUSH=models")
    assert done.returncode != 0
    assert f"has the branch moved on, or is the login not valid? It stays here as {head(clone)[:7]}" in done.stderr
