"""`python -m ml_inference.training` as a person types it: train, evaluate, backtest, on tiny data."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

pytest.importorskip("tensorflow")

from ml_inference.bundle import load_bundle
from ml_inference.forecasting.gate import Verdict, judge
from ml_inference.training import evaluation, export, pipeline
from ml_inference.training.__main__ import main
from ml_inference.training.evaluation import MODELS
from ml_inference.training.registry import Registry, RegistryError
from ml_inference.training.store import FITTED_FILE, ZERO_SHOT

pytestmark = pytest.mark.training

TINY = ("--links", "30", "--batches", "3")
SCORED = {
    "set", "split", "horizon", "model", "rmse", "skill", "crps", "crps_gain", "coverage_80", "coverage_90", "n"
}  # fmt: skip
SPLITS = ("train", "train", "train", "val", "test", "test")
"""of a file's traces"""


@dataclass(frozen=True)
class Run:
    """What a command said, and where it wrote."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def registry(self) -> Registry:
        return Registry(self.folder / "registry")

    def read(self, name: str) -> Any:
        return json.loads((self.folder / "out" / name).read_text())


def process(folder: Path, *arguments: str) -> Run:
    """In a process of its own, which may write to `folder` alone."""
    (folder / "home").mkdir(parents=True)
    # A home of its own: whatever libraries keep there, one run must not meet another's.
    homes = {"HOME": str(folder / "home"), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [Path(sys.executable).absolute(), "-m", "ml_inference.training", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | homes,
    )
    return Run(done.returncode, done.stdout, done.stderr, folder)


def here(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Run:
    """In this process: TensorFlow is loaded already."""
    capsys.readouterr()
    try:
        code = main([*arguments, *places(folder)])
    except SystemExit as left:
        code = int(left.code or 0)
    said = capsys.readouterr()
    return Run(code, said.out, said.err, folder)


def places(folder: Path) -> tuple[str, ...]:
    return ("--out", str(folder / "out"), "--registry", str(folder / "registry"))


def swinging(seed: int, splits: Sequence[str] | None = SPLITS, rows: int = 90, step: float = 1.0) -> dict[str, Any]:
    """The columns of links that overshoot: what was above the mean comes out below it."""
    random = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {name: [] for name in ("trace_id", "timestamp", "bandwidth_util", "split")}
    for number, split in enumerate(splits or SPLITS):
        share = np.full(rows, 0.4)
        for row in range(1, rows):
            share[row] = np.clip(0.4 - 0.5 * (share[row - 1] - 0.4) + random.normal(0, 0.05), 0, 1)
        columns["trace_id"] += [f"t{number}"] * rows
        columns["timestamp"] += (np.arange(rows) * step).tolist()
        columns["bandwidth_util"] += (100 * share).tolist()
        columns["split"] += [split] * rows
    util = np.array(columns["bandwidth_util"])
    columns["packet_rate"] = (util * 10).tolist()
    columns["bandwidth_mbps"] = (util / 100 * 30).tolist()
    columns["capacity_mbps"] = [30.0] * len(util)
    return columns if splits else {name: column for name, column in columns.items() if name != "split"}


def written(folder: Path, name: str, columns: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write = pyarrow.parquet.write_table if name.endswith("parquet") else pyarrow.csv.write_csv
    write(pa.table(columns), folder / name)
    return folder / name


def without(columns: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: column for other, column in columns.items() if other != name}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The default recipe, in little."""
    folder = tmp_path_factory.mktemp("trained")
    return process(folder, "train", *TINY, *places(folder))


def test_train_when_no_data_are_given_then_writes_a_bundle_and_records_it(trained: Run) -> None:
    assert trained.code in (0, 3), trained.err
    assert trained.err == ""
    bundle = load_bundle(trained.folder / "out")
    assert bundle.manifest.data.source == "generated links, none measured"
    assert bundle.manifest.gate.passed == (trained.code == 0)
    version = trained.registry.newest(ZERO_SHOT)
    assert version is not None
    assert version.model_version == bundle.manifest.model_version
    assert (trained.registry.champion(ZERO_SHOT) == version) == (trained.code == 0)
    recorded = trained.registry.bundle_of(version)
    assert load_bundle(recorded).manifest.model_version == bundle.manifest.model_version
    assert (recorded / FITTED_FILE).is_file()
    for word in ("generated, test, 1 step ahead", "lstm-zero-shot", "persistence", "µs a window", "recorded as"):
        assert word in trained.out
    if trained.code:
        assert "the gate refuses it" in trained.out
        assert all(reason in trained.out for reason in bundle.manifest.gate.reasons)
    assert {path.name for path in trained.folder.iterdir()} == {"home", "out", "registry"}


