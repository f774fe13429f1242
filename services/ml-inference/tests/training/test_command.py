"""`python -m ml_inference.training` as a person types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.training


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-m", "ml_inference.training", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def trace_file(folder: Path, rows: int = 400) -> Path:
    """A wandering link, as CSV."""
    util = 50 + 20 * np.sin(np.arange(rows) / 15) + np.random.default_rng(1).normal(0, 2, rows)
    table = {
        "timestamp": np.arange(rows, dtype=float),
        "packet_rate": util * 10,
        "bandwidth_util": util,
        "bandwidth_mbps": util / 100 * 30,
        "capacity_mbps": np.full(rows, 30.0),
    }
    pyarrow.csv.write_csv(pa.table(table), folder / "link.csv")
    return folder / "link.csv"


def test_command_when_data_are_good_then_prints_table_and_next_step(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    run = command("--data", str(trace_file(tmp_path)), "--out", str(out), "--epochs", "2")
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert "link " in run.stdout
    assert "persistence" in run.stdout
    assert f"is in {out}" in run.stdout
    assert "next:" in run.stdout
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["data"]["source"] == "link.csv"
    assert manifest["training"]["epochs"] == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--data", "absent.csv"], "there is no such file"),
        (["--data", "absent.csv", "--links", "5"], "--links is for generated data"),
        (["--seed", "-1"], "must be between"),
        (["--epochs", "0"], "must be at least 1"),
        (["--links", "many"], "invalid"),
    ],
)
def test_command_when_arguments_are_bad_then_exits_2_and_writes_nothing(
    tmp_path: Path, arguments: list[str], expected: str
) -> None:
    run = command(*arguments, "--out", str(tmp_path / "bundle"))
    assert run.returncode == 2
    assert expected in run.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_command_when_data_are_bad_then_exits_2_and_leaves_the_old_bundle(tmp_path: Path) -> None:
    data, out = trace_file(tmp_path), tmp_path / "bundle"
    data.write_text(data.read_text().replace("bandwidth_util", "load"))
    out.mkdir()
    (out / "manifest.json").write_text("{}")
    run = command("--data", str(data), "--out", str(out))
    assert run.returncode == 2
    assert "column bandwidth_util is missing" in run.stderr
    assert run.stderr.count("\n") == 1
    assert [path.name for path in out.iterdir()] == ["manifest.json"]


def test_command_when_out_cannot_be_made_then_says_so_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    run = command("--out", str(tmp_path / "file" / "bundle"))
    assert run.returncode == 2
    assert "cannot be made" in run.stderr.splitlines()[-1]


def test_command_when_out_is_some_other_folder_then_leaves_it_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    run = command("--out", str(tmp_path))
    assert run.returncode == 2
    assert "is no bundle" in run.stderr
    assert (tmp_path / "thesis.txt").exists()
