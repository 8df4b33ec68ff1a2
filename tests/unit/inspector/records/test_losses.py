"""What a page shows while its database breaks and mends, and Libra is killed in between."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.restored_page import restore
from libra.report import Backup, decode
from libra.storage.rows.entries import Snapshot

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
STEPS: dict[Backup, int] = {"memory": 2, "journaled": 1, "stored": 0}
EVENTS = ["lost", "journaled", "told journaled", "stored", "told stored", "killed"]


class Safety:
    """A finished, stored page; what the journal and the database have of it."""

    def __init__(self) -> None:
        record = PageRecord.submitted("http://a.test/", None, NOW)
        record.begin_life()
        report = msgspec.structs.replace(
            record.base(), status="weighed", version=record.version + 1
        )
        record.rest(report, STEPS["memory"])
        self.record = record
        self.journal: Snapshot | None = None
        self.database = record.row()
        record.learn(self.database.version, "stored", self._steps)

    def happen(self, event: str) -> None:
        record = self.record
        match event:
            case "lost":
                record.unlearn("stored", self._steps, until_journaled=True)
            case "journaled" if record.backup == "memory":
                self.journal = record.row()
            case "told journaled" if self.journal is not None:
                record.learn(self.journal.version, "journaled", self._steps)
            case "stored" if record.backup == "journaled":
                self.database = record.row()
            case "told stored":
                record.learn(self.database.version, "stored", self._steps)
                if record.stored:
                    self.journal = None
            case "killed" if self.journal is not None:
                self.record = restore(self.journal, "journaled", STEPS["journaled"])
            case "killed":
                self.record = restore(self.database)

    def shown(self) -> tuple[int, Backup]:
        """The version and the level that clients see."""
        data = self.record.resting()
        assert data is not None
        report = decode(data)
        assert report.version == self.record.shown_version == self.record.summary().version
        return report.version, report.backup

    def _steps(self, level: Backup) -> int:
        return STEPS[level]


@given(st.lists(st.sampled_from(EVENTS), max_size=20))
@example(["lost", "killed"])
@example(["lost", "journaled", "told journaled", "killed"])
@example(["lost", "journaled", "told journaled", "stored", "told stored", "lost", "killed"])
def test_no_version_goes_back_or_means_two_levels_whenever_libra_is_killed(
    events: list[str],
) -> None:
    page = Safety()
    version, level = page.shown()
    for event in events:
        page.happen(event)
        now, its_level = page.shown()
        assert now >= version
        assert now > version or its_level == level
        version, level = now, its_level


def test_a_lost_page_that_the_journal_cannot_have_shows_that_at_once() -> None:
    page = Safety()
    version, _ = page.shown()
    page.happen("lost")
    assert page.record.loss_untold
    assert page.record.tell_loss()
    assert not page.record.tell_loss()
    assert page.shown() == (version + 1, "memory")


def test_a_lost_page_may_not_leave_memory_although_it_still_shows_that_it_is_stored() -> None:
    page = Safety()
    page.happen("lost")
    assert page.shown()[1] == "stored"
    assert not page.record.stored
    assert not page.record.may_leave
