"""The weigh-ins of a URL, as they enter and leave memory in any order."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.page_records import PageRecords

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.sampled_from("ab"))))
def test_each_url_has_its_weigh_ins_newest_first(steps: list[tuple[bool, int, str]]) -> None:
    records = PageRecords()
    there: dict[str, str] = {}
    for enters, number, url in steps:
        # An id is of one URL for ever.
        page_id = f"{url}{number}"
        if enters:
            records.add(PageRecord(page_id, url, None, NOON))
            there[page_id] = url
        else:
            records.discard(page_id)
            there.pop(page_id, None)
        for each in "ab":
            wanted = sorted((one for one, its in there.items() if its == each), reverse=True)
            assert [one.id for one in records.by_url.of(each)] == wanted
            newest = records.by_url.newest(each)
            assert (newest.id if newest else None) == (wanted[0] if wanted else None)
        assert len(records.by_url) == len(set(there.values()))
        assert len(records.by_url.newest_of_each()) == len(records.by_url)


def test_pages_enter_and_leave_at_either_end_without_a_walk() -> None:
    records = PageRecords()
    for number in (*range(500, 1000), *range(499, -1, -1)):
        records.add(PageRecord(f"{number:04}", "a", None, NOON))
    assert [int(one.id) for one in records.by_url.of("a")] == list(range(999, -1, -1))
    for number in range(1000):
        records.discard(f"{number:04}")
    assert records.by_url.newest("a") is None
