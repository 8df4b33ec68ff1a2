"""What of a cluster's database is compared: the batches of each of its nodes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from libra.storage.history import MANY, History, HistoryLost, Saves, Writer

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def saves(counter: int, minutes: float = 0) -> Saves:
    return Saves(counter, NOON + timedelta(minutes=minutes))


def cluster(counter: int = 0, **nodes: Saves) -> History:
    return History("d", counter, nodes=nodes)


COUNTERS = st.dictionaries(st.sampled_from("abc"), st.integers(1, 3))
LOOKS = COUNTERS.map(
    lambda counters: History("d", nodes={name: saves(n) for name, n in counters.items()})
)


def test_the_batch_that_one_node_lost_is_not_made_up_for_by_the_batch_of_another() -> None:
    known = cluster(a=saves(2), b=saves(5))
    assert cluster(a=saves(1), b=saves(6)).lacks(known)
    assert cluster(b=saves(6)).lacks(known)
    assert not cluster(a=saves(2), b=saves(6), c=saves(1)).lacks(known)


def test_what_an_older_libra_counted_for_the_whole_cluster_is_compared_too() -> None:
    assert cluster(6, a=saves(3)).lacks(cluster(7, a=saves(2)))


@given(LOOKS, LOOKS, LOOKS)
def test_together_two_looks_lack_nothing_that_either_found_and_know_nothing_more(
    one: History, other: History, found: History
) -> None:
    both = one.joined(other)
    assert not both.lacks(one)
    assert not both.lacks(other)
    assert found.lacks(both) == (found.lacks(one) or found.lacks(other))


def test_a_node_that_is_left_out_because_many_saved_later_has_lost_nothing() -> None:
    newest = {f"n{number}": saves(1, number) for number in range(1, MANY + 1)}
    found = History("d", nodes=newest)
    assert not found.lacks(cluster(old=saves(9)))
    assert found.lacks(cluster(new=saves(9, MANY)))
    assert History("d", nodes=dict(list(newest.items())[1:])).lacks(cluster(old=saves(9)))


def test_a_loss_lasts_from_the_last_batch_that_is_there_to_the_last_that_is_not() -> None:
    known = cluster(a=saves(4, 8), b=saves(5, 9), c=saves(1, 7), d=saves(1, 99))
    lost = HistoryLost(known, cluster(a=saves(2, 3), b=saves(4, 5), d=saves(1, 99)))
    assert (lost.since, lost.until) == (NOON + timedelta(minutes=3), NOON + timedelta(minutes=9))
    assert "lacks the last 4 saves" in lost.reason


def test_a_loss_of_all_batches_of_one_node_begins_with_the_last_batch_of_the_others() -> None:
    lost = HistoryLost(cluster(a=saves(4, 8), b=saves(1, 9)), cluster(a=saves(4, 8)))
    assert (lost.since, lost.until) == (NOON + timedelta(minutes=8), NOON + timedelta(minutes=9))


def test_of_a_database_with_nothing_of_this_libra_the_loss_has_no_beginning() -> None:
    lost = HistoryLost(cluster(a=saves(4, 8)), History("other"))
    assert (lost.since, lost.until) == (None, NOON + timedelta(minutes=8))


def test_the_nodes_of_a_cluster_share_its_lease_and_have_rows_of_their_own() -> None:
    one, two = (Writer("c", "c", "the cluster c", node) for node in ("one", "two"))
    assert (one.instance, one.life) == (two.instance, two.life)
    assert (one.row, two.row, one.nodes) == ("c/one", "c/two", "c/")
    alone = Writer("a", "a1", "/srv/a")
    assert (alone.row, alone.nodes) == ("a", None)


def test_what_an_older_libra_knew_has_no_nodes_and_what_this_one_knows_it_can_read() -> None:
    class Older(msgspec.Struct):
        database: str
        counter: int = 0

    assert msgspec.json.decode(b'{"database":"d","counter":7}', type=History) == History("d", 7)
    written = msgspec.json.encode(cluster(7, a=saves(2)))
    assert msgspec.json.decode(written, type=Older).counter == 7
