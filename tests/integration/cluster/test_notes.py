"""What goes with the note that the database has a page."""

from __future__ import annotations

from typing import Any

import msgspec
import nats
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra
from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import EngineAway
from libra.cluster.records import streams
from libra.cluster.records.page_records import SubmissionRecord, to_bytes
from support.asking import PATIENCE, eventually
from support.kept import laid_out, stored_records, write
from support.nats import NatsServers


async def test_a_submission_goes_with_the_note_even_if_nobody_was_left_to_purge_it_at_first(
    node: NodeSettings, servers: NatsServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STORE_WAIT", 1.0)  # until the note is delivered again
    layout = await laid_out(servers.urls)
    (record,) = stored_records(1)
    subject = layout.subject(record.id, "sub.static")
    client = await nats.connect(servers.urls)
    sub = SubmissionRecord(record.id, record.url, record.submitted_at)
    sent = await client.jetstream().publish(subject, to_bytes(sub))
    await client.close()
    await write(servers.urls, layout, [msgspec.structs.replace(record, sub=sent.seq)])

    call = Engine.api
    refused: list[str] = []

    async def away_once(engine: Engine, verb: str, *args: Any) -> dict[str, Any]:
        if verb.startswith("STREAM.PURGE") and not refused:
            refused.append(verb)
            raise EngineAway("for a moment")
        return await call(engine, verb, *args)

    monkeypatch.setattr(Engine, "api", away_once)
    engine = Engine(servers.urls, name="a test")
    await engine.connect()
    async with Libra.open(node("insp-1", "inspector")):

        async def purged() -> bool:
            left = await engine.last(layout.stream(record.id), subject)
            return left is None or left.is_marker

        await eventually(purged, "the submission is gone", within=PATIENCE)
        assert refused
        kept = await engine.last(layout.stream(record.id), layout.subject(record.id, "rec"))
        assert kept is not None
        assert not kept.is_marker
    await engine.close()
