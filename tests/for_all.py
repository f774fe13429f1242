"""What another account may import: the clone and its environment may lie where no other account may enter."""

from __future__ import annotations

import shutil
from pathlib import Path

import jinja2
import markdown_it
import markupsafe
import mdurl
import nagiosplugin

import nagios_plugins

PACKAGES = (nagios_plugins, nagiosplugin, jinja2, markupsafe, markdown_it, mdurl)
"""the plugins, and what of their environment the links' pages import"""


def import_path_for_all(folder: Path) -> str:
    """Copy the packages into a folder that every account may enter; what to put into PYTHONPATH."""
    lib = folder / "lib"
    for package in PACKAGES:
        source = Path(package.__file__ or "").parent
        shutil.copytree(source, lib / source.name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for path in (lib, *lib.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return str(lib)
