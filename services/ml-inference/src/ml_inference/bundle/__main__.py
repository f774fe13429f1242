"""`python -m ml_inference.bundle FOLDER` says whether a bundle can be served: 0, or 1 and the reason on stderr."""

import argparse
import sys
from pathlib import Path

from ml_inference.bundle import BundleError, load_bundle


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m ml_inference.bundle", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with manifest.json, model.onnx and baseline.onnx")
    folder = parser.parse_args().folder
    try:
        bundle = load_bundle(folder)
    except BundleError as error:
        sys.stderr.write(f"{folder} cannot be served: {error}\n")
        return 1
    sys.stdout.write(f"{folder} can be served: {bundle.version} answers\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
