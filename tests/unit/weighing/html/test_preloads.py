"""What is to be loaded ahead, in the markup and in the headers of an answer."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.html.preloads import MAX_LINKS, parse_links, preload, preloads_in_headers
from libra.weighing.options import DESKTOP
from support.work import assert_linear

URL = "https://example.com/dir/page.html"


def found(*values: str) -> list[str]:
    return [
        f"{reference.role} {reference.url.removeprefix('https://example.com/dir/')}"
        for reference in preloads_in_headers(values, URL, DESKTOP)
    ]


@pytest.mark.parametrize(
    ("value", "references"),
    [
        ("<a.css>; rel=preload; as=style", ["stylesheet a.css"]),
        ('<a.js>;rel="preload";as="script", <b.png>; as=image; rel=preload',
         ["script a.js", "image b.png"]),
        ("<a.png>; rel=\"next PRELOAD\"; as=IMAGE", ["image a.png"]),
        ("<a.png>; rel=preload; as=image; media=print", []),
        ("<a.png>; rel=preload; as=image; type=image/tiff", []),
        ("<a.png>; rel=preload; as=image; type=image/avif", ["image a.png"]),
        ("<a.css>; rel=preload; as=style; type=text/less", []),
        ("<a.otf>; rel=preload; as=font; crossorigin; type=font/otf", ["font a.otf"]),
        ("<a.eot>; rel=preload; as=font; type=application/vnd.ms-fontobject", []),
        ("<a.js>; rel=modulepreload", ["module a.js"]),
        ("<a.js>; rel=modulepreload; media=print", []),
        ('<a.png>; rel=preload; as=image; imagesrcset="b.png 400w, c.png 1400w"', ["image c.png"]),
        ('<>; rel=preload; as=image; imagesrcset="b.png 1x"', []),
        ("<a.png>; rel=preload; as=image; anchor=\"#x\"", []),
        ("<a>; rel=preload, <a>; rel=preload; as=video, <a>; as=script", []),
        ("<a.css>; rel=stylesheet, <b.png>; rel=icon, <c>; rel=prefetch, <//d>; rel=preconnect", []),
        ("<a,b.png>; rel=preload; as=image", ["image a,b.png"]),
        ("<data:,x>; rel=preload; as=image", []),
        ("garbage, <a.js>; rel=preload; as=script", ["script a.js"]),
        ('<a.js>; title="x, <b.js>; rel=preload"; rel=preload; as=script', ["script a.js"]),
        ("<a.js", []),
        ("<a.js>; rel=preload x; as=script", ["script a.js"]),
        ("<a.js>; rel=preload; as=script; x=1 2", ["script a.js"]),
        ("<a.js>; rel=preload; as=script; type=", []),
        ("<a.js>; rel=preload; as=script; media", []),
        ("<a.js>; rel=preload; as=script; x", ["script a.js"]),
        ('<a.js>; rel=preload; as=script; x=""', ["script a.js"]),
        ("<a.js>; rel=preload; as=script; title*=x", []),
        ("<a.js>; rel=preload; as=script; =x", []),
        ("<a.js>; rel=preload; as=script; a/b", []),
        ('<a.js>; rel=preload; as=script; x="1"2', []),
        ('<a.js>; rel=preload; as=script; x=1"2, <b.js>; rel=preload; as=script', ["script a.js"]),
        ('<a.js>; rel=preload; as=" script"', []),
        ("<a.js> x; rel=preload; as=script", []),
        (",, <a.js>;; rel=preload; as=script ,,", ["script a.js"]),
    ],
)  # fmt: skip
def test_links_in_headers(value: str, references: list[str]) -> None:
    assert found(value) == references


def test_several_headers_are_one_list_and_addresses_are_relative_to_the_answer() -> None:
    values = ["</a.js>; rel=preload; as=script", "<b.js>; rel=preload; as=script"]
    assert found(*values) == ["script https://example.com/a.js", "script b.js"]


def test_the_first_parameter_of_a_name_counts_and_quotes_are_taken_off() -> None:
    value = '<a>; rel=one; rel=two; title="x\\"y"; flag; q = "z"'
    assert parse_links(value) == [
        ("a", {"rel": "one", "title": 'x"y', "flag": "", "q": "z"}),
    ]


def test_there_is_an_end_to_the_links_of_a_header() -> None:
    assert len(parse_links("<a>; rel=preload," * 2 * MAX_LINKS)) == MAX_LINKS


def test_a_preload_needs_a_destination_that_is_known() -> None:
    assert preload({"as": "worker"}, "a.js", DESKTOP) is None
    assert preload({}, "a.js", DESKTOP) is None
    assert preload({"as": "fetch", "type": "anything/goes"}, "a", DESKTOP) == ("a", "other")


PIECES = st.sampled_from(
    ["<", ">", "a.png", ";", ",", "=", '"', "\\", " ", "rel", "preload", "as", "image", "\x00", "é",
     "imagesrcset", "media", "anchor", "http://[", "//", "\ud800"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=80))
def test_any_text_is_a_link_header(value: str) -> None:
    for reference in preloads_in_headers([value], URL, DESKTOP):
        assert reference.url.startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("begin", "unit", "end"),
    [
        ("", "<", ""),
        ("", "a,", ">"),
        ("", "<a", ""),
        ("", "<>", ""),
        ("", "<>;", ""),
        ("<a>", ";", ""),
        ("<a>", '; a="', ""),
        ('<a>; a="', "\\", ""),
        ("", ",", "<a>"),
        ("", " ", ">"),
        ("", '"', ">"),
        ('<a>; rel=preload; as=image; imagesrcset="', "a 1x,", ""),
    ],
)
def test_the_worst_is_read_in_linear_time(begin: str, unit: str, end: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        value = begin + unit * (size // len(unit)) + end
        return lambda: preloads_in_headers([value], URL, DESKTOP)

    assert_linear(prepare, 300_000)
