"""The figures of a cluster: `python -m benchmarks cluster`.

Everything is real and on loopback: three NATS servers that sync every write, PostgreSQL, and nodes that
are programs. All of it shares the cores of one machine.
"""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.cluster import holding, inspecting, submitting, taking_over
from benchmarks.figures import Figure, Rounds, Skipped


def measure(rounds: Rounds) -> Iterable[Figure | Skipped]:
    """What a web node holds and takes in, what inspectors weigh, and the death of one."""
    for module in (holding, submitting, inspecting, taking_over):
        yield from module.measure(rounds)
