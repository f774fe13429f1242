"""Experiments, versions, and which of them is champion: MLflow's own store in one folder, without a server.

The folder holds `mlflow.db` (SQLite) and `artifacts` (each recorded bundle's files, as they are). The registered
model's alias `champion` names the version that is live; its tag `champion_history` tells who was live when.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from ml_inference.bundle.manifest import FILES, MANIFEST_FILE, put_in_place
from ml_inference.training.mlflow_store import RegistryError, log_values, named, open_store, translated
from ml_inference.training.provenance import code_version

__all__ = ["Registry", "RegistryError", "Term", "Version"]

CHAMPION: Final = "champion"
HISTORY: Final = "champion_history"
BUNDLE: Final = "bundle"
"""Folder of the bundle among a run's artifacts."""


@dataclass(frozen=True)
class Version:
    """A recorded bundle."""

    model: str
    number: int
    """counted by the registry, per model, from 1"""
    run_id: str
    model_version: str
    """what the bundle's manifest says"""


class Term(BaseModel):
    """A time that a version was, or is, champion."""

    model_config = ConfigDict(frozen=True)

    version: int
    model_version: str
    since: AwareDatetime
    until: AwareDatetime | None = None
    """none: still is"""
    by: str
    why: str


_TERMS = TypeAdapter(list[Term])


