"""What the observer shows: the living tree of processes, and how everything is."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from libra.health import Health, Node
from libra.web.charts import Segment, stack

STATES = ("queued", "fetching", "weighing", "weighed", "failed")


@dataclass(frozen=True, slots=True)
class ObserverView:
    """A moment of a running Libra.

    ``memory_bytes`` is what the program holds of the machine's; ``watchers`` are the processes that are
    watches, by name.
    """

    health: Health
    tree: Node
    states: tuple[Segment, ...]
    pages: int
    processes: int
    restarts: int
    waiting: int
    quarantined: tuple[Node, ...]
    watchers: frozenset[str]
    memory_bytes: int


def observer_view(health: Health, tree: Node) -> ObserverView:
    """Arrange what is known."""
    nodes = list(_walk(tree))
    return ObserverView(
        health=health,
        tree=tree,
        states=stack((state, health.pages.get(state, 0)) for state in STATES),
        pages=sum(health.pages.values()),
        processes=sum(node.pid is not None for node in nodes) + sum(node.more for node in nodes),
        restarts=sum(node.restarts for node in nodes),
        waiting=sum(node.mailbox for node in nodes),
        quarantined=tuple(node for node in nodes if node.state == "quarantined"),
        watchers=frozenset(
            child.name for node in nodes if node.name == "watches" for child in node.children
        ),
        memory_bytes=resident_bytes(),
    )


def resident_bytes() -> int:
    """Memory that this process holds; where that cannot be asked, the most that it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)
