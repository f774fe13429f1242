"""Whatever bodies come, and however: both services stay well below the memory limits of their Deployments."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from qos_contract import EXAMPLE_REQUEST, MAX_BATCH, PredictRequest
from qos_runtime.testing import Endpoint, Process, running

from .conftest import BUNDLE
from .flood import read_answer

BOUNDS = {"gateway": 160, "inference": 256}
"""MiB; the limits are 192 and 320"""
MAX_BYTES = 2_097_152


@dataclass(frozen=True)
class Pair:
    """Both services, as they run with their defaults."""

    gateway: Endpoint
    inference: Endpoint
    processes: dict[str, Process]

    def peaks(self) -> dict[str, float]:
        """The most memory in MiB that each has had so far."""
        texts = {name: Path(f"/proc/{process.pid}/status").read_text() for name, process in self.processes.items()}
        return {name: int(re.findall(r"VmHWM:\s+(\d+) kB", text)[0]) / 1024 for name, text in texts.items()}


@contextmanager
def running_pair() -> Iterator[Pair]:
    with (
        running(["-m", "ml_inference"], "ML_INFERENCE_", bundle_dir=BUNDLE) as (inference, model),
        running(["-m", "api_gateway"], "API_GATEWAY_", inference_url=inference.url) as (gateway, front),
    ):
        gateway.wait_for("/health/ready", 200)
        yield Pair(gateway, inference, {"gateway": front, "inference": model})


def batch(samples: int) -> bytes:
    """As many links as may be asked for at once, with so many samples each, and every field that there is."""
    link: dict[str, Any] = {name: (values * samples)[:samples] for name, values in EXAMPLE_REQUEST.items()}
    link |= {"horizon": 5, "link_capacity_mbps": 100, "threshold_mbps": 70, "forecaster": "model", "path": True}
    assert set(link) == set(PredictRequest.model_fields)
    return json.dumps({"requests": [link] * MAX_BATCH}).encode()


def fill(begin: str, item: str, end: str, most: int = MAX_BYTES) -> bytes:
    """As long a body as is read, with `most` items at most."""
    count = min(most, (MAX_BYTES - len(begin) - len(end)) // (len(item) + 1))
    return f"{begin}{','.join([item] * count)}{end}".encode()


def link_of(value: Any) -> str:
    return json.dumps(dict.fromkeys(EXAMPLE_REQUEST, [value] * 512), separators=(",", ":"))


TENSOR = '{"inputs": [{"name": "history", "shape": [1], "datatype": "FP32", "data": ['
# One of them took a gateway 50 to 230 MiB, and ml-inference up to 2,200, before it was refused or answered.
COSTLY = {
    "numbers": ("/predict/batch", fill('{"requests":[', "0", "]}"), 422),
    "short samples": ("/predict/batch", fill('{"requests":[', link_of(1), "]}", MAX_BATCH), 200),
    "wrong samples": ("/predict/batch", fill('{"requests":[', link_of(-1), "]}"), 200),
    "samples of another type": ("/predict/batch", fill('{"requests":[', link_of([]), "]}"), 422),
    "lists": ("/predict/batch", fill('{"requests":[', "[0]", "]}"), 422),
    "objects": ("/predict/batch", fill('{"requests":[', '{"a":0}', "]}"), 422),
    "fields": ("/predict/batch", b"{%b}" % b",".join(b'"%x":1' % number for number in range(190_000)), 422),
    "tensor": ("/v2/models/bandwidth/infer", fill(TENSOR, "0", "]}]}"), 400),
    "tensor of strings": ("/v2/models/bandwidth/infer", fill(TENSOR, '""', "]}]}"), 400),
}


def test_bodies_when_of_the_costliest_kinds_then_each_is_judged_within_the_bounds() -> None:
    with running_pair() as pair:
        for name, (path, body, status) in COSTLY.items():
            assert 0.75 * MAX_BYTES < len(body) <= MAX_BYTES
            asked = pair.inference if path.startswith("/v2") else pair.gateway
            for _ in range(3):  # or what is left from the one before is seen only by the next kind
                assert asked.post(path, body).status == status, name
            peaks = pair.peaks()
            assert {service: peak for service, peak in peaks.items() if peak > BOUNDS[service]} == {}, name


@dataclass
class Crowd:
    """Clients that ask for so many seconds, and what they were answered."""

    port: int
    seconds: float
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    refusal_seconds: list[float] = field(default_factory=list)
    """s that batches waited for a 503"""

    async def small(self) -> None:
        """Ask for one link again and again."""
        await self._ask("small", "/predict", json.dumps(EXAMPLE_REQUEST).encode(), pause=0.02)

    async def large(self, body: bytes) -> None:
        """Send a batch again and again."""
        await self._ask("large", "/predict/batch", body, pause=0.2)

    async def slow(self, *, announced: bool) -> None:
        """Send all of a large batch but its end."""
        size = MAX_BYTES - 1
        kind = (
            f"content-length: {MAX_BYTES}\r\n\r\n" if announced else f"transfer-encoding: chunked\r\n\r\n{size:x}\r\n"
        )
        begin = f"POST /predict/batch HTTP/1.1\r\nhost: x\r\n{kind}".encode() + b" " * size
        end = time.monotonic() + self.seconds
        while (left := end - time.monotonic()) > 0:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            with closing(writer):
                writer.write(begin)
                try:
                    async with asyncio.timeout(left):
                        self._count("slow", (await read_answer(reader))[0])
                except TimeoutError:
                    return
            await asyncio.sleep(0.2)

    async def _ask(self, kind: str, path: str, body: bytes, pause: float) -> None:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        with closing(writer):
            end = time.monotonic() + self.seconds
            while time.monotonic() < end:
                writer.write(head + body)
                status, headers = await read_answer(reader)
                self._count(kind, status)
                if status == 503:
                    assert int(headers[b"retry-after"]) > 0
                await asyncio.sleep(pause)

    def _count(self, kind: str, status: int) -> None:
        self.statuses.setdefault(kind, Counter())[status] += 1


SHORT_SAMPLES = COSTLY["short samples"][1]
MIXTURES = {
    "announced and slow": (100, 0, 0),
    "chunked and slow": (0, 100, 0),
    "large": (0, 0, 100),
    "everything": (30, 30, 60),
}


@pytest.mark.parametrize(
    ("mixture", "seconds"),
    [("announced and slow", 3), *(pytest.param(name, 12, marks=pytest.mark.load) for name in MIXTURES)],
)
def test_pair_when_large_bodies_crowd_in_then_stays_within_the_bounds_and_answers_small_ones(
    mixture: str, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    announced, chunked, large = MIXTURES[mixture]
    with running_pair() as pair:
        crowd = Crowd(pair.gateway.port, seconds)

        async def ask() -> None:
            await asyncio.gather(
                crowd.small(),
                *(crowd.slow(announced=True) for _ in range(announced)),
                *(crowd.slow(announced=False) for _ in range(chunked)),
                *(crowd.large(SHORT_SAMPLES) for _ in range(large)),
            )

        asyncio.run(ask())
        peaks = pair.peaks()
        with capsys.disabled():
            print(f"\n{mixture}: {peaks}, {crowd.statuses}")  # noqa: T201 - the figures are the result
        assert {service: peak for service, peak in peaks.items() if peak > BOUNDS[service]} == {}
        assert set(crowd.statuses["small"]) == {200}
        crowded = sum((crowd.statuses[kind] for kind in crowd.statuses if kind != "small"), Counter[int]())
        assert crowded[503] > 0
        assert set(crowded) <= {200, 408, 503}
        assert pair.gateway.post("/predict/batch", batch(samples=200)).status == 200
