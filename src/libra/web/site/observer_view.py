"""The contents of the observer: the tree of processes, and the state of everything."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from libra.formats.views.charts import BarSegment, stack
from libra.observability.health import Health, Node, NodeHealth

SILENT = 5.0
"""Seconds without a message after which a node is shown as silent."""

STATES = ("queued", "fetching", "weighing", "weighed", "failed")


@dataclass(frozen=True, slots=True)
class ObserverView:
    """The state of a running Libra at one moment.

    ``memory_bytes`` is the memory of the program; ``watchers`` are the processes of watches, by name;
    ``others`` are the other nodes of a cluster with their processes, as far as they report them.
    tell it.
    """

    health: Health
    tree: Node
    states: tuple[BarSegment, ...]
    pages: int
    processes: int
    restarts: int
    waiting: int
    quarantined: tuple[Node, ...]
    watchers: frozenset[str]
    memory_bytes: int
    others: tuple[tuple[NodeHealth, Node | None], ...]
    titles: Mapping[str, str]

    @property
    def verdict(self) -> str:
        """The state of Libra, in a sentence."""
        health = self.health
        if not health.accepting:
            return "Libra is shutting down and accepts no more pages."
        wrong = [
            PART_NAMES.get(name, name) for name, part in health.parts.items() if part.status != "ok"
        ]
        if not wrong:
            return "All is well."
        return f"Libra accepts, weighs and shows pages. Not well: {', '.join(wrong).lower()}."

    @property
    def promptness(self) -> str:
        """The delay of answers over the last minute, in words."""
        lag = self.health.loop_lag
        late = f"99 of 100 responses were less than {max(1, round(lag.p99_ms))} ms late"
        if lag.max_ms < PROMPT_MS:
            return f"Libra responds promptly: {late}."
        worst = f"the worst {lag.max_ms / 1000:.1f} s"
        sentence = (
            f"{'Some' if lag.p99_ms < PROMPT_MS else 'Many'} responses were late: {late}, {worst}."
        )
        return f"{sentence} The last delay came from {lag.culprit}." if lag.culprit else sentence


PART_NAMES = {
    "database": "Database",
    "journal": "Journal on this machine's disk",
    "pages": "Pages",
    "parsers": "Parsers",
    "browsers": "Browsers",
    "cluster": "Nodes of the cluster",
}
"""The names of the parts of `/health` for people."""

PROMPT_MS = 250
"""Milliseconds within which an answer counts as prompt."""


def observer_view(
    health: Health,
    tree: Node,
    quarantined: Mapping[str, str],
    trees: Mapping[str, Node | None],
    title_of: Callable[[str], str | None] = lambda _: None,
) -> ObserverView:
    """Arrange the state for the page.

    Args:
        health: of this Libra.
        tree: its processes.
        quarantined: pages and watches that stay stopped until they are retried, and why.
        trees: the processes of other nodes, by node name.
        title_of: returns the name of a page or a watch for people.
    """
    nodes = list(_walk(tree))
    in_tree = {node.name for node in nodes if node.state == "quarantined"}
    return ObserverView(
        health=health,
        tree=tree,
        states=stack((state, health.pages.get(state, 0)) for state in STATES),
        pages=sum(health.pages.values()),
        processes=sum(node.pid is not None for node in nodes) + sum(node.more for node in nodes),
        restarts=sum(node.restarts for node in nodes),
        waiting=sum(node.mailbox for node in nodes),
        quarantined=(
            *(node for node in nodes if node.state == "quarantined"),
            *(
                Node(name, None, "worker", "quarantined", reason=reason)
                for name, reason in quarantined.items()
                if name not in in_tree
            ),
        ),
        watchers=frozenset(
            child.name for node in nodes if node.name == "watches" for child in node.children
        ),
        memory_bytes=resident_bytes(),
        others=tuple(
            (node, trees.get(node.node))
            for node in health.nodes
            if node.node in trees or node.silent_seconds >= SILENT
        ),
        titles={
            node.name: title
            for node in nodes
            if not node.children and (title := title_of(node.name)) is not None
        },
    )


def resident_bytes() -> int:
    """Memory of this process; where that cannot be read, the most that it ever had."""
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
