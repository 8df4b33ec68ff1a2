from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libra.web.views import ROWS, bar, code_spans, host, page_view, split_origin
from libra.weighing.report import KINDS, Asset, Bytes, HostTotal, Kind, Report, Total

totals = st.builds(Total, st.just(1), st.integers(0, 10**12), st.integers(0, 10**12))


@given(st.dictionaries(st.sampled_from(KINDS), totals))
def test_a_bar_is_full_and_has_no_gaps(by_kind: dict[Kind, Total]) -> None:
    segments = bar(by_kind)
    if not any(total.transfer_bytes for total in by_kind.values()):
        assert segments == ()
        return
    position = 0.0
    for segment in segments:
        assert abs(segment.start - position) < 0.1
        assert segment.width > 0
        position += segment.width
    assert abs(position - 100) < 0.1


def report(assets: tuple[Asset, ...]) -> Report:
    size = sum(asset.transfer_bytes for asset in assets)
    total = Total(len(assets), size, size)
    return Report(
        id="1",
        url="https://example.com/",
        body=Bytes(1, 1),
        total=total,
        by_kind={kind: total if kind == "image" else Total() for kind in KINDS},
        by_host={"example.com": HostTotal(len(assets), size, size)},
        assets=assets,
    )


def image(number: int, size: int) -> Asset:
    return Asset(f"https://example.com/{number}.png", "image", "fetched", transfer_bytes=size)


def test_a_section_lists_its_assets_heaviest_first() -> None:
    view = page_view(report((image(1, 10), image(2, 30), image(3, 20))))
    (section,) = view.sections
    assert section.name == "Images"
    assert [asset.transfer_bytes for asset in section.rows] == [30, 20, 10]


def test_a_long_section_says_how_many_it_leaves_out() -> None:
    view = page_view(report(tuple(image(number, number) for number in range(ROWS + 7))))
    (section,) = view.sections
    assert len(section.rows) == ROWS
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


@given(st.text(max_size=60))
def test_a_host_can_be_shown_for_whatever_stands_there(url: str) -> None:
    assert host(url) or not url


def test_an_address_is_split_after_its_host() -> None:
    assert split_origin("https://a.example:8080/b?c") == ("https://a.example:8080", "/b?c")
    assert split_origin("data:text/plain,x") == ("", "data:text/plain,x")


def test_words_between_backticks_are_code_and_all_of_it_is_escaped() -> None:
    assert code_spans("use `<b>` & ``x``") == "use <code>&lt;b&gt;</code> &amp; <code>x</code>"
