from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libra.formats.page_view import (
    OPEN_ROWS,
    ROWS,
    PageView,
    Section,
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
