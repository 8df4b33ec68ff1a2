"""Ids: they sort by time, and nothing but the time can be known of them."""

from __future__ import annotations

from itertools import pairwise
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from libra.ids import Ids, new_id

RANDOM = (1 << 62) - 1


def test_an_id_is_a_uuid_of_version_7_that_holds_the_time() -> None:
    far = 32_503_680_000_123_456_789  # in the year 3000
    found = UUID(Ids()(far))
    assert (found.version, found.variant) == (7, RFC_4122)
    assert found.int >> 80 == far // 1_000_000


@given(st.lists(st.integers(0, 2**62), min_size=2, max_size=50))
def test_ids_sort_in_the_order_in_which_they_were_made_whatever_the_clock_does(
    times: list[int],
) -> None:
    ids = Ids()
    made = [ids(now) for now in times]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(UUID(one).version == 7 and str(UUID(one)) == one for one in made)


def test_an_id_says_nothing_of_the_one_that_was_made_right_after_it() -> None:
    """Each random bit changes as often as not, and no two ids are near one another."""
    made = [UUID(new_id()).int & RANDOM for _ in range(2000)]
    pairs = list(pairwise(made))
    for bit in range(62):
        changes = sum((a ^ b) >> bit & 1 for a, b in pairs)
        assert 800 < changes < 1200, bit  # nine standard deviations either way
    assert min(abs(a - b) for a, b in pairs) > 1 << 30


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_ids_sort_after_every_one_that_is_known_whatever_the_clock_says(
    then: int, now: int
) -> None:
    known, ids = Ids()(then), Ids()
    ids.known(known)
    assert ids(now) > known


def test_what_is_no_id_of_this_kind_says_nothing_of_the_time() -> None:
    ids = Ids()
    for text in ("", "x", "ffffffff-ffff-4fff-8fff-ffffffffffff", "watch-1"):
        ids.known(text)
    assert ids(0) < "00000000-0001"
