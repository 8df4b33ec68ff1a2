"""A document asks for what a desktop browser with scripting on would load, and for nothing else."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.html.document import read_document
from libra.weighing.html.document_walk import LARGE
from libra.weighing.html.elements_embedded import MAX_INNER
from libra.weighing.html.parsed import Parsed
from libra.weighing.options import Options, Viewport
from support.work import assert_linear

URL = "https://example.com/dir/page.html"
DESKTOP = Options()
IMPORT_MAP = '<script type=importmap>{"imports":{"x":"./mapped.js"}}</script>'
FAR = "<div style='height:9000px'></div>"
PHONE = Options(viewport=Viewport(400, 800, 2))


def read(html: str | bytes, options: Options = DESKTOP) -> Parsed:
    body = html.encode() if isinstance(html, str) else html
    return read_document(body, "text/html; charset=utf-8", URL, options.viewport)


def found(html: str | bytes, options: Options = DESKTOP) -> list[str]:
    """Each reference as ``role path``, with ``lazy`` or ``part`` behind it."""
    return [
        f"{reference.role} {reference.url.removeprefix('https://example.com/dir/')}"
        + (" part" if reference.partial else "")
        + (" lazy" if reference.lazy else "")
        for reference in read(html, options).references
    ]


@pytest.mark.parametrize(
    ("html", "references"),
    [
        ("<img src=a.png>", ["image a.png"]),
        ("<img src=' a.png '>", ["image a.png"]),
        ("<img src=''><img><img src=data:image/png,x>", []),
        (f"{FAR}<img src=a.png loading=lazy>", ["image a.png lazy"]),
        ("<img src=a.png loading=lazy>", ["image a.png"]),
        ("<img srcset='a.png 100w, b.png 900w' sizes=auto width=100 loading=lazy>", ["image a.png"]),
        ("<img srcset='a.png 90w, b.png 900w' sizes='auto, 80px' loading=lazy>", ["image a.png"]),
        ("<img src=a.png srcset='b.png 2x'>", ["image a.png"]),
        ("<img src=a.png srcset='b.png 300w, c.png 1400w'>", ["image c.png"]),
        ("<img data-src=a.png>", []),
        ("<picture><source srcset=a.avif type=image/avif><img src=a.png></picture>", ["image a.avif"]),
        ("<picture><source srcset=a.tiff type=image/tiff><img src=a.png></picture>", ["image a.png"]),
        ("<picture><source srcset=s.png media='(max-width:600px)'><source srcset=l.png><img></picture>",
         ["image l.png"]),
        ("<picture><img src=a.png><source srcset=late.png></picture>", ["image a.png"]),
        ("<picture><source src=a.png></picture>", []),
        ("<input type=image src=a.png><input src=b.png>", ["image a.png"]),
        ("<svg><image href=a.png /><image xlink:href=b.png /></svg>", ["image a.png", "image b.png"]),
        ("<svg><use href='s.svg#x'/><use href='#y'/></svg>", ["image s.svg"]),
        ("<svg><use href='https://elsewhere.example/s.svg#x'/></svg>", []),
    ],
)  # fmt: skip
def test_images(html: str, references: list[str]) -> None:
    assert found(html) == references


def test_the_viewport_chooses_the_candidate() -> None:
    html = "<img src=a.png srcset='s.png 800w, l.png 1600w' sizes='100vw'>"
    assert found(html) == ["image l.png"]
    assert found(html, PHONE) == ["image s.png"]


@pytest.mark.parametrize(
    ("html", "references"),
    [
        ("<link rel=stylesheet href=a.css>", ["stylesheet a.css"]),
        ("<link rel='Alternate StyleSheet' title=x href=a.css>", ["stylesheet a.css"]),
        ("<link rel=stylesheet href=a.css disabled>", []),
        ("<link rel=stylesheet href=a.less type=text/less>", []),
        ("<link rel=stylesheet href=a.css media=print>", ["stylesheet a.css"]),
        ("<link rel=preload as=script href=a.js>", ["script a.js"]),
        ("<link rel=preload as=style href=a.css>", ["stylesheet a.css"]),
        ("<link rel=preload as=font href=a.woff2 crossorigin>", ["font a.woff2"]),
        ("<link rel=preload as=fetch href=a.json crossorigin>", ["other a.json"]),
        ("<link rel=preload as=image href=a.png imagesrcset='b.png 2x'>", ["image a.png"]),
        ("<link rel=preload as=image href=a.tiff type=image/tiff>", []),
        ("<link rel=preload as=image href=a.png media=print>", []),
        ("<link rel=preload href=a.png><link rel=preload as=video href=a.mp4>", []),
        ("<link rel=modulepreload href=a.js>", ["module a.js"]),
        ("<link rel=modulepreload href=a.js media=print>", []),
        ("<link rel=manifest href=a.json><link rel=manifest href=b.json>", ["manifest a.json"]),
        ("<link rel=prefetch href=a><link rel=dns-prefetch href=//b><link rel=preconnect href=//b>", []),
        ("<link rel=prerender href=c><link rel=canonical href=d><link rel=next href=e>", []),
        ("<link rel=manifest href=a.json>", ["manifest a.json"]),
        ("<link rel='shortcut icon' href=a.ico>", ["icon a.ico"]),
        ("<link rel=apple-touch-icon href=a.png><link rel=mask-icon href=b.svg>", []),
        ("<link rel=icon href=data:,>", []),
    ],
)  # fmt: skip
def test_links(html: str, references: list[str]) -> None:
    assert found(html) == references


def test_icons_are_those_of_the_head_whose_media_hold() -> None:
    assert found("<link rel=icon href=a.png media=print><link rel=icon href=b.png>") == [
        "icon b.png"
    ]
    assert found("<body><link rel=icon href=a.png>") == []
    assert not read("<body><link rel=icon href=a.png>").has_icon


def test_a_data_icon_is_an_icon_so_that_none_is_implied() -> None:
    assert read("<link rel=icon href=data:,>").has_icon
    assert not read("<link rel=icon href=''>").has_icon


def test_of_titled_style_sheets_those_with_the_first_title_apply() -> None:
    html = (
        "<link rel=stylesheet href=a.css><link rel='alternate stylesheet' title=x href=b.css>"
        "<link rel=stylesheet title=y href=c.css><link rel=stylesheet title=z href=d.css>"
        "<p><style title=z>p{background:url(e.png)}</style>"
        "<style title=y>p{background:url(f.png)}</style>"
    )
    reading = read(html)
    sheets = {r.url[-5:]: r.applies for r in reading.references if r.role == "stylesheet"}
    assert sheets == {"a.css": True, "b.css": False, "c.css": True, "d.css": False}
    assert [linked.applies for linked in reading.documents[0].sheets] == [
        True, False, True, False, False, True,
    ]  # fmt: skip


def test_touch_icons_are_no_icons_of_a_desktop() -> None:
    assert not read("<link rel=apple-touch-icon href=a.png>").has_icon


def test_a_sheet_for_another_medium_is_loaded_but_does_not_apply() -> None:
    html = (
        "<link rel=stylesheet href=a.css media=print><link rel='alternate stylesheet' href=b.css>"
    )
    assert [reference.applies for reference in read(html).references] == [False, False]


@pytest.mark.parametrize(
    ("html", "references"),
    [
        ("<script src=a.js></script>", ["script a.js"]),
        ("<script src=a.js type='text/JavaScript'></script>", ["script a.js"]),
        ("<script src=a.js type=text/template></script>", []),
        ("<script src=a.js type=application/json></script>", []),
        ("<script src=a.js nomodule></script>", []),
        ("<script src=a.js type=module></script>", ["module a.js"]),
        ("<script src=a.js language=vbscript></script>", []),
        ("<script type=module>import './x.js'; import('./lazy.js')</script>", ["module x.js"]),
        (IMPORT_MAP + "<script type=module>import 'x'</script>", ["module mapped.js"]),
        ("<script>document.write('<img src=a.png>')</script>", []),
        ("<script type=speculationrules>{\"prefetch\":[{\"urls\":[\"x\"]}]}</script>", []),
        ("<svg><script href=a.js></script></svg>", ["script a.js"]),
    ],
)  # fmt: skip
def test_scripts(html: str, references: list[str]) -> None:
    assert found(html) == references


@pytest.mark.parametrize(
    ("html", "references"),
    [
        ("<video src=a.mp4 poster=p.png></video>", ["image p.png", "media a.mp4 part"]),
        ("<video src=a.mp4 preload=none></video>", []),
        ("<video src=a.mp4 preload=none autoplay></video>", []),
        ("<video src=a.mp4 preload=none autoplay muted></video>", ["media a.mp4"]),
        ("<audio src=a.mp3 autoplay muted></audio>", ["media a.mp3 part"]),
        (f"{FAR}<video src=a.mp4 poster=b.png loading=lazy></video>",
         ["image b.png lazy", "media a.mp4 part lazy"]),
        ("<track src=a.vtt default>", []),
        ("<audio src=a.mp3 preload=auto></audio>", ["media a.mp3"]),
        ("<video><source src=a type=video/xyz><source src=b type=video/webm><source src=c></video>",
         ["media b part"]),
        ("<video src=a.mp4><track src=de.vtt><track src=en.vtt default></video>",
         ["media a.mp4 part", "track en.vtt"]),
        ("<iframe src=f.html></iframe>", ["frame f.html"]),
        (f"{FAR}<iframe src=f.html loading=lazy></iframe>", ["frame f.html lazy"]),
        ("<iframe src=f.html loading=lazy></iframe>", ["frame f.html"]),
        ("<iframe src=about:blank></iframe><iframe></iframe>", []),
        ("<iframe srcdoc='<img src=a.png><link rel=icon href=i>' src=f></iframe>", ["image a.png"]),
        ("<object data=a.svg></object><embed src=b.pdf>", ["object a.svg", "object b.pdf"]),
        ("<object data=a.swf></object><embed src=b.x type=application/x-foo>", []),
        ("<object data=a.html hidden></object><embed src=b.html style='display: none'>", []),
        ("<frameset><frame src=f.html></frameset>", ["frame f.html"]),
    ],
)  # fmt: skip
def test_media_and_frames(html: str, references: list[str]) -> None:
    assert found(html) == references


@pytest.mark.parametrize(
    "html",
    [
        "<noscript><img src=a.png><link rel=stylesheet href=a.css></noscript>",
        "<head><noscript><img src=a.png></noscript></head>",
        "<template><img src=a.png><script src=a.js></script></template>",
        "<!-- <img src=a.png> -->",
        "<!--[if IE]><script src=a.js></script><![endif]-->",
        "<textarea><img src=a.png></textarea>",
        "<title><img src=a.png></title>",
        "<a href=a.png>x</a>",
        "<xmp><img src=a.png></xmp>",
    ],
)
def test_what_a_browser_does_not_load_is_not_found(html: str) -> None:
    assert found(html) == []


def test_the_first_base_counts_wherever_it_leads() -> None:
    html = "<base href=/other/><base href=/third/><img src=a.png>"
    assert found(html) == ["image https://example.com/other/a.png"]
    assert found("<base href=https://cdn.example/><img src=a.png>") == [
        "image https://cdn.example/a.png"
    ]
    assert found("<base href=javascript:x><img src=a.png>") == ["image a.png"]
    assert found("<base target=_blank><base href=/b/><img src=a.png>") == [
        "image https://example.com/b/a.png"
    ]


def test_the_style_sheets_of_a_document_are_known_in_their_order() -> None:
    html = (
        "<style>p{background:url(p.png)}@import 'late.css';</style><link rel=stylesheet href=b.css>"
        "<style media=print>p{background:url(print.png)}</style><style>@import 'a.css';</style>"
        "<p style=\"background:url('inline.png')\"><b style='color:red'>x"
    )
    assert found(html) == ["stylesheet b.css", "stylesheet a.css"]
    scope = read(html).documents[0]
    assert [(linked.sheet if isinstance(linked.sheet, str) else "", linked.applies)
            for linked in scope.sheets] == [
        ("", True), ("https://example.com/dir/b.css", True), ("", False), ("", True),
    ]  # fmt: skip
    assert list(scope.inline.values()) == ["background:url('inline.png')"]


def test_the_title_is_the_documents_own_on_one_line() -> None:
    assert (
        read("<svg><title>Icon</title></svg><title> A\n  title &amp; more </title>").title
        == "A title & more"
    )
    assert read("<p>x").title is None
    assert len(read("<title>" + "x" * 100_000).title or "") == 1_000


def test_a_large_document_is_read_like_a_small_one() -> None:
    html = "<title>T</title><img src=a.png><p class=x style='background:url(b.png)'>x</p>"
    html += "<style>.x{background:url(c.png)}.y{background:url(d.png)}</style>"
    filler = "<div><span>words</span></div>" * (LARGE // 20)
    small, large = read(html), read(html + filler)
    assert [r.url for r in small.references] == [r.url for r in large.references]
    assert large.documents[0].large
    assert large.documents[0].may_match("div > span, .absent")
    assert not large.documents[0].may_match(".absent")
    assert ord("w") in large.documents[0].characters


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\xff\xfe",
        b"<",
        b"<img",
        b"<img src",
        b"<img src=\xff\xfe.png>",
        b"</",
        b"<!",
        b"&#0;",
    ],
)
def test_scraps_are_documents_too(body: bytes) -> None:
    read(body)


MARKUP = st.sampled_from(
    ["<img ", "<link ", "<script ", "<style>", "</style>", "<svg>", "<template>", "<noscript>",
     "<picture>", "<source ", "<video ", "<iframe ", "<base ", "<title>", "<table>", "<p ", "src=",
     "href=", "srcset='", "rel=stylesheet ", "rel=preload as=image ", "type=module ", "style='", "url(",
     "a.png ", "1x, ", "'", '"', ">", "</", "<!--", "-->", "\x00", "&amp", "{", "}", "data:,", "//",
     "http:", "media='(", "sizes='"]
)  # fmt: skip


@given(st.lists(MARKUP, max_size=40).map("".join) | st.text(max_size=100), st.binary(max_size=20))
def test_any_bytes_are_a_document(html: str, tail: bytes) -> None:
    for reference in read(html.encode("utf-8", "replace") + tail).references:
        assert reference.url.startswith(("http://", "https://"))
        assert "#" not in reference.url


@pytest.mark.parametrize(
    ("begin", "unit", "end"),
    [
        ("", "<img src=a.png>", ""),
        ("", "<p>", ""),
        ("<div a='", "x", "'>"),
        ("<img srcset='", "a 1x,", "'>"),
        ("<p style='", "background:url(a);", "'>"),
        ("<link rel='", "x ", "'>"),
        ("", "<iframe srcdoc='", ""),
        ("", "<title>", ""),
        ("", "<table><tr><td>", ""),
    ],
)
def test_large_and_strange_documents_are_read_in_linear_time(
    begin: str, unit: str, end: str
) -> None:
    def prepare(size: int) -> Callable[[], object]:
        html = begin + unit * (size // len(unit)) + end
        return lambda: read(html)

    assert_linear(prepare, 200_000)


@pytest.mark.parametrize(
    "html",
    [
        "<script src=a {}></script>",
        "<img src=a {}>",
        "<link rel=stylesheet href=a {}>",
        "<video src=a {}></video>",
    ],
)
def test_crossorigin_asks_for_what_other_origins_share(html: str) -> None:
    (shared,) = read(html.format("crossorigin")).references
    (plain,) = read(html.format("")).references
    assert (shared.cors, plain.cors) == (True, False)


def test_where_there_are_style_sheets_what_is_lazy_waits_for_them() -> None:
    reading = read("<link rel=stylesheet href=a.css><img src=a.png loading=lazy><video></video>")
    (lazy,) = (reference for reference in reading.references if reference.lazy)
    assert lazy.url == "https://example.com/dir/a.png"
    assert list(reading.documents[0].lazy.values()) == [[lazy.url]]


@pytest.mark.parametrize(
    "unit",
    ["<iframe srcdoc='x'></iframe>", "<iframe srcdoc=\"<iframe srcdoc='x'></iframe>\"></iframe>"],
)
def test_only_so_many_documents_in_a_document_are_kept_and_it_says_so(unit: str) -> None:
    few = read_document((unit * 50).encode(), "text/html", "https://example.com/")
    many = read_document((unit * 5_000).encode(), "text/html", "https://example.com/")
    assert few.error is None
    assert len(many.documents) == 1 + MAX_INNER
    assert many.error == "too-large: the document has too many elements"
