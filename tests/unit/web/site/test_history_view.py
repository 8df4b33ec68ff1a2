"""Looking back: what changed from one weigh-in to the next."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.app import PageList
from libra.report import KINDS, Asset, Report, Status, Summary, Total, summarize
from libra.web.site.history_view import history_view, one_before


def report(number: int, size: int, status: Status = "weighed") -> Report:
    total = Total(1, size, size)
    return Report(
        id=f"{number:04}",
        url="https://example.com/",
        status=status,
        complete=True,
        total=total,
        by_kind={kind: total if kind == "image" else Total() for kind in KINDS},
        assets=(Asset("https://example.com/a.png", "image", "fetched", 200, size, size),),
    )


def weigh_ins(*sizes: int | None) -> PageList:
    """Weigh-ins in the order of time; None failed. They are listed newest first."""
    pages = [
        summarize(report(number, size or 0, "failed" if size is None else "weighed"))
        for number, size in enumerate(sizes)
    ]
    return PageList(tuple(reversed(pages)))


def test_a_weigh_in_is_compared_with_the_one_before() -> None:
    view = history_view("https://example.com/", weigh_ins(100, 150, 75))
    changes = [(one.change, one.change_percent) for one in view.weigh_ins]
    assert changes == [(-75, -50.0), (50, 50.0), (None, None)]


@pytest.mark.parametrize(
    "otherwise",
    [{"method": "rendered"}, {"viewport": "390x844@3"}, {"with_headers": True}],
    ids=str,
)
def test_what_was_weighed_in_another_way_is_not_compared_with(otherwise: dict[str, Any]) -> None:
    first, other, last = (summarize(report(number, 100 + number)) for number in range(3))
    pages = PageList((last, msgspec.structs.replace(other, **otherwise), first))
    view = history_view("https://example.com/", pages)
    assert view.mixed
    assert [one.change for one in view.weigh_ins] == [2, None, None]


def test_what_failed_is_neither_compared_nor_compared_with() -> None:
    newest, failed, oldest = history_view("u", weigh_ins(100, None, 130)).weigh_ins
    assert newest.change == 30
    assert newest.before is oldest.page
    assert failed.change is None


def test_a_page_that_weighed_nothing_before_has_no_percentage() -> None:
    newest, _ = history_view("u", weigh_ins(0, 10)).weigh_ins
    assert (newest.change, newest.change_percent) == (10, None)


def test_the_chart_is_told_in_words_too() -> None:
    view = history_view("u", weigh_ins(1_000, 9_000, 3_000))
    assert view.sentence == (
        "3 weigh-ins: 1.0 kB at first, 3.0 kB last; the lightest 1.0 kB, the heaviest 9.0 kB."
    )
    assert history_view("u", weigh_ins(1_000)).sentence is None


@given(st.lists(st.one_of(st.none(), st.integers(0, 10**9)), max_size=12), st.integers(0, 12))
def test_the_one_before_is_the_newest_that_is_older(sizes: list[int | None], at: int) -> None:
    pages = weigh_ins(*sizes).pages
    page = summarize(report(at, 0))
    found = one_before(page, pages)
    older: list[Summary] = [p for p in pages if p.id < page.id and p.status == "weighed"]
    assert found == max(older, key=lambda p: p.id, default=None)
