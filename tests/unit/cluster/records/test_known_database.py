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
from libra.storage.history import MANY, History, HistoryLost, Saves

NOW = datetime(2026, 11, 30, tzinfo=UTC)
NOON = NOW - timedelta(hours=12)


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


def cluster(**counters: int) -> History:
    return History("d", nodes={name: Saves(n, NOON) for name, n in counters.items()})


async def test_a_loss_stays_a_duty_until_everything_was_saved_again() -> None:
    engine = OneSubject()
    await lose(engine, went_back(1), None, NOW)
    await note(engine, History("d", counter=2), NOW)
    kept = await recall(engine)
    assert (kept.known, kept.unsaved) == (History("d", counter=2), NOW)
    await saved_again(engine, NOW)
    kept = await recall(engine)
    assert kept.unsaved is None
    assert [loss.noticed_at for loss in kept.losses] == [NOW]


async def test_what_was_saved_again_after_one_loss_is_due_again_after_the_next() -> None:
    engine, later = OneSubject(), NOW + timedelta(minutes=1)
    await lose(engine, went_back(4), None, NOW)
    await lose(engine, went_back(1), NOW, later)
    await saved_again(engine, NOW)
    assert (await recall(engine)).unsaved == later


async def test_a_duty_that_is_done_is_noted_once_the_engine_is_back(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(known_database, "AGAIN", 0.0)
    engine = OneSubject()
    await lose(engine, went_back(1), None, NOW)
    engine.away = 2
    await saved_again(engine, NOW)
    assert (await recall(engine)).unsaved is None


async def test_what_an_older_libra_wrote_names_no_duty() -> None:
    older = {"known": {"database": "d", "counter": 3}, "losses": [], "format": 1}
    known = await recall(OneSubject(msgspec.json.encode(older)))
    assert known == KnownDatabase(History("d", counter=3))


async def test_what_nodes_note_is_kept_together() -> None:
    engine = OneSubject()
    await note(engine, cluster(a=2, b=1), None)
    await note(engine, cluster(a=1, b=3), None)
    assert (await recall(engine)).known == cluster(a=2, b=3)
    sequence = engine.sequence
    await note(engine, cluster(a=2), None)
    assert engine.sequence == sequence  # nothing is new


async def test_a_node_that_another_overtakes_notes_its_own_after_it() -> None:
    class Overtaken(OneSubject):
        overtaken = False

        async def write(self, subject: str, data: bytes, **how: Any) -> int:
            if not self.overtaken:
                self.overtaken = True
                await note(self, cluster(b=1), None)
            return await super().write(subject, data, **how)

    engine = Overtaken()
    await note(engine, cluster(a=1), None)
    assert (await recall(engine)).known == cluster(a=1, b=1)


async def test_what_a_node_knew_before_a_loss_that_another_noticed_is_not_noted() -> None:
    engine = OneSubject()
    await note(engine, cluster(a=2, b=1), None)
    await lose(engine, HistoryLost(cluster(a=2, b=1), cluster(a=1, b=1)), None, NOW)
    noted = await note(engine, cluster(a=3, b=1), None)
    assert noted.noticed == NOW
    assert (await recall(engine)).known == cluster(a=1, b=1)


async def test_one_loss_that_two_nodes_notice_is_noted_once() -> None:
    engine = OneSubject()
    await note(engine, cluster(a=2, b=1), None)
    await lose(engine, HistoryLost(cluster(a=2, b=1), cluster(a=1, b=2)), None, NOW)
    later = NOW + timedelta(seconds=1)
    await lose(engine, HistoryLost(cluster(a=3, b=1), cluster(a=1, b=3)), None, later)
    assert [loss.noticed_at for loss in (await recall(engine)).losses] == [NOW]


async def test_a_loss_that_a_node_found_before_others_saved_again_is_not_noted_a_second_time() -> (
    None
):
    engine = OneSubject()
    await note(engine, cluster(a=2, b=1), None)
    await lose(engine, HistoryLost(cluster(a=2, b=1), cluster(a=1, b=1)), None, NOW)
    await note(engine, cluster(a=1, b=2), NOW)
    later = NOW + timedelta(minutes=1)
    await lose(engine, HistoryLost(cluster(a=2, b=1), cluster(a=1, b=1)), None, later)
    kept = await recall(engine)
    assert [loss.noticed_at for loss in kept.losses] == [NOW]
    assert kept.known == cluster(a=1, b=2)


async def test_the_loss_of_a_batch_that_nobody_had_noted_yet_is_noted() -> None:
    engine = OneSubject()
    await note(engine, cluster(a=1), None)
    await lose(engine, HistoryLost(cluster(a=2), cluster(a=1, b=1)), None, NOW)
    assert [loss.noticed_at for loss in (await recall(engine)).losses] == [NOW]


async def test_the_loss_of_what_an_older_libra_saved_is_noted_with_the_nodes_that_are_there() -> (
    None
):
    older = {"known": {"database": "d", "counter": 3}, "losses": [], "format": 1}
    engine = OneSubject(msgspec.json.encode(older))
    known = msgspec.structs.replace(cluster(a=1), counter=3)
    await note(engine, known, None)
    assert (await recall(engine)).known == known
    found = msgspec.structs.replace(cluster(a=1), counter=2)
    await lose(engine, HistoryLost(known, found), None, NOW)
    assert (await recall(engine)).known == found


async def test_the_nodes_that_saved_longest_ago_leave_the_note_when_they_are_too_many() -> None:
    engine = OneSubject()
    await note(engine, cluster(old=1), None)
    nodes = {f"n{number}": Saves(1, NOW) for number in range(MANY)}
    await note(engine, History("d", nodes=nodes), None)
    assert (await recall(engine)).known == History("d", nodes=nodes)
