"""A bundle in memory: verified, warm, and ready to forecast."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from pydantic import ValidationError

from ml_inference.bundle.forecast import Forecast
from ml_inference.bundle.manifest import BASELINE_FILE, FILES, GRAPH_FILE, MANIFEST_FILE, GraphFile, Manifest
from ml_inference.bundle.window import Inputs, inputs_of
from ml_inference.history import newest_context
from qos_contract.predict import MAX_PACKET_RATE, MAX_RTT_SPREAD, MAX_UTILISATION

INPUT_NAMES: Final = ("window", "context")
KNOWN_ANSWER_CAPACITY: Final = 100.0
"""Mbps; the capacity that a manifest's known answer was computed with"""


class BundleError(Exception):
    """A bundle cannot be used; the message is one sentence that says what is wrong with which file."""


@dataclass(frozen=True, slots=True)
class Graph:
    """One of a bundle's two graphs."""

    session: onnxruntime.InferenceSession
    levels: tuple[float, ...]
    version: str
    """what answers that come from it are signed with"""

    def forecast(self, inputs: Inputs) -> Forecast:
        """Forecast a batch."""
        (output,) = self.session.run(None, {"window": inputs.window, "context": inputs.context})
        return Forecast(output, self.levels)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model and a baseline that have proved themselves: see `load_bundle`."""

    manifest: Manifest
    model: Graph
    baseline: Graph

    def graph_for(self, samples: int, *, asked_for_model: bool = True) -> Graph:
        """Which of the two answers for a link of which so many samples are known."""
        trusted = asked_for_model and self.manifest.gate.passed and samples >= self.manifest.history_samples
        return self.model if trusted else self.baseline

    @property
    def version(self) -> str:
        """What the shortest question is answered by."""
        return self.graph_for(self.manifest.window).version

    @property
    def name(self) -> str:
        """What kind of forecaster that is: the model's name, or the baseline's."""
        answering = self.graph_for(self.manifest.window)
        return self.manifest.name if answering is self.model else self.manifest.baseline


def fingerprint(folder: Path) -> str:
    """Return a hash of a bundle's files, present or not: it changes when anything in them does."""
    digest = hashlib.sha256()
    for name in FILES:
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            digest.update(f"{name}: errno {error.errno}".encode())
        else:
            digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle, check it from the outside in, and run its known answer (which warms it, too).

    Raises BundleError at the first thing that does not fit.
    """
    if not folder.is_dir():
        raise BundleError(f"bundle folder {folder.name} does not exist")
    manifest = _read_manifest(folder)
    bundle = Bundle(
        manifest,
        _open(folder, manifest, manifest.graph, manifest.model_version),
        _open(folder, manifest, manifest.baseline_graph, manifest.baseline_version),
    )
    _check_known_answer(bundle)
    for graph, file in ((bundle.model, GRAPH_FILE), (bundle.baseline, BASELINE_FILE)):
        _check_extremes(graph, manifest, file)
    return bundle


def _open(folder: Path, manifest: Manifest, facts: GraphFile, version: str) -> Graph:
    """One graph, if it is the file that the manifest describes and has the shapes that it names."""
    content = _read(folder, facts.file)
    if hashlib.sha256(content).hexdigest() != facts.sha256:
        raise BundleError(f"{facts.file} is not the file that {MANIFEST_FILE} describes: sha256 differs")
    graph = Graph(open_session(content, facts.file), manifest.quantile_levels, version)
    _check_shapes(graph.session, manifest, facts.file)
    return graph


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise BundleError(f"{name} is missing") from None
    except OSError as error:
        raise BundleError(f"{name} cannot be read: {error.strerror}") from error


def _read_manifest(folder: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(_read(folder, MANIFEST_FILE))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BundleError(f"{MANIFEST_FILE} does not fit{place and ' at ' + place}: {first['msg']}") from error


def open_session(graph: bytes, file: str) -> onnxruntime.InferenceSession:
    """A graph ready to run, as it is served. Raises BundleError, naming `file`, if ONNX Runtime cannot run it."""
    # One thread: a window takes less time than waking a second one; more cores are used by more processes.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base of their own
        raise BundleError(f"{file} is not a graph that ONNX Runtime can run") from error


def _check_shapes(session: onnxruntime.InferenceSession, manifest: Manifest, file: str) -> None:
    """Compare a graph's inputs and its one output with the manifest (a free axis is a name or None)."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if tuple(node.name for node in inputs) != INPUT_NAMES or len(outputs) != 1:
        found = ", ".join(node.name for node in inputs)
        raise BundleError(f"{file} has the inputs {found} and {len(outputs)} outputs, not window, context and one")
    expected = {
        "window": (inputs[0], [manifest.window, len(manifest.features)]),
        "context": (inputs[1], [len(manifest.context)]),
        "output": (outputs[0], [len(manifest.horizons), 1 + len(manifest.quantile_levels)]),
    }
    for side, (node, shape) in expected.items():
        if node.type != "tensor(float)" or isinstance(node.shape[0], int) or not _fits(node.shape[1:], shape):
            raise BundleError(f"{file} has as {side} {node.type} {node.shape}, not float [batch, {shape}]")


