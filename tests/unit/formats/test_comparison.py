"""What changed on a page between two reports."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.formats.comparison import comparable, compare, pairs_of
from libra.report import Report
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
    assert pairs_of([ordinary()], [preview]) == [(ordinary(), preview)]


def test_several_pages_are_matched_by_address() -> None:
    one = weighed([asset("https://1.example/", "document", 5)], "https://1.example/")
    two = weighed([asset("https://2.example/", "document", 5)], "https://2.example/")
    assert pairs_of([two, ordinary()], [one, two]) == [(two, two)]


def test_several_pages_of_a_preview_are_matched_by_path() -> None:
    live = [_page_at(f"https://live.example/{path}") for path in ("", "a", "b?x=1")]
    preview = [_page_at(f"http://127.0.0.1:9000/{path}") for path in ("b?x=1", "", "c")]
    found = pairs_of(live, preview)
    assert [(old.url, new.url) for old, new in found] == [
        ("https://live.example/b?x=1", "http://127.0.0.1:9000/b?x=1"),
        ("https://live.example/", "http://127.0.0.1:9000/"),
    ]


def test_a_path_that_two_pages_of_a_run_share_identifies_neither() -> None:
    live = [_page_at("https://live.example/"), _page_at("https://live.example/a")]
    after = [live[0], _page_at("https://other.example/"), _page_at("https://new.example/a")]
    assert pairs_of(live, after) == [(live[0], live[0]), (live[1], after[2])]


def _page_at(url: str) -> Report:
    return weighed([asset(url, "document", 5)], url)


def _site(host: str, *names: str, third_party: bool = False) -> Report:
    assets = [
        asset(f"https://{host}/{name}", "script", 10 + number, third_party=third_party)
        for number, name in enumerate(names)
    ]
    return weighed(assets, f"https://{host}/")


def test_assets_of_the_own_site_are_the_same_by_their_path() -> None:
    names = ("a.js", "b.js?v=1", "c/d.js")
    assert compare(_site("live.example", *names), _site("preview.example", *names)).changes == ()
    others = _site("one.example", *names, third_party=True)
    there = _site("two.example", *names, third_party=True)
    assert [c.what for c in compare(others, there).changes].count("added") == 3


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("app.3f2a9c1d.js", "app.9b1c77aa.js"),
        ("assets/index-DiwrgTda.js", "assets/index-BxY1_z-2.js"),
        ("_next/static/8bK2mQz7Lr0xYpTnVw3Hs/main.js", "_next/static/A1b2C3d4E5f6G7h8I9j0K/main.js"),
        ("main.js?v=1699999999", "main.js?v=1700000001"),
        ("static/js/2.0f1e2d3c4b5a69788796a5b4c3d2e1f0.chunk.js",
         "static/js/2.ffeeddccbbaa00998877665544332211.chunk.js"),
        ("site-4E5F6A7B8C.css", "site-0011223344.css"),
    ],
)  # fmt: skip
def test_a_content_hash_in_a_name_does_not_make_another_asset(before: str, after: str) -> None:
    assert compare(_site("a.example", before), _site("a.example", after)).changes == ()
    grown = compare(_site("a.example", before), _site("a.example", "x.css", after))
    assert [(c.what, c.transfer_bytes) for c in grown.changes] == [("added", 10), ("changed", 1)]


@pytest.mark.parametrize(
    ("before", "after"),
    [("carousel.js", "timeline.js"), ("a1.js", "b2.js"), ("en/x.js", "de/x.js")],
)
def test_names_without_a_hash_are_different_assets(before: str, after: str) -> None:
    changes = compare(_site("a.example", before), _site("a.example", after)).changes
    assert sorted(change.what for change in changes) == ["added", "removed"]


def test_what_was_weighed_in_another_way_is_not_compared() -> None:
    page = ordinary()
    assert comparable(page, page)
    assert not comparable(page, msgspec.structs.replace(page, method="rendered"))
    assert not comparable(page, msgspec.structs.replace(page, viewport="390x844@3"))


def test_the_error_page_of_a_server_is_not_compared_with_the_page() -> None:
    error_page = msgspec.structs.replace(ordinary(), status="failed", error="http: 500")
    assert not comparable(error_page, ordinary())
    assert not comparable(ordinary(), error_page)


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
