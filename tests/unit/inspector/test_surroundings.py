"""Who leaves first, who is told of changes, whose turn it is."""

import asyncio
import gc
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.inspector.pace import OBJECTS, few_collections
from libra.inspector.records.eviction_queue import EvictionQueue
from libra.inspector.records.followers import Followers
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.page_records import PageRecords

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_the_page_nearest_to_its_expiry_leaves_first() -> None:
    records = PageRecords()
    evictions = EvictionQueue(records)
    for hours, page_id in ((3, "c"), (1, "a"), (2, "b")):
        records.add(PageRecord(page_id, "http://a.test/", None, NOW))
        evictions.note(page_id, NOW + timedelta(hours=hours))
    left = [evictions.next() for _ in range(4)]
    assert [departure and departure.page_id for departure in left] == ["a", "b", "c", None]


def test_a_page_that_has_left_already_is_passed_over_and_not_kept_for_ever() -> None:
    records = PageRecords()
    evictions = EvictionQueue(records)
    for number in range(10_000):
        record = PageRecord(f"{number}", "http://a.test/", None, NOW)
        records.add(record)
        evictions.note(record.id, NOW)
        records.discard(record.id)
    assert evictions.next() is None
    assert len(evictions._heap) + len(evictions._falling) < 200


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=30), st.integers(0, 9))
def test_pages_leave_in_the_order_of_their_expiry_however_they_came(
    pages: list[tuple[int, bool]], now: int
) -> None:
    records = PageRecords()
    evictions = EvictionQueue(records)
    for number, (hours, stays) in enumerate(pages):
        record = PageRecord(f"{number:02}", "http://a.test/", None, NOW)
        if stays:
            records.add(record)
        evictions.note(record.id, NOW + timedelta(hours=hours))
    order = sorted((hours, f"{number:02}") for number, (hours, _) in enumerate(pages))
    expired = [page_id for hours, page_id in order if hours <= now]
    assert evictions.due(NOW + timedelta(hours=now), 5) == expired[:5]
    left = [page_id for _, page_id in order[len(expired[:5]) :] if records.get(page_id)]
    assert [departure.page_id for departure in iter(evictions.next, None)] == left


async def test_followers_are_told_of_their_page_only() -> None:
    followers = Followers()
    with followers.subscribe("a") as first, followers.subscribe("a") as second:
        with followers.subscribe("b") as other:
            followers.changed("a")
            assert (first.is_set(), second.is_set(), other.is_set()) == (True, True, False)
            followers.wake_all()
            assert other.is_set()
        assert followers.watched("a")
        assert not followers.watched("b")
    assert len(followers) == 0


async def test_a_follower_that_is_cancelled_is_gone() -> None:
    followers = Followers()

    async def follow() -> None:
        with followers.subscribe("a") as change:
            await change.wait()

    task = asyncio.create_task(follow())
    await asyncio.sleep(0)
    assert followers.watched("a")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not followers.watched("a")


@pytest.mark.parametrize("threshold", [0, 700, OBJECTS + 1])
def test_after_a_restore_garbage_is_collected_as_before(threshold: int) -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(threshold, 11, 12)
        with pytest.raises(LookupError), few_collections():
            assert gc.get_threshold()[0] == (threshold and max(threshold, OBJECTS))
            raise LookupError
        assert gc.get_threshold() == (threshold, 11, 12)
    finally:
        gc.set_threshold(*before)
