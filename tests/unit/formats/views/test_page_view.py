from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from libra.formats.views.page_view import (
    OPEN_ROWS,
    ROWS,
    WHOLE_ROWS,
    Look,
    PageView,
    Section,
    Span,
    page_view,
    split_origin,
)
from libra.report import KINDS, Asset, Bytes, HostTotal, Report, Total


def report(assets: tuple[Asset, ...]) -> Report:
    size = sum(asset.transfer_bytes for asset in assets)
    total = Total(len(assets), size, size)
    return Report(
        id="1",
        url="https://example.com/",
        status="weighed",
        body=Bytes(1, 1),
        total=total,
        by_kind={kind: total if kind == "image" else Total() for kind in KINDS},
        by_host={"example.com": HostTotal(len(assets), size, size)},
        assets=assets,
    )


def image(number: int, size: int) -> Asset:
    return Asset(f"https://example.com/{number}.png", "image", "fetched", transfer_bytes=size)


def images(view: PageView) -> Section:
    (section,) = (section for section in view.sections if section.kind == "image")
    return section


def test_a_section_lists_its_assets_heaviest_first() -> None:
    view = page_view(report((image(1, 10), image(2, 30), image(3, 20))))
    section = images(view)
    assert section.name == "Images"
    assert [row.asset.transfer_bytes for row in section.rows] == [30, 20, 10]


def test_a_long_section_is_folded_and_says_how_many_it_leaves_out() -> None:
    view = page_view(report(tuple(image(number, number) for number in range(ROWS + 7))))
    section = images(view)
    assert len(section.rows) == OPEN_ROWS
    assert len(section.rows) + len(section.folded) == ROWS
    assert section.more == 7


def test_what_is_shown_as_a_whole_comes_in_pages_and_lacks_nothing() -> None:
    many = report(tuple(image(number, number) for number in range(2 * WHOLE_ROWS + 7)))
    seen: list[int] = []
    for page in (1, 2, 3):
        section = images(page_view(many, Look(show="image", page=page)))
        assert section.span is not None
        assert (section.span.page, section.span.pages) == (page, 3)
        assert section.span.last - section.span.first + 1 == len(section.rows) <= WHOLE_ROWS
        assert (section.folded, section.more, section.count) == ((), 0, len(many.assets))
        seen += [row.asset.transfer_bytes for row in section.rows]
    assert seen == sorted(range(len(many.assets)), reverse=True)
    # Beyond the last page is the last page.
    beyond, last = (images(page_view(many, Look(show="image", page=page))) for page in (99, 3))
    assert beyond == last


def test_assets_are_found_by_host_and_path_in_any_case() -> None:
    urls = ["https://cdn.example/A.png", "https://b.example/%C3%84pfel.png", "https://c.example/"]
    found = report(tuple(Asset(url, "image", "fetched", transfer_bytes=5) for url in urls))
    for text, indexes in (
        ("CDN.", [0]),
        ("a.PNG", [0]),
        ("äpfel", [1]),
        ("%c3%84", [1]),
        ("x/y", []),
    ):
        view = page_view(found, Look(find=text))
        assert [row.index for row in images(view).rows] == indexes
        assert (view.found, view.assets) == (len(indexes), 3)
        assert images(view).found == Total(len(indexes), 5 * len(indexes), 0)
    assert images(page_view(found)).found is None


def test_the_waterfall_has_what_was_found_and_is_shown_as_a_whole_too() -> None:
    timed = [
        Asset(
            f"https://example.com/{number}.png",
            "image",
            "fetched",
            started_ms=number,
            duration_ms=1,
        )
        for number in range(WHOLE_ROWS + 3)
    ]
    view = page_view(report(tuple(timed)), Look(show="waterfall", page=2))
    assert view.waterfall is not None
    assert [strip.started_ms for strip in view.waterfall.strips] == [500, 501, 502]
    assert (view.waterfall_count, view.waterfall_span) == (503, Span(2, 2, 501, 503))
    found = page_view(report(tuple(timed)), Look(find="/502.")).waterfall
    assert found is not None
    assert [strip.index for strip in found.strips] == [502]


def test_hosts_are_shown_as_a_whole() -> None:
    hosts = {f"{number}.example": HostTotal(1, number, number) for number in range(ROWS + 3)}
    many = msgspec.structs.replace(report((image(1, 1),)), by_host=hosts)
    few, every = page_view(many), page_view(many, Look(show="hosts"))
    assert len(few.hosts) + len(few.folded_hosts) == ROWS
    assert len(every.hosts) == every.host_count == few.host_count == ROWS + 3


@given(st.text(), st.text(max_size=300), st.text(), st.text())
@example("size", "\udc80", "image", "2")
@example("-time", " ", "hosts", "²")
def test_whatever_an_address_says_is_a_look(sort: str, find: str, show: str, page: str) -> None:
    look = Look.read(sort, find, show, page)
    assert look.page >= 1
    assert Look.read(*parse(look.href(page=1))) == replace(look, page=1)
    page_view(report((image(1, 10),)), look)


def parse(href: str) -> list[str]:
    fields = dict(parse_qsl(href[1:]))
    return [fields.get(name, "") for name in ("sort", "find", "show", "page")]


def test_every_kind_has_its_bar_even_if_it_weighs_nothing() -> None:
    view = page_view(report((image(1, 10),)))
    assert [share.key for share in view.kinds] == list(KINDS)
    assert [share.percent for share in view.kinds if share.key == "image"] == [100.0]


def test_a_page_without_a_title_is_called_by_its_address() -> None:
    assert page_view(report(())).title == "https://example.com/"


@given(st.text(max_size=60))
def test_splitting_an_address_loses_nothing(url: str) -> None:
    assert "".join(split_origin(url)) == url


def test_an_address_is_split_after_its_host() -> None:
    assert split_origin("https://a.example:8080/b?c") == ("https://a.example:8080", "/b?c")
    assert split_origin("data:text/plain,x") == ("", "data:text/plain,x")
