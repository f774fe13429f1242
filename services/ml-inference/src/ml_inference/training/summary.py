"""What a person reads after training."""

from __future__ import annotations

from pathlib import Path

from ml_inference.bundle import Manifest
from ml_inference.training.pipeline import Outcome

HEAD = f"{'test set':<16}{'step':>5}{'LSTM Mbps':>12}{'persistence':>13}{'skill':>9}{'in 80 %':>9}"


def table(outcome: Outcome) -> str:
    """RMSE per set and horizon beside persistence, skill, and how much the 80 % interval really covers."""
    lines = [HEAD, "-" * len(HEAD)]
    lines += [
        f"{name:<16}{score.horizon:>5}{score.rmse_mbps:>12.3f}{score.rmse_persistence_mbps:>13.3f}"
        f"{score.skill:>9.1%}{score.coverage_80:>9.1%}"
        for name, scores in outcome.scores.items()
        for score in scores
    ]
    return "\n".join(lines)


def closing(outcome: Outcome, manifest: Manifest, folder: Path, seconds: float) -> str:
    """The graph's facts, where it lies, and what to do next."""
    known, export = manifest.known_answer, outcome.export
    graph = (
        f"graph: {len(export.graph) / 1e3:.0f} kB, {export.microseconds:.0f} µs a window, "
        f"differs from Keras by at most {export.difference:.1e} of capacity"
    )
    example = f"README's window: {known.predicted_bandwidth:.2f} Mbps one step ahead at 100 Mbps capacity"
    place = f"model {manifest.model_version}, {seconds:.0f} s, is in {folder}"
    onward = (
        f"next: serve it with ML_INFERENCE_BUNDLE_DIR={folder} python -m ml_inference, "
        "or replay a trace with python -m ml_inference.replay"
    )
    return "\n".join([graph, example, place, onward])
