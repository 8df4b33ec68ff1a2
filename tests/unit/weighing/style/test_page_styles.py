"""A styled document asks for the images and fonts of rules that win, where something is rendered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.html.document import read_document
from libra.weighing.html.document_walk import parse_html
from libra.weighing.options import Viewport
from libra.weighing.style import page_styles as styles_module
from libra.weighing.style import styled_document as scopes
from libra.weighing.style.page_styles import Styles, style
from libra.weighing.style.styled_document import StyledDocument
from libra.weighing.style.wanted import WantedByStyle
from libra.weighing.stylesheets.stylesheet import Sheet, read_stylesheet

BASE = "https://example.com/css/site.css"
DESKTOP = Viewport()
PAGE = "<body><p class=a>Text</p><div id=main><b>x</b></div><ul><li>y</ul></body>"


class Looks:
    """A clock that goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> float:
        self.count += 1
        return float(self.count)


def documents(html: str) -> list[StyledDocument]:
    return read_document(
        html.encode("utf-8", "replace"), "text/html; charset=utf-8", BASE
    ).documents


def wanted(css: str, html: str = PAGE, viewport: Viewport = DESKTOP) -> list[WantedByStyle]:
    """What a page asks for that has this style sheet."""
    styles: Styles[StyledDocument, Sheet] = Styles()
    (document,) = documents(f"<!doctype html><link rel=stylesheet href=site.css>{html}")
    styles.add_document(document)
    styles.add_sheet([BASE], read_stylesheet(css, BASE, viewport))
    ((document, parts),) = styles.ready(all_there=False)
    return style(document, parts, viewport)


def asked(css: str, html: str = PAGE, viewport: Viewport = DESKTOP) -> list[str]:
    return [
        found.urls[0].removeprefix("https://example.com/").removeprefix("css/")
        for found in wanted(css, html, viewport)
    ]


def font(name: str, **descriptors: object) -> str:
    rest = "".join(f";{key.replace('_', '-')}:{value}" for key, value in descriptors.items())
    return f"@font-face{{font-family:{name.partition('-')[0]};src:url({name}){rest}}}"


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
        ("p{background:image-set(url(a.jp2) type('image/jp2'),'a.avif')}", ["a.avif"]),
        ("p{background:url(x.png", ["x.png"]),
        ("p{background:url('x.png", ["x.png"]),
        ("}}}p{background:url(x.png)}", []),
        ("p{background:url(x.png)!important}", ["x.png"]),
        ("p{background:url(a\\)b.png)}", ["a)b.png"]),
        ("}p{background:url(x.png)}p{background:url(y.png)}", ["y.png"]),
    ],
)  # fmt: skip
def test_images_count_where_their_rule_applies(text: str, found: list[str]) -> None:
    assert asked(text) == found


def test_what_depends_on_a_container_of_unknown_size_is_conditional() -> None:
    css = (
        "html{display:grid}body{container-type:inline-size}p{background:url(b.png)}"
        "@container (width>700px){p{background:url(a.png)}}"
    )
    assert sorted((found.urls[0][-5:], found.conditional) for found in wanted(css)) == [
        ("a.png", True),
        ("b.png", False),
    ]


def test_the_viewport_decides_about_image_sets() -> None:
    css = "p{background:image-set('a.png' 1x, 'b.png' 2x)}"
    assert asked(css) == ["a.png"]
    assert asked(css, viewport=Viewport(400, 800, 2)) == ["b.png"]


@pytest.mark.parametrize(
    ("css", "found"),
    [
        ("p{background:url(a.png)}p{background:none}", []),
        ("p{background:url(a.png)}p{background:red}", []),
        ("p{background-image:url(a.png)}p{background-color:red}", ["a.png"]),
        ("p{background:url(a.png)}p{background:url(b.png)}", ["b.png"]),
        (".a{background:url(a.png)}p{background:none}", ["a.png"]),
        ("p{background:url(a.png)!important}.a{background:none}", ["a.png"]),
        ("p{background:url(a.png) ! important}.a{background:none}", ["a.png"]),
        ("p,li{background:url(a.png)}p{background:none}", ["a.png"]),
        ("@layer x{.a{background:url(a.png)}}p{background:none}", []),
        ("@layer x,y;@layer y{p{background:url(y.png)}}@layer x{p{background:url(x.png)}}", ["y.png"]),
        ("@layer x{p{background:url(x.png)!important}}p{background:none!important}", ["x.png"]),
        ("@layer x{p{background:url(x.png)}@layer y{p{background:url(y.png)}}}", ["x.png"]),
        ("p{background:url(a.png);background:-moz-linear-gradient(top,red,blue)}", ["a.png"]),
        ("p{background:url(a.png);background:linear-gradient(red,blue)}", []),
        (":where(.a){background:url(a.png)}p{background:url(b.png)}", ["b.png"]),
        (":root{--i:url(a.png)}p{background:var(--i)}", ["a.png"]),
        (":root{--i:url(a.png)}", []),
        (".a{--i:url(b.png)}:root{--i:url(a.png)}p,li{background:var(--i)}", ["b.png", "a.png"]),
        ("p{background:var(--none,url(a.png))}", ["a.png"]),
    ],
)  # fmt: skip
def test_of_several_rules_the_one_that_wins_counts(css: str, found: list[str]) -> None:
    assert asked(css) == found


