from pathlib import Path
from typing import Any

import pytest

from ml_inference.report.__main__ import main
from ml_inference.report.evaluation import read


def refusal(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    out = tmp_path / "report.html"
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--out", str(out)])
    assert stop.value.code == 2
    assert not out.exists()
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert "make evaluate DATA=…" in text
    return text


@pytest.mark.parametrize("name", ["evaluation.json", "evaluation-details.json"])
@pytest.mark.parametrize("content", [None, "", "{", "17", '[{"set": "valley"}]', '{"created": "today"}'])
def test_command_when_a_file_is_no_good_then_one_sentence_names_it(
    files: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str | None
) -> None:
    arguments = files.write()
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(content)
    assert str(tmp_path / name) in refusal(arguments, tmp_path, capsys)


def test_read_when_a_figure_is_not_a_number_then_it_is_not_known(files: Any) -> None:
    files.scores[0]["crps"] = float("nan")
    files.write()
    assert read(files.evaluation_file, files.details_file).scores[0].crps is None


def test_read_when_rows_are_of_another_split_or_segment_then_leaves_them_out(files: Any) -> None:
    expected = len(files.scores)
    files.scores += [row | other for row in files.scores for other in ({"split": "val"}, {"segment": "calm"})]
    files.write()
    assert len(read(files.evaluation_file, files.details_file).scores) == expected


def test_models_when_one_is_new_then_it_comes_after_those_known(files: Any) -> None:
    files.scores.insert(0, files.scores[0] | {"model": "prophet"})
    files.write()
    evaluation = read(files.evaluation_file, files.details_file)
    assert evaluation.models == ["lstm", "lstm-zero-shot", "lightgbm", "ridge", "persistence", "prophet"]
    assert (evaluation.sets, evaluation.overall, evaluation.ends) == (["valley", "tower"], "macro", [1, 5])
