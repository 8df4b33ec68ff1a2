"""Lazy elements that are near the window are told from those that are far down."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.html.document_walk import parse_html
from libra.weighing.options import DESKTOP, Viewport
from libra.weighing.style.boxes.nearness import MARGIN, near
from support.work import assert_linear

LAZY = "<img loading=lazy src=x width=10 height=10>"
STYLED: dict[int, str] = {}
"""That there are style sheets, which give no element a display of its own."""

EDGE = DESKTOP.height + MARGIN


def near_images(
    html: str, viewport: Viewport = DESKTOP, displays: dict[int, str] | None = None
) -> list[bool]:
    """For each lazy element whether it is near, in document order."""
    tree, _ = parse_html(html.encode("utf-8", "replace"))
    found = near(tree, viewport, displays)
    return [node.mem_id in found for node in tree.css("[loading]")]


def test_an_image_is_near_up_to_the_margin_below_the_window() -> None:
    for height, answer in ((0, True), (EDGE - 50, True), (EDGE + 1, False), (9_000, False)):
        assert near_images(f"<div style='height:{height}px'></div>{LAZY}") == [answer]


def test_a_smaller_window_reaches_less_far() -> None:
    html = f"<div style='height:2000px'></div>{LAZY}"
    assert near_images(html) == [True]
    assert near_images(html, Viewport(400, 600)) == [False]


@pytest.mark.parametrize(
    "above",
    [
        "<p>" + "word " * 20_000,
        "<p>word</p>" * 100,
        "<p>" + "word<br>" * 150,
        "<img src=a width=1000 height=800>" * 3,
        "<img src=a style='width:90%; height:900px'>" * 3,
        "<iframe src=a width=900 height=900></iframe>" * 3,
        "<table>" + "<tr><td>word</td><td>word</td></tr>" * 150 + "</table>",
        "<ul>" + "<li>word</li>" * 150 + "</ul>",
        "<h2>word</h2>" * 60,
        "<div style='min-height:300vh'></div>",
    ],
    ids=lambda above: above[:20],
)
def test_what_is_above_has_its_height(above: str) -> None:
    assert near_images(f"{above}<div>{LAZY}</div>") == [False]


@pytest.mark.parametrize(
    "above",
    [
        "<div hidden style='height:9000px'></div>",
        "<div style='display:none'><div style='height:9000px'></div></div>",
        "<div style='position:absolute;height:9000px'></div>",
        "<div style='height:10px'><div style='height:9000px'></div></div>",
        "<details><summary>x</summary><div style='height:9000px'></div></details>",
        "<dialog><div style='height:9000px'></div></dialog>",
        "<script>" + "word " * 20_000 + "</script>",
        "<!-- " + "word " * 20_000 + "-->",
        "<template><div style='height:9000px'></div></template>",
        "<table><tr><td>" + "<p>x</p>" * 40 + "</td><td>" + "<p>x</p>" * 40 + "</td></tr></table>",
        "<input type=hidden>" * 2_000,
    ],
    ids=lambda above: above[:20],
)
def test_what_is_not_shown_or_stands_beside_takes_no_room(above: str) -> None:
    assert near_images(f"{above}<div>{LAZY}</div>") == [True]


@pytest.mark.parametrize(
    "html",
    [
        f"<div hidden>{LAZY}</div>",
        "<img loading=lazy src=x style='display: none'>",
        f"<details><summary>x</summary>{LAZY}</details>",
        f"<dialog>{LAZY}</dialog>",
    ],
)
def test_what_is_not_shown_is_never_near(html: str) -> None:
    assert near_images(html) == [False]


def test_images_share_lines_as_far_as_there_is_room() -> None:
    image = "<img loading=lazy src=x width=400 height=400>"
    assert near_images(image * 24).count(True) == 18, "three in a line of 1,334 pixels, six lines"


def test_images_without_sizes_are_as_high_as_a_line() -> None:
    answers = near_images("<div><img loading=lazy src=x></div>" * 300)
    assert 100 < answers.count(True) < 130


def test_cards_of_a_page_with_style_sheets_stand_in_columns() -> None:
    card = "<div class=card><img loading=lazy src=x width=400 height=300><p>word</p></div>"
    bare, styled = (
        near_images(f"<div>{card * 30}</div>", displays=displays) for displays in (None, STYLED)
    )
    assert styled.count(True) > 2 * bare.count(True) > 0


def test_a_style_sheet_keeps_wide_images_in_their_column() -> None:
    html = "<img loading=lazy src=x width=5400 height=4000>" * 6
    assert near_images(html).count(True) == 1
    assert near_images(html, displays=STYLED).count(True) == 3


def test_style_sheets_hide_and_show() -> None:
    tree, _ = parse_html(f"<p class=a>{LAZY}</p><p hidden>{LAZY}</p>".encode())
    shown, hidden = (node.mem_id for node in tree.css("p"))
    first, second = (node.mem_id for node in tree.css("img"))
    assert near(tree, DESKTOP, {}) == {first}
    assert near(tree, DESKTOP, {shown: "none", hidden: "block"}) == {second}


def test_the_largest_numbers_and_negative_ones_have_a_layout_too() -> None:
    assert near_images("<img style='width:-1e308px'>" * 2 + "text" + LAZY) == [True]
    assert near_images("<p style='height:1e308px'></p>" * 2 + LAZY) == [False]


TAGS = st.sampled_from(
    ["<div>", "</div>", "<p>", "<table>", "<tr>", "<td>", "<ul>", "<li class=a>", "<img loading=lazy>",
     "<details>", "<br>", "text ", "<svg>", "</svg>", "<div style='height:50%;width:-1px'>",
     "<div style='height:1e9px'>", "<img style='width:-1e308px'>", "<img style='width:1e308px'>",
     "<div style='height:1e308px'>", "<img width=0 height=9>", "<style>", "</style>", "<template>"]
)  # fmt: skip


@given(st.lists(TAGS, max_size=60).map("".join), st.sampled_from([None, STYLED]))
def test_any_document_has_a_layout(html: str, displays: dict[int, str] | None) -> None:
    near_images(html, displays=displays)


@pytest.mark.parametrize(
    ("begin", "unit", "end"),
    [
        ("", "<div class=a>", LAZY),
        ("<div>", "<p class=a></p>", LAZY),
        ("", "<div>" + "<i class=a></i>" * 40, LAZY),
        ("", "<tr><td>", LAZY),
        ("<table>", "<tr>", LAZY),
        ("<p style='", "width:1px;", "'>" + LAZY),
        ("<p style='", "calc(", "'>" + LAZY),
        ("<p>", "word ", LAZY),
        ("", LAZY, ""),
    ],
)
def test_large_and_strange_documents_are_laid_out_in_linear_time(
    begin: str, unit: str, end: str
) -> None:
    def prepare(size: int) -> Callable[[], object]:
        html = begin + unit * (size // len(unit)) + end
        tree, _ = parse_html(html.encode())
        return lambda: near(tree, DESKTOP, STYLED)

    assert_linear(prepare, 400_000)
