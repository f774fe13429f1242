"""The results as a page of the documentation, with a chart."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.targets import Row, Verdict

WORDS: Final = {
    "pair": "api-gateway and ml-inference, the shipped model",
    "inference": "ml-inference alone",
    "inference_unobserved": "ml-inference without request id, trace and metrics",
    "echo": "a FastAPI endpoint that validates the same request and sends it back: the unit",
    "keras_pair": "a FastAPI gateway (httpx) and a FastAPI service with `model.predict`, as tutorials have it",
    "mlserver": "MLServer with the same ONNX file",
    "bentoml": "BentoML with the same ONNX file",
}


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| subject | connections | requests per CPU second | p50, ms | p99, ms |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {row['subject']} | {row['connections']} | {row['requests_per_cpu_second']:,.0f} "
        f"| {row['p50_ms']:.2f} | {row['p99_ms']:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Return the verdicts as a Markdown table."""
    lines = ["| | asked for | found | |", "|---|---:|---:|---|"]
    for verdict in verdicts:
        sign = "≥" if verdict.at_least else "≤"
        aim = f" (aim {verdict.aim:g})" if verdict.aim is not None else ""
        found = (
            "–"
            if verdict.found is None
            else f"{verdict.found:,.3g}"
            if verdict.found < 1000
            else f"{verdict.found:,.0f}"
        )
        lines.append(f"| {verdict.name} | {sign} {verdict.bound:g}{aim} | {found} | {verdict.words} |")
    return "\n".join(lines)


def render(
    rows: Sequence[Row], verdicts: Sequence[Verdict], machine: Mapping[str, str], rounds: int, chart: str
) -> str:
    """Return the page."""
    subjects = dict.fromkeys(row["subject"] for row in rows)
    described = "\n".join(f"- `{subject}`: {WORDS.get(subject, subject)}" for subject in subjects)
    facts = ", ".join(f"{name} {value}" for name, value in machine.items())
    return f"""# Benchmarks

Written by `make bench`; medians of {rounds} rounds in one run, in which the subjects took turns.

A *request per CPU second* is a request answered with 200 per second of CPU time (user and system) of all server
processes of the subject together. All servers share one core, the load generator (wrk) has another; the page says
what a forecast costs, not how many a large machine can give. The platform's processes make themselves `SCHED_BATCH`;
the others run as they are made. Latencies are wrk's. Each request is README's: ten samples, one step ahead.

{described}

![Requests per CPU second at 16 connections]({chart})

{table(rows)}

What was asked for, and what was found:

{verdict_table(verdicts)}

Measured on: {facts}.

Differences under 15 % are noise on a shared machine; ratios within one run are what to compare. To repeat it:
`make bench`, with `PEERS=1` for MLServer and BentoML.
"""


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw requests per CPU second at 16 connections as bars, on a logarithmic scale."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "benchmarks"  # the same figure is the same file
    from matplotlib import pyplot as plt

    bars = {row["subject"]: row["requests_per_cpu_second"] for row in rows if row["connections"] == 16}
    names = sorted(bars, key=lambda name: bars[name])
    figure, axes = plt.subplots(figsize=(7, 0.5 + 0.45 * len(names)), layout="constrained")
    drawn = axes.barh(
        names,
        [bars[name] for name in names],
        color=["#2b6cb0" if n in ("pair", "inference") else "#a0aec0" for n in names],
    )
    axes.bar_label(drawn, [f" {bars[name]:,.0f}" for name in names])
    axes.set_xscale("log")
    axes.set_xlabel("requests per CPU second, 16 connections (logarithmic)")
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
