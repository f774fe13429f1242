"""Other servers of models, with the same graph behind them: each in an environment of its own."""

from typing import Final

from benchmarks.subjects import Subject

PEERS: Final[tuple[Subject, ...]] = ()
