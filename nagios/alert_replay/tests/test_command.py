"""The command: what it finds on links whose future is known, on real ones, and what it refuses."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from alert_replay.__main__ import SHIPPED, main, replay_files
from alert_replay.replay import Replay, details, rows
from alert_replay.text import markdown, terminal
from ml_inference.bundle import Bundle
from ml_inference.forecasting.data import DataError

from .conftest import Write, read_json, swinging

SHARED = Path(__file__).resolve().parents[4] / "shared/data"
SIX = ("ucc5g", "nyu_lte", "leo_cell", "sa5g", "lumos5g", "cell_sat")
KEYS = ["set", "method", "recall", "precision", "false_alarms", "median_lead_samples"]
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data beside the clone")


def replayed(data: Path, bundle: Bundle, **more: Any) -> Replay:
    wanted = {"data": data, "split": "test", "threshold": None, "recall": 0.5} | more
    return replay_files(argparse.Namespace(**wanted), bundle)


def test_replay_when_a_link_walks_then_rows_have_the_methods_at_the_recall(write: Write, bundle: Bundle) -> None:
    write("a/walk.csv", {"train": [swinging(900)], "test": [swinging(700, seed=8), swinging(300, seed=9)]}, 5.0)
    write("a/flat.parquet", {"train": [[5.0] * 90], "test": [[5.0] * 90]})
    found = replayed(write("a/other.parquet", {None: [swinging(1500, seed=2)]}).parent, bundle, recall=0.6)
    assert [row["set"] for row in rows(found)] == ["other"] * 4 + ["walk"] * 4
    assert [row["method"] for row in rows(found)][:4] == ["forecast", "static", "predict_linear", "holt_winters"]
    for row in rows(found):
        assert list(row) == KEYS
        assert row["recall"] >= 0.6
        assert 0 < row["precision"] <= 1
        assert row["median_lead_samples"] >= 1
    assert len(found.left_out) == 1
    assert "flat.parquet: no link" in found.left_out[0]
    written = details(found)
    assert [each["step_seconds"] for each in written["sets"]] == [1.0, 5.0]
    assert written["macro"]["sets"] == ["other", "walk"]
    assert "| **other** | **forecast** |" in markdown(found)
    assert "1 samples" not in terminal(found)


def test_replay_when_sets_have_one_name_then_tells_them_apart(write: Write, bundle: Bundle) -> None:
    write("a/walk.csv", {None: [swinging(1500)]})
    found = replayed(write("a/walk.parquet", {None: [swinging(1500)]}).parent, bundle)
    csv, parquet = found.verdicts
    assert (csv.name, parquet.name) == ("walk.csv", "walk.parquet")
    assert csv.forecast.point == parquet.forecast.point


def test_mean_when_a_set_is_sampled_by_the_hour_then_is_without_it(write: Write, bundle: Bundle) -> None:
    slow = write("a/slow.csv", {None: [swinging(1500)]}, 3600.0)
    assert [verdict.name for verdict in replayed(slow, bundle).together] == ["slow"]  # it is all there is
    write("a/quick.csv", {None: [swinging(1500, seed=3)]})
    assert [verdict.name for verdict in replayed(slow.parent, bundle).together] == ["quick"]


def test_static_threshold_when_the_link_is_saturated_then_ties_are_counted_and_compared_fairly(
    write: Write, bundle: Bundle
) -> None:
    steps = [
        100.0 if value > 55 else 50.0 for value in swinging(1200, seed=6)
    ]  # two levels: under the threshold all is tied
    found = replayed(write("x.csv", {"test": [steps]}), bundle, threshold=90.0).verdicts[0]
    static = found.methods["static"].point
    assert static.recall == 1.0
    assert static.fair_false_alarms == pytest.approx(static.false_alarms / 2, rel=0.05)
    assert not found.rivals_chosen


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--data", "{folder}/none.csv"], "there is no .parquet or .csv file"),
        (["--data", "{folder}"], "flat.csv: no link of the split test is ever under"),
        (["--data", "{folder}", "--bundle", "{folder}/no"], "cannot be served: bundle folder no does not exist"),
        (["--data", "{folder}", "--recall", "0"], "must be above 0"),
        (["--data", "{folder}", "--recall", "much"], "invalid"),
        (["--data", "{folder}", "--threshold", "-1"], "must be 0 or more"),
        ([], "required"),
    ],
)
def test_command_when_it_cannot_go_on_then_says_why_and_ends_with_2(
    arguments: list[str], reason: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write("flat.csv", {"train": [[5.0] * 90], "test": [[5.0] * 90]}).parent
    with pytest.raises(SystemExit) as stop:
        main([argument.format(folder=folder) for argument in arguments] + ["--out", str(folder / "out")])
    assert stop.value.code == 2
    assert reason in capsys.readouterr().err.splitlines()[-1]
    assert not (folder / "out").exists()


def test_folder_when_no_file_of_it_can_be_scored_then_each_reason_is_given(write: Write, bundle: Bundle) -> None:
    write("a/flat.csv", {"train": [[5.0] * 90], "test": [[5.0] * 90]})
    short = write("a/short.csv", {"train": [[5.0] * 90], "test": [[5.0] * 3]})
    with pytest.raises(DataError, match=r"nothing can be scored; flat\.csv: .*; short\.csv: .*"):
        replayed(short.parent, bundle)


def test_services_when_they_are_read_then_none_imports_this() -> None:
    sources = list((Path(__file__).resolve().parents[3] / "services").glob("*/src/**/*.py"))
    assert sources
    assert not [path for path in sources if "alert_replay" in path.read_text(encoding="utf-8")]


@needs_data
@pytest.mark.parametrize("name", ["sa5g", "cell_sat"])
def test_real_links_when_replayed_then_the_forecast_has_fewer_false_alarms_than_every_rival(
    name: str, bundle: Bundle
) -> None:
    (verdict,) = replayed(SHARED / f"{name}.parquet", bundle).verdicts
    rivals = [method.point.false_alarms for method in verdict.methods.values() if method is not verdict.forecast]
    assert verdict.forecast.point.false_alarms < min(rivals)
    assert all(0.5 <= method.point.recall < 0.51 for method in verdict.methods.values())


@needs_data
@pytest.mark.training
def test_six_sets_when_replayed_then_keep_what_is_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in SIX:
        (data / f"{name}.parquet").symlink_to(SHARED / f"{name}.parquet")
    assert main(["--data", str(data), "--out", str(tmp_path), "--bundle", str(SHIPPED)]) == 0
    found = read_json(tmp_path / "alerts.json")
    by_set = {name: {row["method"]: row for row in found if row["set"] == name} for name in SIX}
    better = [
        all(
            row["false_alarms"] > methods["forecast"]["false_alarms"]
            for row in methods.values()
            if row != methods["forecast"]
        )
        for methods in by_set.values()
    ]
    macro = read_json(tmp_path / "alerts-details.json")["macro"]
    share = read_json(tmp_path / "alerts-details.json")["probability"]["sure_that_came_true"]
    assert sum(better) >= 5
    assert macro["false_alarms_to"]["static"] <= 0.75
    assert macro["false_alarms_to_best_rival_by_rows"] <= 0.75
    assert macro["false_alarms_to_best_rival"] <= 0.755  # 0.751: what samples tied at the cut are worth to the rivals
    assert share >= 0.75
    assert capsys.readouterr().out.splitlines()[-1].startswith("next: open ")
