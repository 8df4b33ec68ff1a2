"""Records of pages as a cluster keeps them, written to its engine past every node."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import nats
from nats.js.errors import NoStreamResponseError, ServiceUnavailableError

from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import EngineAway
from libra.cluster.records.layout import Layout
from libra.cluster.records.page_records import Record, pack_report, to_bytes
from libra.cluster.records.streams import settle
from libra.ids import new_id
from libra.inspector.records.page_record import first_version
from libra.report import Backup, Report, encode
from support.asking import PATIENCE, eventually
from support.samples import asset, ordinary, weighed

_AT_ONCE = 64


def stored_records(number: int, *, size: int = 0, stored: bool = True) -> Iterator[Record]:
    """Pages that were weighed and stored, the oldest first.

    Args:
        number: how many.
        size: bytes, about, of each packed report; 0 for that of an ordinary page.
        stored: whether the database has them.
    """
    backup: Backup = "stored" if stored else "replicated"
    report = ordinary() if not size else _of_size(size)
    until = datetime.now(UTC) + timedelta(hours=12)
    for n in range(number):
        page_id, url = new_id(), f"https://example.com/{n}"
        version = first_version(1) + 5
        said = msgspec.structs.replace(
            report, id=page_id, url=url, version=version, backup=backup, expires_at=until
        )
        yield Record(
            page_id, url, report.submitted_at or until, life=1, version=version, node="gone",
            epoch="e", status="weighed", backup=backup, expires_at=until,
            stored_version=version if stored else version + 1,
            report=pack_report(encode(said)),
        )  # fmt: skip


async def laid_out(urls: Sequence[str], *, shards: int = 2, replicas: int = 1) -> Layout:
    """Make the streams of a cluster that no node has started in yet."""
    engine = Engine(urls, name="a test")
    await engine.connect()

    async def settled() -> Layout | None:
        try:
            return await settle(engine, shards=shards, replicas=replicas)
        except EngineAway:
            return None  # a new stream has no leader for a moment, and a node would try again, too

    try:
        return await eventually(settled, "the cluster is laid out", within=PATIENCE)
    finally:
        await engine.close()


async def write(urls: Sequence[str], layout: Layout, records: Iterable[Record]) -> list[str]:
    """Write records to their shards; their ids, in order."""
    client = await nats.connect(list(urls), connect_timeout=60)
    stream = client.jetstream()
    ids: list[str] = []
    left = iter(records)

    async def work() -> None:
        for record in left:
            ids.append(record.id)
            await eventually(partial(publish, record), "the engine has it", within=PATIENCE)

    async def publish(record: Record) -> bool:
        subject = layout.subject(record.id, "rec")
        try:
            await stream.publish(
                subject, to_bytes(record), timeout=PATIENCE, headers={"Nats-TTL": "43200"}
            )
        except (NoStreamResponseError, ServiceUnavailableError):
            return False  # the stream has no leader at the moment
        return True

    try:
        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    finally:
        await client.close()
    return sorted(ids)


def _of_size(size: int) -> Report:
    rng = random.Random(size)
    # 32 hexadecimal digits are packed to 16 bytes and some.
    addresses = [f"https://cdn.example/{rng.getrandbits(128):032x}.png" for _ in range(size // 24)]
    document = asset("https://example.com/", "document", 5_000)
    return weighed([document, *(asset(url, "image", rng.randrange(9_000)) for url in addresses)])
