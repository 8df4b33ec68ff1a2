"""Two reports side by side."""

from __future__ import annotations

from libra.formats.views.compare_view import compare_view
from libra.formats.views.page_view import ROWS
from libra.report import KINDS, Asset, Report, Total


def report(number: int, size: int) -> Report:
    total = Total(1, size, size)
    return Report(
        id=f"{number:04}",
        url="https://example.com/",
        by_kind={kind: total if kind == "image" else Total() for kind in KINDS},
        assets=(Asset("https://example.com/a.png", "image", "fetched", 200, size, size),),
    )


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
