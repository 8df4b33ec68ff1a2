"""Pages in XML syntax ask for what they ask for in a browser."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.html.document import read_document
from libra.weighing.html.xhtml import as_html
from support.work import assert_linear

URL = "https://example.com/"


def found(markup: str, content_type: str = "application/xhtml+xml; charset=utf-8") -> list[str]:
    markup = markup.replace("<html>", '<html xmlns="http://www.w3.org/1999/xhtml">')
    reading = read_document(markup.encode(), content_type, URL)
    return [reference.url.removeprefix(URL) for reference in reading.references]


def test_an_empty_element_ends_where_it_begins() -> None:
    markup = (
        '<html><head><script src="a.js"/><title/><style/></head><body><iframe src="b.html"/>'
        '<textarea/><p title=">"/><img src="c.png"/></body></html>'
    )
    assert found(markup) == ["a.js", "b.html", "c.png"]
    assert found(markup, "text/html") == ["a.js"]


def test_noscript_is_an_element_like_any_other() -> None:
    assert found('<html><body><noscript><img src="a.png"/></noscript></body></html>') == ["a.png"]


def test_cdata_is_text() -> None:
    style = "<style><![CDATA[ @import 'a.css'; ]]></style>"
    assert found(f"<html><head>{style}</head><body><p>x</p></body></html>") == ["a.css"]


def test_a_drawing_is_a_page() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg"><script href="a.js"/><image href="b.png"/>'
        '<rect/><image href="c.png"/></svg>'
    )
    assert found(svg, "image/svg+xml") == ["a.js", "b.png", "c.png"]


PIECES = st.sampled_from(
    [
        "<",
        ">",
        "/>",
        "<p",
        "<img ",
        "<![CDATA[",
        "]]>",
        "<noscript>",
        "'",
        '"',
        " a=",
        "x",
        "<svg:a/>",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_text_is_taken(markup: str) -> None:
    found(markup)


@pytest.mark.parametrize(
    "xml",
    [
        b"<",
        b"<a",
        b"<a b='",
        b'<a b="',
        b"<a/>",
        b"<a/",
        b"]]>",
        b"<![CDATA[",
        b"<noscript",
        b"<a b='c' ",
    ],
)
def test_the_worst_is_rewritten_in_linear_time(xml: bytes) -> None:
    def prepare(size: int) -> Callable[[], object]:
        source = xml * (size // len(xml))
        return lambda: as_html(source)

    assert_linear(prepare, 300_000)