@pytest.mark.parametrize(
    ("css", "html", "found"),
    [
        ("b{background:url(a.png)}p{display:none}", "<p><b>x", []),
        ("b{background:url(a.png)}b{display:none}", "<b>x", []),
        ("b{background:url(a.png)}p{display:none}.s{display:block}", "<p class=s><b>x", ["a.png"]),
        ("b{background:url(a.png);visibility:hidden}", "<b>x", ["a.png"]),
        ("b{background:url(a.png)}", "<p hidden><b>x", []),
        ("b{background:url(a.png)}[hidden]{display:block}", "<p hidden><b>x", ["a.png"]),
        ("b{background:url(a.png)}", "<details><summary>s</summary><b>x", []),
        ("b{background:url(a.png)}", "<details open><summary>s</summary><b>x", ["a.png"]),
        ("b{background:url(a.png)}", "<dialog><b>x</b></dialog>", []),
        ("b{background:url(a.png)}", "<p style='display:none'><b>x", []),
        ("p{background:url(a.png)}", "<p style='background:url(b.png)'>x", ["b.png"]),
        ("p{background:none!important}", "<p style='background:url(b.png)'>x", []),
        ("p::before{background:url(a.png)}", "<p>x", []),
        ("p::before{background:url(a.png);content:''}", "<p>x", ["a.png"]),
        ("p::before{background:url(a.png);content:none}", "<p>x", ["a.png"]),
        ("p::before{background:url(a.png);content:'';display:none}", "<p>x", []),
        ("head{background:url(a.png)}", "<p>x", []),
    ],
)
def test_what_is_not_rendered_asks_for_nothing(css: str, html: str, found: list[str]) -> None:
    assert asked(css, html) == found