class Registry:
    """MLflow's store in `folder`, which is made if it is not there."""

    def __init__(self, folder: Path) -> None:
        """Open or create; the first time takes seconds. Raises RegistryError if that cannot be done."""
        self.folder = folder.resolve()
        self._artifacts = self.folder / "artifacts"
        try:
            self._artifacts.mkdir(parents=True, exist_ok=True)
            with self._alone():
                self._client = open_store(self.folder / "mlflow.db")
        except OSError as error:
            raise RegistryError(f"{folder} cannot hold the registry: {error.strerror}") from error

    def record(
        self,
        model: str,
        experiment: str,
        folder: Path,
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> Version:
        """Keep the bundle at `folder` as one run of `experiment` and as the next version of `model`.

        Tags of its own: `model`, `model_version`, `data_sha256` and `code_version`; those given win. Raises
        RegistryError; what is half-written then is a failed run, never a version.
        """
        words, numbers = named(parameters), named(metrics)
        labels = {"model": model, **_facts_of(folder), "code_version": code_version(), **tags}
        with self._alone(), translated(f"{folder} cannot be recorded as {model}"):
            run = self._client.create_run(
                self._experiment(experiment), tags=labels, run_name=f"{model} {labels['model_version']}"
            )
            with self._failing(run.info.run_id):
                log_values(self._client, run.info.run_id, words, numbers)
                self._client.log_artifacts(run.info.run_id, str(folder), BUNDLE)
            self._client.set_terminated(run.info.run_id)
            return self._add_version(model, run.info, labels)

    def promote(self, version: Version, who: str, why: str) -> None:
        """Make `version` champion from now on; a version that already is stays so since it was.

        Raises RegistryError if the version is not complete in this registry.
        """
        with self._alone(), translated(f"{version.model} {version.number} cannot be promoted"):
            if self._find(version.model, version.number) != version:
                raise RegistryError(f"{version.model} {version.number} is another bundle in {self.folder}")
            self.bundle_of(version)
            terms = self.history(version.model)
            if not terms or terms[-1].version != version.number:
                now = datetime.now(UTC).replace(microsecond=0)
                terms[-1:] = [term.model_copy(update={"until": now}) for term in terms[-1:]]
                terms.append(
                    Term(version=version.number, model_version=version.model_version, since=now, by=who, why=why)
                )
                self._client.set_registered_model_tag(version.model, HISTORY, _TERMS.dump_json(terms).decode())
            # All that follows comes from the history: if this is cut off, promoting once more completes it.
            for term in terms[-2:]:
                self._tag(version.model, term)
            self._client.set_registered_model_alias(version.model, CHAMPION, str(version.number))

    def champion(self, model: str) -> Version | None:
        """Which version is live; none if none was promoted yet. Raises RegistryError for an unknown model."""
        number = self._registered(model).aliases.get(CHAMPION)
        return None if number is None else self._find(model, int(number))

    def newest(self, model: str) -> Version | None:
        """The version recorded last, whether it ever was live or not. Raises RegistryError for an unknown model."""
        self._registered(model)
        quote = '"' if "'" in model else "'"
        with translated(f"versions of {model} cannot be listed"):
            found = self._client.search_model_versions(f"name = {quote}{model}{quote}")
        return self._find(model, max(int(each.version) for each in found)) if found else None

    def history(self, model: str) -> list[Term]:
        """Who was live when, oldest first. Raises RegistryError for an unknown model."""
        try:
            return _TERMS.validate_json(self._registered(model).tags.get(HISTORY, "[]"))
        except ValidationError as error:
            raise RegistryError(f"the tag {HISTORY} of {model} in {self.folder} cannot be read") from error

    def bundle_of(self, version: Version) -> Path:
        """Where the registry keeps the bundle's files. Raises RegistryError if they are gone."""
        # Not what the database says: its paths are absolute, and the clone may have been moved.
        folder = self._artifacts / version.run_id / "artifacts" / BUNDLE
        if not (folder / MANIFEST_FILE).is_file():
            raise RegistryError(f"the files of {version.model} {version.number} are not in {folder}")
        return folder

    def export(self, version: Version, destination: Path) -> None:
        """Copy the bundle to `destination`, replacing the one that is there, as `put_in_place` does.

        Raises RegistryError if its files cannot be read or written.
        """
        source = self.bundle_of(version)
        if destination.exists() and not _replaceable(destination):
            raise RegistryError(f"{destination} exists and is no bundle; it would be replaced")
        with translated(f"{version.model} {version.number} cannot be exported to {destination}"):
            put_in_place(destination, {name: (source / name).read_bytes() for name in FILES})

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other process open, record or promote meanwhile: each is several transactions of MLflow's."""
        with (self.folder / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _failing(self, run_id: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(Exception):  # what went wrong first is what must be told
                self._client.set_terminated(run_id, "FAILED")
            raise

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            return str(self._client.create_experiment(name, artifact_location=self._artifacts.as_uri()))
        if found.artifact_location != self._artifacts.as_uri():  # MLflow's "Default", or a clone that was moved
            raise RegistryError(f"experiment {name} keeps its files in {found.artifact_location}; choose another name")
        return str(found.experiment_id)

    def _add_version(self, model: str, run: Any, labels: Mapping[str, str]) -> Version:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        made = self._client.create_model_version(
            model, f"{run.artifact_uri}/{BUNDLE}", run_id=run.run_id, tags=dict(labels), await_creation_for=0
        )
        return Version(model, int(made.version), run.run_id, labels["model_version"])

    def _tag(self, model: str, term: Term) -> None:
        told = {"since": term.since, "until": term.until, "by": term.by, "why": term.why}
        for name, value in told.items():
            text = f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value
            if text is None:
                self._client.delete_model_version_tag(model, str(term.version), f"{CHAMPION}_{name}")
            else:
                self._client.set_model_version_tag(model, str(term.version), f"{CHAMPION}_{name}", text)

    def _registered(self, model: str) -> Any:
        with translated(f"{model} is not in {self.folder}"):
            return self._client.get_registered_model(model)

    def _find(self, model: str, number: int) -> Version:
        with translated(f"{model} {number} is not in {self.folder}"):
            found = self._client.get_model_version(model, str(number))
        return Version(model, number, found.run_id, found.tags.get("model_version", ""))


def _facts_of(folder: Path) -> dict[str, str]:
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
        return {"model_version": str(manifest["model_version"]), "data_sha256": str(manifest["data"]["sha256"])}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RegistryError(f"{folder / MANIFEST_FILE} tells no model_version and data.sha256") from error


def _replaceable(folder: Path) -> bool:
    return folder.is_dir() and ((folder / MANIFEST_FILE).is_file() or not any(folder.iterdir()))
