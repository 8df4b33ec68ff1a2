"""The sign-in of a writer to a PostgreSQL database. See `libra.storage.history`.

All of this runs in a transaction of the caller. The lease is a row with an end, not a session lock: a
pooler gives sessions to others, and a session may outlive its program by hours.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Protocol

import asyncpg  # type: ignore[import-untyped] # it ships no types
import msgspec

from libra.storage.errors import Unavailable
from libra.storage.history import LEASE, MANY, History, Holder, LeaseHeld, Saves, Writer
from libra.storage.postgres.connections import Connection
from libra.storage.schema import VERSION_TABLE, judge

# The nodes of a cluster, at most `MANY` beside this one; null for a Libra of one node.
_NODES: Final = f"""
    (
        SELECT json_agg(json_build_array(substr(instance, length({{nodes}}::text) + 1), counter, at))
        FROM (
            SELECT instance, counter, at FROM libra_writers
            WHERE starts_with(instance, {{nodes}}::text)
            ORDER BY instance = {{row}}::text DESC, at DESC LIMIT {MANY + 1:d}
        ) AS nodes
    ) AS nodes
"""  # noqa: S608 - a constant

# One statement, because each costs a round trip. It selects the state before its changes. The last
# condition of a claim: no lease lasts that long, so the server's clock was set back.
_ENTER: Final = f"""
    WITH claimed AS (
        INSERT INTO libra_lease AS lease (one, instance, life, place, until)
        VALUES (true, $1, $2, $3, clock_timestamp() + make_interval(secs => $4::float8))
        ON CONFLICT (one) DO UPDATE SET instance = excluded.instance, life = excluded.life,
            place = excluded.place, until = excluded.until
        WHERE lease.life = $2 OR ($5 AND lease.instance = $1)
            OR lease.until NOT BETWEEN clock_timestamp()
                AND clock_timestamp() + make_interval(secs => 2 * $4::float8)
        RETURNING true
    ), counted AS (
        INSERT INTO libra_writers AS writer (instance, counter, at)
        SELECT $8::text, 1, $6::timestamptz FROM claimed WHERE $7
        ON CONFLICT (instance) DO UPDATE SET counter = writer.counter + 1, at = excluded.at
    )
    SELECT (SELECT version_num FROM {VERSION_TABLE}) AS schema,
        libra_database.id, pruned_before, prunings, coalesce(counter, 0) AS counter, at,
        EXISTS (SELECT FROM claimed) AS mine, libra_lease.instance AS holder, place,
        extract(epoch FROM until - clock_timestamp())::float8 AS seconds,
        {_NODES.format(row="$8", nodes="$9")}
    FROM libra_database
    LEFT JOIN libra_writers ON libra_writers.instance = $1
    LEFT JOIN libra_lease ON true
"""  # noqa: S608 - a constant
_LOOK: Final = f"""
    SELECT libra_database.id, coalesce(counter, 0) AS counter, at, pruned_before, prunings,
        pg_is_in_recovery() AS standby, {_NODES.format(row="$2", nodes="$3")}
    FROM libra_database LEFT JOIN libra_writers ON instance = $1
"""  # noqa: S608 - a constant
_ORIGIN: Final = """
    SELECT system_identifier, timeline_id FROM pg_control_system(), pg_control_checkpoint()
"""


class HistoryCheck(Protocol):
    """Checks whether a read came from the expected database."""

    async def __call__(self, connection: Connection, *, found: bool) -> None:
        """Raise `HistoryLost` if it did not; ``found`` is whether the read returned anything."""


class PostgresWriterLog:
    """Signs a writer in.

    Attributes:
        known_there: whether a transaction of this life was committed, since the database last went
            back. Until then a lease of a former life on the same data directory counts as ours. After
            that it does not: if somebody ran a copy of that directory, the two would take the lease
            from each other for ever.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._origin: str | None = None
        self.known_there = False

    async def meet(self, connection: Connection) -> None:
        """Find out which server a new connection leads to; only messages need it, so it may fail."""
        self._origin = None
        try:
            row = await connection.fetchrow(_ORIGIN)
        except asyncpg.PostgresError:
            return  # some hosted servers do not allow that
        self._origin = (
            f"PostgreSQL system {row['system_identifier']}, timeline {row['timeline_id']}"
        )

    async def enter(self, connection: Connection, known: History | None, *, count: bool) -> History:
        """Take or extend the lease; return the database as it is after that.

        Args:
            connection: to the server, in a transaction.
            known: the state that the database must not lack.
            count: whether to count a batch that follows.

        Raises:
            SchemaMismatch: the schema is not the one that this program knows.
            HistoryLost: it is not the known database. This comes first: whoever has the lease there,
                what this Libra has in memory may be all that is left.
            LeaseHeld: another Libra has the lease.
        """
        mine, now = self._writer, datetime.now(UTC)
        row = await connection.fetchrow(
            _ENTER,
            mine.instance,
            mine.life,
            mine.place,
            LEASE,
            not self.known_there,
            now,
            count,
            mine.row,
            mine.nodes,
        )
        if row is None:
            raise Unavailable(
                "schema", "libra_database is empty: drop it and run `libra db migrate`"
            )
        judge("postgres", row["schema"]).require_current()
        found = self._history(row)
        if found.lacks(known):
            self.known_there = False
        found.require(known)
        if not row["mine"]:
            raise LeaseHeld(
                Holder(row["holder"] or "", row["place"] or "?", row["seconds"] or LEASE)
            )
        if not count:
            return found
        if mine.node is None:
            return msgspec.structs.replace(found, counter=found.counter + 1, at=now)
        before = found.nodes.get(mine.node, Saves(0, None))
        after = {mine.node: Saves(before.counter + 1, now)}
        return msgspec.structs.replace(found, nodes=found.nodes | after)

    async def check_read(self, connection: Connection, known: History, *, found: bool) -> None:
        """Check that a read came from the known database.

        A standby is always a little behind. Rows that it has are right; a missing row proves nothing.

        Raises:
            HistoryLost: it did not.
        """
        mine = self._writer
        row = await connection.fetchrow(_LOOK, mine.instance, mine.row, mine.nodes)
        if row is None:
            raise Unavailable(
                "schema", "libra_database is empty: drop it and run `libra db migrate`"
            )
        behind = self._history(row)
        if row["standby"] and found and behind.database == known.database:
            return
        behind.require(known)

    async def release(self, connection: Connection) -> None:
        """Release the lease, so that another Libra need not wait for its end."""
        await connection.execute("DELETE FROM libra_lease WHERE life = $1", self._writer.life)

    def _history(self, row: Any) -> History:
        return History(
            row["id"],
            row["counter"],
            row["at"],
            row["pruned_before"],
            self._origin,
            row["prunings"],
            {name: Saves(counter, at) for name, counter, at in _nodes_of(row["nodes"])},
        )


def _nodes_of(text: str | None) -> list[tuple[str, int, datetime]]:
    return [] if text is None else msgspec.json.decode(text, type=list[tuple[str, int, datetime]])
