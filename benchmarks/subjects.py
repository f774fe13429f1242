"""Who is measured: the platform's services, the unit they are measured in, and what others would have written."""

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.processes import family, pinned
from qos_contract import EXAMPLE_REQUEST
from qos_runtime.testing import Endpoint, Process, free_port, open_listener

ROOT: Final = Path(__file__).parents[1]
SERVERS: Final = Path(__file__).parent / "servers"
BUNDLE: Final = ROOT / "services/ml-inference/bundles/default"
QUESTION: Final = json.dumps(EXAMPLE_REQUEST)
CONNECTIONS: Final = (1, 16, 64)


@dataclass(frozen=True)
class Server:
    """One process of a subject."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """`{name}` stands for the URL of the server of that name, `{port}` for this one's port, `{spare}` and
    `{other_spare}` for free ones"""
    ready: str = "/health/ready"
    """path that answers 200 once the server can be asked"""
    inherits_socket: bool = True
    """whether it listens on descriptor 0; otherwise on `{port}`"""
    python: Path = Path(sys.executable)


@dataclass(frozen=True)
class Subject:
    """What is asked for forecasts, or for what stands in their place."""

    name: str
    servers: tuple[Server, ...]
    """in the order they are started; the last one is asked"""
    path: str = "/predict"
    body: str = QUESTION
    connections: tuple[int, ...] = CONNECTIONS
    slowness: int = 1
    """times as many seconds as others get, so that there is something to count"""


@dataclass(frozen=True)
class Running:
    """A subject that has been started; it stands still but for its turns, so that it takes nothing from the others."""

    subject: Subject
    endpoint: Endpoint
    processes: tuple[Process, ...]
    """in the order of the subject's servers"""

    def pids(self) -> list[int]:
        """All processes, those that were started by processes among them."""
        return [pid for process in self.processes for pid in family(process.pid)]

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Go on from a stop, and stop again."""
        self.tell(signal.SIGCONT)
        try:
            yield
        finally:
            self.tell(signal.SIGSTOP)

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to all processes."""
        for pid in self.pids():
            with suppress(ProcessLookupError):  # ended meanwhile
                os.kill(pid, number)


INFERENCE: Final = Server(
    "inference", ("-m", "ml_inference"), {"ML_INFERENCE_SOCKET_FD": "0", "ML_INFERENCE_BUNDLE_DIR": str(BUNDLE)}
)
GATEWAY: Final = Server(
    "gateway", ("-m", "api_gateway"), {"API_GATEWAY_SOCKET_FD": "0", "API_GATEWAY_INFERENCE_URL": "{inference}"}
)
PAIR: Final = Subject("pair", (INFERENCE, GATEWAY))
OWN: Final = (
    PAIR,
    Subject("inference", (INFERENCE,)),
    # Without request id, trace and metrics: what observability costs.
    Subject(
        "inference_unobserved",
        (Server("unobserved", (str(SERVERS / "unobserved.py"),), INFERENCE.environment),),
        connections=(16,),
    ),
    Subject("echo", (Server("echo", (str(SERVERS / "echo.py"),)),)),
    Subject(
        "keras_pair",
        (
            Server("keras_inference", (str(SERVERS / "keras_inference.py"),)),
            Server("keras_gateway", (str(SERVERS / "keras_gateway.py"),), {"INFERENCE_URL": "{keras_inference}"}),
        ),
        slowness=3,
    ),
)


@contextmanager
def started(subject: Subject, patience: float = 120) -> Iterator[Running]:
    """Start a subject's processes on the servers' core, one after the other, and end them afterwards.

    Raises AssertionError if one is not ready after `patience` s.
    """
    urls: dict[str, str] = {}
    processes: list[Process] = []
    with ExitStack() as stack:
        for server in subject.servers:
            listener = stack.enter_context(open_listener()) if server.inherits_socket else None
            port: int = listener.getsockname()[1] if listener else free_port()
            values = {
                name: text.format(port=port, spare=free_port(), other_spare=free_port(), **urls)
                for name, text in server.environment.items()
            }
            with pinned():
                process = Process(server.arguments, values, listener, python=str(server.python))
            stack.callback(process.stop)
            processes.append(process)
            endpoint = Endpoint(port)
            urls[server.name] = endpoint.url
            endpoint.wait_for(server.ready, 200, patience=patience)
        running = Running(subject, endpoint, tuple(processes))
        try:
            yield running
        finally:
            running.tell(signal.SIGCONT)  # or nobody would hear that it is to end
