"""Where everything of a page is."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from libra.cluster.records.layout import Identity, Layout, Shards, parts_of
from libra.ids import Ids


def layout(*shards: tuple[int, int]) -> Layout:
    return Layout(Identity("c", tuple(Shards(since, number) for since, number in shards)))


def test_all_of_a_page_is_in_one_stream() -> None:
    three = layout((0, 3))
    page_id = Ids()()
    for what in ("sub.static", "rec", "del"):
        subject = three.subject(page_id, what)
        assert subject.startswith(f"libra.{three.shard_of(page_id)}.")
        assert parts_of(subject) == (page_id, what.partition(".")[0])
    assert three.stream(page_id) == f"libra-{three.shard_of(page_id)}"


def test_pages_are_spread_evenly() -> None:
    three, ids = layout((0, 3)), Ids()
    counts = Counter(three.shard_of(ids()) for _ in range(3_000))
    assert set(counts) == {0, 1, 2}
    assert min(counts.values()) > 800


@given(st.integers(1, 2**47), st.integers(1, 64), st.integers(1, 64))
def test_a_page_stays_in_its_shard_whatever_is_added_later(
    since: int, before: int, after: int
) -> None:
    grown = layout((0, before), (since, after))
    old, new = Ids()((since - 1) * 1_000_000), Ids()(since * 1_000_000)
    assert grown.shard_of(old) == layout((0, before)).shard_of(old)
    assert grown.shard_of(new) == layout((0, after)).shard_of(new)
    assert {grown.shard_of(old), grown.shard_of(new)} <= set(grown.shards)


def test_a_page_is_where_it_is_seen() -> None:
    page_id = Ids()()
    here = Layout(Identity("a", (Shards(0, 3),)))
    elsewhere = (here.shard_of(page_id) + 1) % 3
    here.seen(f"libra.{here.shard_of(page_id)}.{page_id}.rec")
    assert not here.strays
    here.seen(f"libra.{elsewhere}.{page_id}.sub.static")
    assert here.shard_of(page_id) == elsewhere
    assert here.stream(page_id) == f"libra-{elsewhere}"
    # Of that a later layout knows, too.
    assert Layout(here.identity, here.strays).shard_of(page_id) == elsewhere
