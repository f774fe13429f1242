"""Runbooks: what to do about an alarm, written in Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Runbook:
    """One of them."""

    name: str
    title: str


def names(folder: Path) -> list[str]:
    """The runbooks that there are.

    Raises:
        OSError: the folder cannot be read.
    """
    return sorted(path.stem for path in folder.iterdir() if path.suffix == ".md" and path.is_file())


def known(folder: Path) -> list[str]:
    """The runbooks that there are; none where the folder cannot be read."""
    try:
        return names(folder)
    except OSError:
        return []


def listed(folder: Path) -> list[Runbook]:
    """The runbooks with their titles.

    Raises:
        OSError: the folder or a file cannot be read.
    """
    return [Runbook(name, _title(_text(folder, name), name)) for name in names(folder)]


def title(folder: Path, name: str) -> str:
    """The title of one that is there.

    Raises:
        OSError: it cannot be read.
    """
    return _title(_text(folder, name), name)


def html(folder: Path, name: str) -> str:
    """One that is there as HTML. HTML in it is shown as it is written, and a link that runs a script is none.

    Raises:
        OSError: it cannot be read.
    """
    from markdown_it import MarkdownIt  # other pages do without

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(_text(folder, name))
    for token in (inline for block in tokens for inline in block.children or []):
        if token.type == "link_open":  # from one runbook to another, as it is written for those who read the files
            href = str(token.attrs["href"])
            token.attrs["href"] = re.sub(r"^([\w-][\w.-]*)\.md(?=#|$)", r"\1", href)
    return str(markdown.renderer.render(tokens, markdown.options, {}))


def _text(folder: Path, name: str) -> str:
    return (folder / f"{name}.md").read_text(encoding="utf-8", errors="replace")


def _title(text: str, name: str) -> str:
    found = re.search(r"^# +(\S.*?)\s*#*$", text, flags=re.MULTILINE)
    return found[1] if found else name
