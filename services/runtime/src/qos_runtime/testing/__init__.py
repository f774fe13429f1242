"""For tests, smoke tests and benchmarks: services as real processes, upstreams that misbehave."""

from qos_runtime.testing.faults import Exchange, FaultServer, run_fault_server
from qos_runtime.testing.process import STARTED, Answer, Endpoint, Process, free_port, open_listener, running

__all__ = [
    "STARTED",
    "Answer",
    "Endpoint",
    "Exchange",
    "FaultServer",
    "Process",
    "free_port",
    "open_listener",
    "run_fault_server",
    "running",
]
