"""Looking back: what changed from one weigh-in to the next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libra.app import PageList
from libra.web.looking_back import compare_view, history_view, one_before
from libra.web.views import ROWS
from libra.weighing.report import KINDS, Asset, Report, Status, Summary, Total, summarize


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


def test_two_reports_are_drawn_on_one_scale() -> None:
    view = compare_view(report(1, 50), report(2, 200))
    (images,) = (kind for kind in view.kinds if kind.kind == "image")
    assert (images.before_percent, images.after_percent) == (25.0, 100.0)
    assert images.delta.transfer_bytes == 150
    assert [change.what for change in view.changes] == ["changed"]


def test_two_empty_reports_can_be_compared() -> None:
    empty = Report(id="1", url="https://example.com/")
    view = compare_view(empty, empty)
    assert view.changes == ()
    assert {kind.after_percent for kind in view.kinds} == {0.0}


def test_a_long_list_of_changes_is_folded_and_counted() -> None:
    assets = tuple(
        Asset(f"https://example.com/{n}", "image", "fetched", 200, n, n) for n in range(ROWS + 5)
    )
    after = Report(id="2", url="https://example.com/", assets=assets)
    view = compare_view(Report(id="1", url="https://example.com/"), after)
    assert len(view.changes) + len(view.folded) == ROWS
    assert view.more == 5
    assert view.changes[0].transfer_bytes == ROWS + 4