def test_train_when_the_seed_is_the_same_then_another_process_finds_the_same_scores(
    trained: Run, tmp_path: Path
) -> None:
    again = process(tmp_path, "train", *TINY, *places(tmp_path))
    one, other = trained.read("manifest.json"), again.read("manifest.json")
    assert one["model_version"][9:] == other["model_version"][9:]
    assert len(one["metrics"]["scores"]) == 5
    for first, second in zip(one["metrics"]["scores"], other["metrics"]["scores"], strict=True):
        assert second == pytest.approx(first, rel=1e-6)
    assert other["known_answer"]["predicted_bandwidth"] == pytest.approx(
        one["known_answer"]["predicted_bandwidth"], rel=1e-6
    )


def test_train_when_the_seed_is_another_then_scores_are(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = here(tmp_path, capsys, "train", *TINY, "--seed", "2").read("manifest.json")
    one = trained.read("manifest.json")
    assert one["model_version"] != other["model_version"]
    assert one["data"]["sha256"] != other["data"]["sha256"]
    assert one["metrics"]["scores"][0]["rmse"] != pytest.approx(other["metrics"]["scores"][0]["rmse"], rel=1e-6)


def test_train_when_data_are_given_then_adapts_to_them_and_records_them_by_their_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data", "my link.csv", swinging(1, splits=None))
    run = here(tmp_path, capsys, "train", *TINY, "--data", str(data))
    assert run.code in (0, 3), run.err
    manifest = load_bundle(run.folder / "out").manifest
    assert manifest.data.source == "my link.csv"
    assert manifest.metrics["scores"][0]["n"] == 80  # one trace of six is left for test
    assert re.fullmatch("[0-9a-f]{12}", manifest.training["adapted"])  # the network it began with
    assert manifest.training["one_link"]
    assert len(manifest.training["members"]) == 3
    version = run.registry.newest(data.stem)
    assert version is not None
    assert version.model_version == manifest.model_version
    assert f"<code>{version.model_version}</code>" in (run.registry.bundle_of(version) / "report.html").read_text()
    with pytest.raises(RegistryError):
        run.registry.newest(ZERO_SHOT)  # what it began with is not kept


def passing(*arguments: Any, **options: Any) -> Verdict:
    """The gate's own verdict with every check passed."""
    verdict = judge(*arguments, **options)
    return Verdict(tuple(replace(check, passed=True) for check in verdict.checks), verdict.backtests)


def test_train_when_the_gate_passes_it_then_is_champion_and_the_next_one_is_judged_against_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "judge", passing)
    first = here(tmp_path, capsys, "train", *TINY)
    assert first.code == 0, first.err
    assert "next: serve it with make up" in first.out
    assert "champion " not in first.out
    champion = first.registry.champion(ZERO_SHOT)
    assert champion is not None
    (term,) = first.registry.history(ZERO_SHOT)
    assert (term.by, term.why) == ("make train", "passed the gate")
    monkeypatch.undo()
    second = here(tmp_path, capsys, "train", *TINY)
    assert "\nchampion " in second.out
    newest = second.registry.newest(ZERO_SHOT)
    assert newest is not None
    assert newest.number == 2
    assert second.registry.champion(ZERO_SHOT) == (newest if second.code == 0 else champion)


def test_train_when_the_graph_is_not_the_model_then_exits_1_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MAX_DIFFERENCE", -1.0)
    run = here(tmp_path, capsys, "train", *TINY)
    assert run.code == 1
    assert "refused, nothing is written: the exported graph differs from Keras" in run.out
    assert not (tmp_path / "out").exists()
    with pytest.raises(RegistryError):
        run.registry.newest(ZERO_SHOT)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "--data", "absent.csv"], "there is no such file"),
        (["train", "--seed", "-1"], "must be between"),
        (["train", "--batches", "0"], "must be at least 1"),
        (["train", "--links", "many"], "invalid"),
        (["train", "--links", "9"], "generate at least 10"),
        (["train", "--epochs", "3"], "unrecognized arguments"),
        (["evaluate"], "required: --data"),
        (["evaluate", "--data", "absent"], "there is no such file or folder"),
        (["backtest", "--data", "absent"], "there is no such file or folder"),
        (["backtest", "--data", ".", "--links", "5"], "unrecognized arguments"),
        (["forecast"], "invalid choice"),
    ],
)
def test_command_when_arguments_are_bad_then_exits_2_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    run = here(tmp_path, capsys, *arguments)
    assert run.code == 2
    assert expected in run.err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_train_when_data_are_bad_then_exits_2_and_leaves_the_old_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = written(tmp_path, "link.csv", without(swinging(1), "bandwidth_util")), tmp_path / "out"
    out.mkdir()
    (out / "manifest.json").write_text("{}")
    run = here(tmp_path, capsys, "train", "--data", str(data))
    assert run.code == 2
    assert "column bandwidth_util is missing" in run.err
    assert run.err.count("\n") == 1
    assert [path.name for path in out.iterdir()] == ["manifest.json"]
    assert not (tmp_path / "registry").exists()


