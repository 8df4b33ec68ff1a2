"""The pulse: what every open page is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from libra.neighbours import Neighbours
from libra.observability.health import Health, LoopLag, Part
from libra.web.site.live_updates import LiveUpdates, OutageBanner, Update, outage_of
from libra.web.site.renderer import Renderer
from libra.web.site.report_view import backup_words, waiting_words

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def health(database: str = "ok", journal: str = "ok", waiting: int = 0) -> Health:
    parts: dict[str, Any] = {
        "database": Part(database, NOON, "it is gone"),  # type: ignore[arg-type]
        "journal": Part(journal, NOON - timedelta(hours=1)),  # type: ignore[arg-type]
        "pages": Part("degraded", NOON),
    }
    return Health("ok", True, "1", NOON, parts, {}, waiting, None, 0, LoopLag(0, 0, 0))


class FakeLibra:
    changes = 0

    def __init__(self) -> None:
        self.now = health()
        self.asked = 0
        self.neighbours = Neighbours()

    def health(self) -> Health:
        self.asked += 1
        return self.now


def test_a_quarantined_page_alone_is_no_outage() -> None:
    assert outage_of(health()) is None


def test_an_outage_says_since_when_and_how_many_wait() -> None:
    assert outage_of(health(database="down", waiting=3)) == OutageBanner(NOON, 3, True, True)
    both = outage_of(health(database="down", journal="down"))
    assert both == OutageBanner(NOON - timedelta(hours=1), 0, True, False)


def test_health_is_asked_once_in_a_while_however_many_look() -> None:
    time = [0.0]
    libra: Any = FakeLibra()
    pulse = LiveUpdates(libra, interval=1, clock=lambda: time[0])
    assert {pulse.outage() for _ in range(100)} == {None}
    assert libra.asked == 1
    libra.now = health(database="down")
    time[0] = 1.0
    assert pulse.outage() is not None
    assert libra.asked == 2


async def test_a_beat_is_sent_when_something_changed_and_only_then() -> None:
    libra: Any = FakeLibra()
    beats = LiveUpdates(libra, interval=0).beats(lambda outage: "down" if outage else "")
    assert msgspec.json.decode((await anext(beats))[1], type=Update) == Update(0, "")
    libra.changes = 5
    number, data = await anext(beats)
    assert (number, msgspec.json.decode(data, type=Update)) == (2, Update(5, ""))
    libra.now = health(database="down")
    assert msgspec.json.decode((await anext(beats))[1], type=Update) == Update(5, "down")
    await beats.aclose()  # type: ignore[attr-defined]


def test_the_banner_says_what_holds_and_no_more() -> None:
    html = Renderer()
    assert html.banner(None) == ""
    down = html.banner(OutageBanner(NOON, 1, True, True))
    assert "The database has been down" in down
    assert "safe on its own disk" in down
    assert "1 page is waiting to be saved." in down
    both = html.banner(OutageBanner(NOON, 2, True, False))
    assert "only in memory" in both
    assert "safe" not in both
    assert "download every report that you must not lose" in both
    disk = html.banner(OutageBanner(NOON, 0, False, False))
    assert "unable to write to its disk" in disk
    assert "safe" not in disk


def test_a_node_that_is_behind_says_since_when_and_no_more_than_that() -> None:
    behind = outage_of(health(), NOON)
    assert behind is not None
    banner = Renderer().banner(behind)
    assert "cut off from its cluster" in banner
    assert "database" not in banner
    assert backup_words("memory", behind) == backup_words("memory")


def test_the_state_of_a_backup_is_told_with_the_outage_in_mind() -> None:
    assert backup_words("stored") == "Stored in the database."
    assert "on its way" in backup_words("journaled")
    down = OutageBanner(NOON, 1, True, True)
    assert "which is down. Safe on this machine's disk" in backup_words("journaled", down)
    assert backup_words("memory", down).startswith("Only in memory: the database is down.")
    nowhere = OutageBanner(NOON, 1, True, False)
    assert "disk cannot be written" in backup_words("memory", nowhere)
    assert backup_words("memory", down, finished=False).startswith("The submission: ")
    assert "result will be" in backup_words("stored", finished=False)


def test_what_waits_is_counted_in_words() -> None:
    assert waiting_words(OutageBanner(NOON, 0, True, True)) == "Nothing is waiting to be saved."
    assert (
        waiting_words(OutageBanner(NOON, 2_000, True, True))
        == "2,000 pages are waiting to be saved."
    )
