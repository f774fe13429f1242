"""`make replay` on a real 5G trace, through the gateway that runs."""

import json

import pytest

from running import ROOT, SHARED_DATA, run

pytestmark = pytest.mark.system
TRACE = SHARED_DATA / "ucc5g.parquet"


@pytest.mark.usefixtures("healthy")
@pytest.mark.skipif(not TRACE.exists(), reason=f"no real trace at {TRACE}")
def test_replay_of_a_real_trace_reports_error_and_latency() -> None:
    done = run("make", "replay", f"DATA={TRACE}", timeout=600)
    print(done.stdout[-1500:])
    report = json.loads((ROOT / "reports" / "replay.json").read_text())
    assert report["split"] == "test"
    assert report["rows"] > 6000
    assert report["errors"] == 0
    assert report["rmse_mbps"] < 1.5 * report["rmse_persistence_mbps"]
    assert report["requests_per_second"] > 0
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p99"]


@pytest.mark.usefixtures("healthy")
def test_replay_of_a_missing_file_names_it() -> None:
    data = ROOT / "reports" / "none.parquet"
    done = run("make", "replay", f"DATA={data}", check=False)
    assert done.returncode != 0
    assert "none.parquet" in done.stdout
    assert "Traceback" not in done.stdout
