"""Where everything is kept: the identity of a cluster, its subjects, and the shard of an id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured
from libra.ids import new_id

CLUSTER: Final = "libra-cluster"
"""The stream of the cluster's own data."""

WATCHES: Final = "libra-watches"
"""The stream of watches and their turns."""

KEYS: Final = "libra-keys"
"""The stream of idempotency keys."""

IDENTITY: Final = "libra.cluster.identity"
"""The subject of the cluster's identity."""

TOMBSTONES: Final = 7 * 24 * 3600
"""Seconds that a deletion is kept once the database has it."""

KEYS_KNOWN: Final = 24 * 3600
"""Seconds that an idempotency key is known."""

FORMAT: Final = 1
"""The highest format of an identity that this Libra reads."""

GRACE: Final = 600
"""Seconds until a new number of shards takes effect: by then every node must know of it."""

TRUST: Final = 300
"""Seconds for which a node relies on its reading of the shards; after that it reads them again first."""

STRAYS: Final = 100_000
"""Pages, at most, that are remembered as not in the shard that their ids name."""

Kind = Literal["sub", "rec", "del", "clock"]
Queue = Literal["static", "rendered"]

RESULTS_QUEUE: Final = "results"
"""The consumer of results of CI."""


class Shards(msgspec.Struct, frozen=True):
    """The number of shards from a moment on."""

    since: int
    """Milliseconds of Unix time: it holds for pages submitted from then on."""
    number: int


class Identity(msgspec.Struct, frozen=True):
    """The identity of a cluster: the first node writes it."""

    name: str
    shards: tuple[Shards, ...]
    format: int = FORMAT


class Layout:
    """Subjects and streams of one cluster.

    A page is in the shard that its id names, with one exception. If a node's clock was ahead while the
    cluster got another number of shards, the ids of its pages name a time that was divided differently
    later. Such a page is in the shard where it was seen.

    Args:
        identity: the identity of the cluster.
        strays: the shards of pages that their ids do not name, by the ids of the pages.
    """

    def __init__(self, identity: Identity, strays: dict[str, int] | None = None) -> None:
        self.identity = identity
        self.strays = {} if strays is None else strays
        self._entries: Sequence[Shards] = sorted(identity.shards, key=lambda entry: entry.since)

    @property
    def shards(self) -> range:
        """All shards, including those that only hold pages of earlier times."""
        return range(max(entry.number for entry in self._entries))

    def shard_of(self, page_id: str) -> int:
        """The shard of a page: by its random bits, and by the time of its submission."""
        if self.strays and page_id in self.strays:
            return self.strays[page_id]
        submitted = int(page_id[:8] + page_id[9:13], 16)
        number = self._entries[0].number
        for entry in self._entries:
            if entry.since <= submitted:
                number = entry.number
        return int(page_id[-8:], 16) % number

    def seen(self, subject: str) -> None:
        """Note the shard in which a message of a page was seen."""
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
    """The id and the kind under a subject of a shard: ``sub``, ``rec``, ``del``, ``clock``.

    For a clock the first is ``clock`` and the second is the node.
    """
    tokens = subject.split(".")
    return tokens[2], tokens[3]


def shard_in(subject: str) -> int:
    """The shard in a subject."""
    return int(subject.split(".")[1])


async def agree(engine: Engine, shards: int) -> Identity:
    """Agree on the identity of the cluster: the first node writes it, which may be this one.

    Args:
        engine: the connection to servers with the stream of the cluster's own data.
        shards: the number of shards, if this is the first node; afterwards it must be the same.

    Raises:
        Misconfigured: the cluster has another number of shards, or a newer Libra has laid it out.
        EngineAway: the engine cannot do that now.
    """
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
    return identity


async def found(engine: Engine) -> Layout:
    """Find the layout of the cluster on this engine.

    Raises:
        LookupError: there is no cluster on this engine.
        EngineAway: the engine cannot do that now.
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
    """The identity in a message.

    Raises:
        msgspec.MsgspecError: the message is not of this form.
    """
    return msgspec.json.decode(data, type=Identity)


async def reshard(engine: Engine, number: int, *, now: int) -> Shards:
    """Divide pages submitted after `GRACE` into ``number`` shards; earlier pages stay where they are.

    Args:
        engine: the connection.
        number: the new number of shards.
        now: milliseconds of Unix time.

    Raises:
        LookupError: there is no cluster on this engine.
        Conflict: the cluster has or will soon have that number, or another program changes it.
        EngineAway: the engine cannot do that now.
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
        raise Conflict(f"the change to {newest.number} shards is under way: wait until it is done")
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
            raise EngineAway("another node is writing the identity of the cluster") from None
        return read_identity(found.data)
    return fresh
