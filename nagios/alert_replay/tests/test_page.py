"""The page as the command writes it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from alert_replay.__main__ import main

from .conftest import Write, swinging

pytestmark = pytest.mark.training


class Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def page_of(path: Path, out: Path, *more: str) -> str:
    assert main(["--data", str(path), "--out", str(out), *more]) == 0
    assert sorted(each.name for each in out.iterdir()) == [
        "alerts-details.json", "alerts.html", "alerts.json", "alerts.md",
    ]  # fmt: skip
    return (out / "alerts.html").read_text(encoding="utf-8")


def test_page_when_written_then_stands_alone_and_says_what_each_chart_shows(write: Write, tmp_path: Path) -> None:
    write("a/flat.csv", {"train": [[5.0] * 90], "test": [[5.0] * 90]})
    folder = write("a/walk.csv", {None: [swinging(3000)]}).parent
    page = page_of(folder, tmp_path / "out")
    tags = Tags(page).found
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    references = [value for _, found in tags for name, value in found.items() if name.split(":")[-1] in ("href", "src")]
    charts = [attributes for tag, attributes in tags if tag == "svg"]
    headings = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in tags}
    assert "http" not in page
    assert all(reference and reference.startswith("#") and reference[1:] in ids for reference in references)
    assert set(re.findall(r"url\(#([^)]*)\)", page)) <= set(ids)
    assert len(ids) == len(set(ids))
    assert len(charts) >= 7
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    assert "Left out: flat.csv" in page


def test_page_when_written_twice_then_has_the_same_bytes(write: Write, tmp_path: Path) -> None:
    path = write("walk.csv", {None: [swinging(1500)]})
    assert page_of(path, tmp_path / "one") == page_of(path, tmp_path / "two")


def test_page_when_a_name_holds_markup_then_it_is_shown_and_not_obeyed(write: Write, tmp_path: Path) -> None:
    path = write("x<script>alert(1)<.csv", {None: [swinging(1500)]})
    page = page_of(path, tmp_path / "out")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<script" not in (tmp_path / "out" / "alerts.md").read_text(encoding="utf-8").replace("\\<", "")


def test_page_when_nothing_was_ever_warned_of_then_says_so(write: Write, tmp_path: Path) -> None:
    lone = [20.0] * 60 + [90.0] + [20.0] * 60  # comes out of nothing, once
    page = page_of(write("lone.csv", {"train": [lone], "test": [lone]}), tmp_path / "out", "--threshold", "50")
    assert "never warned" in page


def test_command_when_the_place_cannot_be_written_then_says_so(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    path = write("walk.csv", {None: [swinging(1500)]})
    with pytest.raises(SystemExit) as stop:
        main(["--data", str(path), "--out", str(tmp_path / "file")])
    assert stop.value.code == 2
    assert "cannot write" in capsys.readouterr().err
