"""The registry with the real MLflow on a real SQLite file."""

import importlib.util
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if not importlib.util.find_spec("mlflow"):  # not importorskip: MLflow must find telemetry turned off when imported
    pytest.skip("needs MLflow", allow_module_level=True)

from ml_inference.bundle import load_bundle
from ml_inference.bundle.manifest import FILES
from ml_inference.training import mlflow_store
from ml_inference.training.provenance import code_version
from ml_inference.training.registry import Registry, RegistryError, Version

pytestmark = pytest.mark.training

PYTHON = str(Path(sys.executable).absolute())
"""Found before any test leaves the clone: PATH may name the environment from there."""
SHIPPED = Path(__file__).parents[2] / "bundles" / "default"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """MLflow likes to write to the working directory and the home: neither may hold anything after any test."""
    for name in ("work", "home", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    yield
    for name in ("work", "home", "temporary"):
        assert not list((tmp_path / name).iterdir())


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: it takes seconds."""
    return Registry(tmp_path_factory.mktemp("empty") / "store").folder


@pytest.fixture
def registry(empty: Path, tmp_path: Path) -> Registry:
    return Registry(shutil.copytree(empty, tmp_path / "a store"))


def bundle(folder: Path, model_version: str) -> Path:
    shutil.copytree(SHIPPED, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"model_version": model_version}))
    (folder / "plots").mkdir()
    (folder / "plots" / "error.svg").write_text(f"<svg>{model_version}</svg>")
    return folder


def record(registry: Registry, tmp_path: Path, model_version: str) -> Version:
    folder = bundle(tmp_path / model_version, model_version)
    return registry.record("lstm", "lstm training", folder, {"epochs": 3}, {"skill": 0.1}, {})


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_record_when_done_then_run_holds_parameters_metrics_and_tags(registry: Registry, tmp_path: Path) -> None:
    folder = bundle(tmp_path / "bundle", "20261123-aaaaaaaa")
    parameters = {f"layer {i}": i for i in range(230)} | {"levels": [0.1, 0.9]}
    metrics = {f"skill % {i}": i / 7 for i in range(1100)} | {"lost": float("nan")}
    version = registry.record("lstm", "first", folder, parameters, metrics, {"by": "test"})
    run = registry._client.get_run(version.run_id)
    assert version == Version("lstm", 1, version.run_id, "20261123-aaaaaaaa")
    assert run.info.status == "FINISHED"
    assert run.data.params == {name: str(value) for name, value in parameters.items()}
    assert run.data.metrics["skill _ 1099"] == 1099 / 7
    assert len(run.data.metrics) == len(metrics)
    data = json.loads((SHIPPED / "manifest.json").read_text())["data"]["sha256"]
    expected = {"model": "lstm", "model_version": version.model_version, "data_sha256": data, "by": "test"}
    assert expected.items() <= run.data.tags.items()
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", run.data.tags["code_version"])


def test_promote_when_second_version_then_history_tells_both(registry: Registry, tmp_path: Path) -> None:
    one, two = record(registry, tmp_path, "20261123-aaaaaaaa"), record(registry, tmp_path, "20261124-bbbbbbbb")
    assert registry.champion("lstm") is None
    assert registry.history("lstm") == []
    registry.promote(one, "ann", "first of all")
    assert registry.champion("lstm") == one
    registry.promote(two, "bob", "lower error")
    assert registry.champion("lstm") == two
    first, second = registry.history("lstm")
    assert (first.version, first.model_version, first.by, first.why) == (1, one.model_version, "ann", "first of all")
    assert (second.version, second.model_version, second.by, second.why) == (2, two.model_version, "bob", "lower error")
    assert first.since <= second.since == first.until
    assert second.until is None
    tags = registry._client.get_model_version("lstm", "1").tags
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", tags["champion_until"])
    assert (tags["champion_by"], tags["champion_why"]) == ("ann", "first of all")
    assert "champion_until" not in registry._client.get_model_version("lstm", "2").tags


def test_promote_when_it_is_champion_then_nothing_changes(registry: Registry, tmp_path: Path) -> None:
    version = record(registry, tmp_path, "20261123-aaaaaaaa")
    registry.promote(version, "ann", "first of all")
    before = registry.history("lstm")
    registry.promote(version, "bob", "again")
    assert registry.history("lstm") == before
    assert registry._client.get_model_version("lstm", "1").tags["champion_by"] == "ann"


def test_promote_when_older_version_then_it_is_a_third_term(registry: Registry, tmp_path: Path) -> None:
    one, two = record(registry, tmp_path, "20261123-aaaaaaaa"), record(registry, tmp_path, "20261124-bbbbbbbb")
    for version, why in ((one, "first"), (two, "better"), (one, "rollback")):
        registry.promote(version, "ann", why)
    again = Registry(registry.folder)
    assert again.champion("lstm") == one
    assert [(term.version, term.why, term.until is None) for term in again.history("lstm")] == [
        (1, "first", False), (2, "better", False), (1, "rollback", True),
    ]  # fmt: skip
    assert "champion_until" not in again._client.get_model_version("lstm", "1").tags
    assert again._client.get_model_version("lstm", "2").tags["champion_until"]


def test_promote_when_cut_off_before_the_alias_then_promoting_again_completes_it(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = record(registry, tmp_path, "20261123-aaaaaaaa"), record(registry, tmp_path, "20261124-bbbbbbbb")
    registry.promote(one, "ann", "first")
    with monkeypatch.context() as patch:
        patch.setattr(registry._client, "set_registered_model_alias", _break)
        with pytest.raises(RegistryError, match="2 cannot be promoted: No space left"):
            registry.promote(two, "ann", "better")
    assert registry.champion("lstm") == one
    registry.promote(two, "ann", "better")
    assert registry.champion("lstm") == two
    assert [term.version for term in registry.history("lstm")] == [1, 2]


def test_record_when_cut_off_then_run_has_failed_and_no_version_exists(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = record(registry, tmp_path, "20261123-aaaaaaaa")
    registry.promote(one, "ann", "first")
    with monkeypatch.context() as patch:
        patch.setattr(registry._client, "log_artifacts", _break)
        with pytest.raises(RegistryError, match="cannot be recorded as lstm: No space left"):
            record(registry, tmp_path, "20261124-bbbbbbbb")
    experiment = registry._client.get_experiment_by_name("lstm training")
    runs = registry._client.search_runs([experiment.experiment_id])
    assert sorted(run.info.status for run in runs) == ["FAILED", "FINISHED"]
    assert [int(each.version) for each in registry._client.search_model_versions("name='lstm'")] == [1]
    assert registry.champion("lstm") == one


def _break(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_newest_when_asked_then_is_what_was_recorded_last_whoever_is_champion(
    registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(RegistryError, match="lstm is not in"):
        registry.newest("lstm")
    one = record(registry, tmp_path, "20261123-aaaaaaaa")
    assert registry.newest("lstm") == one
    registry.promote(one, "ann", "first")
    two = record(registry, tmp_path, "20261124-bbbbbbbb")
    other = registry.record("another", "other", tmp_path / one.model_version, {}, {}, {})
    assert registry.newest("lstm") == two != registry.champion("lstm")
    assert other.number == 1
    assert registry.champion("lstm") == one


def test_export_when_read_then_is_the_bundle_that_was_recorded(registry: Registry, tmp_path: Path) -> None:
    one, two = record(registry, tmp_path, "20261123-aaaaaaaa"), record(registry, tmp_path, "20261124-bbbbbbbb")
    destination = tmp_path / "served" / "bundle"
    for version in (one, two):
        registry.export(version, destination)
        assert files(registry.bundle_of(version)) == files(tmp_path / version.model_version)
        recorded = files(registry.bundle_of(version))
        assert files(destination) == {name: recorded[name] for name in FILES}  # what else is recorded is not served
        assert load_bundle(destination).manifest.model_version == version.model_version
    assert [path.name for path in destination.parent.iterdir()] == ["bundle"]
    assert destination.stat().st_mode & 0o777 == 0o755


def test_export_when_destination_is_no_bundle_then_refuses(registry: Registry, tmp_path: Path) -> None:
    version = record(registry, tmp_path, "20261123-aaaaaaaa")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(RegistryError, match="is no bundle"):
        registry.export(version, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_store_when_moved_then_champion_can_still_be_exported(registry: Registry, tmp_path: Path) -> None:
    version = record(registry, tmp_path, "20261123-aaaaaaaa")
    registry.promote(version, "ann", "first")
    moved = Registry(registry.folder.rename(tmp_path / "moved"))
    assert moved.champion("lstm") == version
    assert moved.bundle_of(version).is_relative_to(tmp_path / "moved")
    with pytest.raises(RegistryError, match="choose another name"):
        moved.record("lstm", "lstm training", tmp_path / version.model_version, {}, {}, {})
    again = moved.record("lstm", "after the move", tmp_path / version.model_version, {}, {}, {})
    assert moved.bundle_of(again).is_relative_to(tmp_path / "moved")


def test_lookup_when_unknown_then_says_so(registry: Registry, tmp_path: Path) -> None:
    for ask in (registry.champion, registry.history):
        with pytest.raises(RegistryError, match="lstm is not in"):
            ask("lstm")
    version = record(registry, tmp_path, "20261123-aaaaaaaa")
    with pytest.raises(RegistryError, match="lstm 7 is not in"):
        registry.promote(Version("lstm", 7, version.run_id, version.model_version), "ann", "")
    with pytest.raises(RegistryError, match="another bundle"):
        registry.promote(Version("lstm", 1, "0" * 32, version.model_version), "ann", "")
    shutil.rmtree(registry.bundle_of(version))
    with pytest.raises(RegistryError, match="the files of lstm 1 are not in"):
        registry.promote(version, "ann", "")
    assert registry.champion("lstm") is None


def test_record_when_bundle_or_names_are_bad_then_refuses(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="tells no model_version"):
        registry.record("lstm", "first", tmp_path / "nowhere", {}, {}, {})
    with pytest.raises(RegistryError, match="differ only in signs"):
        registry.record("lstm", "first", SHIPPED, {}, {"a%": 1, "a!": 2}, {})
    with pytest.raises(RegistryError, match="Default keeps its files in"):
        registry.record("lstm", "Default", SHIPPED, {}, {}, {})
    with pytest.raises(RegistryError, match="cannot be recorded as a/b"):
        registry.record("a/b", "first", SHIPPED, {}, {}, {})


def test_open_when_folder_cannot_be_written_then_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RegistryError, match="cannot hold the registry"):
            Registry(folder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mlflow.db").write_text("no database, but long enough to look like none\n" * 20)
    with pytest.raises(RegistryError, match="cannot be opened as a SQLite file"):
        Registry(tmp_path / "other")
    with pytest.raises(RegistryError, match=re.escape("no ?, # or % may be")):
        Registry(tmp_path / "100%")


def test_open_when_database_is_of_another_mlflow_then_says_so(registry: Registry, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(registry.folder, other)
    with sqlite3.connect(other / "mlflow.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    connection.close()
    with pytest.raises(RegistryError, match=r"not of this version of MLflow: .*found version ffffffffffff.*upgrade"):
        Registry(other)


def test_code_version_when_git_is_not_there_then_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert code_version() == "unknown"


RECORD = """
import sys
from pathlib import Path
from ml_inference.training.registry import Registry
registry = Registry(Path(sys.argv[1]))
for _ in range(5):
    version = registry.record("lstm", "together", Path(sys.argv[2]), {"a": 1}, {"b": 2.0}, {})
    registry.promote(version, sys.argv[3], "newest")
"""


def test_record_when_two_processes_do_then_all_versions_are_whole(tmp_path: Path) -> None:
    # Neither finds the store made, so they also compete for making it.
    command = [PYTHON, "-c", RECORD, str(tmp_path / "store"), str(SHIPPED)]
    # ONNX Runtime, which reads bundles, would write its telemetry's files into the home.
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "ORT_DISABLE_TELEMETRY": "1"}
    processes = [
        subprocess.Popen([*command, name], env=os.environ | path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for name in ("ann", "bob")
    ]
    said = [process.communicate(timeout=120)[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert said == ["", ""]
    registry = Registry(tmp_path / "store")
    numbers = [int(each.version) for each in registry._client.search_model_versions("name='lstm'")]
    assert sorted(numbers) == list(range(1, 11))
    history = registry.history("lstm")
    assert len(history) == 10
    assert [term.until for term in history[:-1]] == [term.since for term in history[1:]]
    champion = registry.champion("lstm")
    assert champion is not None
    assert champion.number == history[-1].version
    newest = registry.newest("lstm")
    assert newest is not None
    assert newest.number == 10  # not 9, the last one by its letters


def test_environment_when_opened_then_nothing_is_reported_home(registry: Registry) -> None:
    from mlflow.telemetry import get_telemetry_client

    assert registry.folder.exists()
    assert get_telemetry_client() is None
    assert mlflow_store.ENVIRONMENT.items() <= os.environ.items()
