"""A bundle in memory: verified, warm, and ready to forecast."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from pydantic import ValidationError

from ml_inference.bundle.forecast import FloatArray, Forecast
from ml_inference.bundle.manifest import GRAPH_FILE, MANIFEST_FILE, Manifest
from ml_inference.bundle.window import window_of
from qos_contract.predict import MAX_PACKET_RATE, MAX_RTT_SPREAD, MAX_UTILISATION

INPUT_NAME: Final = "window"
KNOWN_ANSWER_CAPACITY: Final = 100.0
"""Mbps; the capacity that a manifest's known answer was computed with"""


class BundleError(Exception):
    """A bundle cannot be used; the message is one sentence that says what is wrong with which file."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model that has proved itself: see `load_bundle`."""

    manifest: Manifest
    session: onnxruntime.InferenceSession

    def forecast(self, windows: FloatArray) -> Forecast:
        """Forecast a batch of windows `[batch, 10, 3]` (float32: packets/s, %, ms or NaN).

        Bandwidth is not negative and quantiles do not cross, whatever the network says.
        """
        (output,) = self.session.run(None, {INPUT_NAME: windows})  # [batch, horizons, 1 + quantiles]
        output = np.maximum(output, 0, out=output)
        quantiles = np.sort(output[..., 1:], axis=-1)
        return Forecast(output[..., 0], quantiles, self.manifest.quantile_levels)


def fingerprint(folder: Path) -> str:
    """Return a hash of a bundle's two files, present or not: it changes when anything in them does."""
    digest = hashlib.sha256()
    for name in (MANIFEST_FILE, GRAPH_FILE):
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
    graph = _read(folder, manifest.graph.file)
    if hashlib.sha256(graph).hexdigest() != manifest.graph.sha256:
        raise BundleError(f"{manifest.graph.file} is not the file that {MANIFEST_FILE} describes: sha256 differs")
    bundle = Bundle(manifest, _open_session(graph, manifest.graph.file))
    _check_shapes(bundle)
    _check_known_answer(bundle)
    _check_extremes(bundle)
    return bundle


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


def _open_session(graph: bytes, file: str) -> onnxruntime.InferenceSession:
    # One thread: a window takes 13 µs, less than waking a second one; more cores are used by more processes.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base of their own
        raise BundleError(f"{file} is not a graph that ONNX Runtime can run") from error


def _check_shapes(bundle: Bundle) -> None:
    """Compare the graph's one input and one output with the manifest (a free axis is a name or None)."""
    manifest, file = bundle.manifest, bundle.manifest.graph.file
    inputs, outputs = bundle.session.get_inputs(), bundle.session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise BundleError(f"{file} has {len(inputs)} inputs and {len(outputs)} outputs, not one of each")
    if inputs[0].name != INPUT_NAME:
        raise BundleError(f'{file} has the input "{inputs[0].name}", not "{INPUT_NAME}"')
    expected = {
        "input": (inputs[0], [manifest.window, len(manifest.features)]),
        "output": (outputs[0], [len(manifest.horizons), 1 + len(manifest.quantile_levels)]),
    }
    for side, (node, shape) in expected.items():
        if node.type != "tensor(float)" or isinstance(node.shape[0], int) or not _fits(node.shape[1:], shape):
            raise BundleError(f"{file} has an {side} {node.type} {node.shape}, not float [batch, {shape}]")


def _fits(actual: list[Any], expected: list[int]) -> bool:
    # Exporters leave axes free that are in truth fixed; a wrong one is found by running the known answer.
    return len(actual) == len(expected) and all(
        not isinstance(size, int) or size == wanted for size, wanted in zip(actual, expected, strict=True)
    )


def _check_known_answer(bundle: Bundle) -> None:
    known, file = bundle.manifest.known_answer, bundle.manifest.graph.file
    forecast = _run(bundle, window_of(known.request))
    horizons, levels = len(bundle.manifest.horizons), len(bundle.manifest.quantile_levels)
    if forecast.mean.shape != (1, horizons) or forecast.quantiles.shape != (1, horizons, levels):
        raise BundleError(f"{file} answers {forecast.quantiles.shape}, not [1, {horizons}, 1 + {levels}]")
    answer = float(forecast.mean[0, known.request.horizon - 1]) * KNOWN_ANSWER_CAPACITY
    if not abs(answer - known.predicted_bandwidth) <= known.tolerance:  # so written, NaN fails
        raise BundleError(
            f"{file} answers {answer:.4f} Mbps to the known question, "
            f"not {known.predicted_bandwidth:.4f} ± {known.tolerance:g} as {MANIFEST_FILE} says"
        )


def _check_extremes(bundle: Bundle) -> None:
    """Run the corners of what the contract lets in: no valid request may meet a graph that overflows."""
    corners = np.zeros((4, bundle.manifest.window, len(bundle.manifest.features)), dtype=np.float32)
    corners[1] = (MAX_PACKET_RATE, MAX_UTILISATION, MAX_RTT_SPREAD)
    corners[2, :, 2] = np.nan
    corners[3, ::2] = (MAX_PACKET_RATE, MAX_UTILISATION, np.nan)
    forecast = _run(bundle, corners)
    if not (np.isfinite(forecast.mean).all() and np.isfinite(forecast.quantiles).all()):
        raise BundleError(f"{bundle.manifest.graph.file} answers with NaN or infinity at the contract's limits")


def _run(bundle: Bundle, windows: FloatArray) -> Forecast:
    try:
        return bundle.forecast(windows)
    except Exception as error:  # ONNX Runtime's exceptions share no base of their own
        raise BundleError(f"{bundle.manifest.graph.file} fails when it is run") from error
