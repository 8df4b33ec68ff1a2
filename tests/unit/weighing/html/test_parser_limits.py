"""No document grows beyond measure in the parser, and ordinary ones pass untouched."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from libra.weighing.html import parser_limits as nesting
from libra.weighing.html.document_walk import parse_html
from libra.weighing.html.parser_limits import MAX_DEPTH, limit_source
from support.work import assert_linear

ORDINARY = b"<div><p><b>bold</b> <a href=x>link</a><ul><li>one<li>two</ul><img src=a><br></p></div>"


def depth(tree: LexborHTMLParser) -> int:
    node, levels = tree.css("img")[-1], 0
    while node.parent is not None:
        node, levels = node.parent, levels + 1
    return levels


def test_an_ordinary_document_is_the_same_object() -> None:
    for html in (ORDINARY, ORDINARY * 2_000, b"", b"<" * 2_000):
        assert limit_source(html) == (html, False)
        assert limit_source(html)[0] is html


def test_below_the_limit_elements_become_siblings() -> None:
    tree, _ = parse_html(b"<div>" * 50_000 + b"<img src=a>")
    assert depth(tree) <= MAX_DEPTH + 3
    assert len(tree.css("div")) == 50_000


def test_an_image_of_html_is_an_img_in_a_table_too() -> None:
    tree, _ = parse_html(b"<table><IMAGE src=a><tr><image/src=b></table>")
    assert [node.attrs.get("src") for node in tree.css("img")] == ["a", "b"]


def test_an_image_elsewhere_is_left_alone() -> None:
    for html in (
        b"<table><td><svg><image href=a /></svg></table>",
        b"<table><td title='<image src=a>'><!-- <image src=a> --></table>",
        b"<script>'<table><image src=a>'</script>",
        b"<image src=a>",
    ):
        assert limit_source(html)[0] is html, html


def test_the_attributes_of_an_image_in_a_table_have_their_limit() -> None:
    many = b" ".join(b"a%d=x" % number for number in range(5_000))
    limited, _ = limit_source(b"<table><image " + many + b"></table>x")
    assert limited.startswith(b"<table><img a0=x a1=x")
    assert limited.endswith(b"a999=x></table>x")


def test_what_only_looks_like_depth_is_left_alone() -> None:
    for html in (
        b"<p>" * 2_000,
        b"<ul>" + b"<li>" * 2_000,
        b"<!--" + b"<div>" * 2_000 + b"-->" + ORDINARY * 200,
        b"<script>" + b"'<div>'" * 2_000 + b"</script>" + ORDINARY * 200,
        b"<style><!--" + b"<div>" * 2_000 + b"</style>" + ORDINARY * 200,
        b"<svg>" + b"<path d=x />" * 2_000 + b"</svg>",
        b"<a title='" + b"<div>" * 2_000 + b"'>" + b"</a>" + ORDINARY * 200,
    ):
        assert limit_source(html)[0] is html, html[:40]


@pytest.mark.parametrize(
    "hiding",
    [
        b"<div><!-- </div> -->",
        b"<div><script></div></script>",
        b"<div><script><!--<script></script></div></script>",
        b"<div><style></div></style>",
        b"<div title='</div>'>",
        b'<div title="</div>" >',
        b"<div a=b'></div title='>",
        b"<div></ div>",
        b"<div><!</div>",
        b"<DIV>",
        b"<div/>",
        b"<div\n>",
    ],
)
def test_depth_cannot_be_hidden(hiding: bytes) -> None:
    tree, _ = parse_html(hiding * 3_000 + b"'\"--></style></script><img src=a>")
    assert depth(tree) <= MAX_DEPTH + 8


def test_many_attributes_are_cut() -> None:
    html = b"<div " + b" ".join(b"a%d='x>y'" % n for n in range(20_000)) + b"><img src=a>"
    tree, _ = parse_html(html)
    (div,) = tree.css("div")
    assert len(div.attributes) == nesting.MAX_ATTRIBUTES
    assert tree.css_first("img") is not None


def test_a_long_attribute_is_not() -> None:
    html = b"<img src='data:image/png;base64," + b"A" * 100_000 + b"'>"
    assert limit_source(html)[0] is html


def test_formatting_elements_do_not_multiply_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nesting, "MAX_COST", 400_000)
    # What the parser would build: each paragraph opens again what was open in the one before.
    bomb = b"<p>" + b"".join(b"<b a%d>" % n for n in range(500)) + b"</p>"
    tree, cut_off = parse_html(bomb + b"<p>x" * 10_000)
    assert cut_off
    assert len(tree.css("b")) < nesting.MAX_COST


def test_a_document_of_too_many_tags_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nesting, "MAX_COST", 2_000)
    html, cut_off = limit_source(b"<p>x" * 5_000)
    assert (len(html), cut_off) == (4 * 2_001 - 1, True)


PIECES = st.sampled_from(
    [b"<div>", b"</div>", b"<b>", b"</b>", b"<p>", b"<!--", b"-->", b"--!>", b"<script>", b"</script>",
     b"<svg>", b"</svg>", b"<title>", b"</title>", b"<a b='", b"'", b'"', b">", b"<", b"/",
     b"<?", b"</ ", b"\x00", b"<plaintext>", b"<style>", b"</style >", b"x", b" "]
)  # fmt: skip


@given(st.lists(PIECES, max_size=60).map(b"".join))
def test_a_tamed_document_has_the_same_elements_while_it_is_small(html: bytes) -> None:
    padding = b"<br>" * 1_100
    assert limit_source(padding + html) == (padding + html, False)


@pytest.mark.parametrize(
    "unit",
    [b"<", b"<!--", b"<a ", b"<a b='", b"<a b", b"</", b"<script>", b"<script><!--", b"<title>",
     b"-->", b"<a b=c", b"<!", b"<?x", b"--", b"<svg/>", b"<style><!--", b"<!-- --!", b"<p/ /"],
)  # fmt: skip
def test_the_worst_is_tamed_in_linear_time(unit: bytes) -> None:
    def prepare(size: int) -> Callable[[], object]:
        source = unit * (size // len(unit))
        return lambda: limit_source(source)

    assert_linear(prepare, 300_000)
