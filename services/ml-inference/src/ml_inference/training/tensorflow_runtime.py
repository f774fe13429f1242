"""TensorFlow set up before its first use: quiet, deterministic, on the processor."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

THREADS = 2
"""Fixed, not the machine's cores: how sums are shared out decides their last digit."""

ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",  # a graphics card would train other weights from the same seed
    "TF_ENABLE_ONEDNN_OPTS": "0",  # and so would kernels that depend on the processor
}


def prepare() -> None:
    """Load TensorFlow; call it before the first import of Keras. May be called again."""
    os.environ.update(ENVIRONMENT)
    with _silent_stderr():
        import keras  # noqa: F401 – its backend prints, too
        import tensorflow as tf
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # many small models are what is wanted here
    if not tf.config.threading.get_intra_op_parallelism_threads():
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        tf.config.threading.set_inter_op_parallelism_threads(THREADS)
        tf.config.experimental.enable_op_determinism()


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Close the file descriptor's mouth: TensorFlow's libraries write to it before they read any setting."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