@pytest.mark.parametrize(
    ("css", "html", "found"),
    [
        ("p{font-family:f}", "<p>x", ["f"]),
        ("p{font-family:f}", "<p>x<b>y", ["f", "f-b"]),
        ("p{font-family:f}", "<h1>x</h1>", []),
        ("body{font-family:f}", "<h1>x</h1>", ["f-b"]),
        ("body{font-family:f}h1{font-weight:inherit}", "<h1>x</h1>", ["f"]),
        ("body{font-family:f}", "<em>x</em>", ["f-i", "f"]),
        ("body{font-family:f}em{font:400 1em/1 serif}", "<em>x</em>", ["f"]),
        ("body{font:bold 1em f}", "<p>x", ["f-b"]),
        ("body{font:bold 1em f}p{font-weight:normal}", "<p>x", ["f"]),
        ("body{font-family:f}", "<code>x</code>", ["f"]),
        ("body,code{font-family:f}", "<p><code>x</code>", ["f"]),
        ("p{font-family:f}", "<p><img alt=x>", ["f"]),
        ("p{font-family:f}", "<p></p>", []),
        ("p{font-family:f}", "<p> \n </p>", []),
        ("p{font-family:f}", "<p><br>", ["f"]),
        ("div{font-family:f}p{font-family:serif}", "<div><p>x</div>", []),
        ("div{font-family:f}span{font-family:serif}", "<div><span>x</div>", ["f"]),
        ("div{font-family:f;display:flex}span{font-family:serif}", "<div><span>x</div>", []),
        ("button{font-family:f}", "<button>x</button>", ["f"]),
        ("p{font-family:f}", "<p><textarea></textarea>", ["f"]),
        ("div{font-family:f;display:flex}", "<div><button>x</button></div>", []),
        ("div{font-family:f}button{font:inherit}", "<div><button>x</button></div>", ["f"]),
        ("input{font-family:f}", "<div><input></div>", ["f"]),
        ("input{font-family:f}", "<div><input type=checkbox></div>", []),
        ("p{font-family:f}div{display:none}", "<div><p>x</div>", []),
        ("p{font-family:f}", "<noscript><p>x</noscript><template><p>x</template>", []),
        ("i::before{font-family:f;font-style:normal;content:'\\f00'}", "<i></i>", ["f"]),
        ("i::before{font-family:f}", "<i></i>", []),
        ("video{font-family:f}", "<video>x</video>", []),
        ("text,title{font-family:f}", "<svg><title>x</title></svg>", []),
        ("text{font-family:f}", "<svg><text>x</text></svg>", ["f"]),
        ("p{font-family:f}", "<p>&nbsp;", ["f"]),
        ("option{font-family:f}", "<select><option>x</select>", []),
        ("select{font-family:f}", "<select><option>x</select>", ["f"]),
        ("p::first-letter{font-family:f}", "<p>x", ["f"]),
        ("p::selection{font-family:f}", "<p>x", []),
        ("input::placeholder{font-family:f}", "<input placeholder=x>", ["f"]),
        ("*::placeholder{font-family:f}", "<p>x", []),
        (":root{--f:f,serif}p{font-family:var(--f)}", "<p>x", ["f"]),
        ("p{font-family:var(--none,f)}", "<p>x", ["f"]),
        (":root{--w:700}p{font-family:f;font-weight:var(--w)}", "<p>x", ["f-b"]),
        (".l{font-weight:300}", "<div class=l style='font-family:f'><b>x", ["f"]),
        ("p{font-family:'f' , Arial}", "<p>x", ["f"]),
        ("", "<font face=f>x</font>", ["f"]),
    ],
)
def test_fonts_are_loaded_for_the_text_that_is_set_in_them(
    css: str, html: str, found: list[str]
) -> None:
    faces = font("f") + font("f-b", font_weight="bold") + font("f-i", font_style="italic")
    assert sorted(asked(faces + css, html)) == sorted(found)


def test_only_the_characters_of_the_text_itself_count() -> None:
    css = font("f-latin", unicode_range="U+0-FF") + font("f-greek", unicode_range="U+370-3FF")
    css += "p{font-family:f}q::after{font-family:f;content:'β'}"
    assert asked(css, "<p>a</p><div>β</div><script>'β'</script>") == ["f-latin"]
    assert asked(css, "<p>β</p>") == ["f-greek"]
    assert asked(css, "<q></q>") == ["f-greek"]


def test_a_font_in_the_sheet_itself_is_not_requested() -> None:
    css = "@font-face{font-family:f;src:url(data:font/woff2;base64,AA)}p{font-family:f}"
    assert asked(css) == []


def test_an_import_comes_before_what_imports_it() -> None:
    styles: Styles[StyledDocument, Sheet] = Styles()
    (document,) = documents("<link rel=stylesheet href=site.css><p>x")
    styles.add_document(document)
    styles.add_sheet(
        [BASE], read_stylesheet("@import 'a.css';p{background:url(site.png)}", BASE, DESKTOP)
    )
    assert styles.ready(all_there=False) == []
    imported = "https://example.com/css/a.css"
    sheet = read_stylesheet(
        "@import 'a.css';p{background:url(a.png)}b{background:url(b.png)}", imported, DESKTOP
    )
    styles.add_sheet([imported], sheet)
    ((document, parts),) = styles.ready(all_there=False)
    assert [found.urls[0][-8:] for found in style(document, parts, DESKTOP)] == ["site.png"]
    assert not styles.waiting


def test_a_sheet_counts_for_every_document_that_has_it() -> None:
    styles: Styles[StyledDocument, Sheet] = Styles()
    for html in ("<p>x", "<b>x"):
        for document in documents(f"<link rel=stylesheet href=site.css>{html}"):
            styles.add_document(document)
    css = "p{background:url(p.png)}b{background:url(b.png)}"
    styles.add_sheet([BASE], read_stylesheet(css, BASE, DESKTOP))
    found = [style(scope, parts, DESKTOP) for scope, parts in styles.ready(all_there=False)]
    assert [[part.urls[0][-5:] for part in parts] for parts in found] == [["p.png"], ["b.png"]]


