"""Which page leaves a full web node, and that nobody has to look at all of them for that."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.cluster.records.page_records import Record, of_record
from libra.cluster.replica.leaving import LeavingOrder
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.page_records import PageRecords
from libra.report import Backup, Status
from support.kept import stored_records
from unit.cluster.replica.test_replica import Node, noted

STATES: list[tuple[Status, Backup]] = [
    ("weighed", "stored"),
    ("failed", "rejected"),
    ("weighed", "replicated"),
    ("fetching", "replicated"),
    ("weighed", "journaled"),
    ("queued", "memory"),
]
GROUPS = [0, 0, 1, 2, None, None]
(SAMPLE,) = stored_records(1)


def page(number: int, state: int) -> PageRecord:
    record = of_record(msgspec.structs.replace(SAMPLE, id=f"{number:04}"))
    become(record, state)
    return record


def become(record: PageRecord, state: int) -> None:
    """Bring a page into a state: a finished one has a report."""
    record.status, record.backup = STATES[state]
    is_finished = record.status in ("weighed", "failed")
    record._resting = SAMPLE.report if is_finished else None


numbers = st.integers(0, 15)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), numbers, st.integers(0, 5)),
        st.tuples(st.just("change"), numbers, st.integers(0, 5)),
        st.tuples(st.just("lose"), numbers, st.just(0)),
        st.tuples(st.just("take"), st.just(0), st.just(0)),
    ),
    max_size=80,
)


@given(steps, st.frozensets(numbers, max_size=4))
def test_the_oldest_of_the_first_group_that_has_one_leaves(
    history: list[tuple[str, int, int]], staying: frozenset[int]
) -> None:
    pages = PageRecords()
    pages.add(page(99, 2))  # it was there before
    order, states = LeavingOrder(pages), {99: 2}

    def stays(page_id: str) -> bool:
        return int(page_id) in staying

    for what, number, state in history:
        match what:
            case "add":
                pages.add(page(number, state))
                states[number] = state
            case "change":
                record = pages.get(f"{number:04}")
                if record is not None:
                    become(record, state)
                    states[number] = state
                    order.note(record)
            case "lose":
                pages.discard(f"{number:04}")
                states.pop(number, None)
            case _:
                may = [
                    (group, number)
                    for number, state in states.items()
                    if (group := GROUPS[state]) is not None and number not in staying
                ]
                found = order.take(stays)
                if not may:
                    assert found is None
                    continue
                group, first = min(may)
                assert found == (f"{first:04}", group == 0)
                pages.discard(f"{first:04}")
                del states[first]


class Counted(dict[str, PageRecord]):
    """Counts what is looked up."""

    looks = 0

    def get(self, *args: object) -> PageRecord | None:  # type: ignore[override]
        self.looks += 1
        return super().get(*args)  # type: ignore[call-overload, no-any-return]


def a_backlog(record: Record, _: int) -> list[Record]:
    return [record]


def stored_late(record: Record, _: int) -> list[Record]:
    return [record, noted(record)]


@pytest.mark.parametrize("comes", [a_backlog, stored_late])
def test_a_page_that_comes_to_a_full_node_makes_it_look_at_few_others(
    comes: Callable[[Record, int], list[Record]],
) -> None:
    """With ten times as many pages in memory it is as many."""
    looks = []
    for most in (200, 2_000):
        node = Node(max_pages=most)
        records = list(stored_records(most + 100, stored=False))
        for record in records[100:]:
            node.hears(record)
        counted = Counted(node.records.pages._by_id)
        node.records.pages._by_id = counted
        for number, record in enumerate(records[:100]):  # older than all that are here
            for said in comes(record, number):
                node.hears(said)
        looks.append(counted.looks)
        assert len(node.records.pages) == most
        assert {one.id for one in node.records.pages} == {one.id for one in records[100:]}
    assert looks[1] <= 1.2 * looks[0]
