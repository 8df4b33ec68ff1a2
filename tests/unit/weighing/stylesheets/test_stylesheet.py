"""A style sheet asks for what applies to the document, and for nothing else."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.options import Viewport
from libra.weighing.stylesheets.namespaces import Namespaces
from libra.weighing.stylesheets.selectors import is_valid
from libra.weighing.stylesheets.stylesheet import Sheet, read_stylesheet
from support.work import assert_linear

BASE = "https://example.com/css/site.css"
DESKTOP = Viewport()


def read(text: str, *, viewport: Viewport = DESKTOP, applies: bool = True) -> Sheet:
    return read_stylesheet(text, BASE, viewport, applies=applies)


def imports(text: str) -> list[str]:
    return [
        found.url.removeprefix("https://example.com/").removeprefix("css/")
        for found in read(text).imports
    ]


def selectors(text: str) -> list[str]:
    return [rule.selector for rule in read(text).rules]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('@import "a.css";', ["a.css"]),
        ("@import 'a.css'", ["a.css"]),
        ("@import url(a.css);", ["a.css"]),
        ('@import url("a.css") print;', ["a.css"]),
        ("@IMPORT URL( a.css )  layer(x) supports(display: grid) screen;", ["a.css"]),
        ("@import url(a.css) supports(display: nope);", []),
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
    assert imports(text) == found


@pytest.mark.parametrize(
    "block",
    ["background:url(x.png)", "background:none", "background-image:none", "display:none",
     "content:'x'", "font:12px A", "font-family:A", "font-weight:bold", "font-style:italic",
     "--x:One,serif", "mask:url(a.png)"],
)  # fmt: skip
def test_rules_that_may_decide_about_images_and_fonts_are_kept(block: str) -> None:
    assert selectors(f"b{{color:red}}p , q{{{block}}}i{{color:red}}") == ["p , q"]


def test_other_rules_are_passed_over() -> None:
    text = "p{color:red;font-size:2em;background-color:red;justify-content:center}q{margin:0}"
    assert selectors(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@media print{p{display:none}}", []),
        ("@media screen{p{display:none}q{display:block}}", ["p", "q"]),
        ("@supports not (display:grid){p{display:none}}", []),
        ("@keyframes k{from{background:none}}", []),
        ("@page{background:none}", []),
        (".a{color:red;& .b{display:none}}", [":is(.a) .b"]),
        (".a{.b{display:none}}", [":is(.a) .b"]),
        (".a{@media screen{display:none}}", [".a"]),
        ("}p{display:none}q{display:none}", ["q"]),
        ("p{/* } */display:none}", ["p"]),
        ("p/* , q */{display:none}", ["p/* , q */"]),
    ],
)
def test_rules_are_found_where_they_apply(text: str, found: list[str]) -> None:
    assert selectors(text) == found


def test_layers_are_named_in_their_order() -> None:
    sheet = read(
        "@layer base, theme; @import 'a.css' layer(vendor); @layer theme{p{display:none}"
        "@layer dark{q{display:none}}} @layer{b{display:none}} i{display:none}"
    )
    assert [found.layer for found in sheet.imports] == ["vendor"]
    assert [rule.layer for rule in sheet.rules][:2] == ["theme", "theme.dark"]
    assert sheet.rules[2].layer not in {"", "theme"}
    assert sheet.rules[3].layer == ""
    assert sheet.layers[:4] == ("base", "theme", "vendor", "theme.dark")


def test_what_depends_on_a_container_is_not_certain() -> None:
    text = "@container (width>1px){p{display:none}}q{display:none}"
    assert [rule.containers for rule in read(text).rules] == [("(width>1px)",), ()]


def test_a_sheet_for_another_medium_is_read_for_its_imports_only() -> None:
    sheet = read("@import 'a.css'; p{background:url(x.png)}", applies=False)
    assert [(found.url[-5:], found.applies) for found in sheet.imports] == [("a.css", False)]
    assert sheet.rules == ()


def test_a_face_gives_its_sources_in_supported_formats() -> None:
    text = """@font-face{font-family:"My Face";src:url(x.eot);
      src:local("My"),url(x.eot?#iefix) format("embedded-opentype"),
          url(x.woff2) format("woff2"),url(x.ttf);
      font-weight:100 900;font-style:italic;unicode-range:U+0-FF,u+4??,U+20AC}"""
    (face,) = read(text).faces
    assert face.family == "my face"
    assert face.sources == ("https://example.com/css/x.woff2", "https://example.com/css/x.ttf")
    assert face.weight == (100, 900)
    assert face.italic
    assert face.ranges == ((0, 0xFF), (0x400, 0x4FF), (0x20AC, 0x20AC))
    assert face.initiator == BASE


def test_a_comment_may_stand_before_a_declaration() -> None:
    text = "@font-face{font-family:A;src:url(x.eot);/* IE9 */ src:url(y.woff2)}"
    assert read(text).faces[0].sources == ("https://example.com/css/y.woff2",)


def test_a_font_in_the_sheet_itself_is_the_last_that_is_tried() -> None:
    text = "@font-face{font-family:A;src:url(x.woff),url(data:font/woff;base64,d09GRg"
    text += "A" * 80 + "),url(y.woff)}"
    assert read(text).faces[0].sources == ("https://example.com/css/x.woff",)
    text = "@font-face{font-family:A;src:url(data:font/woff;base64,d09GRg"
    text += "A" * 80 + "),url(y.woff)}"
    assert read(text).faces[0].sources == ()


def test_what_a_data_url_holds_that_is_no_font_is_passed_over() -> None:
    text = "@font-face{font-family:A;src:url(data:font/woff;base64,AA==),url(y.woff)}"
    assert read(text).faces[0].sources == ("https://example.com/css/y.woff",)


def test_ranges_rise_and_do_not_overlap() -> None:
    text = (
        "@font-face{font-family:A;src:url(x);unicode-range:U+50-60,U+20-30,U+2A-3F,U+40;"
        "font-stretch:75% condensed}"
    )
    (face,) = read(text).faces
    assert face.ranges == ((0x20, 0x40), (0x50, 0x60))
    assert face.stretch == (75.0, 75.0)


FRAGMENTS = st.sampled_from(
    ["@import ", "url(", ")", '"', "'", "{", "}", ";", ":", "/*", "*/", "\\", "@media ", "print",
     "p", ".a", "background", "@font-face{", "src:", "font-family:", "unicode-range:U+", "x.png",
     "image-set(", "1x", ",", "\n", "@supports ", "not ", "&", "--x:", "var(--x)", "#", "data:",
     "\ud800", "İ", "!important"]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=40).map("".join) | st.text(max_size=100))
def test_any_text_is_read(text: str) -> None:
    sheet = read(text)
    assert all("://" in found.url for found in sheet.imports)


@pytest.mark.parametrize(
    "unit",
    ["p{", "{", "}", "(", ")", "url(", "url('", "'", '"', "/*", "/", "\\", "@import ", "@import 'a';",
     "@media print{", "p{a:url(x)}", "@font-face{src:url(x)}", "image-set(", "p{background:image-set(",
     ":is(", "a,", "&", "p{--x:url(a)}", "@supports not ", ";", "@x;", "<!--", "p{font:1px ", "u+1,",
     "@font-face{unicode-range:u+1,", "p{font-family:var(--a,"],
)  # fmt: skip
def test_the_worst_is_read_in_linear_time(unit: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        text = unit * (size // len(unit))
        return lambda: read(text)

    assert_linear(prepare, 200_000)


@pytest.mark.parametrize(
    "text",
    [
        lambda n: "/*" + "x" * n + "*/" + "@import 'a';" * (n // 10),
        lambda n: "a" * (n // 10) + "{" + "&" * (n // 10) + "{content:x}}",
        lambda n: "a" * (n // 50) + "{" + "b{content:x}" * (n // 8) + "}",
        lambda n: "@layer " + "a" * n + "{" + "@layer{b{content:x}}" * (n // 20) + "}",
        lambda n: "@namespace 'x';" + "a{content:x}" * (n // 12),
        lambda n: "@namespace 'x';" + "a," * (n // 2) + "a{content:x}",
        lambda n: "@namespace a 'x';" * (n // 17) + "a|b{content:x}",
        lambda n: "@supports " + "not " * (n // 2) + "(a:b){p{content:x}}",
    ],
    ids=[
        "imports", "ampersands", "nested", "layers", "default namespace", "long list",
        "declarations", "negations",
    ],
)  # fmt: skip
def test_nothing_multiplies_what_a_sheet_says(text: Callable[[int], str]) -> None:
    def prepare(size: int) -> Callable[[], object]:
        source = text(size)
        return lambda: read(source)

    assert_linear(prepare, 100_000)
    sheet = read(text(400_000))
    made = sum(len(rule.selector) for rule in sheet.rules) + sum(map(len, sheet.layers))
    assert made < 20_000_000


def test_what_nested_selectors_take_counts_as_kept() -> None:
    sheet = read("a" * 5_000 + "{" + "b{content:x}" * 500 + "}")
    assert sum(len(rule.selector) for rule in sheet.rules) <= sheet.size


def test_of_a_nested_list_that_becomes_too_long_whole_selectors_are_left() -> None:
    (selector,) = selectors("a" * 4_000 + "{i,b,u,q{content:x}}")
    assert selector.endswith(" b")
    assert selector.count(":is(") == 2


@pytest.mark.parametrize("negations", [0, 1, 2, 3])
def test_negations_of_what_is_supported_are_counted(negations: int) -> None:
    condition = "(not " * negations + "(gap:1px)" + ")" * negations
    found = selectors(f"@supports {condition}{{p{{content:x}}}}")
    assert found == ([] if negations % 2 else ["p"])


@given(st.text(alphabet="ap|*,.:#[]()>+~ \\\"'-nots", max_size=60), st.booleans())
def test_namespaces_read_any_selector_and_leave_one_without_prefixes_valid(
    selector: str, default: bool
) -> None:
    found = Namespaces()
    found.declare('"http://www.w3.org/2000/svg"' if default else 'p "http://www.w3.org/2000/svg"')
    resolved = found.resolved(selector)
    if is_valid(selector) and not selector.endswith("\\"):
        assert is_valid(resolved)