def test_what_does_not_come_is_not_waited_for_in_the_end() -> None:
    styles: Styles[StyledDocument, Sheet] = Styles()
    (document,) = documents(
        "<link rel=stylesheet href=gone.css><style>p{background:url(a.png)}</style><p>x"
    )
    styles.add_document(document)
    assert styles.ready(all_there=False) == []
    ((document, parts),) = styles.ready(all_there=True)
    assert [found.urls[0][-5:] for found in style(document, parts, DESKTOP)] == ["a.png"]


def test_a_sheet_for_another_medium_decides_nothing() -> None:
    (document,) = documents(
        "<style>p{background:url(a.png)}</style><style media=print>p{background:none}</style><p>x"
    )
    styles: Styles[StyledDocument, Sheet] = Styles()
    styles.add_document(document)
    ((document, parts),) = styles.ready(all_there=False)
    assert [found.urls[0][-5:] for found in style(document, parts, DESKTOP)] == ["a.png"]


def test_a_document_that_takes_too_long_is_judged_roughly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scopes, "clock", Looks())
    monkeypatch.setattr(scopes, "MATCHING_SECONDS", 0.5)
    css = font("f") + font("g") + "p{font:1em f;background:url(a.png)}.no{background:url(b.png)}"
    found = wanted(css, "<p>x" * 2_000)
    assert sorted(part.urls[0][-5:].rpartition("/")[2] for part in found) == ["a.png", "f"]
    assert all(part.conditional for part in found)


def test_no_more_style_sheets_are_kept_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(styles_module, "MAX_KEPT", 100)
    styles: Styles[StyledDocument, Sheet] = Styles()
    (document,) = documents(
        "<link rel=stylesheet href=site.css><link rel=stylesheet href=b.css><p>x"
    )
    styles.add_document(document)
    styles.add_sheet([BASE], read_stylesheet("p{background:url(a.png)}", BASE, DESKTOP))
    long = "p{background:url(b.png)}" + " " * 100
    other = "https://example.com/css/b.css"
    styles.add_sheet([other], read_stylesheet(long, other, DESKTOP))
    ((document, parts),) = styles.ready(all_there=False)
    assert [found.urls[0][-5:] for found in style(document, parts, DESKTOP)] == ["a.png"]


@given(
    st.text(alphabet="pb.:{}();,'\"\\-urlfont@ay=x!&", max_size=120),
    st.text(alphabet="<pbi/ stylex='\">:urfont();", max_size=80),
)
def test_any_style_of_any_document_has_an_answer(css: str, html: str) -> None:
    base = font("f") + "b{background:url(a.png)}"
    for found in wanted(base + css, html):
        assert all("://" in url for url in found.urls)


def test_what_is_lazy_near_and_shown_is_asked_for() -> None:
    lazy = "<img src=a.png loading=lazy width=9 height=9>"
    far = "<div style='height:9000px'></div><img src=b.png loading=lazy>"
    (found,) = wanted("p{color:red}", lazy + far)
    assert (found.urls, found.near) == (("https://example.com/css/a.png",), True)
    assert wanted("img{display:none}", lazy) == []


def test_a_document_waits_for_its_own_sheets_and_not_for_those_of_one_before_it() -> None:
    styles: Styles[StyledDocument, Sheet] = Styles()
    for _ in range(20):  # the next document may well lie where the last one lay
        styles.add_document(StyledDocument(parse_html(b"<p>x")[0]))
        assert len(styles.ready(all_there=False)) == 1
        (document,) = documents("<link rel=stylesheet href=site.css>")
        styles.add_document(document)
        del document
        assert styles.ready(all_there=False) == []
        assert len(styles.ready(all_there=True)) == 1


def test_imports_that_multiply_are_followed_so_far_and_no_further() -> None:
    styles: Styles[StyledDocument, Sheet] = Styles()
    (document,) = documents("<link rel=stylesheet href=site.css>")
    styles.add_document(document)
    other = BASE.replace("site", "other")
    for url in (BASE, other):
        read = read_stylesheet("@import 'other.css';" * 5_000, url, DESKTOP)
        styles.add_sheet([url], read)
    assert len(styles.ready(all_there=False)) == 1


def test_only_so_many_documents_wait_for_their_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(styles_module, "MAX_WAITING", 2)
    styles: Styles[StyledDocument, Sheet] = Styles()
    for _ in range(3):
        styles.add_document(*documents("<link rel=stylesheet href=site.css>"))
    assert len(styles.ready(all_there=True)) == 2
