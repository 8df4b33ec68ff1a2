"""The status of the cluster: a node's part of `/health`, and `libra cluster status`."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from libra.cluster.engine.answers import Message
from libra.cluster.engine.connection import Engine
from libra.cluster.node.ledger import LedgerEntry
from libra.cluster.node.ledger import entries as ledger_of
from libra.cluster.node.messages import Here
from libra.cluster.node.presence import HERE, SILENT
from libra.cluster.records.layout import RESULTS_QUEUE, found, stream_of
from libra.cluster.replica.replica import AGE
from libra.observability.health import NodeHealth, Part, PartStatus
from libra.wording import count

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

#: Seconds to listen to the nodes: each announces itself once a second.
LISTENING: Final = 1.5


def part(node: ClusterNode) -> Part:
    """The part ``cluster`` of `/health`, from memory."""
    silent = [here.node for here, for_ in node.presence.nodes() if _is_silent(here, for_)]
    living = node.presence.living()
    serve = sum(here.role != "inspector" for here in living)
    weigh = sum(here.role != "web" for here in living)
    seen = count(len(living), "node")
    words = [f"this is {node.name} ({node.role}); {seen} seen, {serve} serve, {weigh} weigh"]
    status: PartStatus = "ok"
    if node.trouble is not None:
        status = "down"
        words.insert(0, node.trouble)
    if node.trouble is None and not any(here.role != "web" for here in living):
        status = "degraded"
        words.append("no inspector is running: submitted pages wait")
    if node.full:
        status = "degraded" if status == "ok" else status
        words.append("the engine is full: Libra accepts no pages")
    if silent:
        status = "degraded" if status == "ok" else status
        words.append(f"silent: {', '.join(silent)}")
    if node.owing.owed:
        words.append(f"{node.owing.owed} wait on this node to be handed over")
    replica = node.replica
    if replica is not None:
        age = replica.age()
        if age >= AGE:
            status = "degraded" if status == "ok" else status
            words.append(f"reports may be {age:.0f} s old")
        if not replica.complete:
            words.append("not all records are in memory")
        if replica.strange:
            words.append(f"{replica.strange} records of a newer Libra are left alone")
    weighing = node.weighing
    if weighing is not None and weighing.second_lives:
        words.append(f"this node weighed {weighing.second_lives} pages of other nodes again")
    return Part(status, node.trouble_since, "; ".join(words))


def nodes(node: ClusterNode) -> tuple[NodeHealth, ...]:
    """Every node that was heard lately, as `/health` shows it."""
    return tuple(
        NodeHealth(
            node=here.node,
            role=here.role,
            version=here.version,
            pages=here.under_way,
            places=here.places,
            silent_seconds=round(seconds, 1),
            skew_seconds=round(skew, 3),
            journaled=here.journaled,
            weighed=here.weighed,
            second_lives=here.second_lives,
            trouble=here.trouble,
        )
        for here, seconds, skew in node.presence.known()
        if not here.leaving
    )


def _is_silent(here: Here, seconds: float) -> bool:
    return seconds >= SILENT and not here.leaving


class NodeState(msgspec.Struct, frozen=True):
    """A node as another node sees it."""

    node: str
    role: str
    version: str
    under_way: int
    places: int
    silent_seconds: float
    skew_seconds: float
    trouble: str | None
    journaled: int


class QueueState(msgspec.Struct, frozen=True):
    """A queue of a shard."""

    shard: int
    queue: str
    waiting: int
    under_way: int
    redelivered: int


class Copy(msgspec.Struct, frozen=True):
    """A server that has a copy of a stream, other than its leader."""

    server: str
    current: bool
    offline: bool


class StreamState(msgspec.Struct, frozen=True):
    """A stream of the engine."""

    name: str
    messages: int
    bytes: int
    leader: str | None
    copies: tuple[Copy, ...]


class ClusterState(msgspec.Struct, frozen=True):
    """Everything that a node can find out about its cluster."""

    name: str
    at: datetime
    shards: int
    nodes: tuple[NodeState, ...]
    queues: tuple[QueueState, ...]
    streams: tuple[StreamState, ...]


async def look(engine: Engine, seconds: float = LISTENING) -> ClusterState:
    """Ask the engine, and listen to the announcements of the nodes for a moment.

    Raises:
        EngineAway: the engine does not answer.
        LookupError: there is no cluster on it.
    """
    heard: dict[str, tuple[float, Here]] = {}

    async def hear(message: Message) -> None:
        here = msgspec.json.decode(message.data, type=Here)
        heard[here.node] = time.time(), here

    listening = await engine.listen(HERE, hear)
    layout = await found(engine)
    entries = await ledger_of(engine)
    queues: list[QueueState] = []
    streams: list[StreamState] = []
    for shard in layout.shards:
        name = stream_of(shard)
        streams.append(_stream(await engine.api(f"STREAM.INFO.{name}")))
        for queue in ("weigh-static", "weigh-rendered", RESULTS_QUEUE, "store"):
            info = await engine.api(f"CONSUMER.INFO.{name}.{queue}")
            counts = (info[key] for key in ("num_pending", "num_ack_pending", "num_redelivered"))
            queues.append(QueueState(shard, queue, *counts))
    await asyncio.sleep(seconds)
    await listening.close()
    nodes = [_heard(here, at, time.time()) for at, here in heard.values() if not here.leaving]
    nodes += [_silent(entry) for entry in entries if entry.node not in heard and not entry.left]
    return ClusterState(
        layout.identity.name,
        datetime.now(UTC),
        len(layout.shards),
        tuple(sorted(nodes, key=lambda node: node.node)),
        tuple(queues),
        tuple(streams),
    )


def _heard(here: Here, at: float, now: float) -> NodeState:
    return NodeState(
        here.node,
        here.role,
        here.version,
        here.under_way,
        here.places,
        round(now - at, 1),
        round(at - here.at, 2),
        here.trouble,
        here.journaled,
    )


def _silent(entry: LedgerEntry) -> NodeState:
    since = datetime.fromtimestamp(entry.at / 1000, UTC)
    seconds = (datetime.now(UTC) - since).total_seconds()
    words = f"silent since {since:%Y-%m-%d %H:%M:%S} UTC"
    if entry.oldest is not None:
        words += ", with pages on its disk that no other node has"
    return NodeState(entry.node, entry.role, entry.version, 0, 0, round(seconds, 1), 0.0, words, 0)


def _stream(info: dict[str, Any]) -> StreamState:
    copies = info.get("cluster") or {}
    return StreamState(
        info["config"]["name"],
        info["state"]["messages"],
        info["state"]["bytes"],
        copies.get("leader"),
        tuple(
            Copy(one["name"], one.get("current", False), one.get("offline", False))
            for one in copies.get("replicas") or ()
        ),
    )


def as_table(state: ClusterState) -> str:
    """The state for people."""
    lines = [f"Cluster {state.name}, {count(state.shards, 'shard')}", ""]
    lines.append(
        f"{'node':<28} {'role':<10} {'version':<9} {'under way':>9} {'silent':>7} {'skew':>7}"
    )
    lines += [
        f"{node.node:<28} {node.role:<10} {node.version:<9} "
        f"{f'{node.under_way}/{node.places}':>9} {node.silent_seconds:>6.1f}s "
        f"{node.skew_seconds:>6.2f}s  {_words(node)}".rstrip()
        for node in state.nodes
    ]
    lines += ["", f"{'queue':<25} {'waiting':>8} {'under way':>9} {'again':>6}"]
    for queue in state.queues:
        name = f"{queue.queue} of shard {queue.shard}"
        lines.append(f"{name:<25} {queue.waiting:>8} {queue.under_way:>9} {queue.redelivered:>6}")
    lines += ["", f"{'stream':<10} {'messages':>9} {'bytes':>12}  leader and copies"]
    for stream in state.streams:
        copies = "".join(f", {one.server}{_how(one)}" for one in stream.copies)
        lines.append(
            f"{stream.name:<10} {stream.messages:>9} {stream.bytes:>12}  "
            f"{stream.leader or 'no leader'}{copies}"
        )
    return "\n".join(lines)


def _words(node: NodeState) -> str:
    words = [node.trouble] if node.trouble else []
    if node.journaled:
        words.append(f"{node.journaled} on its disk to be handed over")
    return "; ".join(words)


def _how(copy: Copy) -> str:
    return " (away)" if copy.offline else "" if copy.current else " (behind)"


def as_json(state: ClusterState) -> str:
    """The state for programs."""
    return msgspec.json.format(msgspec.json.encode(state), indent=2).decode()
