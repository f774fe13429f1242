"""`python -m benchmarks` measures all subjects in one run and writes what it found."""

import argparse
import json
import platform
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import footprint, page
from benchmarks.load import BenchmarkError, Sample, burst, require_wrk
from benchmarks.peers import PEERS
from benchmarks.processes import ALL_CORES, ProcessEndedError
from benchmarks.subjects import OWN, ROOT, Running, Subject, started
from benchmarks.targets import Verdict, judge

WARM_UP_SECONDS = 1
TURNS = 3
"""that a subject gets for a point where processes end under it"""


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds; medians are shown")
    parser.add_argument("--seconds", type=int, default=3, help="s of load for each point of a round")
    parser.add_argument("--peers", action="store_true", help="MLServer and BentoML, too")
    parser.add_argument("--out", type=Path, default=ROOT / "reports", help="folder of bench.json")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/benchmarks.md", help="page that is written")
    parser.add_argument(
        "--tolerance", type=float, help="fail where a target that is no time is missed by more than this factor"
    )
    wanted = parser.parse_args()
    try:
        require_wrk()
        missed = [verdict.name for verdict in measure(wanted) if verdict.is_missed_by(wanted.tolerance or inf)]
    except (BenchmarkError, AssertionError) as error:  # what the processes of a subject could not do
        say(f"make bench: {error}")
        return 1
    for name in missed:
        say(f"missed by more than {wanted.tolerance:g} times: {name}")
    return 1 if missed else 0


def measure(wanted: argparse.Namespace) -> list[Verdict]:
    """Measure, judge, write, and say where."""
    if len(ALL_CORES) == 1:
        say("there is one core only: servers and load share it, and latencies are those of a crowded machine")
    subjects = [*OWN, *(PEERS if wanted.peers else ())]
    rows = list(summarise(run(subjects, wanted.rounds, wanted.seconds)))
    say("footprint of both services")
    taken = footprint.measure()
    verdicts = judge(rows, taken)
    wanted.out.mkdir(parents=True, exist_ok=True)
    (wanted.out / "bench.json").write_text(json.dumps(rows, indent=1) + "\n")
    (wanted.out / "bench-footprint.json").write_text(json.dumps(taken, indent=1) + "\n")
    chart = wanted.page.with_suffix(".svg")
    page.draw(rows, chart)
    wanted.page.write_text(page.render(rows, verdicts, machine(), wanted.rounds, chart.name))
    sys.stdout.write(f"\n{page.table(rows)}\n\n{page.verdict_table(verdicts)}\n")
    sys.stdout.write(f"\nnext: read {wanted.page} (chart: {chart.name}); the rows are in {wanted.out / 'bench.json'}\n")
    return verdicts


def run(subjects: Sequence[Subject], rounds: int, seconds: int) -> dict[tuple[str, int], list[Sample]]:
    """Start all subjects, and load one after the other, round by round: what slows the machine slows all."""
    found: dict[tuple[str, int], list[Sample]] = {}
    with ExitStack() as stack:
        running: list[Running] = []
        for subject in subjects:
            say(f"starting {subject.name}")
            running.append(stack.enter_context(started(subject)))
            running[-1].tell(signal.SIGSTOP)
        for number in range(1, rounds + 1):
            for each in running:
                for connections in each.subject.connections:
                    sample = take_turn(each, connections, seconds)
                    found.setdefault((each.subject.name, connections), []).append(sample)
                    say(
                        f"round {number} of {rounds}: {each.subject.name} at {connections}: "
                        f"{sample.requests_per_cpu_second:,.0f} requests per CPU second, p99 {sample.p99_ms:.2f} ms"
                    )
    return found


def take_turn(running: Running, connections: int, seconds: int) -> Sample:
    """Warm a subject up, and measure it."""
    for turn in range(1, TURNS + 1):
        try:
            with running.turn():
                burst(running, connections, WARM_UP_SECONDS * running.subject.slowness)
                sample = burst(running, connections, seconds * running.subject.slowness)
        except ProcessEndedError as error:  # BentoML's keeper may replace a worker that stood still for too long
            if turn == TURNS:
                raise BenchmarkError(f"{running.subject.name} at {connections} connections: {error}") from None
            say(f"{running.subject.name} at {connections}: {error}; measured again")
        else:
            break
    if not sample.requests:
        raise BenchmarkError(f"{running.subject.name} answered nothing in {sample.seconds:.0f} s")
    return sample


def summarise(found: dict[tuple[str, int], list[Sample]]) -> Iterator[dict[str, Any]]:
    """Return a row of medians for each point."""
    for (subject, connections), samples in found.items():
        yield {
            "subject": subject,
            "connections": connections,
            "requests_per_cpu_second": round(median(sample.requests_per_cpu_second for sample in samples), 1),
            "p50_ms": round(median(sample.p50_ms for sample in samples), 3),
            "p99_ms": round(median(sample.p99_ms for sample in samples), 3),
            "requests": sum(sample.requests for sample in samples),
            "rounds": len(samples),
        }


def machine() -> dict[str, str]:
    """Return what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    libraries = {name: version(name) for name in ("fastapi", "uvicorn", "onnxruntime", "keras", "tensorflow")}
    return {str(len(ALL_CORES)): f"cores of {model}", "Python": platform.python_version()} | libraries


def say(text: str) -> None:
    """Tell who waits what goes on."""
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
