"""Who may have what nobody else has."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from libra.cluster.engine.answers import Message
from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import Conflict
from libra.cluster.engine.pulling import PulledMessage
from libra.cluster.node import ledger as ledgers
from libra.cluster.node.ledger import AHEAD, Ledger, LedgerEntry
from libra.cluster.records.page_records import FORMAT
from libra.ids import Ids


def ledger(*entries: LedgerEntry, read: bool = True) -> Ledger:
    made = Ledger(cast("Any", SimpleNamespace(name="here")), "1")
    made._entries = {entry.node: entry for entry in entries}
    made._read = read
    return made


def entry(at: float, *, oldest: str | None = None, node: str = "there", **more: Any) -> LedgerEntry:
    return LedgerEntry(node, "e", more.pop("role", "web"), "1", int(at * 1000), oldest, **more)


def page_made(at: float) -> str:
    return Ids()(int(at * 1e9))


NOW = time.time()


def test_of_what_was_made_before_the_last_clean_word_of_every_node_all_is_known() -> None:
    assert ledger(entry(NOW)).may_have(page_made(NOW - 3)) is None


def test_a_node_that_has_been_silent_since_may_have_what_was_made_later() -> None:
    assert ledger(entry(NOW - 60)).may_have(page_made(NOW - 30)) == "there"


def test_a_node_that_owes_something_may_have_all_that_is_no_older() -> None:
    oldest = page_made(NOW - 50)
    owing = ledger(entry(NOW, oldest=oldest))
    assert owing.may_have(oldest) == "there"
    assert owing.may_have(page_made(NOW - 10)) == "there"
    assert owing.may_have(page_made(NOW - 55)) is None


def test_a_page_made_a_moment_before_the_last_word_may_have_been_owed_after_it() -> None:
    # For example, its node waited for the engine's answer about an idempotency key.
    page_id = page_made(NOW - 1)
    assert ledger(entry(NOW)).may_have(page_id) == "there"
    owing = ledger(entry(NOW, oldest=page_made(NOW - 0.5)))
    assert owing.may_have(page_id) == "there"


def test_nobody_waits_for_inspectors_nor_for_nodes_that_have_left() -> None:
    there = ledger(
        entry(NOW - 60, role="inspector", node="a"), entry(NOW - 60, left=True, node="b")
    )
    assert there.may_have(page_made(NOW - 30)) is None


def test_until_the_nodes_are_known_nobody_can_tell() -> None:
    assert ledger(read=False).may_have(page_made(NOW - 30)) is not None


def test_an_id_of_the_far_future_was_made_by_nobody() -> None:
    silent = ledger(entry(NOW - 60))
    assert silent.may_have(page_made(NOW + 2 * AHEAD / 1000)) is None


def test_a_node_that_was_removed_is_forgotten_by_all_that_know_of_nodes() -> None:
    forgotten: list[str] = []
    node = SimpleNamespace(name="here", presence=SimpleNamespace(forget=forgotten.append))
    known = Ledger(cast("Any", node), "1")
    reply = "$JS.ACK.libra-cluster.ledger.1.7.1.0.0"
    for data in (msgspec.json.encode(entry(NOW)), b""):
        assert not forgotten
        said = Message("libra.cluster.node.there", data, {}, reply)
        known._heard(PulledMessage(cast("Any", None), said))
    assert known.entries == []
    assert forgotten == ["there"]


class OneSubject(Engine):
    """An engine of one subject, to which somebody may write between any two calls."""

    def __init__(self, entry: LedgerEntry, *, goes_on: bool) -> None:
        self.sequence, self.data, self.goes_on = 1, msgspec.json.encode(entry), goes_on

    async def last(self, *_: object, **__: object) -> Message:
        found = Message("libra.cluster.node.there", self.data, {}, sequence=self.sequence)
        self.sequence += self.goes_on
        return found

    async def write(self, subject: str, data: bytes, *, expect: int | None = None, **_: Any) -> int:
        assert subject == "libra.cluster.node.there"
        if expect != self.sequence:
            raise Conflict("wrong last sequence")
        self.sequence, self.data = self.sequence + 1, data
        return self.sequence


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "HEARING", 0.0)


@pytest.mark.usefixtures("at_once")
async def test_a_node_that_is_silent_is_forgotten_once() -> None:
    gone = entry(NOW)
    engine = OneSubject(gone, goes_on=False)
    assert await ledgers.remove(engine, "there") == gone
    assert await ledgers.remove(engine, "there") is None


@pytest.mark.usefixtures("at_once")
async def test_a_node_that_still_speaks_is_not_forgotten() -> None:
    engine = OneSubject(entry(NOW), goes_on=True)
    with pytest.raises(Conflict, match="there is running: it has just written its entry"):
        await ledgers.remove(engine, "there")
    assert engine.data


def test_everybody_writes_what_every_node_reads_that_is_not_removed() -> None:
    older = entry(NOW - 3600, node="old", reads=FORMAT - 1)
    newer = entry(NOW, node="new", reads=FORMAT + 1)
    assert ledger().format == ledger(newer).format == FORMAT
    assert ledger(older, newer).format == FORMAT - 1
    assert ledger(newer, entry(NOW, node="gone", reads=0, left=True)).format == FORMAT
