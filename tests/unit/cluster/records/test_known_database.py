"""What the engine remembers of the database and its losses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from libra.cluster.engine.answers import Message
from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import Conflict, EngineAway
from libra.cluster.records import known_database
from libra.cluster.records.known_database import (
    DATABASE,
    KnownDatabase,
    lose,
    note,
    recall,
    saved_again,
)
from libra.cluster.records.layout import CLUSTER
from libra.storage.history import History, HistoryLost

NOW = datetime(2026, 11, 30, tzinfo=UTC)


class OneSubject(Engine):
    """An engine that has only this knowledge."""

    def __init__(self, data: bytes = b"") -> None:
        self.data, self.sequence, self.away = data, len(data[:1]), 0

    async def last(self, stream: str, subject: str, **__: object) -> Message | None:
        assert (stream, subject) == (CLUSTER, DATABASE)
        if self.away:
            self.away -= 1
            raise EngineAway("for a moment")
        return Message(DATABASE, self.data, {}, sequence=self.sequence) if self.data else None

    async def write(self, subject: str, data: bytes, *, expect: int | None = None, **_: Any) -> int:
        assert subject == DATABASE
        if expect != self.sequence:
            raise Conflict("wrong last sequence")
        self.sequence, self.data = self.sequence + 1, data
        return self.sequence


def went_back(to: int) -> HistoryLost:
    return HistoryLost(History("d", counter=to + 5), History("d", counter=to))


async def test_a_loss_stays_a_duty_until_everything_was_saved_again() -> None:
    engine = OneSubject()
    await lose(engine, went_back(1), NOW)
    await note(engine, History("d", counter=2, at=NOW + timedelta(seconds=1)))
    assert (await recall(engine)).unsaved == NOW
    await saved_again(engine, NOW)
    kept = await recall(engine)
    assert kept.unsaved is None
    assert [loss.noticed_at for loss in kept.losses] == [NOW]


async def test_what_was_saved_again_after_one_loss_is_due_again_after_the_next() -> None:
    engine, later = OneSubject(), NOW + timedelta(minutes=1)
    await lose(engine, went_back(4), NOW)
    await lose(engine, went_back(1), later)
    await saved_again(engine, NOW)
    assert (await recall(engine)).unsaved == later


async def test_a_duty_that_is_done_is_noted_once_the_engine_is_back(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(known_database, "AGAIN", 0.0)
    engine = OneSubject()
    await lose(engine, went_back(1), NOW)
    engine.away = 2
    await saved_again(engine, NOW)
    assert (await recall(engine)).unsaved is None


async def test_what_an_older_libra_wrote_names_no_duty() -> None:
    older = {"known": {"database": "d", "counter": 3}, "losses": [], "format": 1}
    known = await recall(OneSubject(msgspec.json.encode(older)))
    assert known == KnownDatabase(History("d", counter=3))
