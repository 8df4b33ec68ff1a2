"""One node of a cluster: its identity, its connection, and whether its writes arrive.

All other parts of the cluster use this object; the processes of the node find one another through it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final, NoReturn

import msgspec

from libra.cluster.engine.connection import PATIENCE, Engine
from libra.cluster.engine.errors import Conflict, EngineAway, InDoubt, Misconfigured
from libra.cluster.node.node_name import name_in
from libra.cluster.node.ports import LedgerPort, Owing, PresencePort, ReplicaPort, WeighingPort
from libra.cluster.records.known import Known, is_written
from libra.cluster.records.known_database import KnownDatabase
from libra.cluster.records.layout import (
    CLUSTER,
    FORMAT,
    IDENTITY,
    TRUST,
    Identity,
    Layout,
    read_identity,
    stream_of,
)
from libra.cluster.records.page_records import Record, SubmissionRecord, Tombstone, to_bytes, ttl_of
from libra.cluster.records.streams import settle
from libra.inspector.context import Context
from libra.observability.health import Node as Tree
from libra.settings import Role, Settings

log = logging.getLogger("libra.cluster")

#: Seconds between two beats of the clock that every node that takes pages writes to every shard.
BEAT: Final = 1.0

#: Beats between two looks at how much the engine holds, and the share of its bytes for new pages.
MEASURE: Final = 5
SHARE: Final = 0.8

#: Seconds until a beat expires that its node does not renew.
BEAT_TTL: Final = 60

#: Seconds between two attempts to make or read the identity of the cluster.
SETTLING: Final = 0.5

#: Seconds between two looks at whether the engine's own configuration is as it should be.
AGAIN: Final = 5.0


class ClusterNode:
    """This node.

    Args:
        settings: the settings of the program.
        context: the state that the processes of this node share.

    Attributes:
        name: the name shown to people; it stays over restarts.
        epoch: identifies this start of the node; no other start has the same.
        role: whether it serves, weighs, or does both.
        layout: where everything is; None until it was read from the engine.
        trouble: why the cluster cannot be used; None while it can.
        writable: the shards whose last tried write succeeded.
        closing: whether the program is about to end.
        database: what the engine last told of the database.
        tree: returns the tree of its processes.
    """

    presence: PresencePort
    ledger: LedgerPort
    owing: Owing
    replica: ReplicaPort | None
    weighing: WeighingPort | None
    tree: Callable[[], Tree]

    def __init__(self, settings: Settings, context: Context) -> None:
        self.settings = settings
        self.context = context
        self.role: Role = settings.role
        self.name = settings.node or name_in(settings.data_dir)
        self.epoch = secrets.token_hex(6)
        self.layout: Layout | None = None
        self.trouble: str | None = "Libra is connecting to the engine"
        self.trouble_since = context.services.now()
        self.writable: set[int] = set()
        self.closing = False
        self.database = KnownDatabase()
        self._bytes = 0
        self._confirmed = 0.0
        self._settled = True
        self._more = asyncio.Event()
        self.replica = None
        self.weighing = None
        self.ready = asyncio.Event()
        self.on_writable: list[Callable[[int], None]] = []
        self.engine = Engine(
            settings.cluster,
            name=f"libra {self.role} {self.name}",
            credentials=settings.cluster_credentials,
            tls_ca=settings.cluster_tls_ca,
            inbox=f"_INBOX.{self.role}",
            on_change=self._connection_changed,
        )

    @property
    def serves(self) -> bool:
        """Whether clients come here."""
        return self.role != "inspector"

    @property
    def weighs(self) -> bool:
        """Whether this node weighs pages."""
        return self.role != "web"

    def require_layout(self) -> Layout:
        """The layout of the cluster.

        Raises:
            EngineAway: it was not read from the engine yet.
        """
        if self.layout is None:
            raise EngineAway(self.trouble or "Libra is connecting to the engine")
        return self.layout

    # The connection

    async def serve(self) -> None:
        """Connect, find out the identity of the cluster, then beat until the program ends."""
        if not self.engine.up:
            await self.engine.connect()
        while self.layout is None:
            await self.engine.wait_up()
            settings = self.settings
            try:
                self.layout = await settle(
                    self.engine,
                    shards=settings.cluster_shards,
                    replicas=settings.cluster_replicas,
                )
            except Misconfigured as error:
                self._troubled(str(error))
                log.error("the cluster cannot be used: %s", error)
                await asyncio.sleep(AGAIN)
            except (EngineAway, LookupError, Conflict) as error:
                self._troubled(str(error))
                await asyncio.sleep(SETTLING)
        self._troubled(None)
        self._confirmed = time.monotonic()
        self.writable = set(self.layout.shards)
        self.ready.set()
        for shard in self.layout.shards:
            self._tell_writable(shard)
        beats = 0
        while True:
            await asyncio.gather(*(self._beat(shard) for shard in self.layout.shards))
            if beats % MEASURE == 0 or not self._is_confirmed:
                await self._confirm()
                if self.trouble is not None or not self._settled:
                    await self._settle_again()
                await self._measure(self.layout)
            beats += 1
            await asyncio.sleep(BEAT)

    async def _confirm(self) -> None:
        """Read the number of shards again: an operator may have changed it."""
        try:
            last = await self.engine.last(CLUSTER, IDENTITY)
            if last is not None:
                self.told(read_identity(last.data))
        except (EngineAway, msgspec.MsgspecError) as error:
            log.debug("the identity of the cluster cannot be read: %s", error)

    def told(self, identity: Identity) -> None:
        """Take over the identity of the cluster: from some moment on it may have other shards."""
        if self.layout is None or identity.format > FORMAT:
            return  # written by a newer Libra: this node no longer relies on what it knows
        self._confirmed = time.monotonic()
        if identity != self.layout.identity:
            log.warning("the shards of the cluster change now or soon: %s", identity)
            self.layout = Layout(identity, self.layout.strays)
            self._settled = False
            more, self._more = self._more, asyncio.Event()
            more.set()

    @property
    def _is_confirmed(self) -> bool:
        """Whether the other nodes would find a page that this node writes now."""
        return time.monotonic() - self._confirmed < TRUST

    def _require_confirmed(self) -> Layout:
        layout = self.require_layout()
        if not self._is_confirmed:
            raise EngineAway("the number of shards must be read again first")
        return layout

    async def each_shard(self, begin: Callable[[int], object]) -> NoReturn:
        """Call ``begin`` for each shard, and for each that is added later."""
        begun: set[int] = set()
        while True:
            more = self._more
            for shard in self.require_layout().shards:
                if shard not in begun:
                    begun.add(shard)
                    begin(shard)
            await more.wait()

    def lacks_streams(self) -> None:
        """Have missing streams made again: a part of this node has found none."""
        self._settled = False

    async def _settle_again(self) -> None:
        """Make missing streams again: an operator may have deleted some."""
        number = self.require_layout().identity.shards[-1].number
        try:
            layout = await settle(
                self.engine, shards=number, replicas=self.settings.cluster_replicas
            )
            self.told(layout.identity)
            self._settled = True
        except (EngineAway, Misconfigured, LookupError, Conflict) as error:
            log.debug("the streams cannot be checked: %s", error)

    @property
    def full(self) -> bool:
        """Whether to refuse new pages: the remaining bytes are for pages that are already there."""
        return self._bytes > SHARE * self.settings.cluster_bytes

    async def _measure(self, layout: Layout) -> None:
        taken = 0
        for shard in layout.shards:
            try:
                info = await self.engine.api(f"STREAM.INFO.{stream_of(shard)}")
            except (EngineAway, Misconfigured, LookupError):
                return
            taken += info["state"]["bytes"]
        self._bytes = taken

    async def _beat(self, shard: int) -> None:
        try:
            await self.engine.write(
                f"libra.{shard}.clock.{self.name}.{self.epoch}",
                str(time.time()).encode(),
                ttl=BEAT_TTL,
            )
        except (EngineAway, Misconfigured) as error:
            self.wrote(shard, error)
        else:
            self.wrote(shard, None)

    def wrote(self, shard: int, error: Exception | None) -> None:
        """Note that a write to a shard succeeded or failed; after a failure nobody waits for it."""
        if error is None:
            if shard not in self.writable:
                self.writable.add(shard)
                log.warning("shard %d of the engine accepts writes again", shard)
                self._tell_writable(shard)
        elif shard in self.writable:
            self.writable.discard(shard)
            log.warning("shard %d of the engine accepts no writes: %s", shard, error)
        if self.layout is not None:
            away = [shard for shard in self.layout.shards if shard not in self.writable]
            self._troubled(
                f"no answer from shard {', '.join(map(str, away))}: {error or 'not tried since'}"
                if away
                else None
            )

    def _tell_writable(self, shard: int) -> None:
        for tell in self.on_writable:
            tell(shard)

    def _connection_changed(self) -> None:
        if not self.engine.up:
            self.writable.clear()
            self._troubled(self.engine.trouble)

    def _troubled(self, why: str | None) -> None:
        if (why is None) != (self.trouble is None):
            self.trouble_since = self.context.services.now()
        self.trouble = why

    @property
    def now(self) -> datetime:
        """The wall clock."""
        return self.context.services.now()

    # Pages in the engine

    async def write_surely(self, record: Record, *, expect: int) -> int:
        """Try `write_record` once, and read the outcome back if it is in doubt.

        Raises:
            Conflict: another program wrote to the page since ``expect``.
            EngineAway: the outcome is unknown: try the same write again.
        """
        try:
            return await self.write_record(record, expect=expect)
        except Conflict:
            known = await self.read(record.id)
            if is_written(known, record):
                return known.sequence
            if known.sequence == expect:
                raise InDoubt("the leader is still writing this page") from None
            raise

    async def write_record(self, record: Record, *, expect: int, patience: float = PATIENCE) -> int:
        """Write a record that expires when it should; returns its sequence.

        Raises:
            Conflict: another program wrote to the page since ``expect``.
            EngineAway: as in `Engine.write`.
        """
        ttl = ttl_of(record.backup, record.expires_at, self.now)
        return await self.write(
            record.id, "rec", self.encoded(record), expect=expect, ttl=ttl, patience=patience
        )

    def encoded(self, what: SubmissionRecord | Record | Tombstone) -> bytes:
        """The bytes for the engine, in a format that every node can read."""
        return to_bytes(what, self.ledger.format)

    async def write(
        self,
        page_id: str,
        what: str,
        data: bytes,
        *,
        expect: int,
        ttl: int | None = None,
        patience: float = PATIENCE,
    ) -> int:
        """Write one subject of a page, if nothing was written to the page after ``expect``."""
        layout = self._require_confirmed()
        return await self.engine.write(
            layout.subject(page_id, what),
            data,
            expect=expect,
            over=layout.subject(page_id, ">"),
            ttl=ttl,
            patience=patience,
        )

    async def read(self, page_id: str, patience: float = PATIENCE) -> Known:
        """Read a page from the leader, within ``patience`` seconds in all.

        Raises:
            EngineAway: as in `Engine.last`.
        """
        layout = self._require_confirmed()
        stream, until = layout.stream(page_id), time.monotonic() + patience
        last = await self.engine.last(stream, layout.subject(page_id, ">"), patience=patience)
        if last is None:
            return Known(0, None)
        if not last.is_marker:
            return Known(last.sequence, last)
        # The server wrote it in place of an expired or removed message. Look for those that are left.
        for what in ("del", "rec", "sub.>"):
            left = max(0.0, until - time.monotonic())
            found = await self.engine.last(stream, layout.subject(page_id, what), patience=left)
            if found is not None and not found.is_marker:
                return Known(last.sequence, found)
        return Known(last.sequence, None)

    async def read_copy(self, page_id: str, patience: float) -> Known | None:
        """Read a page from any server's copy, without a leader; None if no server answers with one.

        The copy may be behind the leader. A missing message does not mean that there is no such page.
        """
        layout = self.layout
        if layout is None:
            return None
        stream, subject = layout.stream(page_id), layout.subject(page_id, ">")
        with suppress(EngineAway):
            last = await self.engine.last(stream, subject, leader=False, patience=patience)
            if last is not None and not last.is_marker:
                return Known(last.sequence, last)
        return None
