"""Ansible module: have a folder hold the files that are given and no others, in one step for all of them."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: folder_files
short_description: Have a folder hold these files, and no others
description:
  - Files that differ are replaced, each at once.
options:
  path:
    description: The folder; it is made where it is not there.
    type: path
    required: true
  files:
    description: What each file holds, by its path in the folder.
    type: dict
    required: true
  directory_mode:
    description: Mode of the folder and of those in it.
    type: str
    required: true
  purge:
    description: Whether everything else in the folder is removed.
    type: bool
    default: true
  secret:
    description: Whether nobody is shown what the files hold.
    type: bool
    default: false
extends_documentation_fragment: files
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Have a folder with one file
  folder_files:
    path: /etc/example
    files: {"parts/one.cfg": "first = 1\n"}
    mode: "0644"
    directory_mode: "0755"
"""


def unfit(names: Iterable[str]) -> list[str]:
    """Names that lead out of the folder, or through a file that is wanted, too."""
    wanted = set(names)
    return sorted(
        name
        for name in wanted
        if PurePosixPath(name).is_absolute()
        or str(PurePosixPath(name)) != name
        or ".." in PurePosixPath(name).parts
        or name == "."
        or {str(parent) for parent in PurePosixPath(name).parents} & (wanted - {"."})
    )


def folders_of(names: Iterable[str]) -> list[str]:
    """The folders that files of these names are in, "." among them, each after the one that it is in."""
    return sorted({str(parent) for name in names for parent in PurePosixPath(name).parents} | {"."})


def strangers(root: Path, files: Iterable[str]) -> list[Path]:
    """What is in a folder and should not be, or is of another kind; each before the folder that it is in."""
    files = set(files)
    folders = set(folders_of(files))
    found = []
    for place, inner, names in os.walk(root, topdown=False):
        for path in (Path(place, name) for name in [*names, *inner]):
            name, mode = str(path.relative_to(root)), path.lstat().st_mode
            fits = (stat.S_ISREG(mode) and name in files) or (stat.S_ISDIR(mode) and name in folders)
            if not fits:
                found.append(path)
    return found


def text_of(path: Path) -> str:
    """What a file holds, as a diff shows it."""
    return path.read_bytes().decode("utf-8", "replace") if path.is_file() and not path.is_symlink() else ""


class Folder:
    """A folder on its way to what is wanted; `diffs` says what differs."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.root = Path(module.params["path"])
        self.changed = False
        self.diffs: list[dict[str, str]] = []

    def hold(self, files: Mapping[str, str]) -> None:
        """Bring it there; in check mode only say so."""
        folders = folders_of(files)
        if self.module.params["purge"] and self.root.is_dir():
            for path in strangers(self.root, files):
                self._remove(path)
        for name in folders:
            self._have_folder(self.root / name)
        for name, text in files.items():
            self._have_file(self.root / name, text)

    def _differs(self, path: Path, before: str, after: str) -> None:
        self.changed = True
        if not self.module.params["secret"]:
            self.diffs.append({"before": before, "after": after, "before_header": str(path), "after_header": str(path)})

    def _remove(self, path: Path) -> None:
        is_folder = path.is_dir() and not path.is_symlink()
        self._differs(path, "" if is_folder else text_of(path), "")
        if self.module.check_mode:
            return
        if is_folder:
            path.rmdir()
        else:
            path.unlink()

    def _have_folder(self, path: Path) -> None:
        if not path.is_dir():
            self.changed = True
            if self.module.check_mode:
                return
            path.mkdir(mode=0o700)
        self._own(path, self.module.params["directory_mode"])

    def _have_file(self, path: Path, text: str) -> None:
        content = text.encode()
        if path.is_symlink() or not path.is_file() or path.read_bytes() != content:
            self._differs(path, text_of(path), text)
            if self.module.check_mode:
                return
            handle, new = tempfile.mkstemp(dir=self.module.tmpdir)  # nobody else may read it
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            self._own(Path(new), self.module.params["mode"])
            self.module.atomic_move(new, str(path), keep_dest_attrs=False)
        self._own(path, self.module.params["mode"])

    def _own(self, path: Path, mode: str | None) -> None:
        """Give it owner, group and mode."""
        attributes = self.module.load_file_common_arguments({**self.module.params, "mode": mode}, path=str(path))
        if self.module.set_fs_attributes_if_different(attributes, changed=False):
            self.changed = True


def main() -> None:
    """Run the module."""
    options: dict[str, Any] = {
        "path": {"type": "path", "required": True},
        "files": {"type": "dict", "required": True},
        "directory_mode": {"type": "str", "required": True},
        "purge": {"type": "bool", "default": True},
        "secret": {"type": "bool", "default": False},
    }
    # What files hold would be in the host's journal.
    module = AnsibleModule(options, add_file_common_args=True, supports_check_mode=True, no_log=True)
    files = module.params["files"]
    if wrong := unfit(files):
        module.fail_json(msg=f"These are no paths of files in {module.params['path']}: {', '.join(wrong)}")
    folder = Folder(module)
    try:
        folder.hold({name: str(text) for name, text in files.items()})
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}")
    module.exit_json(changed=folder.changed, diff=folder.diffs)


if __name__ == "__main__":
    main()