def test_train_when_out_cannot_be_made_then_says_so_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    run = here(tmp_path / "file", capsys, "train")
    assert run.code == 2
    assert "cannot be made" in run.err.splitlines()[-1]


def test_train_when_out_is_some_other_folder_then_leaves_it_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    run = here(tmp_path, capsys, "train")
    assert run.code == 2
    assert "is no bundle" in run.err
    assert (tmp_path / "out" / "thesis.txt").exists()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets that can be used, one that is sampled slowly, and one whose links' capacity nobody knows."""
    folder = tmp_path_factory.mktemp("data")
    written(folder, "east.parquet", swinging(1))
    written(folder, "west.csv", swinging(2))
    written(folder, "hourly.csv", swinging(3, step=3600.0))
    written(folder, "unknown.csv", without(swinging(4), "capacity_mbps"))
    return folder


@pytest.fixture(scope="module")
def evaluated(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Everything trained and tested, on few records of the links with a law."""
    folder = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as said:
        patch.setattr(evaluation, "LAW_TRACES", {"train": 4, "val": 2, "test": 2})
        patch.setattr(evaluation, "LAW_ROWS", 120)
        code = main(["evaluate", *TINY, "--data", str(data), *places(folder)])
    return Run(code, said.getvalue(), "", folder)


def test_evaluate_when_done_then_every_usable_file_is_scored_and_the_other_left_out(evaluated: Run) -> None:
    assert evaluated.code == 0
    assert "left out: unknown.csv: column capacity_mbps is missing" in evaluated.out
    found = evaluated.read("evaluation.json")
    assert {row["set"] for row in found} == {"east", "west", "hourly", "macro"}
    assert {row["model"] for row in found} == set(MODELS)
    assert {row["split"] for row in found} == {"test"}
    for row in found:
        assert row.keys() >= SCORED
        # two test traces of 90 samples; five hours ahead are no part of the mean
        expected = 2 * (90 - 10 - row["horizon"] + 1)
        assert row["n"] == (2 * expected if row["set"] == "macro" else expected)
        assert 0 <= row["coverage_80"] <= row["coverage_90"] <= 1
    by_place = {(row["set"], row["model"], row["horizon"]): row for row in found}
    mean = (by_place["east", "ridge", 1]["skill"] + by_place["west", "ridge", 1]["skill"]) / 2
    assert by_place["macro", "ridge", 1]["skill"] == pytest.approx(mean)
    assert by_place["macro", "ridge", 1]["skill"] > 0.2  # such links a line can forecast
    for word in ("macro, test, 1 step ahead", "hourly, test", "× the exact filter's", "× the closed form's"):
        assert word in evaluated.out


def test_evaluate_when_done_then_details_tell_what_a_report_needs(evaluated: Run) -> None:
    details = evaluated.read("evaluation-details.json")
    assert [entry["set"] for entry in details["data"]] == ["east", "hourly", "west"]
    assert all(entry["rows_per_split"] == {"train": 270, "val": 90, "test": 180} for entry in details["data"])
    assert {entry["generator"] for entry in details["optimum"]} == {"five-level", "long-range"}
    assert all(entry["rmse_optimum"] > 0 for entry in details["optimum"])
    assert [model["set"] for model in details["models"]] == [None, "east", "hourly", "west"]
    assert {pair["model"] for pair in details["paired"]} == {"lstm", "lstm-zero-shot"}
    assert "hourly" not in {pair["set"] for pair in details["paired"]}
    assert len(details["reliability"]) == 3 * len(MODELS) * 5 * 7  # east, west, macro


def test_evaluate_when_done_then_every_model_is_recorded(evaluated: Run) -> None:
    versions = {model["set"] or ZERO_SHOT: model for model in evaluated.read("evaluation-details.json")["models"]}
    for name, told in versions.items():
        version = evaluated.registry.newest(name)
        assert version is not None
        assert version.model_version == told["model_version"]
        champion = evaluated.registry.champion(name)
        assert champion == (version if told["gate"]["passed"] else None)
        load_bundle(evaluated.registry.bundle_of(version))


def backtested(evaluated: Run, folder: Path, capsys: pytest.CaptureFixture[str], data: Path, *more: str) -> Run:
    capsys.readouterr()
    out, registry = str(folder / "out"), str(evaluated.registry.folder)
    try:
        code = main(["backtest", "--data", str(data), "--out", out, "--registry", registry, *more])
    except SystemExit as left:
        code = int(left.code or 0)
    said = capsys.readouterr()
    return Run(code, said.out, said.err, folder)


def test_backtest_when_of_the_test_split_then_scores_are_those_of_the_evaluation(
    evaluated: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = backtested(evaluated, tmp_path, capsys, data, "--split", "test")
    assert run.code == 0, run.err
    assert "left out: unknown.csv: column capacity_mbps is missing" in run.out
    expected = {(row["set"], row["model"], row["horizon"]): row for row in evaluated.read("evaluation.json")}
    found = {(row["set"], row["model"], row["horizon"]): row for row in run.read("backtest.json")}
    assert found.keys() == expected.keys()
    for place, row in found.items():
        assert row.keys() >= SCORED
        assert (row["n"], row["split"]) == (expected[place]["n"], "test")
        for score in ("rmse", "crps", "skill", "crps_gain"):
            assert row[score] == pytest.approx(expected[place][score], rel=1e-3, abs=1e-4), place


def test_backtest_when_a_set_is_new_then_meets_the_zero_shot_model_on_the_split_asked_for(
    evaluated: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    written(folder, "north.parquet", swinging(5, ("train", "holdout", "holdout")))
    written(folder, "south.csv", swinging(6, ("holdout", "train", "mine")))
    written(folder, "plain.csv", swinging(7, splits=None))
    run = backtested(evaluated, tmp_path, capsys, folder, "--split", "holdout")
    assert run.code == 0, run.err
    assert "left out: plain.csv: no row has the split holdout" in run.out
    found = run.read("backtest.json")
    assert {row["set"]: row["split"] for row in found} == {"north": "holdout", "south": "holdout", "macro": "holdout"}
    assert {row["model"] for row in found} == set(MODELS) - {"lstm", "lightgbm"}
    counts = {row["set"]: row["n"] for row in found if row["horizon"] == 1}
    assert counts == {"north": 160, "south": 80, "macro": 240}
    every = backtested(evaluated, tmp_path, capsys, folder)
    assert {row["set"] for row in every.read("backtest.json")} == {"north", "south", "plain", "macro"}
    assert {row["split"] for row in every.read("backtest.json")} == {"all"}


def test_backtest_when_nothing_can_be_used_then_exits_2_with_one_line(
    evaluated: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    written(folder, "unknown.csv", without(swinging(4), "capacity_mbps"))
    written(folder, "short.csv", swinging(4, rows=9))
    (folder / "notes.txt").write_text("no data")
    for arguments in (("--split", "test"), ()):
        run = backtested(evaluated, tmp_path, capsys, folder, *arguments)
        assert run.code == 2
        assert run.err == f"python -m ml_inference.training: {folder}: none of the files can be used\n"
    assert "left out: short.csv: no segment is long enough for a window" in run.out
    assert not (tmp_path / "out").exists()


def test_backtest_when_nothing_is_recorded_then_exits_2_and_says_what_to_do(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = here(tmp_path, capsys, "backtest", "--data", str(data))
    assert run.code == 2
    assert run.err.endswith("/registry; type make train or make evaluate first\n")
    assert run.err.count("\n") == 1


def test_evaluate_when_nothing_can_be_used_then_exits_2_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    run = here(tmp_path, capsys, "evaluate", "--data", str(folder))
    assert run.err == (
        f"python -m ml_inference.training: {folder}: there is no .parquet or .csv file; check the path\n"
    )
    written(folder, "unknown.csv", without(swinging(4), "capacity_mbps"))
    written(folder, "strange.csv", swinging(4, ("holdout", "train", "val")))
    run = here(tmp_path, capsys, "evaluate", "--data", str(folder))
    assert run.code == 2
    assert run.err == f"python -m ml_inference.training: {folder}: none of the files can be used\n"
    assert "left out: unknown.csv: column capacity_mbps is missing" in run.out
    assert "column split holds holdout; training takes train, val and test only" in run.out
    assert not (tmp_path / "out").exists()
