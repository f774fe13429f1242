"""The champions and the baselines that were fitted with them, on any traces, without training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ml_inference.forecasting.data import DataError, Trace, load
from ml_inference.forecasting.windows import cut
from ml_inference.training.evaluation import MODELS
from ml_inference.training.registry import Registry, RegistryError, Version
from ml_inference.training.sets import Backtests
from ml_inference.training.sources import files_in
from ml_inference.training.store import ZERO_SHOT, recall

Say = Callable[[str], None]


def run(data: Path, registry: Registry, split: str | None, say: Say) -> Backtests:
    """Score every usable file of `data`: all rows, or those of one split.

    A set's own model and baselines are those registered under the file's name; a set without any meets the zero-shot
    model and the baselines that were fitted to generated links. Raises DataError if no file can be used, RegistryError
    if there is no zero-shot model, BundleError if a recorded one is broken.
    """
    found = Backtests()
    zero_shot = _newest(registry, ZERO_SHOT)
    if zero_shot is None:
        raise RegistryError(f"no model is recorded in {registry.folder}; type make train or make evaluate first")
    for path in files_in(data):
        try:
            traces = _traces(path, split)
        except DataError as error:
            say(f"left out: {error}")
            continue
        own = _newest(registry, path.stem)
        say(f"{path.stem}: {_said(registry, own or zero_shot)}")
        forecasters = {each.name: each for each in recall(registry.bundle_of(zero_shot), "lstm-zero-shot")}
        if own is not None:
            forecasters |= {each.name: each for each in recall(registry.bundle_of(own), "lstm")}
        forecasts = {model: forecasters[model].forecast(traces) for model in MODELS if model in forecasters}
        found.add(path.stem, split or "all", traces, forecasts)
    if not (found.together or found.apart):
        raise DataError(f"{data}: none of the files can be used")
    return found


def _traces(path: Path, split: str | None) -> Sequence[Trace]:
    traces = [trace for trace in load(path) if split in (None, trace.split)]
    if not traces:
        raise DataError(f"{path.name}: no row has the split {split}; leave SPLIT out for all rows")
    if not len(cut(traces)):
        raise DataError(f"{path.name}: no segment is long enough for a window")
    return traces


def _newest(registry: Registry, name: str) -> Version | None:
    """The champion, or the newest version where the gate has passed none; None if the set is not known."""
    try:
        return registry.champion(name) or registry.newest(name)
    except RegistryError:
        return None


def _said(registry: Registry, version: Version) -> str:
    champion = registry.champion(version.model)
    passed = "champion" if champion == version else "newest version, the gate refused it"
    return f"model {version.model} {version.number} ({version.model_version}), {passed}"
