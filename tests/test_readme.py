"""What README promises: its verbs exist, and its curl line gets the forecast it describes."""

import json
import re
import subprocess
from pathlib import Path

import pytest

import readme
from qos_contract.predict import EXAMPLE_REQUEST
from running import ROOT, run


def forecast(body: str | None = None) -> dict[str, object]:
    command = readme.curl() if body is None else readme.curl().replace(readme.request_body(), body)
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=10)
    parsed = json.loads(answer.stdout)
    assert isinstance(parsed, dict)
    return parsed


def test_verbs_of_readme_are_in_the_makefile() -> None:
    listed = set(re.findall(r"make ([a-z-]+) ", run("make", "help").stdout))
    assert readme.verbs() <= listed | {"help"}


def test_links_of_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", readme.TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_window_of_readme_is_the_documented_example() -> None:
    assert json.loads(readme.request_body()) == EXAMPLE_REQUEST


@pytest.mark.system
@pytest.mark.usefixtures("healthy")
def test_curl_of_readme_answers_in_mbps() -> None:
    answer = forecast()
    assert answer["unit"] == "Mbps"
    assert 50 < float(str(answer["predicted_bandwidth"])) < 90


@pytest.mark.system
@pytest.mark.usefixtures("healthy")
def test_forecast_with_ten_times_the_capacity_is_ten_times_the_bandwidth() -> None:
    body = json.loads(readme.request_body()) | {"link_capacity_mbps": 1000}
    small, large = (float(str(answer["predicted_bandwidth"])) for answer in (forecast(), forecast(json.dumps(body))))
    assert large / small == pytest.approx(10, rel=0.2)


def test_documents_name_no_path_of_one_machine() -> None:
    files = [Path(name) for name in run("git", "ls-files", "*.md").stdout.split()]
    assert files
    assert [str(name) for name in files if re.search(r"/(home|root|work)/\w", (ROOT / name).read_text())] == []