def _fits(actual: list[Any], expected: list[int]) -> bool:
    # Exporters leave axes free that are in truth fixed; a wrong one is found by running the graph.
    return len(actual) == len(expected) and all(
        not isinstance(size, int) or size == wanted for size, wanted in zip(actual, expected, strict=True)
    )


def _check_known_answer(bundle: Bundle) -> None:
    known = bundle.manifest.known_answer
    asked_for_model = known.request.forecaster == "model"
    graph = bundle.graph_for(len(known.request.bandwidth_util), asked_for_model=asked_for_model)
    file = GRAPH_FILE if graph is bundle.model else BASELINE_FILE
    forecast = _run(graph, bundle.manifest, inputs_of(known.request), file)
    answer = float(forecast.mean[0, known.request.horizon - 1]) * KNOWN_ANSWER_CAPACITY
    if not abs(answer - known.predicted_bandwidth) <= known.tolerance:  # so written, NaN fails
        raise BundleError(
            f"{file} answers {answer:.4f} Mbps to the known question, "
            f"not {known.predicted_bandwidth:.4f} ± {known.tolerance:g} as {MANIFEST_FILE} says"
        )


def _check_extremes(graph: Graph, manifest: Manifest, file: str) -> None:
    """Run the corners of what the contract lets in: no valid request may meet a graph that overflows."""
    corners = np.zeros((4, manifest.window, len(manifest.features)), dtype=np.float32)
    corners[1] = (MAX_PACKET_RATE, MAX_UTILISATION, MAX_RTT_SPREAD)
    corners[2, :, 2] = np.nan
    corners[3, ::2] = (MAX_PACKET_RATE, MAX_UTILISATION, np.nan)
    share = (corners[:, :, 1].astype(np.float64) / 100).tolist()  # [corners, window]
    context = np.array([newest_context(each) for each in share], dtype=np.float32)  # [corners, context]
    forecast = _run(graph, manifest, Inputs(corners, context), file)
    if not (np.isfinite(forecast.mean).all() and np.isfinite(forecast.quantiles).all()):
        raise BundleError(f"{file} answers with NaN or infinity at the contract's limits")


def _run(graph: Graph, manifest: Manifest, inputs: Inputs, file: str) -> Forecast:
    try:
        forecast = graph.forecast(inputs)
    except Exception as error:  # ONNX Runtime's exceptions share no base of their own
        raise BundleError(f"{file} fails when it is run") from error
    batch, horizons, levels = len(inputs.window), len(manifest.horizons), len(manifest.quantile_levels)
    if forecast.mean.shape != (batch, horizons) or forecast.quantiles.shape != (batch, horizons, levels):
        raise BundleError(f"{file} answers {forecast.quantiles.shape}, not [{batch}, {horizons}, 1 + {levels}]")
    return forecast
