"""A style sheet asks for what applies to the document, and for nothing else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from libra.weighing.modules import ImportMap
from libra.weighing.options import Viewport
from libra.weighing.scope import Scope
from libra.weighing.stylesheet import read_declarations, read_stylesheet

BASE = "https://example.com/css/site.css"
DESKTOP = Viewport()
PAGE = LexborHTMLParser("<body><p class=a>Text</p><div id=main><b>x</b></div></body>")


def scope() -> Scope:
    return Scope(PAGE, frozenset(map(ord, "Text x")), ImportMap(BASE))


def urls(
    text: str, *, matched: bool = True, viewport: Viewport = DESKTOP, applies: bool = True
) -> list[str]:
    reading = read_stylesheet(text, BASE, viewport, scope() if matched else None, applies=applies)
    return [
        reference.url.removeprefix("https://example.com/").removeprefix("css/")
        for reference in reading.references
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('@import "a.css";', ["a.css"]),
        ("@import 'a.css'", ["a.css"]),
        ("@import url(a.css);", ["a.css"]),
        ('@import url("a.css") print;', ["a.css"]),
        ("@IMPORT URL( a.css )  layer(x) supports(display: grid) screen;", ["a.css"]),
        ("@import url(a.css) supports(not (display: grid));", []),
        ('@charset "utf-8"; @layer one, two; @import "a.css"; @import "b.css";', ["a.css", "b.css"]),
        ("/* x */ @import 'a.css'; /* y */ @import 'b.css';", ["a.css", "b.css"]),
        ("p{} @import 'late.css';", []),
        ("@import url(https://fonts.example/css2?family=A:wght@400;700&display=swap);",
         ["https://fonts.example/css2?family=A:wght@400;700&display=swap"]),
        ("@import url(data:text/css,p{});", []),
        ("@import ;", []),
        ('@import "a\\62 .css";', ["ab.css"]),
        ("<!-- @import 'a.css'; -->", ["a.css"]),
    ],
)  # fmt: skip
def test_imports_are_found_at_the_head(text: str, found: list[str]) -> None:
    assert urls(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("p{background:url(x.png)}", ["x.png"]),
        ("p{background:URL( 'x.png' )}", ["x.png"]),
        ('p{background-image:url("/x y.png")}', ["x%20y.png"]),
        (".absent{background:url(x.png)}", []),
        ("p:hover{background:url(x.png)}", []),
        ("p::before{content:url(x.png)}", ["x.png"]),
        (".absent,.a{background:url(x.png)}", ["x.png"]),
        ("p{background:url(a.png);background:url(b.png)}", ["b.png"]),
        ("p{background-image:url(a.png),url(b.png)}", ["a.png", "b.png"]),
        ("p{background:url(data:image/png;base64,AA==) , url(b.png)}", ["b.png"]),
        ("p{background:url(#gradient)}", []),
        ("p{background:url()}", []),
        ("p{display:none;background:url(x.png)}", []),
        ("p{color:red;/* background:url(x.png) */}", []),
        ("p{content:'url(x.png)'}", []),
        ("p{-ms-behavior:url(x.htc);behavior:url(x.htc)}", []),
        ("p{list-style:url(x.gif);mask:url(m.svg#a)}", ["x.gif", "m.svg"]),
        ("p{cursor:url(c.cur),auto}", ["c.cur"]),
        ("@media print{p{background:url(x.png)}}", []),
        ("@media (min-width:600px){p{background:url(x.png)}}", ["x.png"]),
        ("@media (min-width:600px){@media (max-width:700px){p{background:url(x.png)}}}", []),
        ("@supports (display:grid){p{background:url(x.png)}}", ["x.png"]),
        ("@supports not (display:grid){p{background:url(x.png)}}", []),
        ("@layer base{p{background:url(x.png)}}", ["x.png"]),
        ("@keyframes k{from{background:url(x.png)}}", []),
        ("@page{background:url(x.png)}", []),
        (".a{color:red;&:not(.b){background:url(x.png)}}", ["x.png"]),
        (".a{& .absent{background:url(x.png)} background:url(y.png)}", ["y.png"]),
        (".a{@media screen{background:url(x.png)}}", ["x.png"]),
        ("#main b{background:image-set('a.png' 1x, 'b.png' 2x)}", ["a.png"]),
        ("p{background:-webkit-image-set(url(a.png) 1x, url(b.png) 2x)}", ["a.png"]),
        ("p{background:image-set(url(a.jxl) type('image/jxl'),'a.avif')}", ["a.avif"]),
        ("p{background:url(x.png", ["x.png"]),
        ("p{background:url('x.png", []),
        ("}}}p{background:url(x.png)}", []),
        ("p{background:url(x.png)!important}", ["x.png"]),
        ("p{background:url(a\\)b.png)}", ["a)b.png"]),
        ("}p{background:url(x.png)}p{background:url(y.png)}", ["y.png"]),
    ],
)  # fmt: skip
def test_images_count_where_their_rule_applies(text: str, found: list[str]) -> None:
    assert urls(text) == found


def test_without_a_document_images_are_conditional() -> None:
    reading = read_stylesheet(".x{background:url(a.png)}", BASE, Viewport(), None)
    assert [reference.conditional for reference in reading.references] == [True]
    reading = read_stylesheet("p{background:url(a.png)}", BASE, Viewport(), scope())
    assert [reference.conditional for reference in reading.references] == [False]
    reading = read_stylesheet(
        "@container (width>1px){p{background:url(a.png)}}", BASE, Viewport(), scope()
    )
    assert [reference.conditional for reference in reading.references] == [True]


def test_a_sheet_for_another_medium_is_read_for_its_imports_only() -> None:
    text = "@import 'a.css'; p{background:url(x.png)}"
    assert urls(text, applies=False) == ["a.css"]
    reading = read_stylesheet(text, BASE, Viewport(), scope(), applies=False)
    assert not reading.references[0].applies


def test_the_viewport_decides_about_media() -> None:
    text = "@media (max-width:600px){p{background:url(x.png)}}"
    assert urls(text) == []
    assert urls(text, viewport=Viewport(400, 800)) == ["x.png"]
    assert urls(
        "p{background:image-set('a.png' 1x, 'b.png' 2x)}", viewport=Viewport(400, 800, 2)
    ) == ["b.png"]


def test_style_attributes_are_read_without_a_selector() -> None:
    reading = read_declarations("color:red;background:url(x.png)", BASE, Viewport())
    assert [reference.url for reference in reading.references] == ["https://example.com/css/x.png"]


def test_a_face_gives_its_first_supported_source() -> None:
    text = """@font-face{font-family:"My Face";src:url(x.eot);
      src:local("My"),url(x.eot?#iefix) format("embedded-opentype"),
          url(x.woff2) format("woff2"),url(x.ttf);
      font-weight:100 900;font-style:italic;unicode-range:U+0-FF,u+4??,U+20AC}"""
    (face,) = read_stylesheet(text, BASE, Viewport(), scope()).faces
    assert face.family == "my face"
    assert face.url == "https://example.com/css/x.woff2"
    assert face.weight == (100, 900)
    assert face.italic
    assert face.ranges == ((0, 0xFF), (0x400, 0x4FF), (0x20AC, 0x20AC))
    assert face.initiator == BASE


def test_fonts_are_used_by_rules_that_match() -> None:
    text = (
        ".absent{font-family:No}p{font-family:Yes,serif}"
        "b{font:italic bold 12px/1.5 'Short Hand',sans-serif}"
    )
    uses = read_stylesheet(text, BASE, Viewport(), scope()).uses
    assert [(use.families, use.weight, use.italic) for use in uses] == [
        ("Yes,serif", None, None),
        ("'Short Hand',sans-serif", 700, True),
    ]


FRAGMENTS = st.sampled_from(
    ["@import ", "url(", ")", '"', "'", "{", "}", ";", ":", "/*", "*/", "\\", "@media ", "print",
     "p", ".a", "background", "@font-face{", "src:", "font-family:", "unicode-range:U+", "x.png",
     "image-set(", "1x", ",", "\n", "@supports ", "not ", "&", "--x:", "var(--x)", "#", "data:",
     "\ud800", "İ", "!important"]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=40).map("".join) | st.text(max_size=100))
def test_any_text_is_read(text: str) -> None:
    for matched in (True, False):
        assert all("://" in url or url for url in urls(text, matched=matched))
    read_declarations(text, BASE, Viewport())


@pytest.mark.parametrize(
    "unit",
    ["p{", "{", "}", "(", ")", "url(", "url('", "'", '"', "/*", "/", "\\", "@import ", "@import 'a';",
     "@media print{", "p{a:url(x)}", "@font-face{src:url(x)}", "image-set(", "p{background:image-set(",
     ":is(", "a,", "&", "p{--x:url(a)}", "@supports not ", ";", "@x;", "<!--", "p{font:1px ", "u+1,",
     "@font-face{unicode-range:u+1,", "p{font-family:var(--a,"],
)  # fmt: skip
def test_a_megabyte_of_the_worst_is_read_in_linear_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    started = time.process_time()
    urls(text)
    assert time.process_time() - started < 4
