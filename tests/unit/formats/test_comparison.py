"""What changed on a page between two reports."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libra.formats.comparison import compare, compare_all
from libra.weighing.report import Report
from support.samples import PAGE, asset, ordinary, partial, weighed


def _page(**scripts: int) -> Report:
    return weighed(
        [
            asset(PAGE, "document", 1000),
            *(asset(f"{PAGE}{name}.js", "script", number) for name, number in scripts.items()),
        ]
    )


def test_a_page_that_stayed_has_no_changes() -> None:
    comparison = compare(ordinary(), ordinary())
    assert comparison.changes == ()
    assert not comparison.total
    assert comparison.sentence() == "795.9 kB, 0 B: no request changed"


def test_what_came_went_and_grew_is_told_with_its_difference() -> None:
    comparison = compare(_page(gone=50, grew=10), _page(grew=30, came=500))
    assert [(c.what, c.url.removeprefix(PAGE), c.transfer_bytes) for c in comparison.changes] == [
        ("added", "came.js", 500),
        ("removed", "gone.js", -50),
        ("changed", "grew.js", 20),
    ]
    assert comparison.total.transfer_bytes == 470
    assert comparison.by_kind["script"].requests == 0
    assert comparison.sentence() == "1.5 kB, +470 B (+44.3 %): 1 added, 1 removed and 1 changed"


def test_a_difference_with_a_partial_report_says_so() -> None:
    assert compare(ordinary(), partial()).sentence().endswith("one of the two reports is partial")


def test_one_page_is_compared_with_one_whatever_their_addresses() -> None:
    preview = weighed(
        [asset("https://preview.example/", "document", 5)], "https://preview.example/"
    )
    assert len(compare_all([ordinary()], [preview])) == 1


def test_several_pages_are_matched_by_address() -> None:
    one = weighed([asset("https://1.example/", "document", 5)], "https://1.example/")
    two = weighed([asset("https://2.example/", "document", 5)], "https://2.example/")
    assert [c.url for c in compare_all([two, ordinary()], [one, two])] == ["https://2.example/"]


_scripts = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**6))


@given(_scripts, _scripts)
def test_the_changes_add_up_to_the_difference_of_the_totals(
    before: dict[str, int], after: dict[str, int]
) -> None:
    comparison = compare(_page(**before), _page(**after))
    assert sum(c.transfer_bytes for c in comparison.changes) == comparison.total.transfer_bytes
    assert sum(d.transfer_bytes for d in comparison.by_kind.values()) == (
        comparison.total.transfer_bytes
    )
    assert comparison.after - comparison.before == comparison.total.transfer_bytes


@given(_scripts, _scripts)
def test_the_way_back_is_the_same_with_the_sign_turned(
    before: dict[str, int], after: dict[str, int]
) -> None:
    there = compare(_page(**before), _page(**after))
    back = compare(_page(**after), _page(**before))
    assert sorted(-c.transfer_bytes for c in there.changes) == sorted(
        c.transfer_bytes for c in back.changes
    )
