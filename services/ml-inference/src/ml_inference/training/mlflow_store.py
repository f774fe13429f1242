"""MLflow opened on a SQLite file: quiet, offline, with errors that say what to do."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ENVIRONMENT: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    "MLFLOW_MODEL_CATALOG_URI": "",  # or it would be looked for on GitHub
}
"""Read when MLflow is first imported."""

PER_BATCH: Final = 100
"""MLflow takes no more parameters at once."""


class RegistryError(Exception):
    """The store cannot be used, or does not hold what was asked for; says why in one sentence."""


def open_store(database: Path) -> Any:
    """An `MlflowClient` of that file, which is made if it is not there. Raises RegistryError if it cannot be used."""
    _check(database)
    os.environ.update(ENVIRONMENT)
    with warnings.catch_warnings():
        # MLflow's own use of what SQLAlchemy 2.1 deprecates, met when the store's module is first imported.
        warnings.filterwarnings("ignore", message="The ``noload`` loader strategy", category=DeprecationWarning)
        from mlflow import MlflowClient
        from mlflow.telemetry import set_telemetry_client

        set_telemetry_client()  # off, even if something else has imported MLflow before the environment said so
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)  # they tell of every table made
        address = f"sqlite:///{database}"
        try:
            client = MlflowClient(tracking_uri=address, registry_uri=address)
            client.search_registered_models(max_results=1)  # opens the registry's side, which is lazy
        except Exception as error:
            # Alembic, SQLAlchemy and MLflow each have errors of their own for a file of other tables.
            raise RegistryError(
                f"{database} is not of this version of MLflow: {_first_line(error)}; "
                "back it up, then run `mlflow db upgrade`, or begin anew without it"
            ) from error
    return client


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise RegistryError, beginning with `what`, for what MLflow, SQLite or the file system raise."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        raise RegistryError(f"{what}: {_first_line(error)}") from error


def named(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same under names that MLflow takes. Raises RegistryError if two become one."""
    renamed = {re.sub(r"[^\w\-. /:]", "_", name, flags=re.ASCII): value for name, value in values.items()}
    if len(renamed) < len(values):
        raise RegistryError("two names of parameters or metrics differ only in signs that MLflow does not take")
    return renamed


def log_values(client: Any, run_id: str, parameters: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
    """Write all of them to a run, whose values they are once and for all."""
    from mlflow.entities import Metric, Param

    now = int(datetime.now(UTC).timestamp() * 1000)
    words = [Param(name, str(value)) for name, value in parameters.items()]
    numbers = [Metric(name, float(value), now, 0) for name, value in metrics.items()]
    for begin in range(0, max(len(words), len(numbers)), PER_BATCH):
        part = slice(begin, begin + PER_BATCH)
        client.log_batch(run_id, metrics=numbers[part], params=words[part])


def _check(database: Path) -> None:
    """Ask SQLite first: MLflow would try a file that cannot be opened ten times, for a minute, and log each."""
    # A path that means something else within an address would be another file than the one asked for.
    if any(sign in str(database) for sign in "?#%"):
        raise RegistryError(f"{database} cannot be the registry's file: no ?, # or % may be in its path")
    try:
        with closing(sqlite3.connect(database, timeout=20)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.Error as error:
        raise RegistryError(f"{database} cannot be opened as a SQLite file: {error}") from error


def _first_line(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return next(iter(text.splitlines()), type(error).__name__).rstrip(".")
