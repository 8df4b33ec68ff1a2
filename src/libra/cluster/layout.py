"""Where everything is kept: streams, subjects, consumers, and which shard an id belongs to.

Everything of a page is in one stream, so that one expectation fences all of it: two writers never both
win. The same stream is the queue of those who weigh and of those who store.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from libra.cluster.engine import Engine
from libra.cluster.errors import Conflict, EngineAway, Misconfigured
from libra.ids import new_id

CLUSTER: Final = "libra-cluster"
"""The stream of what the cluster knows of itself."""

WATCHES: Final = "libra-watches"
"""The stream of watches and their turns."""

KEYS: Final = "libra-keys"
"""The stream of idempotency keys."""

IDENTITY: Final = "libra.cluster.identity"
"""The subject of what it is."""

MARKERS: Final = 24 * 3600
"""Seconds that a marker stands where something expired."""

TOMBSTONES: Final = 7 * 24 * 3600
"""Seconds that a deletion stands after the database has it."""

KEYS_KNOWN: Final = 24 * 3600
"""Seconds that an idempotency key is known."""

WEIGH_WAIT: Final = 5.0
"""Seconds without a word from whoever has a page until it is given to somebody else."""

STORE_WAIT: Final = 30.0
"""The same for what is to be stored."""

IDLE: Final = 30
"""Seconds until the engine forgets a consumer of `snapshot_of` that nobody asks."""

NEEDED: Final = (
    "retention",
    "max_msgs_per_subject",
    "allow_direct",
    "allow_msg_ttl",
    "allow_msg_schedules",
)
"""What a stream must have as Libra makes it, whoever made it; anything else may differ."""

FORMAT: Final = 1
"""Of what a cluster says of itself: the highest that is known here."""

GRACE: Final = 600
"""Seconds until another number of shards holds: by then every node must know of it."""

TRUST: Final = 300
"""Seconds for which a node relies on what it has read of the shards: after that it reads first."""

UNDER_WAY: Final = 20_000
"""Pages that may be under way in one shard and queue, or wait for the database."""

STRAYS: Final = 100_000
"""Pages at most of which it is known that they are not in the shard that their ids name."""

_NANO: Final = 1_000_000_000

Kind = Literal["sub", "rec", "del", "clock"]
Queue = Literal["static", "rendered"]

RESULTS_QUEUE: Final = "results"
"""The consumer of results of CI."""


class Shards(msgspec.Struct, frozen=True):
    """How many shards there are from a moment on."""

    since: int
    """Milliseconds of Unix time: pages submitted from then on."""
    number: int


class Identity(msgspec.Struct, frozen=True):
    """What a cluster is: written once, by whichever node is the first."""

    name: str
    shards: tuple[Shards, ...]
    format: int = FORMAT


class Layout:
    """Subjects and streams of one cluster.

    A page is in the shard that its id names. Those of a node whose clock was ahead while the cluster was
    given other shards are not: their ids are of a time that was divided differently later. Such a page
    is where it is seen.

    Args:
        identity: of the cluster.
        strays: the shards of pages that are elsewhere, by their ids.
    """

    def __init__(self, identity: Identity, strays: dict[str, int] | None = None) -> None:
        self.identity = identity
        self.strays = {} if strays is None else strays
        self._entries: Sequence[Shards] = sorted(identity.shards, key=lambda entry: entry.since)

    @property
    def shards(self) -> range:
        """All shards that there are, also of pages of earlier times."""
        return range(max(entry.number for entry in self._entries))

    def shard_of(self, page_id: str) -> int:
        """The shard of a page: by its random bits, and by when it was submitted."""
        if self.strays and page_id in self.strays:
            return self.strays[page_id]
        submitted = int(page_id[:8] + page_id[9:13], 16)
        number = self._entries[0].number
        for entry in self._entries:
            if entry.since <= submitted:
                number = entry.number
        return int(page_id[-8:], 16) % number

    def seen(self, subject: str) -> None:
        """Take note of where a message of a page was seen."""
        tokens = subject.split(".")
        shard, page_id = int(tokens[1]), tokens[2]
        if self.shard_of(page_id) != shard:
            if len(self.strays) >= STRAYS:
                del self.strays[next(iter(self.strays))]
            self.strays[page_id] = shard

    def stream(self, page_id: str) -> str:
        """The stream of a page."""
        return stream_of(self.shard_of(page_id))

    def subject(self, page_id: str, what: str) -> str:
        """A subject of a page, such as ``rec``, ``sub.static`` or ``>`` for all of them."""
        return f"libra.{self.shard_of(page_id)}.{page_id}.{what}"


def stream_of(shard: int) -> str:
    """The name of the stream of a shard."""
    return f"libra-{shard}"


def parts_of(subject: str) -> tuple[str, str]:
    """The id and the kind of what is under a subject of a shard: ``sub``, ``rec``, ``del``, ``clock``.

    Of a clock the first is ``clock`` and the second is the node.
    """
    tokens = subject.split(".")
    return tokens[2], tokens[3]


def streams(shards: range, replicas: int) -> Iterator[dict[str, Any]]:
    """The configuration of every stream."""
    shared = {
        "retention": "limits",
        "storage": "file",
        "num_replicas": replicas,
        "max_msgs_per_subject": 1,
        "discard": "old",
        "allow_direct": True,
        "allow_msg_ttl": True,
        "subject_delete_marker_ttl": MARKERS * _NANO,
        "duplicate_window": 120 * _NANO,
    }
    for shard in shards:
        yield {"name": stream_of(shard), "subjects": [f"libra.{shard}.>"], **shared}
    yield {
        "name": WATCHES,
        "subjects": ["libra.watch.>"],
        **shared,
        "allow_msg_schedules": True,
    }
    yield {"name": KEYS, "subjects": ["libra.key.*"], **shared}


def consumers(shard: int, replicas: int) -> Iterator[dict[str, Any]]:
    """The configuration of the queues of a shard."""
    shared = {
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "max_deliver": -1,
        "max_ack_pending": UNDER_WAY,
        "num_replicas": replicas,
    }
    for queue in ("static", "rendered"):
        yield {
            "durable_name": f"weigh-{queue}",
            "filter_subject": f"libra.{shard}.*.sub.{queue}",
            "ack_wait": round(WEIGH_WAIT * _NANO),
            **shared,
        }
    yield {
        "durable_name": RESULTS_QUEUE,
        "filter_subject": f"libra.{shard}.*.sub.result",
        "ack_wait": round(STORE_WAIT * _NANO),
        **shared,
    }
    yield {
        "durable_name": "store",
        "filter_subjects": [f"libra.{shard}.*.rec", f"libra.{shard}.*.del"],
        "ack_wait": round(STORE_WAIT * _NANO),
        **shared,
    }


def turns(replicas: int) -> dict[str, Any]:
    """The configuration of what gives watches their turns."""
    return {
        "durable_name": "turns",
        "filter_subject": "libra.watch.due.*",
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "ack_wait": round(STORE_WAIT * _NANO),
        "max_deliver": -1,
        "max_ack_pending": UNDER_WAY,
        "num_replicas": replicas,
    }


def watch_backup(replicas: int) -> dict[str, Any]:
    """The configuration of what has the database take watches."""
    return turns(replicas) | {"durable_name": "store", "filter_subject": "libra.watch.rec.*"}


async def settle(engine: Engine, *, shards: int, replicas: int) -> Layout:
    """Make what is not there yet and read what is; may be called by many at once.

    Args:
        engine: the connection.
        shards: how many, if this is the first node; afterwards it must be the same.
        replicas: how many servers have a copy of everything.

    Raises:
        Misconfigured: the engine refuses that, or there is another number of shards.
        EngineAway: not now.
    """
    await make_stream(
        engine,
        {
            "name": CLUSTER,
            "subjects": ["libra.cluster.>"],
            "retention": "limits",
            "storage": "file",
            "num_replicas": replicas,
            "max_msgs_per_subject": 1,
            "discard": "old",
            "allow_direct": True,
            "allow_msg_ttl": True,
        },
    )
    identity = await _identity(engine, shards)
    if identity.format > FORMAT:
        raise Misconfigured(
            f"a newer Libra has laid out this cluster, in format {identity.format}: "
            f"this one knows up to {FORMAT}; update it"
        )
    if identity.shards[-1].number != shards:
        raise Misconfigured(
            f"this cluster has {identity.shards[-1].number} shards: "
            f"start every node with --cluster-shards {identity.shards[-1].number}"
        )
    layout = Layout(identity)
    for config in streams(layout.shards, replicas):
        await make_stream(engine, config)
    await _make_consumer(engine, WATCHES, turns(replicas))
    await _make_consumer(engine, WATCHES, watch_backup(replicas))
    for shard in layout.shards:
        for config in consumers(shard, replicas):
            await _make_consumer(engine, stream_of(shard), config)
    return layout


async def found(engine: Engine) -> Layout:
    """Where everything of the cluster is that there is.

    Raises:
        LookupError: there is none on this engine.
        EngineAway: not now.
    """
    nobody = "no node of a cluster has ever started on these servers"
    try:
        await engine.api(f"STREAM.INFO.{CLUSTER}")
    except LookupError:
        raise LookupError(nobody) from None
    identity = await engine.last(CLUSTER, IDENTITY)
    if identity is None:
        raise LookupError(nobody)
    return Layout(read_identity(identity.data))


def read_identity(data: bytes) -> Identity:
    """What a cluster is, as a message says it.

    Raises:
        msgspec.MsgspecError: it says nothing of the kind.
    """
    return msgspec.json.decode(data, type=Identity)


async def reshard(engine: Engine, number: int, *, now: int) -> Shards:
    """Have pages that are submitted from `GRACE` on in so many shards; those before stay where they are.

    Args:
        engine: the connection.
        number: how many.
        now: milliseconds of Unix time.

    Raises:
        LookupError: there is no cluster on this engine.
        Conflict: that is how many there are, or are about to be; or somebody else changes it.
        EngineAway: not now.
    """
    await found(engine)
    last = await engine.last(CLUSTER, IDENTITY)
    if last is None:
        raise LookupError("no node of a cluster has ever started on these servers")
    identity = read_identity(last.data)
    newest = max(identity.shards, key=lambda entry: entry.since)
    if newest.number == number:
        raise Conflict(f"there are {number} shards already")
    if newest.since > now:
        raise Conflict(f"there are about to be {newest.number} shards: wait until there are")
    entry = Shards(now + GRACE * 1000, number)
    changed = msgspec.structs.replace(identity, shards=(*identity.shards, entry))
    await engine.write(IDENTITY, msgspec.json.encode(changed), expect=last.sequence)
    return entry


async def _identity(engine: Engine, shards: int) -> Identity:
    subject = IDENTITY
    fresh = Identity(new_id(), (Shards(0, shards),))
    try:
        await engine.write(subject, msgspec.json.encode(fresh), expect=0)
    except Conflict:
        found = await engine.last(CLUSTER, subject)
        if found is None:
            raise EngineAway("another node writes what the cluster is") from None
        return read_identity(found.data)
    return fresh


async def _make_consumer(engine: Engine, stream: str, config: dict[str, Any]) -> None:
    name = config["durable_name"]
    try:
        await engine.api(
            f"CONSUMER.DURABLE.CREATE.{stream}.{name}",
            {"stream_name": stream, "config": config},
        )
    except Misconfigured:
        # Another Libra made it in its own way: what it is called is what matters.
        await engine.api(f"CONSUMER.INFO.{stream}.{name}")


async def snapshot_of(
    engine: Engine, stream: str, name: str, filters: Sequence[str], **start: Any
) -> int:
    """Make a consumer of the last message of each subject and all that follow, while it is asked.

    Args:
        engine: the connection.
        stream: whose.
        name: of the consumer.
        filters: which subjects.
        start: where it starts, if not there.

    Returns:
        How many messages there are now.
    """
    made = await engine.api(
        f"CONSUMER.CREATE.{stream}.{name}",
        {
            "stream_name": stream,
            "config": {
                "name": name,
                "ack_policy": "none",
                "deliver_policy": "last_per_subject",
                "filter_subjects": list(filters),
                "mem_storage": True,
                "num_replicas": 1,
                "inactive_threshold": IDLE * _NANO,
                **start,
            },
        },
    )
    return int(made.get("num_pending", 0))


async def make_stream(engine: Engine, config: dict[str, Any]) -> None:
    """Make a stream, unless it is there.

    Raises:
        Misconfigured: the engine refuses that.
        EngineAway: not now.
    """
    name = config["name"]
    try:
        await engine.api(f"STREAM.CREATE.{name}", config)
    except Misconfigured:
        try:
            info = await engine.api(f"STREAM.INFO.{name}")
        except LookupError:
            pass
        else:
            # With other copies or limits, by somebody's hand or another Libra, it is good as it is.
            _require(config, info["config"])
            return
        raise


def _require(wanted: Mapping[str, Any], has: Mapping[str, Any]) -> None:
    """Refuse a stream that somebody made without what Libra stands on.

    Raises:
        Misconfigured: says what it lacks.
    """
    lacking = [
        f"{key}: {json.dumps(wanted[key])}"
        for key in NEEDED
        if key in wanted and has.get(key, False) != wanted[key]
    ]
    if lacking:
        raise Misconfigured(
            f"the stream {wanted['name']} was made by somebody else, without {', '.join(lacking)}: "
            f"edit it, or stop every node and delete it"
        )
