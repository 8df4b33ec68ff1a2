"""Selectors are asked of a page at rest: nothing hovered, pseudo-elements there with their element."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from libra.weighing.style.styled_document import StyledDocument
from libra.weighing.stylesheets.selectors import at_rest, may_hold, names_in, parts_of, specificity
from libra.weighing.stylesheets.states import in_direction, in_language
from support.work import assert_linear


@pytest.mark.parametrize(
    ("selector", "rest"),
    [
        ("a.b > c", "a.b > c"),
        ("a:hover", ""),
        ("a:hover, b", "b"),
        ("a::before", "a"),
        ("a:after", "a"),
        ("::before", "*"),
        (".a > ::after", ".a > *"),
        (".a ::marker", ".a *"),
        ("a:not(:hover)", "a"),
        ("a:not(:hover, .x)", "a:not(.x)"),
        ("a:not(.b):not(:focus-visible)", "a:not(.b)"),
        (":is(a:hover, b)", "*:is(b)"),
        (":is(a:hover)", ""),
        (":where(a, b::before) c", "*:is(a) c"),
        (".sm\\:flex:hover", ""),
        (".sm\\:flex", ".sm\\:flex"),
        ('[x="a,b:hover"] c', '[x="a,b:hover"] c'),
        ("p:nth-child(2n + 1)", "p:nth-child(2n+1)"),
        ("a:lang(de) b", f"a{in_language('de')} b"),
        ("a:dir(rtl)", f"a{in_direction('rtl')}"),
        ("a:dir(LTR)", f"a{in_direction('ltr')}"),
        ("a:link", "a:is(a[href],area[href])"),
        (":link:not(:visited)", "*:is(a[href],area[href])"),
        ("::-webkit-scrollbar", "*"),
        ("::selection", ""),
        ("a:-moz-focusring, b", ""),
        (":host(.x)", ""),
        (":root", "*:root"),
    ],
)
def test_what_is_left_of_a_selector_at_rest(selector: str, rest: str) -> None:
    assert at_rest(selector) == rest


def matches(scope: StyledDocument, selector: str) -> bool:
    return any(scope.select(part.plain) for part in parts_of(selector))


@pytest.fixture
def scope() -> StyledDocument:
    tree = LexborHTMLParser(
        "<body class=home><p id=intro class='a b'>One <b>two</b></p><input type=checkbox checked></body>"
    )
    return StyledDocument(tree)


@pytest.mark.parametrize(
    "selector",
    ["p", ".a.b", "#intro", "p > b", "p::before", "*", ":root", "p:not(.c)", "x, b", "input:checked",
     "p:has(b)", "p:first-child", "[type='checkbox']", "body.home p:not(:hover) b::after"],
)  # fmt: skip
def test_these_match(scope: StyledDocument, selector: str) -> None:
    assert matches(scope, selector)


@pytest.mark.parametrize(
    "selector",
    ["q", ".c", "b > p", "p:hover", "p:not(.a)", "", ",", "p:bogus", "p{", "::selection", "p:has(q)",
     "p " * 6_000],
)  # fmt: skip
def test_these_do_not(scope: StyledDocument, selector: str) -> None:
    assert not matches(scope, selector)


def test_in_a_large_document_all_names_must_occur(scope: StyledDocument) -> None:
    scope.use_names({".a", "#intro"}, frozenset())
    assert scope.may_match("body p.a")
    assert scope.may_match("x.z, #intro:not(.z)")
    assert not scope.may_match("p.z")


def test_names_are_those_that_a_selector_cannot_do_without() -> None:
    assert names_in("a.b > #c:not(.d), .e [x='.f'] P") == [{"a", ".b", "#c"}, {".e", "p"}]


@given(st.text(alphabet="ab.#:()[]='\"\\,> +~*&hovernitsw-1", max_size=60))
def test_any_selector_has_an_answer(selector: str) -> None:
    tree = LexborHTMLParser("<p class=a>b")
    assert matches(StyledDocument(tree), selector) in {True, False}
    may_hold(selector, set())


@pytest.mark.parametrize(
    ("selector", "ids", "classes", "elements"),
    [
        ("*", 0, 0, 0),
        ("li", 0, 0, 1),
        ("ul ol+li", 0, 0, 3),
        ("h1 + *[rel=up]", 0, 1, 1),
        ("ul ol li.red", 0, 1, 3),
        ("li.red.level", 0, 2, 1),
        ("#x34y", 1, 0, 0),
        ("#s12:not(foo)", 1, 0, 1),
        (".foo :is(.bar, #baz)", 1, 1, 0),
        (":where(#a) b", 0, 0, 1),
        ("a:first-child::before", 0, 1, 2),
        ("p:has(> .x)", 0, 1, 1),
    ],
)
def test_the_specificity_of_a_selector(
    selector: str, ids: int, classes: int, elements: int
) -> None:
    assert specificity(selector) == (ids << 20) + (classes << 10) + elements


def test_a_list_is_taken_apart_with_its_pseudo_elements() -> None:
    parts = parts_of("a::before, .b:hover, [x='1,2'] .c::marker, p:first-letter")
    assert [(part.plain.strip(), part.pseudo) for part in parts] == [
        ("a", "before"),
        ('[x="1,2"] .c', "marker"),
        ("p", "first-letter"),
    ]
    assert parts[1].names == {".c"}
    assert parts_of("a, b::-moz-range-thumb") == ()  # one that is invalid makes all invalid


def test_a_rule_with_a_name_that_is_nowhere_cannot_hold() -> None:
    assert may_hold(".a #b, .c", {".c"})
    assert may_hold("p > q", set())
    assert may_hold(":not(.x)", set())
    assert not may_hold(".a.b, .c p", {".a"})


@pytest.mark.parametrize(
    "unit", [":not(", ":", "(", "a:hover,", "[", "\\", "::before", ":is(a,", '"', "[a='"]
)
def test_a_long_selector_is_rewritten_in_linear_time(unit: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        text = unit * (size // len(unit))

        def rewrite() -> None:
            at_rest(text)
            names_in(text)

        return rewrite

    assert_linear(prepare, 9_000)  # about as much as is looked at
